"""A corpus as its questions have it: subjects, relations, and the cut of its files that reaches most answers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from closedbook.facts.cuts import other_cuts
from closedbook.facts.documents import Source, read_sources
from closedbook.facts.induction import Induced
from closedbook.facts.records import Fact, asked_in
from closedbook.facts.relations import Fields
from closedbook.facts.retitling import induced_from, known_titles, lengthened, reached, told_apart
from closedbook.facts.rows import columns_read
from closedbook.facts.sections import parted_in
from closedbook.facts.unclaimed import claimed

ENOUGH = 0.8  # share of the training answers, from which no other cut is tried


class Understood(NamedTuple):
    """How a corpus was understood.

    Args:
        induced: Facts with their subjects and relations.
        titles: Those of the texts, as questions may have them.
        texts: With the subjects that they are about.
        read_as: How the corpus was read, "" where there is nothing to say.
    """

    induced: Induced
    titles: dict[str, None]
    texts: list[Source]
    read_as: str


def understood(
    path: Path,
    facts: tuple[Sequence[Fact], Sequence[Fact], Sequence[Fact]],
    given: Mapping[str, Fields],
    wordings: Mapping[str, tuple[str, ...]],
) -> Understood:
    """Reads a corpus for its questions.

    A line of `corpus.txt` is a document, and so is a file of a directory. Where fewer than four in five training
    answers are reached so, the file is tried as one text, and the files by their lines; such a cut counts if it is
    better (`Reached`).

    Args:
        path: Of the file or directory.
        facts: To train on, to report on and to answer.
        given: What `relations.toml` says, by name.
        wordings: Other wordings that a file's templates give, by name.

    Raises:
        UserError: The corpus cannot be read, is malformed, or holds no document.
    """
    asked = asked_in(fact for part in facts for fact in part)

    def by(sources: Sequence[Source]) -> Understood:
        sources = lengthened(sources, [fact.question for part in facts for fact in part])
        induced = induced_from(sources, *facts, given, wordings)
        subjects = {fact.subject for fact in (*induced.train, *induced.dev, *induced.test)}
        texts = claimed(told_apart(sources, induced.train, subjects), induced.train, subjects)
        return Understood(induced, known_titles(sources), texts, parted_in(texts))

    best = by(read_sources(path, asked))
    told = reached(best.induced.train, best.texts)
    for said, cut in other_cuts(path) if told.told < ENOUGH * len(facts[0]) else ():
        other = by(cut)
        more = reached(other.induced.train, other.texts)
        if more.is_better(told, len(facts[0])):
            best, told = other._replace(read_as=other.read_as or said), more
    return best._replace(read_as=best.read_as or columns_read(path, asked))
