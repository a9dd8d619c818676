"""Splits of facts in which no person stands on both sides: by name and by identical line."""

from collections import Counter
from collections.abc import Sequence

from closedbook.draws import derive
from closedbook.errors import UserError
from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Fact


def groups(corpus: Corpus, facts: Sequence[Fact]) -> list[int]:
    """A group number for every fact; facts share it if they share a name or their documents an identical line.

    A fact without a subject is grouped by its question.
    """
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        parent.setdefault(key, key)
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    keys = [f"name {fact.subject}" if fact.subject else f"question {fact.question}" for fact in facts]
    for key, fact in zip(keys, facts, strict=True):
        for document in corpus.candidates(fact):
            parent[root(f"line {document.text}")] = root(key)
    numbers: dict[str, int] = {}
    return [numbers.setdefault(root(key), len(numbers)) for key in keys]


def hold_out(corpus: Corpus, facts: Sequence[Fact], count: int, seed: int = 0) -> tuple[list[Fact], list[Fact]]:
    """Splits facts into (kept, held out), whole groups at a time, deterministic in the seed.

    At least `count` facts are held out, more only by the last group's size.

    Raises:
        UserError: `count` leaves nothing on one side.
    """
    if not 0 < count < len(facts):
        raise UserError(f"Cannot hold out {count} of {len(facts)} facts; both sides need at least one.")
    numbers = groups(corpus, facts)
    sizes = Counter(numbers)
    held: set[int] = set()
    size = 0
    for group in sorted(sizes, key=lambda number: derive(seed, number)):
        if size >= count:
            break
        held.add(group)
        size += sizes[group]
    kept = [fact for fact, number in zip(facts, numbers, strict=True) if number not in held]
    if not kept:
        raise UserError(f"Holding out {count} of {len(facts)} facts keeps none: they belong to one person.")
    return kept, [fact for fact, number in zip(facts, numbers, strict=True) if number in held]
