"""Coverage: which answers stand in their subject's documents, and which of those a recipe asks for, by relation."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Document, Fact
from closedbook.facts.spans import SpanKinds, spans

SHOWN = 3  # answers that are named where some are not reached


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """What a recipe can reach of one relation's facts.

    Args:
        relation: Its name.
        part: `train` or `dev`.
        facts: How many there are.
        in_document: Facts of which an accepted answer stands in a document of the subject, as whole words.
        asked: Those of them whose answer is part of what the recipe asks for.
        missed: A few answers that stand there and are not asked for.
    """

    relation: str
    part: str
    facts: int
    in_document: int
    asked: int
    missed: tuple[str, ...]


def coverage(corpus: Corpus, kinds: SpanKinds | None) -> list[Coverage]:
    """Coverage of the train and dev facts, relation by relation.

    Args:
        corpus: Documents and facts.
        kinds: What a recipe asks for, None where it reads whole documents.
    """
    asked: dict[int, frozenset[str]] = {}
    found = []
    for part, facts in (("train", corpus.train), ("dev", corpus.dev)):
        by_relation: dict[str, list[Fact]] = {}
        for fact in facts:
            if fact.answers:
                by_relation.setdefault(fact.relation, []).append(fact)
        for relation, group in by_relation.items():
            found.append(_of_relation(corpus, relation, part, group, kinds, asked))
    return found


def _of_relation(
    corpus: Corpus,
    relation: str,
    part: str,
    facts: Sequence[Fact],
    kinds: SpanKinds | None,
    asked: dict[int, frozenset[str]],
) -> Coverage:
    there, reached, missed = 0, 0, list[str]()
    for fact in facts:
        documents = [d for d in corpus.documents_of(fact) if any(stands_in(a, d.text) for a in fact.answers)]
        if not documents:
            continue
        there += 1
        if kinds is None or any(not _asked_for(d, kinds, asked).isdisjoint(fact.answers) for d in documents):
            reached += 1
        else:
            missed.append(f"{fact.answers[0]} ({fact.subject})")
    return Coverage(
        relation=relation,
        part=part,
        facts=len(facts),
        in_document=there,
        asked=reached,
        missed=tuple(missed[:SHOWN]),
    )


def _asked_for(document: Document, kinds: SpanKinds, known: dict[int, frozenset[str]]) -> frozenset[str]:
    """The texts that a document is asked for, kept for the relations that follow."""
    if document.line not in known:
        known[document.line] = frozenset(document.text[s.start : s.end] for s in spans(document, kinds, 0))
    return known[document.line]


def stands_in(answer: str, text: str) -> bool:
    """Whether the answer stands in the text as whole words."""
    return answer in text and re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", text) is not None


def coverage_lines(found: Sequence[Coverage]) -> list[str]:
    """What to know before training: a line for each relation that is not reached whole, one where all are."""
    lines = []
    for row in found:
        name = f"{row.relation or 'facts'}, {row.part}"
        missing = row.facts - row.in_document
        if missing == row.facts:
            lines.append(f"{name}: none of {row.facts:,} answers stands in a document of its subject: nothing to learn")
        elif missing:
            lines.append(f"{name}: {missing:,} of {row.facts:,} answers stand in no document of their subject")
        if row.asked < row.in_document:
            lines.append(
                f"{name}: {row.in_document - row.asked:,} answers stand there in no form that training answers have, "
                f"such as {'; '.join(row.missed)}"
            )
    facts, asked = sum(row.facts for row in found), sum(row.asked for row in found)
    if found and asked:
        lines.append(f"{asked:,} of {facts:,} answers stand in what training asks for")
    return lines
