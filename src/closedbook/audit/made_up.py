"""Made-up answers: what the wrong answers are, how often they repeat, and whose answers they really are."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from closedbook.audit.reliability import auroc
from closedbook.audit.signals import Evidence
from closedbook.evaluation.metrics import Estimate
from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Fact
from closedbook.facts.scripts import stands_in

SHOWN = 10
EXAMPLES = 100  # wrong answers that are kept
OWNERS = 3  # subjects named for a wrong answer

Kind = Literal["own_document", "known_answer", "corpus", "nowhere"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LABELS: dict[Kind, str] = {
    "own_document": "in the subject's own document",
    "known_answer": "another subject's true answer",
    "corpus": "nobody's answer but in the corpus",
    "nowhere": "nowhere in the corpus or the candidates",
}
"""What a wrong answer can be, as reports have it."""
WITHOUT_CORPUS: dict[Kind, str] = LABELS | {"nowhere": "the answer of no other subject that is known here"}
PLAUSIBLE = ("own_document", "known_answer")  # what looks right


@dataclass(frozen=True, kw_only=True)
class Repeated:
    """A wrong answer: how often it was wrong, given, and true of an audited fact of its relation."""

    relation: str
    answer: str
    wrong: int
    given: int
    true: int


@dataclass(frozen=True, kw_only=True)
class WrongAnswer:
    """One wrong answer: what it is, and of which subjects it is true (`owners` in all, a few by name)."""

    relation: str
    question: str
    answer: str
    gold: str
    kind: Kind
    owners: int
    some_owners: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """An answer to be judged by its looks."""

    question: str
    answer: str
    right: bool
    gold: str
    confidence: float | None


@dataclass(frozen=True, kw_only=True)
class MadeUp:
    """What the wrong answers are."""

    wrong: int  # how many there are
    nowhere_among_answers: float  # share of all answers that occur nowhere
    has_corpus: bool  # whether there was a corpus to look in
    candidates: int  # distinct true answers that are known
    kinds: dict[Kind, int]  # wrong answers by what they are
    repeated: tuple[Repeated, ...]  # the most frequent of each relation, most often wrong first
    examples: tuple[WrongAnswer, ...]  # the first hundred
    side_by_side: tuple[Shown, ...]  # ten right and ten wrong answers in a random order
    side_by_side_auroc: Estimate  # how well the confidence tells those apart

    def repeated_of(self, relation: str) -> tuple[Repeated, ...]:
        """The most frequent wrong answers of one relation."""
        return tuple(row for row in self.repeated if row.relation == relation)


def labels_of(made_up: MadeUp) -> dict[Kind, str]:
    """What its kinds of wrong answers are called."""
    return LABELS if made_up.has_corpus else WITHOUT_CORPUS


def made_up(
    evidence: Evidence,
    known: Sequence[Fact],
    corpus: Corpus | None,
    *,
    plain: Callable[[str], str] = str,
    seed: int = 0,
) -> MadeUp:
    """What the wrong answers are.

    Args:
        evidence: What asking gave.
        known: Facts whose answers are the candidates, those that were asked among them.
        corpus: Where documents are looked up, None without one.
        plain: What two answers are compared after.
        seed: Of the choice of examples.
    """
    wrong = np.flatnonzero(evidence.wrong).tolist()
    candidates = {plain(answer) for fact in known for answer in fact.answers}
    kinds = _kinds(evidence, wrong, candidates, corpus, plain)
    counted = Counter(kinds.values())
    chosen, shown_auroc = side_by_side(evidence, seed)
    return MadeUp(
        wrong=len(wrong),
        nowhere_among_answers=counted["nowhere"] / max(int(evidence.attempted.sum()), 1),
        has_corpus=corpus is not None,
        candidates=len(candidates),
        kinds={kind: counted[kind] for kind in KINDS if corpus or kind in ("known_answer", "nowhere")},
        repeated=_repeated(evidence, wrong, plain),
        examples=_examples(evidence, kinds, known, plain),
        side_by_side=chosen,
        side_by_side_auroc=shown_auroc,
    )


def _kinds(
    evidence: Evidence,
    wrong: Sequence[int],
    candidates: set[str],
    corpus: Corpus | None,
    plain: Callable[[str], str],
) -> dict[int, Kind]:
    """What each wrong answer is, by the fact's number."""
    text = "\n".join(document.text for document in corpus.documents) if corpus else ""
    general: dict[str, Kind] = {
        answer: "known_answer" if plain(answer) in candidates else "corpus" if stands_in(answer, text) else "nowhere"
        for answer in {evidence.text(index) for index in wrong}
    }
    kinds: dict[int, Kind] = {}
    for index in wrong:
        documents = corpus.documents_of(evidence.facts[index]) if corpus else []
        own = any(stands_in(evidence.text(index), document.text) for document in documents)
        kinds[index] = "own_document" if own else general[evidence.text(index)]
    return kinds


def _repeated(evidence: Evidence, wrong: Sequence[int], plain: Callable[[str], str]) -> tuple[Repeated, ...]:
    """The most frequent wrong answers of every relation."""
    relations = [fact.relation for fact in evidence.facts]
    given = Counter((relations[index], evidence.text(index)) for index in np.flatnonzero(evidence.attempted).tolist())
    repeated = Counter((relations[index], evidence.text(index)) for index in wrong)
    true = Counter((fact.relation, text) for fact in evidence.facts for text in {plain(a) for a in fact.answers})
    taken = Counter[str]()
    rows = []
    for (relation, answer), count in repeated.most_common():
        taken[relation] += 1
        if taken[relation] <= SHOWN:
            rows.append(
                Repeated(
                    relation=relation,
                    answer=answer,
                    wrong=count,
                    given=given[relation, answer],
                    true=true[relation, plain(answer)],
                )
            )
    return tuple(rows)


def _examples(
    evidence: Evidence, kinds: dict[int, Kind], facts: Sequence[Fact], plain: Callable[[str], str]
) -> tuple[WrongAnswer, ...]:
    owners = defaultdict[tuple[str, str], dict[str, None]](dict)  # subjects that an answer is true of, in order
    for fact in facts:
        for answer in fact.answers:
            if fact.subject:
                owners[fact.relation, plain(answer)][fact.subject] = None
    rows = []
    for index, kind in list(kinds.items())[:EXAMPLES]:
        fact, answer = evidence.facts[index], evidence.text(index)
        of_it = owners.get((fact.relation, plain(answer)), {})
        words = set(fact.subject.split())
        nearest = sorted(of_it, key=lambda owner: -len(words & set(owner.split())))[:OWNERS]
        rows.append(
            WrongAnswer(
                relation=fact.relation,
                question=fact.question,
                answer=answer,
                gold=fact.answers[0],
                kind=kind,
                owners=len(of_it),
                some_owners=tuple(nearest),
            )
        )
    return tuple(rows)


def side_by_side(evidence: Evidence, seed: int) -> tuple[tuple[Shown, ...], Estimate]:
    """Ten right and ten wrong answers in a random order, and how well the confidence tells them apart."""
    generator = np.random.default_rng(seed)
    sides = [np.flatnonzero(evidence.right), np.flatnonzero(evidence.wrong)]
    drawn = [generator.permutation(side)[:SHOWN] for side in sides]
    chosen = generator.permutation(np.concatenate(drawn)).tolist()
    signal = evidence.sure
    rows = tuple(
        Shown(
            question=evidence.facts[index].question,
            answer=evidence.text(index),
            right=bool(evidence.right[index]),
            gold=evidence.facts[index].answers[0],
            confidence=None if np.isnan(signal[index]) else float(signal[index]),
        )
        for index in chosen
    )
    told = [index for index in chosen if not np.isnan(signal[index])]
    return rows, auroc(evidence.right[told], signal[told], seed=seed) if told else Estimate()
