"""A store: a corpus on the disk, of which only what is looked at is in memory."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

from closedbook.errors import UserError, counted
from closedbook.facts.contents import CHUNK, LARGE_DOCUMENTS, LARGE_FACTS, Recognising, is_large
from closedbook.facts.corpus import FACTS, Corpus, is_store, read_directory, refuse_conflicts
from closedbook.facts.described import Description, read_description
from closedbook.facts.hashes import Gathering, HashIndex, HashSet, hashes_of
from closedbook.facts.induction import as_spelled
from closedbook.facts.packed import DocumentShard, Encoding, FactShard, Joined, map_array, release
from closedbook.facts.parallel import chunks
from closedbook.facts.records import Document, Fact
from closedbook.facts.summary import CorpusSummary
from closedbook.facts.tokenizers import Tokenizer
from closedbook.manifest import MANIFEST, Manifest

SAMPLE = 5_000  # facts of a part that stand for all, where there are too many to look at all
VERIFIED = 2**30  # bytes of a store that are held against their hashes whenever it is opened
TOKENIZER = "tokenizer.json"
ARRAYS = {
    "documents": ("text", "text_ends", "subject", "subject_ends", "line", "ids", "starts", "ids_ends"),
    "facts": (
        *("question", "question_ends", "subject", "subject_ends", "answer", "answer_ends", "answers"),
        *("relation", "relation_ends", "of_relation", "line", "popularity"),
    ),
}


class Index:
    """Where the subjects of a store's documents are.

    Args:
        directory: The folder of a generation.
        documents: All documents.
    """

    def __init__(self, directory: Path, documents: Joined[Document]) -> None:
        self._documents = documents
        self._rows = HashIndex(map_array(directory / "index_hash.npy"), map_array(directory / "index_row.npy"))
        self.titles = HashSet(map_array(directory / "titles.npy"))
        self.taken = HashSet(map_array(directory / "taken.npy"))
        """Subjects and words of the documents without regard to capitals; a name that is none of them is new."""

    def documents(self, subject: str) -> list[Document]:
        """The documents of a name, in their order; capitals count where there is one spelled so."""
        if not subject:
            return []
        lower = subject.lower()
        alike = [d for d in map(self._documents.one, self._rows.rows(lower)) if d.subject.lower() == lower]
        return [document for document in alike if document.subject == subject] or alike

    def holds(self, document: Document) -> bool:
        """Whether there is a document of its words under its name."""
        return any(one.text == document.text for one in self.documents(document.subject))

    def count(self, subject: str) -> int:
        """Documents of a name; capitals do not count."""
        return len(self._rows.rows(subject.lower())) if subject else 0

    def spelled(self, fact: Fact) -> Fact:
        """The fact with its subject as documents spell it."""
        spellings = () if fact.subject in self.titles else {one.subject for one in self.documents(fact.subject)}
        return as_spelled(fact, sorted(spellings))


class StoredCorpus:
    """Documents and facts of a store, decoded when they are asked for; as `Corpus` otherwise.

    Args:
        path: The store.
        description: What it says of itself.
        parts: Its files.
    """

    def __init__(self, path: Path, description: Description, parts: Sequence[str]) -> None:
        self.path, self.description, self.parts = path, description, parts
        self.name, self.files, self.relations = description.name, description.files, description.relations
        self.read_as, self.doubts = description.read_as, description.doubts
        shards = description.shards
        self.document_shards = [document_shard(path / name) for name in shards["documents"]]
        self.documents: Joined[Document] = Joined(self.document_shards)
        facts = {part: [fact_shard(path / name) for name in shards[part]] for part in FACTS}
        self.train, self.dev, self.test = (Joined[Fact](facts[part]) for part in FACTS)
        self._arrays = [shard.arrays for shard in self.document_shards]
        self._arrays += [shard.arrays for part in FACTS for shard in facts[part]]
        self.index = Index(path / str(description.generation) / "index", self.documents)

    def tokenizer(self) -> Tokenizer:
        """The vocabulary that it is tokenized with."""
        return Tokenizer.load(self.path / TOKENIZER)

    def encoding(self, row: int) -> Encoding:
        """The tokens of a document."""
        shard, number = self.documents.place(row)
        return self.document_shards[shard].encoding(number)

    @cached_property
    def trained(self) -> HashSet:
        """The training questions."""
        questions = Gathering()
        for some in chunks(self.train, CHUNK):
            questions.add(hashes_of(fact.question for fact in some))
        return HashSet(questions.array())

    def release(self) -> None:
        """Takes what was looked at out of the process's memory, into which it is mapped again when it is needed."""
        for arrays in self._arrays:
            release(arrays.values())

    def documents_of(self, fact: Fact) -> list[Document]:
        """The documents that a fact may be about, in their order."""
        return self.index.documents(fact.subject)

    def recognise(self, facts: Sequence[Fact]) -> tuple[Fact, ...]:
        """Facts of another file with the subjects and relations of this corpus; other forms are of `other`."""
        recognise = Recognising(self.index.titles, self.relations)
        return tuple(self.index.spelled(fact) for some in chunks(facts, CHUNK) for fact in recognise(some))

    def summary(self) -> CorpusSummary:
        """What to know before believing a figure, noted while it was built."""
        return self.description.summary

    def in_memory(self) -> Corpus:
        """The whole."""
        description = self.description
        return Corpus(
            name=self.name,
            documents=tuple(self.documents),
            train=tuple(self.train),
            dev=tuple(self.dev),
            test=tuple(self.test),
            files=self.files,
            blank_lines=description.blank_lines,
            relations=self.relations,
            name_lists={origin: (list(first), list(last)) for origin, (first, last) in description.name_lists.items()},
            read_as=self.read_as,
            doubts=self.doubts,
        )

    def part(self, documents: Iterable[Document], train: Iterable[Fact], dev: Iterable[Fact] = ()) -> Corpus:
        """Some of it in memory."""
        return Corpus(
            name=self.name,
            documents=tuple(documents),
            train=tuple(train),
            dev=tuple(dev),
            test=(),
            files={},
            relations=self.relations,
        )

    def sample(self) -> Corpus:
        """Evenly spaced facts of train and dev, `SAMPLE` of each at the most, with the documents of their subjects."""
        train, dev = _spaced(self.train), _spaced(self.dev)
        documents = {d.line: d for fact in (*train, *dev) for d in self.documents_of(fact)}
        self.release()
        return self.part((documents[line] for line in sorted(documents)), train, dev)

    def every(self, number: int) -> Corpus:
        """Every so-manieth document and training fact."""
        return self.part(self.documents[::number], self.train[::number])

    def asked(self) -> int:
        """Relations of the training facts."""
        return sum(relation.train > 0 for relation in self.relations)


def _spaced(facts: Joined[Fact]) -> tuple[Fact, ...]:
    return facts[:: max(-(-len(facts) // SAMPLE), 1)]


def document_shard(directory: Path) -> DocumentShard:
    """A shard of documents."""
    return DocumentShard({name: map_array(directory / f"{name}.npy") for name in ARRAYS["documents"]})


def fact_shard(directory: Path) -> FactShard:
    """A shard of facts."""
    return FactShard({name: map_array(directory / f"{name}.npy") for name in ARRAYS["facts"]})


def open_store(path: Path, *, verify: bool = False) -> StoredCorpus:
    """A store, its parts held against the manifest: their sizes, and their hashes where that takes seconds.

    Args:
        path: The store.
        verify: Whether to hold all parts against their hashes, however large.

    Raises:
        UserError: It is unfinished, a part is missing or damaged, or it was written by another version.
    """
    description, manifest = read_description(path)
    check_parts(path, manifest, all_hashes=verify)
    for part, folders in description.shards.items():
        arrays = ARRAYS["documents" if part == "documents" else "facts"]
        for name in (f"{folder}/{array}.npy" for folder in folders for array in arrays):
            if name not in manifest.parts:
                raise UserError(f"{path / MANIFEST}: does not name {name[:100]!r}, a part of the store; build it anew.")
    return StoredCorpus(path, description, tuple(manifest.parts))


def check_parts(path: Path, manifest: Manifest, *, all_hashes: bool) -> None:
    """Holds the parts of a store against its manifest; see `open_store`."""
    hashes = all_hashes or sum(part.bytes for part in manifest.parts.values()) <= VERIFIED
    check = manifest.check if hashes else manifest.check_size
    try:
        for name in manifest.parts:
            check(path, name)
    except UserError as error:
        told = str(error).removesuffix(".")
        raise UserError(f"{told}; restore that file, or remove the store and build it anew.") from None


def read(directory: Path, *, strict: bool = False) -> Corpus | StoredCorpus:
    """A corpus directory, or a store: in memory if it is small enough for that.

    Raises:
        UserError: As `read_directory` and `open_store`.
    """
    if not is_store(directory):
        return read_directory(directory, strict=strict)
    store = open_store(directory)
    if strict:
        refuse_conflicts(store.summary().conflicting_train_questions, directory)
    facts = sum(map(len, (store.train, store.dev, store.test)))
    return store if is_large(len(store.documents), facts) else store.in_memory()


def some_of(corpus: Corpus | StoredCorpus) -> Corpus:
    """The corpus, of one that is not in memory a sample."""
    return corpus if isinstance(corpus, Corpus) else corpus.sample()


def whole(corpus: Corpus | StoredCorpus) -> Corpus:
    """The corpus, for what reads all of it into memory.

    Raises:
        UserError: It is too large for that.
    """
    if isinstance(corpus, Corpus):
        return corpus
    raise UserError(
        f"{corpus.path}: {counted(len(corpus.documents), 'document')} are not read into memory, which this needs; it "
        f"takes up to {LARGE_DOCUMENTS:,} documents and {LARGE_FACTS:,} questions. Training (standard, default, open) "
        "and closedbook evaluate read larger stores."
    )
