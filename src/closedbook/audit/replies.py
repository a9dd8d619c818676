"""Replies: the answer to a question with how sure the model is of it, or "I don't know" with the reason.

What `closedbook ask`, `closedbook predict` and the service say comes from here.
"""

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

from closedbook.audit.abstention import Abstention
from closedbook.audit.settings import SAMPLES, QuestionSignal
from closedbook.audit.signals import ask_at_length
from closedbook.errors import UserError
from closedbook.evaluation.language_model import LanguageModel, Response
from closedbook.evaluation.scorers import Scorer, find_scorer, usual_match
from closedbook.evaluation.watch import Watch
from closedbook.facts.forms import otherwise
from closedbook.facts.silence import SILENCES
from closedbook.facts.text import composed_questions
from closedbook.runs import runs_in

DONT_KNOW = "I don't know"
NO_ANSWER = "what the model says is no answer"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a model says to a question.

    Args:
        question: As it was put.
        response: The greedy answer.
        why_not: Why it is not given; None where it is.
        signal: The confidence that is compared with the threshold; without one the sequence probability, where the
            model tells it.
        confidence: From 0 to 1, larger the surer; None where the model tells none.
        covered: Whether the threshold is for questions like this; None without one.
        alternatives: The most probable complete answers, best first, where they were asked for.
    """

    question: str
    response: Response
    why_not: str | None = None
    signal: QuestionSignal | None = None
    confidence: float | None = None
    covered: bool | None = None
    alternatives: tuple[Response, ...] = ()

    @property
    def taught(self) -> bool:
        """Whether the model itself says that it does not know."""
        return self.response.text in SILENCES

    @property
    def text(self) -> str:
        """The answer, or "I don't know"."""
        return self.response.text if self.why_not is None else DONT_KNOW


def reply_to(
    model: LanguageModel,
    questions: Sequence[str],
    abstention: Abstention | None = None,
    *,
    alternatives: bool = False,
    place: str = "question",
    watch: Watch | None = None,
) -> list[Reply]:
    """The reply to each question, which is normalised (NFC) and stripped as files are when they are read.

    Args:
        model: Any.
        questions: In order.
        abstention: The threshold below which an answer is not given; None to give all.
        alternatives: Whether the most probable complete answers are looked for too.
        place: What an error calls a question, before its number.
        watch: Is told how many are answered.

    Raises:
        UserError: A question cannot be spelled or is too long, or the threshold was chosen for another precision.
    """
    check_kind(model, abstention)
    composed_ones = composed_questions(questions, place)
    prompts = model.prompts(composed_ones, place=place)
    signals = [abstention.signal] if abstention is not None else _free_signals(model)
    match = abstention.match if abstention is not None else usual_match(model)
    samples = SAMPLES if abstention is None else abstention.samples
    scorer = find_scorer(match)
    told, sure = ask_at_length(model, prompts, scorer, signals, samples=samples, alternatives=alternatives, watch=watch)
    values = sure[signals[0]].tolist() if signals else [math.nan] * len(prompts)
    return [
        Reply(
            question=prompt.question,
            response=answers.response,
            why_not=_why_not(scorer, prompt.question, answers.response.text, value, abstention),
            signal=signals[0] if signals else None,
            confidence=None if math.isnan(value) else value,
            covered=None if abstention is None else abstention.covers(prompt.question),
            alternatives=answers.alternatives,
        )
        for prompt, answers, value in zip(prompts, told, values, strict=True)
    ]


def check_kind(model: LanguageModel, abstention: Abstention | None) -> None:
    """Refuses a threshold that was chosen for the model in another precision."""
    if abstention is not None and abstention.kind not in ("", model.kind):
        raise UserError(
            f"The threshold was chosen for {abstention.kind}; this is {model.kind}. Ask it so (--precision), audit it "
            "again, or let it answer always."
        )


def answered_otherwise(model: LanguageModel, reply: Reply, abstention: Abstention | None = None) -> Reply | None:
    """What a run says instead to the question put as it was taught to be asked, if it says more so.

    Args:
        model: Any; only runs know the forms of their questions.
        reply: To the question as it was put.
        abstention: As for `reply_to`.

    Returns:
        The surest other answer; None where none is given, or none that is surer than the answer that was.
    """
    others = may_mean(model, reply.question)
    return surest(reply, reply_to(model, others, abstention)) if others else None


def may_mean(model: LanguageModel, question: str) -> list[str]:
    """What a question may mean as a run was taught to be asked, as far as it can be asked; see `forms.otherwise`."""
    forms = {form for run in runs_in(model) for relation in run.relations for form in relation.forms}
    found = []
    for other in otherwise(question, forms):
        with contextlib.suppress(UserError):  # a letter that the vocabulary lacks
            found += [prompt.question for prompt in model.prompts([other])]
    return found


def surest(reply: Reply, others: Sequence[Reply]) -> Reply | None:
    """The surest of other replies that is given, if it says more than the reply."""
    given = [other for other in others if other.why_not is None]
    best = max(given, key=lambda other: other.confidence or 0.0, default=None)
    if best is None or reply.why_not is not None:
        return best
    surer = (best.confidence or 0.0) > (reply.confidence or 0.0)
    return best if surer and best.text != reply.text else None


def _why_not(scorer: Scorer, question: str, text: str, confidence: float, abstention: Abstention | None) -> str | None:
    """Why an answer is not given: the model was taught to be silent, says that it does not know, or is too unsure."""
    if text in SILENCES:
        return SILENCES[text]
    if abstention is None:
        return None
    if not scorer.attempts(question, text):
        return NO_ANSWER
    return None if abstention.answers(confidence) else abstention.why(confidence)


def _free_signals(model: LanguageModel) -> list[QuestionSignal]:
    """The confidence that comes with an answer at no cost, if the model tells any."""
    return ["sequence_probability"] if model.lacks("log_probabilities") is None else []
