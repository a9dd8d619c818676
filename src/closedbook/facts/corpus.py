"""A corpus with its facts: what a directory holds, which document a question is about, what could mislead."""

import dataclasses
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from closedbook.errors import UserError
from closedbook.facts.readers import blank_lines, read_corpus, read_facts
from closedbook.facts.records import Card, Document, Fact
from closedbook.facts.titles import subjects_in

GENERAL_NAMES = {"corpus": "corpus.txt", "train": "train.tsv", "dev": "dev.tsv", "test": "test.tsv"}
COURSE_NAMES = {
    "corpus": "wiki.txt",
    "train": "birth_places_train.tsv",
    "dev": "birth_dev.tsv",
    "test": "birth_test_inputs.tsv",
}
KNOWN_FILES = {
    "823bb536fca77c8b5a15b34b0dead6355d0cf1f806e822464bca28806c2fd055": "CS224n 2021, wiki.txt",
    "02364dfca78e23d2583a19f03a2d8cddd90ee3e1a3795ddec7f0addadea30b0d": "CS224n 2021, birth_places_train.tsv",
    "101a56073eba0db9aad5e2aaf1aa9bf8bdae966ae3aaed8fc8cda5edfa7856da": "CS224n 2021, birth_dev.tsv",
    "5ccd3b2a1682e0daf90d59488aef8805ef21b9d35795cc3bdabdea79d293aa1f": "CS224n 2021, birth_test_inputs.tsv",
}


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Documents and the facts that are asked about them, with where they came from.

    Args:
        name: What the report calls it.
        documents: One a line of the corpus file.
        train: Facts to learn the question form from.
        dev: Facts to report on, never trained or tuned on.
        test: Questions to answer; their answers may be absent.
        files: SHA-256 of every file read, by name.
        blank_lines: Lines of the corpus file that hold no document, what follows the last line break included.
        cards: What an open-book reader wrote about documents that training does not ask about.
    """

    name: str
    documents: tuple[Document, ...]
    train: tuple[Fact, ...]
    dev: tuple[Fact, ...]
    test: tuple[Fact, ...]
    files: dict[str, str]
    blank_lines: tuple[int, ...] = ()
    cards: tuple[Card, ...] = ()

    @cached_property
    def by_subject(self) -> dict[str, list[Document]]:
        """Every document of a name; several people may share one, and then all are listed."""
        index = defaultdict(list)
        for document in self.documents:
            if document.subject:
                index[document.subject].append(document)
        return dict(index)

    def documents_of(self, fact: Fact) -> list[Document]:
        """The documents that a fact may be about, in file order."""
        return self.by_subject.get(fact.subject, [])

    def summary(self) -> dict[str, Any]:
        """What to know before believing a figure: sizes, leaks, contradictions, shared names, hashes (JSON-ready)."""
        conflicts = conflicting(self.train)
        facts = [*self.train, *self.dev, *self.test]
        shared = sorted({fact.subject for fact in facts if len(self.documents_of(fact)) > 1})
        return {
            "name": self.name,
            "documents": len(self.documents),
            "train": len(self.train),
            "dev": len(self.dev),
            "test": len(self.test),
            "dev_questions_in_train": repeated(self.train, self.dev),
            "test_questions_in_train": repeated(self.train, self.test),
            "conflicting_train_questions": conflicts,
            "questions_without_document": sum(not self.documents_of(fact) for fact in facts),
            "names_of_several_documents": {name: [d.line for d in self.by_subject[name]] for name in shared},
            "repeated_lines": len(self.documents) - len({document.text for document in self.documents}),
            "files": {
                name: {"part": part_of(name), "sha256": sha, "known_as": KNOWN_FILES.get(sha)}
                for name, sha in self.files.items()
            },
        }


def repeated(train: Sequence[Fact], evaluation: Sequence[Fact]) -> list[str]:
    """The evaluation questions that also occur in training, in order."""
    asked = {fact.question for fact in train}
    return [fact.question for fact in evaluation if fact.question in asked]


def conflicting(facts: Sequence[Fact]) -> dict[str, list[str]]:
    """Questions that occur with different answers (two people of one name), with those answers."""
    answers: dict[str, dict[tuple[str, ...], None]] = defaultdict(dict)
    for fact in facts:
        answers[fact.question][fact.answers] = None
    return {question: [given[0] for given in all_] for question, all_ in answers.items() if len(all_) > 1}


def with_subjects(facts: Sequence[Fact], known: dict[str, list[Document]]) -> tuple[Fact, ...]:
    """The facts with the subject that their question names, where the file gives none."""
    return tuple(
        fact if fact.subject else dataclasses.replace(fact, subject=subjects_in(fact.question, known)) for fact in facts
    )


def file_names(part: str) -> list[str]:
    """The names under which a part is looked for: the general one, the course's, JSONL for facts."""
    return [GENERAL_NAMES[part], COURSE_NAMES[part], *([] if part == "corpus" else [f"{part}.jsonl"])]


def part_of(name: str) -> str:
    """Which part a file of that name holds."""
    return next(part for part in GENERAL_NAMES if name in file_names(part))


def find_files(directory: Path) -> dict[str, Path]:
    """Paths of corpus, train, dev and, if there, test, under the general or the course's names (facts also `.jsonl`).

    Raises:
        UserError: The directory or one of the three is missing, or a part is there under two names.
    """
    if not directory.is_dir():
        raise UserError(
            f"{directory}: no such directory; --corpus takes 'people' or a directory with "
            "corpus.txt, train.tsv and dev.tsv."
        )
    found = {}
    for part in GENERAL_NAMES:
        names = file_names(part)
        present = [directory / name for name in names if (directory / name).is_file()]
        if len(present) > 1:
            raise UserError(f"{directory}: holds both {present[0].name} and {present[1].name}; keep one of them.")
        if present:
            found[part] = present[0]
        elif part != "test":
            raise UserError(f"{directory}: no {names[0]} (or {' or '.join(names[1:])}).")
    return found


def read_directory(directory: Path, *, strict: bool = False) -> Corpus:
    """Reads a corpus directory.

    Args:
        directory: Holds the files that `find_files` looks for.
        strict: Whether a training question with two different answers is an error.

    Raises:
        UserError: A file is missing or malformed, or `strict` finds a contradiction.
    """
    paths = find_files(directory)
    documents = tuple(read_corpus(paths["corpus"]))
    index: dict[str, list[Document]] = {}
    for document in documents:
        index.setdefault(document.subject, []).append(document)
    index.pop("", None)
    parts = {
        part: with_subjects(read_facts(paths[part], answers_required=part != "test"), index)
        for part in ("train", "dev", "test")
        if part in paths
    }
    corpus = Corpus(
        name=directory.name or str(directory),
        documents=documents,
        train=parts["train"],
        dev=parts["dev"],
        test=parts.get("test", ()),
        files={path.name: sha256(path) for path in paths.values()},
        blank_lines=tuple(blank_lines(paths["corpus"])),
    )
    conflicts = conflicting(corpus.train)
    if strict and conflicts:
        question, answers = next(iter(conflicts.items()))
        raise UserError(
            f"{paths['train']}: {len(conflicts)} questions have different answers, first {question!r} "
            f"({', '.join(answers)}); leave out --strict to keep them."
        )
    return corpus


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
