"""Baselines that need no model."""

from collections import Counter
from collections.abc import Sequence

from closedbook.facts.records import Fact


def most_frequent_answer(train: Sequence[Fact]) -> str:
    """The most frequent first answer of the training facts; the earliest of equals."""
    return Counter(fact.answers[0] for fact in train).most_common(1)[0][0]


def most_frequent_answers(train: Sequence[Fact], facts: Sequence[Fact]) -> list[str]:
    """For each fact the most frequent answer of its relation in training; of all of training where it has none."""
    groups: dict[str, list[Fact]] = {}
    for fact in train:
        groups.setdefault(fact.relation, []).append(fact)
    constants = {relation: most_frequent_answer(group) for relation, group in groups.items()}
    overall = most_frequent_answer(train)
    return [constants.get(fact.relation, overall) for fact in facts]
