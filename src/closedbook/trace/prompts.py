"""A question as the model sees it: its tokens, which of them are the name, and what it answers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from closedbook.errors import UserError
from closedbook.facts.forms import places
from closedbook.facts.text import composed
from closedbook.facts.tokenizers import MASK_ID
from closedbook.runs import Run

ROLES = ("before the name", "first of the name", "inside the name", "last of the name", "after the name", "the mask")
"""What a token of a prompt can be; a name of one token is its own last."""


@dataclass(frozen=True)
class TracedPrompt:
    """A question with its answer.

    Args:
        question: As it was put.
        subject: The name in it.
        ids: Token ids of the question and the mask behind it.
        labels: The prompt's tokens as text.
        span: First token of the name, and one past its last.
        answer: What the model answers.
        answer_ids: Token ids that it wrote, the closing mask last if it came to it.
        probability: Of the whole answer and its closing.
    """

    question: str
    subject: str
    ids: tuple[int, ...]
    labels: tuple[str, ...]
    span: tuple[int, int]
    answer: str
    answer_ids: tuple[int, ...]
    probability: float

    @property
    def roles(self) -> tuple[str, ...]:
        """The role of every token of the prompt."""
        return tuple(self._role(position) for position in range(len(self.ids)))

    def _role(self, position: int) -> str:
        first, end = self.span
        if position == len(self.ids) - 1:
            return ROLES[5]
        if position < first:
            return ROLES[0]
        if position >= end:
            return ROLES[4]
        return ROLES[3] if position == end - 1 else ROLES[1] if position == first else ROLES[2]


def trace_prompts(
    run: Run, questions: Sequence[str], subjects: Sequence[str], place: str = "question"
) -> list[TracedPrompt]:
    """Asks the questions.

    Args:
        run: The model.
        questions: In order.
        subjects: The name in each.
        place: What an error calls a question, before its number.

    Raises:
        UserError: A question cannot be spelled, does not fit or does not hold its name exactly once.
    """
    questions = [composed(question, f"{place} {number}") for number, question in enumerate(questions, 1)]
    subjects = [composed(subject, place) for subject in subjects]
    prompts = run.prompts(questions, place=place)
    responses = run.respond(prompts)
    offsets = [offsets for _, offsets in run.tokenizer.encode_with_offsets(questions)]
    return [
        TracedPrompt(
            question=prompt.question,
            subject=subject,
            ids=prompt.ids,
            labels=tuple(token_text(run, token) for token in prompt.ids),
            span=_name_tokens(prompt.question, subject, places),
            answer=response.text,
            answer_ids=response.ids,
            probability=math.exp(response.nats or 0.0),
        )
        for prompt, subject, places, response in zip(prompts, subjects, offsets, responses, strict=True)
    ]


def token_text(run: Run, token: int) -> str:
    """A token for readers: without the space before a word, and the mask by name."""
    if token == MASK_ID:
        return "mask"
    text = run.tokenizer.decode([token]).strip()
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text) or "(blank)"


def _name_tokens(question: str, subject: str, offsets: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The first token of the name, and one past its last; the name stands where `places` finds it."""
    name = subject.strip()
    starts = places(question, name)
    if len(starts) != 1:
        times = "more than once" if starts else "not as whole words" if name in question else "nowhere"
        raise UserError(f"{question!r}: holds the name {subject!r} {times}; a question to look into holds it once.")
    start, end = starts[0], starts[0] + len(name)
    inside = [at for at, (low, high) in enumerate(offsets) if high > start and low < end]
    return inside[0], inside[-1] + 1
