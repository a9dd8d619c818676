"""What a store is made of, from a corpus directory: as it is read into memory, or in streams where it is too large.

In streams the questions' forms are learned from a sample of the questions, evenly spaced, and then every question is
recognised by them; everything else is as `closedbook.facts.corpus.read_directory` has it.
"""

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Protocol

from closedbook.errors import UserError
from closedbook.facts.corpus import FACTS, Corpus, NameLists, find_files, name_lists_of, not_read, read_directory
from closedbook.facts.documents import Source, iterate_sources, window_lines
from closedbook.facts.doubts import doubts
from closedbook.facts.hashes import Gathering, HashSet, hashes_of
from closedbook.facts.induction import Induced, as_spelled, induce, known_forms
from closedbook.facts.naming import OTHER
from closedbook.facts.parallel import chunks, map_ordered
from closedbook.facts.readers import FactsReader
from closedbook.facts.records import Document, Fact, asked_in
from closedbook.facts.relations import Fields, Relation, read_relations
from closedbook.facts.retitling import Lengthening, Retitling, rivals_of
from closedbook.facts.titles import asked_as, folded

LARGE_DOCUMENTS, LARGE_FACTS = 32_768, 65_536
"""Documents and facts up to which a corpus is read into memory, with everything that is made of it."""
SAMPLE = 20_000  # questions that forms are learned from
MOST_UNTITLED = 100_000  # subjects that no title gives
CHUNK = 2_000  # facts that a process recognises at a time


class Contents(Protocol):
    """What a store is made of; documents and facts can be gone through several times."""

    @property
    def relations(self) -> tuple[Relation, ...]:
        """What is asked; this and what follows are as those of `Corpus`."""

    @property
    def name_lists(self) -> NameLists: ...
    @property
    def read_as(self) -> Mapping[str, str]: ...
    @property
    def doubts(self) -> tuple[str, ...]: ...

    def facts(self, part: str) -> Iterator[Fact]:
        """The facts of a part with subjects and relations."""

    def settle(self, facts: Callable[[], Iterator[Fact]]) -> Callable[[Fact], Fact] | None:
        """Takes note of all facts, before documents are asked for; what is to be done to each fact, if anything."""

    def documents(self) -> Iterator[tuple[int, Document | None]]:
        """Lines with their documents, None for a blank one."""


def is_large(documents: int, facts: int) -> bool:
    """Whether a corpus of that size is not read into memory."""
    return documents > LARGE_DOCUMENTS or facts > LARGE_FACTS


def contents_of(directory: Path, workers: int) -> Contents:
    """What a directory holds.

    Raises:
        UserError: As `read_directory`, or more subjects have no title than are kept in memory.
    """
    paths = find_files(directory)
    facts = list(islice(_all_facts(paths), LARGE_FACTS + 1))
    documents = sum(1 for _ in islice(iterate_sources(paths["corpus"], asked_in(facts)), LARGE_DOCUMENTS + 1))
    return Streams(paths, workers) if is_large(documents, len(facts)) else InMemory(read_directory(directory))


def _all_facts(paths: Mapping[str, Path]) -> Iterator[Fact]:
    for part in FACTS:
        if part in paths:
            yield from FactsReader(paths[part], answers_required=part != "test")


class InMemory:
    """A corpus that is in memory."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self.relations, self.name_lists = corpus.relations, corpus.name_lists
        self.read_as, self.doubts = corpus.read_as, corpus.doubts

    def facts(self, part: str) -> Iterator[Fact]:
        facts: tuple[Fact, ...] = getattr(self._corpus, part)
        return iter(facts)

    def settle(self, facts: Callable[[], Iterator[Fact]]) -> None:
        return None

    def documents(self) -> Iterator[tuple[int, Document | None]]:
        lines = [(document.line, document) for document in self._corpus.documents]
        blank = [(line, None) for line in self._corpus.blank_lines]
        yield from sorted([*lines, *blank], key=lambda pair: pair[0])


class Streams:
    """A directory that is gone through again and again, with little of it in memory.

    Args:
        paths: Its files by part.
        workers: Processes that recognise questions.
        known: Relations that are known already; nothing is learned then.
        titles: Subjects that have documents elsewhere.
    """

    def __init__(
        self, paths: Mapping[str, Path], workers: int, known: tuple[Relation, ...] = (), titles: HashSet | None = None
    ) -> None:
        self._paths, self._workers = paths, workers
        self._retitling: Retitling | None = None
        self.name_lists: NameLists = name_lists_of(paths)
        readers = {part: self._reader(part) for part in FACTS if part in paths}
        sample = _sample(readers)
        self._asked = asked_in(chain.from_iterable(sample))
        self._lengthening = self._lengthened(readers.values())
        self._own, self._titles = _titles(self._read(), titles)
        self.read_as = {paths[part].name: reader.read_as for part, reader in readers.items()}
        self.relations, self.doubts = known, not_read(paths)
        if not known:
            given = read_relations(paths["relations"]) if "relations" in paths else {}
            induced = induce(*sample, self._titles, given, readers["train"].wordings)
            others = (*induced.dev, *induced.test)
            self.relations = induced.relations
            if given:
                self.doubts += doubts(given, induced.train, others, self._titles, str(paths["relations"]))

    def _lengthened(self, readers: Iterable[FactsReader]) -> Lengthening:
        gathered = Gathering()
        for sources in chunks(iterate_sources(self._paths["corpus"], self._asked), CHUNK):
            gathered.add(hashes_of(name for source in sources for name in rivals_of(source)))
        questions = (fact.question for reader in readers for fact in reader)
        return Lengthening(HashSet(gathered.array()), questions)

    def _read(self) -> Iterator[Source]:
        return map(self._lengthening, iterate_sources(self._paths["corpus"], self._asked))

    def _reader(self, part: str) -> FactsReader:
        return FactsReader(self._paths[part], answers_required=part != "test")

    def facts(self, part: str) -> Iterator[Fact]:
        if part not in self._paths:
            return
        recognise = Recognising(self._titles, self.relations)
        for some in map_ordered(recognise, chunks(self._reader(part), CHUNK), self._workers):
            yield from some

    def settle(self, facts: Callable[[], Iterator[Fact]]) -> Callable[[Fact], Fact] | None:
        subjects, untitled = Gathering(), set[str]()
        for some in chunks(facts(), CHUNK):
            subjects.add(hashes_of(fact.subject for fact in some))
            untitled.update(fact.subject for fact in some if fact.subject and fact.subject not in self._own)
            if len(untitled) > MOST_UNTITLED:
                raise UserError(
                    f"{self._paths['corpus']}: questions are about more than {MOST_UNTITLED:,} subjects that are no "
                    "document's title; a corpus of this size needs titles ('Ann Lee. Ann Lee was ...')."
                )
        if not untitled:
            return None
        titles = (source.subject for source in self._read())
        self._retitling = Retitling(HashSet(subjects.array()), untitled, titles)
        return Spelling(self._sources(), untitled)

    def _sources(self) -> Iterator[Source]:
        if self._retitling is None:
            return self._read()
        return chain.from_iterable(map(self._retitling, self._read()))

    def documents(self) -> Iterator[tuple[int, Document | None]]:
        return window_lines(self._sources())


def _titles(texts: Iterator[Source], others: HashSet | None) -> tuple[HashSet, HashSet]:
    """The titles of texts and others as they are, and as questions may have them."""
    own, asked = Gathering(), Gathering()
    if others is not None:
        own.add(others.array)
    for sources in chunks(texts, CHUNK):
        subjects = [source.subject for source in sources if source.subject]
        own.add(hashes_of(subjects))
        asked.add(hashes_of(name for subject in subjects for name in asked_as(subject)))
    found = HashSet(own.array())
    asked.add(found.array)
    return found, HashSet(asked.array())


def _sample(readers: Mapping[str, FactsReader]) -> tuple[list[Fact], list[Fact], list[Fact]]:
    """Evenly spaced facts of train, dev and test; the readers have read all."""
    every = max(sum(sum(1 for _ in reader) for reader in readers.values()) // SAMPLE, 1)
    train, dev, test = (list(islice(readers[part], 0, None, every)) if part in readers else [] for part in FACTS)
    return train, dev, test


class Spelling:
    """Gives facts their subjects as documents spell them, for those that are no document's title.

    Args:
        sources: All documents.
        untitled: The subjects of facts that no title gives.
    """

    def __init__(self, sources: Iterable[Source], untitled: Collection[str]) -> None:
        wanted = {folded(subject) for subject in untitled}
        found: dict[str, set[str]] = {}
        for source in sources:
            if (key := folded(source.subject)) in wanted:
                found.setdefault(key, set()).add(source.subject)
        self._spellings = {key: sorted(names) for key, names in found.items()}

    def __call__(self, fact: Fact) -> Fact:
        """The fact."""
        spellings = self._spellings.get(folded(fact.subject), [])
        return as_spelled(fact, () if fact.subject in spellings else spellings)


class Recognising:
    """Gives facts the subjects and relations that are known; a question of any other form is one of `other`.

    Args:
        titles: Subjects that have documents.
        relations: What is known.
    """

    def __init__(self, titles: Container[str], relations: tuple[Relation, ...]) -> None:
        self._titles, self._names = titles, {relation.name for relation in relations}
        self._given: dict[str, Fields] = known_forms(relations)

    def __call__(self, facts: list[Fact]) -> list[Fact]:
        """The facts, in their order."""
        induced: Induced = induce(facts, (), (), self._titles, self._given)
        return [self._known(fact) for fact in induced.train]

    def _known(self, fact: Fact) -> Fact:
        return fact if fact.relation in self._names else other(fact)


def other(fact: Fact) -> Fact:
    """The fact as one of no known relation."""
    return Fact(**{**vars(fact), "relation": OTHER})
