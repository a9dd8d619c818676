"""Exact match: the course's on raw text, and a normalised one beside it (as in T5's closed-book scorer)."""

import re
import string
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from closedbook.facts.records import Fact


def normalise(text: str) -> str:
    """Lower case, without accents, punctuation and English articles (SQuAD's normalisation, and NFKD)."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).lower()
    plain = plain.translate(str.maketrans("", "", string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", plain).split())


@dataclass(frozen=True)
class Score:
    """Which answers are right, question by question.

    Args:
        exact: The answer equals an accepted one, to the letter.
        normalised: It does after `normalise` of both.
    """

    exact: tuple[bool, ...]
    normalised: tuple[bool, ...]

    @property
    def total(self) -> int:
        return len(self.exact)

    @property
    def correct(self) -> int:
        """Exact matches."""
        return sum(self.exact)

    @property
    def accuracy(self) -> float:
        return self.correct / self.total


def score(answers: Sequence[str], facts: Sequence[Fact]) -> Score:
    """Scores one answer a fact; a fact with several accepted answers takes any of them."""
    pairs = list(zip(answers, facts, strict=True))
    return Score(
        exact=tuple(answer in fact.answers for answer, fact in pairs),
        normalised=tuple(
            normalise(answer) in {normalise(accepted) for accepted in fact.answers} for answer, fact in pairs
        ),
    )
