"""Metrics: scores become a number with an interval, overall and by relation."""

from collections.abc import Sequence
from dataclasses import dataclass

from closedbook.evaluation.scorers import Score
from closedbook.evaluation.statistics import wilson
from closedbook.facts.records import Fact


@dataclass(frozen=True, kw_only=True)
class Proportion:
    """A share with Wilson's 95 % interval; `value` and bounds are None where nothing was counted."""

    hits: int
    total: int
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number with its 95 % interval; all three are None where it cannot be told."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


def proportion(hits: int, total: int) -> Proportion:
    """The share of `hits` in `total`."""
    low, high = wilson(hits, total) if total else (None, None)
    return Proportion(hits=hits, total=total, value=hits / total if total else None, low=low, high=high)


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """What the scores of some facts come to: SimpleQA's correct, not attempted, and correct given attempted.

    Args:
        correct: Correct answers, of all.
        attempted: Answers that are attempts, of all.
        correct_given_attempted: Correct answers, of the attempts.
        exact: Answers that match to the letter, of all.
        normalised: Answers that match after normalisation, of all.
    """

    correct: Proportion
    attempted: Proportion
    correct_given_attempted: Proportion
    exact: Proportion
    normalised: Proportion


def accuracy(scores: Sequence[Score]) -> Accuracy:
    """Counts with their intervals."""
    total, tried = len(scores), sum(score.attempted for score in scores)
    right = sum(score.correct for score in scores)
    return Accuracy(
        correct=proportion(right, total),
        attempted=proportion(tried, total),
        correct_given_attempted=proportion(right, tried),
        exact=proportion(sum(score.exact for score in scores), total),
        normalised=proportion(sum(score.normalised for score in scores), total),
    )


def by_relation(facts: Sequence[Fact], scores: Sequence[Score]) -> dict[str, Accuracy]:
    """The accuracy of each relation, in the order in which the facts come upon them."""
    groups: dict[str, list[Score]] = {}
    for fact, score in zip(facts, scores, strict=True):
        groups.setdefault(fact.relation, []).append(score)
    return {relation: accuracy(group) for relation, group in groups.items()}
