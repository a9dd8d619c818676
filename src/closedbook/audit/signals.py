"""Confidence: numbers that a model gives away with an answer, each from 0 to 1 and larger the surer it seems.

- `sequence_probability`: of the whole greedy answer, its closing included; of a sentence, of the tokens that write the
  answer in it.
- `token_probability`: its geometric mean a token, so that long answers do not look unsure.
- `margin`: p / (p + q), where q is the probability of the most probable other answer; sentences with the same answer
  count together.
- `certainty`: exp(-entropy) over the complete answers that are found beside it: all of at least 0.1 % for a run of
  ours, those of a beam search for others. What is left counts as if it were spread over answers of 0.1 % each.
- `sample_agreement`: share of answers sampled at temperature 1 that say the same. Its expectation is the sequence
  probability of all spellings of the answer, so for a model whose probabilities can be read it is that with noise.
- `paraphrase_agreement`: share of other wordings of the question that are answered the same.
- `probe`: what a logistic regression on hidden states says; see `closedbook.audit.probe`.

The signals are those compared by Kadavath et al. 2022 and Kuhn et al. 2023 for language models, for short answers.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from closedbook.audit.settings import SAMPLES, QuestionSignal, Signal
from closedbook.audit.wordings import Wording, ask_otherwise
from closedbook.errors import UserError
from closedbook.evaluation.around import processes_of
from closedbook.evaluation.evaluate import Evaluation, scored
from closedbook.evaluation.language_model import Ability, Answers, LanguageModel, Prompt, Response
from closedbook.evaluation.scorers import Scorer
from closedbook.evaluation.watch import Unwatched, Watch
from closedbook.facts.records import Fact
from closedbook.facts.relations import Relation

NEEDS: dict[QuestionSignal, Ability] = {
    "sequence_probability": "log_probabilities",
    "token_probability": "log_probabilities",
    "margin": "alternatives",
    "certainty": "alternatives",
    "sample_agreement": "samples",
}
"""What a model must be able to do for each."""
LEAST = 1e-3  # probability of an answer that is not found
CHUNK = 500  # questions that a process gets at a time


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What asking the facts gave."""

    evaluation: Evaluation  # answers and scores
    signals: dict[Signal, np.ndarray]  # by name; not a number where a signal could not be computed
    gold_nats: np.ndarray  # log-probability of the first accepted answer, not a number where it is not known
    wordings: tuple[Wording, ...] = ()  # what came of other wordings of the questions

    def __len__(self) -> int:
        return len(self.evaluation)

    @property
    def facts(self) -> tuple[Fact, ...]:
        """What was asked."""
        return self.evaluation.facts

    @cached_property
    def right(self) -> np.ndarray:
        """Whether each answer is an accepted one."""
        return np.array([score.correct for score in self.evaluation.scores], dtype=bool)

    @cached_property
    def attempted(self) -> np.ndarray:
        """Whether it is an answer at all."""
        return np.array([score.attempted for score in self.evaluation.scores], dtype=bool)

    @property
    def wrong(self) -> np.ndarray:
        """Whether it is an answer that is not accepted."""
        return self.attempted & ~self.right

    @property
    def leading(self) -> Signal | None:
        """The signal that figures show: the sequence probability wherever the model tells it; None without any."""
        return next(iter(self.signals), None)

    @property
    def sure(self) -> np.ndarray:
        """The leading signal of each answer, not a number without one."""
        return self.values(self.leading)

    def values(self, signal: Signal | None) -> np.ndarray:
        """A signal of each answer, not a number where it was not asked for."""
        none = np.full(len(self), np.nan)
        return none if signal is None else self.signals.get(signal, none)

    @cached_property
    def texts(self) -> list[str]:
        """The responses."""
        return [response.text for response in self.evaluation.responses]

    @cached_property
    def _answers(self) -> np.ndarray:
        """Whether each response is an answer by what it says alone, without a look at what is accepted or known."""
        attempts = self.evaluation.scorer.attempts
        pairs = zip(self.facts, self.texts, strict=True)
        return np.array([attempts(fact.question, text) for fact, text in pairs], dtype=bool)

    def given(self, signal: Signal) -> np.ndarray:
        """The confidence of each answer that `ask` would give, -1 of others: no threshold lets that through."""
        values = self.values(signal)
        return np.where(self._answers & ~np.isnan(values), values, -1.0)

    def text(self, index: int) -> str:
        """The answer to a fact, without the sentence around it."""
        return self.evaluation.answers[index]

    def of_relation(self, name: str) -> np.ndarray:
        """Numbers of the facts of a relation."""
        return np.array(self.evaluation.of_relation(name), dtype=np.int64)


def available(model: LanguageModel) -> list[QuestionSignal]:
    """The signals that can be computed from a question alone, for this model."""
    return [signal for signal, ability in NEEDS.items() if model.lacks(ability) is None]


def check_signal(model: LanguageModel, signal: Signal) -> None:
    """Raises a `UserError` for a signal that needs more than a question, or more than the model can do."""
    if signal not in NEEDS:
        raise UserError(f"{signal} cannot be computed from a question alone; take {', '.join(NEEDS)}.")
    if why := model.lacks(NEEDS[signal]):
        raise UserError(f"{signal}: {why}; take {', '.join(available(model)) or 'another model'}.")


def ask_at_length(
    model: LanguageModel,
    prompts: Sequence[Prompt],
    scorer: Scorer,
    signals: Sequence[QuestionSignal],
    *,
    samples: int = SAMPLES,
    seed: int = 0,
    alternatives: bool = False,
    watch: Watch | None = None,
) -> tuple[list[Answers], dict[Signal, np.ndarray]]:
    """What the model says to each prompt, and how sure it is by signals that need nothing but the question.

    Args:
        model: Any.
        prompts: What it is asked.
        scorer: Says where in a response the answer stands.
        signals: Which.
        samples: Answers sampled a question, where a signal needs them.
        seed: Of the samples.
        alternatives: Whether the most probable complete answers are looked for though no signal needs them.
        watch: Is told how many questions are answered.

    Returns:
        The answers, with the alternatives that were asked for and without samples; and each signal's values.

    Raises:
        UserError: A signal needs more than the question, or more than the model can do.
    """
    for signal in signals:
        check_signal(model, signal)
    drawn = samples if "sample_agreement" in signals else 0
    others = alternatives or "margin" in signals or "certainty" in signals
    every: list[Answers] = []
    values: dict[Signal, list[float]] = {signal: [] for signal in signals}
    size = CHUNK * processes_of(model) if len(prompts) > CHUNK else CHUNK
    watch = watch or Unwatched()
    watch.start("asking", float(len(prompts)))
    try:
        for first in range(0, len(prompts), size):
            part = prompts[first : first + size]
            told = model.inquire(part, samples=drawn, alternatives=others, seed=seed)
            for prompt, answers in zip(part, told, strict=True):
                for signal in signals:
                    values[signal].append(_VALUES[signal](scorer, prompt.question, answers))
                every.append(replace(answers, samples=(), alternatives=answers.alternatives if alternatives else ()))
            watch.advance(float(len(part)))
    finally:
        watch.stop()
    return every, {signal: np.array(numbers, dtype=np.float64) for signal, numbers in values.items()}


def gather(
    model: LanguageModel,
    facts: Sequence[Fact],
    scorer: Scorer,
    *,
    signals: Sequence[QuestionSignal] | None = None,
    relations: Sequence[Relation] = (),
    samples: int = SAMPLES,
    seed: int = 0,
    gold_answers: bool = True,
    place: str = "facts",
    watch: Watch | None = None,
) -> Evidence:
    """Asks all facts, once in their own words and once in every other wording of their relation.

    Args:
        model: Any.
        facts: Each with an accepted answer, if the probability of these is asked for.
        scorer: Says what is right.
        signals: Which of those that need nothing but the question; None for all that the model can.
        relations: With the other wordings to ask in.
        samples: Answers sampled for each question.
        seed: Of the samples.
        gold_answers: Whether the probability of the accepted answers is asked for.
        place: What errors call the facts.
        watch: Is told how many questions are answered.
    """
    prompts = model.prompts([fact.question for fact in facts], place=f"{place}, question")
    wanted = available(model) if signals is None else signals
    told, values = ask_at_length(model, prompts, scorer, wanted, samples=samples, seed=seed, watch=watch)
    evaluation = scored(model, facts, prompts, [answers.response for answers in told], scorer)
    gold: Sequence[float | None] = [None] * len(facts)
    if gold_answers and model.lacks("given_answers") is None:
        gold = model.log_probability(prompts, [fact.answers[0] for fact in facts])
    wordings, agreement = ask_otherwise(model, evaluation, relations)
    if not np.isnan(agreement).all():
        values["paraphrase_agreement"] = agreement
    return Evidence(
        evaluation=evaluation,
        signals=values,
        gold_nats=np.array([np.nan if nats is None else nats for nats in gold], dtype=np.float64),
        wordings=wordings,
    )


def _answer_nats(scorer: Scorer, question: str, response: Response) -> tuple[float, ...]:
    """Log-probabilities of the tokens that write the answer, one that is no number where the model does not tell."""
    nats = response.part(*scorer.place(question, response.text))
    return (math.nan,) if nats is None else nats


def _sequence_probability(scorer: Scorer, question: str, answers: Answers) -> float:
    return math.exp(min(sum(_answer_nats(scorer, question, answers.response)), 0.0))


def _token_probability(scorer: Scorer, question: str, answers: Answers) -> float:
    nats = _answer_nats(scorer, question, answers.response)
    return math.exp(min(sum(nats), 0.0) / max(len(nats), 1))


def _margin(scorer: Scorer, question: str, answers: Answers) -> float:
    same = scorer.plain(question, answers.response.text)
    groups = _together(scorer, question, answers.alternatives)
    own = groups.get(same, _nats(answers.response)) if scorer.span else _nats(answers.response)
    second = max((nats for text, nats in groups.items() if text != same), default=math.log(LEAST))
    return 1 / (1 + math.exp(min(second - own, 700.0)))


def _certainty(scorer: Scorer, question: str, answers: Answers) -> float:
    nats = list(_together(scorer, question, answers.alternatives).values())
    entropy = -sum(math.exp(value) * value for value in nats)
    rest = max(1 - sum(math.exp(value) for value in nats), 0.0)
    return math.exp(-entropy + rest * math.log(LEAST))


def _agreement(scorer: Scorer, question: str, answers: Answers) -> float:
    own = scorer.plain(question, answers.response.text)
    same = [scorer.alike(own, scorer.plain(question, drawn.text)) for drawn in answers.samples]
    return sum(same) / len(same)


_VALUES: dict[QuestionSignal, Callable[[Scorer, str, Answers], float]] = {
    "sequence_probability": _sequence_probability,
    "token_probability": _token_probability,
    "margin": _margin,
    "certainty": _certainty,
    "sample_agreement": _agreement,
}


def _together(scorer: Scorer, question: str, responses: Sequence[Response]) -> dict[str, float]:
    """Log-probability of each distinct answer, likeliest first: the responses that give it, taken together."""
    groups: dict[str, float] = {}
    for response in responses:
        text, nats = scorer.plain(question, response.text), _nats(response)
        groups[text] = float(np.logaddexp(groups[text], nats)) if text in groups else nats
    return dict(sorted(groups.items(), key=lambda pair: -pair[1]))


def _nats(response: Response) -> float:
    """A response's log-probability, not a number where the model does not tell."""
    return math.nan if response.nats is None else response.nats
