"""A corpus with its facts: what a directory holds, what a question is about, what could mislead."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from closedbook.errors import UserError
from closedbook.facts.cloze import TEMPLATE_FILES
from closedbook.facts.documents import SUFFIXES, windowed
from closedbook.facts.doubts import doubts
from closedbook.facts.folders import unread_files, visible_files
from closedbook.facts.induction import recognise, spelled
from closedbook.facts.known import known_as, usual_names
from closedbook.facts.readers import FactsFile, read_facts_file
from closedbook.facts.records import Card, Document, Fact
from closedbook.facts.relations import FILE as RELATIONS_FILE
from closedbook.facts.relations import Relation, read_relations
from closedbook.facts.summary import CorpusFile, CorpusSummary, RelationSummary, conflicting, repeated
from closedbook.facts.text import MOST_SETTINGS, check_directory, check_file, load_json, read_text
from closedbook.facts.unclaimed import other_names
from closedbook.facts.understanding import understood
from closedbook.manifest import sha256 as file_sha256
from closedbook.visible import writable

FACTS = ("train", "dev", "test")
OPTIONAL = {"relations": (RELATIONS_FILE,), "names": ("names.json",), "templates": TEMPLATE_FILES}
TEACHER = "teacher"
"""Stands among the files for the weights of a model whose answers are the cards."""
BUILDING = "building.json"
"""Says of a store what is being added to it, until it is."""
NameLists = Mapping[str, tuple[Sequence[str], Sequence[str]]]


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Documents and the facts that are asked about them, with where they came from.

    Args:
        name: What the report calls it.
        documents: In the order of the corpus.
        train: Facts to learn the question form from.
        dev: Facts to report on, never trained or tuned on.
        test: Questions to answer; their answers may be absent.
        files: SHA-256 of every file read, by name; of a teacher's weights as well.
        blank_lines: Lines of the corpus file that hold no document, what follows the last line break included.
        cards: What an open-book reader, or a teacher, wrote about subjects that training does not ask about.
        relations: What is asked; every fact names one of them.
        name_lists: By origin the first and the last words of names, for made-up subjects; none but for built-in data.
        read_as: How every file of facts was read, by name: its kind and its columns.
        doubts: What was not read, and where relations.toml and the facts disagree, a sentence each.
        teacher: The model that wrote the cards, in a line; "" where none has.
    """

    name: str
    documents: tuple[Document, ...]
    train: tuple[Fact, ...]
    dev: tuple[Fact, ...]
    test: tuple[Fact, ...]
    files: dict[str, str]
    blank_lines: tuple[int, ...] = ()
    cards: tuple[Card, ...] = ()
    relations: tuple[Relation, ...] = ()
    name_lists: NameLists = field(default_factory=dict)
    read_as: dict[str, str] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()
    teacher: str = ""

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(getattr(self, part)):,} {part}" for part in FACTS)
        return f"<Corpus {self.name}: {len(self.documents):,} documents; questions: {counts}>"

    @cached_property
    def by_subject(self) -> dict[str, list[Document]]:
        """Every document of a name; several subjects may share one, and then all are listed."""
        return _by_subject(self.documents)

    @cached_property
    def _by_letters(self) -> dict[str, list[Document]]:
        """Every document of a name without regard to capitals."""
        index = defaultdict[str, list[Document]](list)
        for subject, documents in self.by_subject.items():
            index[subject.lower()] += documents
        return dict(index)

    def documents_of(self, fact: Fact) -> list[Document]:
        """The documents that a fact may be about, in their order; capitals count where there is one spelled so."""
        return self.by_subject.get(fact.subject) or self._by_letters.get(fact.subject.lower(), [])

    def relation(self, name: str) -> Relation:
        """The relation of that name.

        Raises:
            UserError: The corpus has none.
        """
        for relation in self.relations:
            if relation.name == name:
                return relation
        raise UserError(f"{self.name}: no relation {name!r}; it has {', '.join(one.name for one in self.relations)}.")

    def recognise(self, facts: Sequence[Fact]) -> tuple[Fact, ...]:
        """Facts of another file with the subjects and relations of this corpus, where their questions show them."""
        return recognise(facts, self.by_subject, self.relations)

    def summary(self) -> CorpusSummary:
        """What to know before believing a figure."""
        facts = [*self.train, *self.dev, *self.test]
        lines = {fact.subject: tuple(document.line for document in self.documents_of(fact)) for fact in facts}
        return CorpusSummary(
            name=self.name,
            documents=len(self.documents),
            train=len(self.train),
            dev=len(self.dev),
            test=len(self.test),
            relations=tuple(
                RelationSummary(name=one.name, forms=one.forms, train=one.train, dev=one.dev, answer=one.answer)
                for one in self.relations
            ),
            dev_questions_in_train=repeated(self.train, self.dev),
            test_questions_in_train=repeated(self.train, self.test),
            conflicting_train_questions=conflicting(self.train),
            questions_without_document=sum(not self.documents_of(fact) for fact in facts),
            names_of_several_documents={name: lines[name] for name in sorted(lines) if len(lines[name]) > 1},
            repeated_lines=len(self.documents) - len({document.text for document in self.documents}),
            files={
                name: CorpusFile(part=part_of(name), sha256=sha, known_as=known_as(sha))
                for name, sha in self.files.items()
            },
        )


def _by_subject(documents: Sequence[Document]) -> dict[str, list[Document]]:
    index = defaultdict(list)
    for document in documents:
        if document.subject:
            index[document.subject].append(document)
    return dict(index)


def file_names(part: str) -> list[str]:
    """The names under which a part is looked for: the general ones and those of known data sets."""
    if part in OPTIONAL:
        return list(OPTIONAL[part])
    if part == "corpus":
        return ["corpus.txt", *usual_names(part), "corpus.jsonl", "corpus.csv", "corpus.tsv", "corpus"]
    return [f"{part}.tsv", *usual_names(part), f"{part}.jsonl", f"{part}.csv"]


def part_of(name: str) -> str:
    """Which part a file of that name holds; what stands before a slash says which addition to a store it came with."""
    name = name.rpartition("/")[2]
    if name == TEACHER:
        return name
    return next(part for part in ("corpus", *FACTS, *OPTIONAL) if name in file_names(part))


def is_store(directory: Path) -> bool:
    """Whether a directory is a store, or the beginning of one."""
    check_directory(directory)
    begun = (directory / BUILDING).is_file() or (directory / "0" / "index").is_dir()
    return begun or any(directory.glob("store-*.json"))


def name_of(directory: Path) -> str:
    """What reports call the corpus of a directory; bytes that are no UTF-8 are spelled out."""
    return writable(directory.resolve().name or str(directory))


NEEDED = ("corpus", "train", "dev")


def find_files(directory: Path, needed: Sequence[str] = NEEDED) -> dict[str, Path]:
    """Paths of corpus, train and dev and, if there, test, relations, names and templates; `corpus` may be a directory.

    Raises:
        UserError: The directory or a part that is needed is missing, or a part is there under two names.
    """
    if not directory.is_dir():
        what = "a file, not a directory" if directory.exists() else "no such directory"
        raise UserError(
            f"{directory}: {what}; a corpus is a directory with corpus.txt, train.tsv and dev.tsv, or the name of "
            "built-in data."
        )
    if is_store(directory):
        raise UserError(f"{directory}: a store; this takes the directory that it was built from.")
    paths = {}
    for part in ("corpus", *FACTS, *OPTIONAL):
        names = file_names(part)
        for name in names:
            if (directory / name).is_symlink() and not (directory / name).exists():
                raise UserError(f"{directory / name}: a link that leads nowhere.")
            if (directory / name).is_dir() and name != "corpus":
                raise UserError(f"{directory / name}: a directory; it must be a file.")
        present = [path for name in names if (path := directory / name).exists()]
        for path in present:
            if not path.is_dir():
                check_file(path)
        if len(present) > 1:
            raise UserError(f"{directory}: holds both {present[0].name} and {present[1].name}; keep one of them.")
        if present:
            paths[part] = present[0]
        elif part in needed:
            raise UserError(f"{directory}: no {names[0]} (or {' or '.join(names[1:])}){_instead(directory, part)}.")
    return paths


def _instead(directory: Path, part: str) -> str:
    """Which file of another kind, or in other letters, is there under that name."""
    found = sorted(path.name for path in directory.iterdir() if path.is_file() and path.stem.lower() == part)
    if not found:
        return ""
    other = "spelled otherwise" if found[0].lower() in file_names(part) else "its ending is none of these"
    remedy = " (put it into a directory corpus)" if part == "corpus" and found[0].lower().endswith(SUFFIXES) else ""
    return f"; {found[0]} is not read, {other}{remedy}"


def not_read(paths: Mapping[str, Path]) -> tuple[str, ...]:
    """What to say of files of a corpus directory that look as if they were to be read, and are not."""
    corpus = paths["corpus"]
    unread = unread_files(corpus, SUFFIXES) if corpus.is_dir() else ""
    instead = [_instead(corpus.parent, part).removeprefix("; ") for part in FACTS if part not in paths]
    return tuple(filter(None, [unread and f"{corpus}: {unread}", *instead]))


def read_directory(directory: Path, *, strict: bool = False) -> Corpus:
    """Reads a corpus directory.

    Args:
        directory: Holds the files that `find_files` looks for.
        strict: Whether a training question with two different answers is an error.

    Raises:
        UserError: A file is missing or malformed, or `strict` finds a contradiction.
    """
    paths = find_files(directory)
    files = {
        part: read_facts_file(paths[part], answers_required=part != "test")
        if part in paths
        else FactsFile(facts=(), read_as="")
        for part in FACTS
    }
    given = read_relations(paths["relations"]) if "relations" in paths else {}
    train, dev, test = (files[part].facts for part in FACTS)
    found = understood(paths["corpus"], (train, dev, test), given, files["train"].wordings)
    documents, blank_lines = windowed(found.texts)
    induced = spelled(found.induced, [document.subject for document in documents])
    others = (*induced.dev, *induced.test)
    corpus = Corpus(
        name=name_of(directory),
        documents=documents,
        train=induced.train,
        dev=induced.dev,
        test=induced.test,
        files={path.name: sha256(path) for path in paths.values()},
        blank_lines=blank_lines,
        relations=induced.relations,
        name_lists=name_lists_of(paths),
        read_as={
            **({paths["corpus"].name: found.read_as} if found.read_as else {}),
            **{paths[part].name: files[part].read_as for part in FACTS if part in paths},
        },
        doubts=(
            *not_read(paths),
            *filter(None, [other_names(found.texts)]),
            *(doubts(given, induced.train, others, found.titles, str(paths["relations"])) if given else ()),
        ),
    )
    if strict:
        refuse_conflicts(conflicting(corpus.train), paths["train"])
    return corpus


def refuse_conflicts(conflicts: Mapping[str, Sequence[str]], path: Path) -> None:
    """Refuses questions that have different answers."""
    if conflicts:
        question, answers = next(iter(conflicts.items()))
        raise UserError(
            f"{path}: {len(conflicts)} questions have different answers, first {question!r} "
            f"({', '.join(answers)}); leave out --strict to keep them."
        )


def name_lists_of(paths: Mapping[str, Path]) -> dict[str, tuple[list[str], list[str]]]:
    """Those of a directory's files, none where it has no such file; see `_name_lists`."""
    return _name_lists(paths["names"]) if "names" in paths else {}


def _name_lists(path: Path) -> dict[str, tuple[list[str], list[str]]]:
    """By origin the first and the last words of names: `{"british": [["Alice", ...], ["Ashworth", ...]], ...}`.

    Raises:
        UserError: The file holds something else.
    """
    data = load_json(read_text(path, most=MOST_SETTINGS), str(path), lines=True)
    try:
        lists = {str(origin): (list(first), list(last)) for origin, (first, last) in data.items()}
    except (AttributeError, TypeError, ValueError):
        lists = {"": ([], [])}
    words = [word for pair in lists.values() for part in pair for word in part]
    if not all(part for pair in lists.values() for part in pair) or not all(isinstance(word, str) for word in words):
        raise UserError(f"{path}: for each origin it holds a list of first words and a list of last words of names.")
    return lists


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, read in pieces; of a directory, over its visible files."""
    if path.is_dir():
        lines = [f"{file.relative_to(path).as_posix()}\t{sha256(file)}\n" for file in visible_files(path)]
        return hashlib.sha256("".join(lines).encode()).hexdigest()
    return file_sha256(path)
