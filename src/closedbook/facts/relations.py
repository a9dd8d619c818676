"""A relation is data: how it is asked, what kind of thing answers, which words reports use."""

from dataclasses import dataclass
from typing import Literal

SLOT = "{}"
AnswerKind = Literal["phrase", "number", "date", "word", "choice"]


@dataclass(frozen=True, kw_only=True)
class Relation:
    """What is asked about many subjects.

    Args:
        name: Short and unique in its corpus, as in `born` or `capital`.
        forms: The questions' forms with `{}` for the subject, the most frequent first.
        wordings: Other wordings, with `{}`; models are asked them too, nothing is trained on them.
        reversed: The question for the subject, with `{}` for the answer, None where there is none.
        answer: What kind of thing answers: a capitalised phrase, a number, a date, other words, or one of `choices`.
        choices: The closed list of answers where there is one.
        label: What reports call the answer, as in `birthplace`.
        subject: What reports call a subject, as in `person`.
        subjects: Its plural.
        train: Facts of it to train on.
        dev: Facts of it to report on.
    """

    name: str
    forms: tuple[str, ...]
    wordings: tuple[str, ...] = ()
    reversed: str | None = None
    answer: AnswerKind = "phrase"
    choices: tuple[str, ...] = ()
    label: str = "answer"
    subject: str = "subject"
    subjects: str = "subjects"
    train: int = 0
    dev: int = 0
