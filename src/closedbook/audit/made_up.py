"""Made-up answers: what the wrong answers are, how often they repeat, and whose answers they really are."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import numpy as np

from closedbook.audit.reliability import auroc
from closedbook.audit.signals import Evidence
from closedbook.evaluation.exact_match import normalise
from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Fact

SHOWN = 10
EXAMPLES = 100  # wrong answers that are kept
OWNERS = 3  # people named for a wrong answer

Kind = Literal["own_document", "known_answer", "corpus", "nowhere"]
"""Stands in the person's own document; is somebody else's answer; in the corpus, but nobody's; nowhere."""
KINDS: tuple[Kind, ...] = get_args(Kind)


def made_up(
    facts: Sequence[Fact],
    evidence: Evidence,
    known: Sequence[Fact],
    corpus: Corpus | None,
    *,
    exact: bool = True,
    seed: int = 0,
) -> dict[str, Any]:
    """What the wrong answers are (JSON-ready).

    Args:
        facts: What was asked.
        evidence: What came of it.
        known: Facts whose answers are the candidates.
        corpus: Where documents are looked up, None without one.
        exact: Whether answers are compared to the letter, or after normalisation.
        seed: Of the choice of examples.
    """

    def plain(answer: str) -> str:
        return answer if exact else normalise(answer)

    wrong = np.flatnonzero(evidence.attempted & ~evidence.right)
    owners = _owners([*known, *facts], plain)
    candidates = {plain(answer) for fact in known for answer in fact.answers}
    text = "\n".join(document.text for document in corpus.documents) if corpus else ""
    kinds: dict[str, Kind] = {
        answer: "known_answer"
        if plain(answer) in candidates
        else "corpus"
        if corpus and stands_in(answer, text)
        else "nowhere"
        for answer in {evidence.text(int(index)) for index in wrong}
    }
    rows = []
    for index in wrong.tolist():
        answer, fact = evidence.text(index), facts[index]
        own = corpus is not None and any(stands_in(answer, document.text) for document in corpus.candidates(fact))
        rows.append((index, "own_document" if own else kinds[answer]))
    counted = Counter(kind for _, kind in rows)
    given = Counter(evidence.text(index) for index in np.flatnonzero(evidence.attempted).tolist())
    repeated = Counter(evidence.text(index) for index, _ in rows)
    true = Counter(answer for fact in facts for answer in {plain(answer) for answer in fact.answers})
    attempts = int(evidence.attempted.sum())
    return {
        "wrong": len(rows),
        "nowhere_among_answers": counted["nowhere"] / max(attempts, 1),
        "has_corpus": corpus is not None,
        "candidates": len(candidates),
        "kinds": {kind: counted[kind] for kind in KINDS if corpus or kind in ("known_answer", "nowhere")},
        "repeated": [
            {"answer": answer, "wrong": count, "given": given[answer], "true": true[plain(answer)]}
            for answer, count in repeated.most_common(SHOWN)
        ],
        "examples": [
            {
                "question": facts[index].question,
                "answer": evidence.text(index),
                "gold": facts[index].answers[0],
                "kind": kind,
                "whose": _nearest_owners(facts[index].subject, owners.get(plain(evidence.text(index)), [])),
                "owners": len(owners.get(plain(evidence.text(index)), [])),
            }
            for index, kind in rows[:EXAMPLES]
        ],
        "side_by_side": side_by_side(facts, evidence, seed),
    }


def side_by_side(facts: Sequence[Fact], evidence: Evidence, seed: int) -> dict[str, Any]:
    """Ten right and ten wrong answers in a random order, and how well the confidence tells them apart."""
    generator = np.random.default_rng(seed)
    sides = [np.flatnonzero(evidence.right), np.flatnonzero(evidence.attempted & ~evidence.right)]
    drawn = [generator.permutation(side)[:SHOWN] for side in sides]
    chosen = generator.permutation(np.concatenate(drawn)).tolist()
    signal = evidence.signals["sequence_probability"]
    return {
        "rows": [
            {
                "question": facts[index].question,
                "answer": evidence.text(index),
                "right": bool(evidence.right[index]),
                "gold": facts[index].answers[0],
                "confidence": float(signal[index]),
            }
            for index in chosen
        ],
        "auroc": auroc(evidence.right[chosen], signal[chosen], seed=seed) if chosen else {"value": None},
    }


def _owners(facts: Sequence[Fact], plain: Callable[[str], str]) -> dict[str, list[str]]:
    """The subjects that an answer is true of."""
    owners = defaultdict[str, dict[str, None]](dict)
    for fact in facts:
        for answer in fact.answers:
            if fact.subject:
                owners[plain(answer)][fact.subject] = None
    return {answer: list(subjects) for answer, subjects in owners.items()}


def _nearest_owners(subject: str, owners: Sequence[str]) -> list[str]:
    """A few of the owners, those that share a word with the subject first."""
    words = set(subject.split())
    return sorted(owners, key=lambda owner: -len(words & set(owner.split())))[:OWNERS]


def stands_in(answer: str, text: str) -> bool:
    """Whether the answer stands in the text as whole words."""
    return answer in text and re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", text) is not None
