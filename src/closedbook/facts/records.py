"""Documents and facts, the two things that closedbook reads, and the cards that it writes for itself."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Document:
    """One text about one subject, or one window of it.

    Args:
        subject: The title, "" where the text has none.
        text: The whole text in one line, title included.
        line: Its place in the corpus, counted from 1: its line in the file, as long as none before it was cut.
    """

    subject: str
    text: str
    line: int


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One question about a subject, with the answers that count as right.

    Args:
        question: What is asked.
        answers: Accepted answers; the first is the one to learn, none where the file gives none.
        subject: Whom or what it is about, "" where neither the file nor the corpus tells.
        line: Its first line in the file, counted from 1.
        relation: The name of its relation, "" before the corpus has told.
        popularity: How often its subject is looked up, where the data say so (PopQA's `s_pop`).
    """

    question: str
    answers: tuple[str, ...]
    subject: str
    line: int
    relation: str = ""
    popularity: float | None = None


def asked_in(facts: Iterable[Fact]) -> list[str]:
    """What names their subjects: what their file tells of them, else their questions."""
    return [fact.subject or fact.question for fact in facts]


@dataclass(frozen=True, kw_only=True)
class Card:
    """A question and an answer that an open-book reader wrote about a document, or a teacher about a subject.

    Args:
        question: In the form of the training questions.
        subject: Whom or what it is about.
        answer: The most probable.
        confidence: Its probability, in [0, 1].
        line: The line of the document, or of the subject's first, in the corpus.
        choices: What else it might be, with probabilities, the answer first; none where that is not known.
        none: The probability of no answer: the reader's that the document does not say, a teacher's of all else.
    """

    question: str
    subject: str
    answer: str
    confidence: float
    line: int
    choices: tuple[tuple[str, float], ...] = ()
    none: float = 0.0
