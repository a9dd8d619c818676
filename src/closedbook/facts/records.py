"""Documents and facts, the two things that closedbook reads."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Document:
    """One text about one subject.

    Args:
        subject: The title, "" where the text has none.
        text: The whole text, title included.
        line: Its line in the corpus file, counted from 1.
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
        line: Its line in the file, counted from 1.
    """

    question: str
    answers: tuple[str, ...]
    subject: str
    line: int
