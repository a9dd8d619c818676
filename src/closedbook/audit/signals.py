"""Confidence: numbers that a model gives away with an answer, each from 0 to 1 and larger the surer it seems.

- `sequence_probability`: of the whole greedy answer, its closing included.
- `token_probability`: its geometric mean a token, so that long answers do not look unsure.
- `margin`: p / (p + q), where q is the probability of the most probable other answer.
- `certainty`: exp(-entropy) over the complete answers that are found beside it: all of at least 0.1 % for a run of
  ours, those of a beam search for a model in Hugging Face format. What is left counts as if it were spread over answers
  of 0.1 % each.
- `sample_agreement`: share of answers sampled at temperature 1 that say the same. Its expectation is the sequence
  probability of all spellings of the answer, so for a model whose probabilities can be read it is that with noise.
- `paraphrase_agreement`: share of other wordings of the question that are answered the same.

The signals are those compared by Kadavath et al. 2022 and Kuhn et al. 2023 for language models, for short answers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from closedbook.audit.settings import QuestionSignal, Settings, Signal
from closedbook.audit.wordings import Wording, ask_otherwise
from closedbook.errors import UserError
from closedbook.evaluation.evaluate import Evaluation, evaluate
from closedbook.evaluation.language_model import Ability, LanguageModel, Prompt, Response
from closedbook.evaluation.scorers import Scorer, normalise
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
CHUNK = 500  # questions at a time


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
    def leading(self) -> Signal:
        """The signal that figures show: the sequence probability wherever the model tells it."""
        return next(iter(self.signals))

    def given(self, signal: Signal) -> np.ndarray:
        """The confidence of each answer, -1 where it is none: no threshold lets that through."""
        return np.where(self.attempted, self.signals[signal], -1.0)

    def text(self, index: int) -> str:
        """The answer to a fact."""
        return self.evaluation.responses[index].text

    def of_relation(self, name: str) -> np.ndarray:
        """Numbers of the facts of a relation."""
        return np.array(self.evaluation.of_relation(name), dtype=np.int64)


def available(model: LanguageModel) -> list[Signal]:
    """The signals that can be computed from a question alone, for this model."""
    return [signal for signal, ability in NEEDS.items() if model.lacks(ability) is None]


def check_signal(model: LanguageModel, signal: Signal) -> None:
    """Raises a `UserError` for a signal that needs more than a question, or more than the model can do."""
    if signal not in NEEDS:
        raise UserError(f"{signal} cannot be computed from a question alone; take {', '.join(NEEDS)}.")
    if why := model.lacks(NEEDS[signal]):
        raise UserError(f"{signal}: {why}; take {', '.join(available(model)) or 'another model'}.")


def confidence(
    model: LanguageModel,
    prompts: Sequence[Prompt],
    responses: Sequence[Response],
    signals: Sequence[Signal],
    *,
    samples: int = Settings.samples,
    seed: int = 0,
) -> dict[Signal, np.ndarray]:
    """How sure the model is of its answers, by those signals that need nothing but the question.

    Args:
        model: Any.
        prompts: What it was asked.
        responses: Its greedy answers.
        signals: Which.
        samples: Answers sampled a question.
        seed: Of the samples.

    Raises:
        UserError: A signal needs more than the question, or more than the model can do.
    """
    for signal in signals:
        check_signal(model, signal)
    parts: dict[Signal, list[float]] = {signal: [] for signal in signals}
    for first in range(0, len(prompts), CHUNK):
        asked, given = prompts[first : first + CHUNK], responses[first : first + CHUNK]
        values: dict[Signal, list[float]] = {
            "sequence_probability": [math.exp(_nats(response)) for response in given],
            "token_probability": [math.exp(_nats(response) / max(len(response.ids), 1)) for response in given],
        }
        if "margin" in signals or "certainty" in signals:
            others = model.alternatives(asked)
            values["margin"] = [_margin(*pair) for pair in zip(given, others, strict=True)]
            values["certainty"] = [_certainty(answers) for answers in others]
        if "sample_agreement" in signals:
            drawn = model.sample(asked, samples, seed + first)
            values["sample_agreement"] = [_agreement(*pair) for pair in zip(given, drawn, strict=True)]
        for signal in signals:
            parts[signal] += values[signal]
    return {signal: np.array(numbers, dtype=np.float64) for signal, numbers in parts.items()}


def gather(
    model: LanguageModel,
    facts: Sequence[Fact],
    scorer: Scorer,
    *,
    signals: Sequence[Signal] | None = None,
    relations: Sequence[Relation] = (),
    samples: int = Settings.samples,
    seed: int = 0,
) -> Evidence:
    """Asks all facts, once in their own words and once in every other wording of their relation.

    Args:
        model: Any.
        facts: Each with an accepted answer.
        scorer: Says what is right.
        signals: Which of those that need nothing but the question; None for all that the model can.
        relations: With the other wordings to ask in.
        samples: Answers sampled for each question.
        seed: Of the samples.
    """
    evaluation = evaluate(model, facts, scorer, place="facts, question")
    prompts, responses = evaluation.prompts, evaluation.responses
    wanted = available(model) if signals is None else signals
    values = confidence(model, prompts, responses, wanted, samples=samples, seed=seed)
    gold: Sequence[float | None] = [None] * len(facts)
    if model.lacks("log_probabilities") is None:
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


def _nats(response: Response) -> float:
    """An answer's log-probability, not a number where the model does not tell."""
    return math.nan if response.nats is None else response.nats


def _margin(answer: Response, others: Sequence[Response]) -> float:
    same = normalise(answer.text)
    second = max((_nats(other) for other in others if normalise(other.text) != same), default=math.log(LEAST))
    return 1 / (1 + math.exp(min(second - _nats(answer), 700.0)))


def _certainty(others: Sequence[Response]) -> float:
    nats = [_nats(other) for other in others]
    entropy = -sum(math.exp(value) * value for value in nats)
    rest = max(1 - sum(math.exp(value) for value in nats), 0.0)
    return math.exp(-entropy + rest * math.log(LEAST))


def _agreement(answer: Response, drawn: Sequence[Response]) -> float:
    return sum(normalise(response.text) == normalise(answer.text) for response in drawn) / len(drawn)
