"""The summary of a store, from hashes and one fact at a time."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from closedbook.facts.corpus import part_of
from closedbook.facts.hashes import HashSet, hashes_of
from closedbook.facts.known import known_as
from closedbook.facts.packed import map_array
from closedbook.facts.parallel import chunks
from closedbook.facts.records import Fact
from closedbook.facts.relations import Relation
from closedbook.facts.stored import Index
from closedbook.facts.summary import CorpusFile, CorpusSummary, RelationSummary

MOST = 10_000  # entries of a list
CHUNK = 10_000


def summarise(
    name: str,
    facts: Mapping[str, Sequence[Fact]],
    shards: Sequence[Path],
    index: Index,
    relations: Sequence[Relation],
    files: dict[str, str],
) -> CorpusSummary:
    """What to know before believing a figure; lists end after ten thousand entries."""
    text_hashes = [map_array(shard / "text_hash.npy") for shard in shards]
    documents = sum(map(len, text_hashes))
    distinct = len(np.unique(np.concatenate(text_hashes)))
    trained, twice = _questions(facts["train"])
    several, without = dict[str, tuple[int, ...]](), 0
    for part in facts.values():
        for fact in part:
            number = index.count(fact.subject)
            without += number == 0
            if number > 1 and len(several) < MOST and fact.subject not in several:
                lines = tuple(document.line for document in index.documents(fact.subject))
                several |= {fact.subject: lines} if len(lines) > 1 else {}
    return CorpusSummary(
        name=name,
        documents=documents,
        train=len(facts["train"]),
        dev=len(facts["dev"]),
        test=len(facts["test"]),
        relations=tuple(
            RelationSummary(name=one.name, forms=one.forms, train=one.train, dev=one.dev, answer=one.answer)
            for one in relations
        ),
        dev_questions_in_train=tuple(_first(fact.question for fact in facts["dev"] if fact.question in trained)),
        test_questions_in_train=tuple(_first(fact.question for fact in facts["test"] if fact.question in trained)),
        conflicting_train_questions=_conflicting(facts["train"], twice),
        questions_without_document=without,
        names_of_several_documents=dict(sorted(several.items())),
        repeated_lines=documents - distinct,
        files={name: CorpusFile(part=part_of(name), sha256=sha, known_as=known_as(sha)) for name, sha in files.items()},
    )


def _first(questions: Iterator[str]) -> Iterator[str]:
    return (question for _, question in zip(range(MOST), questions, strict=False))


def _questions(facts: Sequence[Fact]) -> tuple[HashSet, HashSet]:
    """All questions, and those that stand there several times."""
    hashes = [hashes_of(fact.question for fact in some) for some in chunks(facts, CHUNK)]
    values, times = np.unique(np.concatenate([np.zeros(0, dtype=np.uint64), *hashes]), return_counts=True)
    return HashSet(values), HashSet(values[times > 1])


def _conflicting(facts: Sequence[Fact], twice: HashSet) -> dict[str, tuple[str, ...]]:
    """Questions that stand there several times with different answers to learn."""
    answers: dict[str, dict[str, None]] = {}
    for fact in facts if len(twice) else ():
        if fact.question in twice and (fact.question in answers or len(answers) < MOST):
            answers.setdefault(fact.question, {}).update(dict.fromkeys(fact.answers[:1]))
    return {question: tuple(different) for question, different in answers.items() if len(different) > 1}
