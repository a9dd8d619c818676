"""What to know of a corpus before believing a figure: sizes, leaks, contradictions, shared names, hashes."""

import dataclasses
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from closedbook.facts.records import Fact


@dataclass(frozen=True, kw_only=True)
class CorpusFile:
    """A file of a corpus: its part, its SHA-256, and what the project knows it as, None for other files."""

    part: str
    sha256: str
    known_as: str | None


@dataclass(frozen=True, kw_only=True)
class RelationSummary:
    """A relation with its facts: its forms, how many to train on and to report on, what kind of thing answers."""

    name: str
    forms: tuple[str, ...]
    train: int
    dev: int
    answer: str


@dataclass(frozen=True, kw_only=True)
class CorpusSummary:
    """What to know before believing a figure: sizes, leaks, contradictions, shared names, hashes.

    Args:
        name: What reports call the corpus.
        documents: How many there are.
        train: Facts to train on.
        dev: Facts to report on.
        test: Facts to answer.
        relations: What is asked.
        dev_questions_in_train: Dev questions that also occur in training.
        test_questions_in_train: Test questions that do.
        conflicting_train_questions: Training questions with different answers, with those answers.
        questions_without_document: Questions of any part whose subject has no document.
        names_of_several_documents: The places of the documents that share a subject that is asked about.
        repeated_lines: Documents beyond the first of each text.
        files: Every file that was read, by name.
    """

    name: str
    documents: int
    train: int
    dev: int
    test: int
    relations: tuple[RelationSummary, ...]
    dev_questions_in_train: tuple[str, ...]
    test_questions_in_train: tuple[str, ...]
    conflicting_train_questions: dict[str, tuple[str, ...]]
    questions_without_document: int
    names_of_several_documents: dict[str, tuple[int, ...]]
    repeated_lines: int
    files: dict[str, CorpusFile]

    def to_json(self) -> dict[str, Any]:
        """The same as dictionaries, lists, strings and numbers."""
        values: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return values


def repeated(train: Sequence[Fact], evaluation: Sequence[Fact]) -> tuple[str, ...]:
    """The evaluation questions that also occur in training, in order."""
    trained = {fact.question for fact in train}
    return tuple(fact.question for fact in evaluation if fact.question in trained)


def conflicting(facts: Sequence[Fact]) -> dict[str, tuple[str, ...]]:
    """Questions whose facts differ in the answer to learn (two subjects of one name), with those answers."""
    answers: dict[str, dict[str, None]] = defaultdict(dict)
    for fact in facts:
        answers[fact.question].update(dict.fromkeys(fact.answers[:1]))
    return {question: tuple(different) for question, different in answers.items() if len(different) > 1}
