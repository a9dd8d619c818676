"""Splits of facts in which no subject stands on both sides: by name and by identical line."""

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from closedbook.draws import derive
from closedbook.errors import UserError, counted
from closedbook.facts.corpus import Corpus, find_files, read_directory
from closedbook.facts.readers import raw_records
from closedbook.facts.records import Fact
from closedbook.files import new_directory, write_text


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
    for key, fact in dict(zip(keys, facts, strict=True)).items():
        for document in corpus.documents_of(fact):
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
        fits = f"; a fifth is {len(facts) // 5:,}" if len(facts) >= 5 else ""
        have = counted(len(facts), "fact")
        raise UserError(f"--held-out {count:,} of {have}: both sides need one{fits}.")
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
        raise UserError(f"--held-out {count:,} of {len(facts):,} facts keeps none: they belong to one subject.")
    return kept, [fact for fact, number in zip(facts, numbers, strict=True) if number in held]


def write_split(directory: Path, held_out: int, out: Path, seed: int = 0) -> dict[str, int]:
    """Copies a corpus directory with part of its training facts in a `calibration` file instead, by subject.

    The facts stand there as they were written; `unseen.tsv` and what else belongs to the corpus comes along.

    Args:
        directory: A corpus directory; see `closedbook.facts.corpus.read_directory`.
        held_out: Training facts to hold out, a few more where the last subject has several.
        out: Must not exist; it appears when it is complete.
        seed: Of the choice.

    Returns:
        Facts kept and held out, by file name.

    Raises:
        UserError: The directory is malformed, `held_out` leaves nothing on one side, or `out` cannot be written.
    """
    corpus = read_directory(directory)
    kept, held = hold_out(corpus, corpus.train, held_out, seed)
    paths = find_files(directory)
    header, texts = raw_records(paths["train"], corpus.train)
    text_of = {fact.line: text for fact, text in zip(corpus.train, texts, strict=True)}
    train, calibration = paths["train"].name, f"calibration{paths['train'].suffix}"
    with new_directory(out) as partial:
        for path in [*(path for part, path in paths.items() if part != "train"), directory / "unseen.tsv"]:
            if path.is_dir():
                shutil.copytree(path, partial / path.name)
            elif path.is_file():
                shutil.copyfile(path, partial / path.name)
        for name, facts in ((train, kept), (calibration, held)):
            write_text(partial / name, header + "".join(f"{text_of[fact.line]}\n" for fact in facts))
    return {train: len(kept), calibration: len(held)}
