"""Unseen subjects: what the model says of names that it cannot know.

Does it answer, how sure is it, can its confidence tell seen from unseen, and is the answer that of a name alike?
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from closedbook.audit.inquiry import Inquiry
from closedbook.audit.neighbours import PERMUTATIONS, Agreement, Likeness, Neighbours, askable
from closedbook.audit.reliability import Signal, auroc
from closedbook.audit.signals import available, confidence
from closedbook.evaluation.metrics import Estimate
from closedbook.evaluation.scorers import is_attempt, score_all
from closedbook.facts.forms import SLOT
from closedbook.facts.invented import absent_from, invent
from closedbook.facts.records import Fact
from closedbook.facts.relations import Relation

COLUMNS = 8  # answers of their own column in the table by origin
BINS = 20
Invented = Mapping[tuple[str, str], Sequence[str]]
"""Names by origin and method."""


@dataclass(frozen=True, kw_only=True)
class Strangers:
    """Names that the model cannot know, and what it says of them."""

    names: int
    right: int  # right answers; invented names have none
    answered: float  # share that it answers
    confidence: float  # its mean
    given: float | None  # share of answers above the threshold, None without one
    seen_against_unseen: dict[Signal, Estimate]  # AUROC of the audited subjects against these
    neighbours: dict[Likeness, Agreement]  # whether the answer is that of a near subject


@dataclass(frozen=True, kw_only=True)
class Group:
    """Names of one origin, invented by one method."""

    origin: str
    method: str
    names: int
    answered: float
    confidence: float
    given: float | None
    example: str


@dataclass(frozen=True, kw_only=True)
class ByOrigin:
    """Answers by name origin."""

    origins: tuple[str, ...]  # rows
    answers: tuple[str, ...]  # columns: the most frequent answers, and all others together
    counts: tuple[tuple[int, ...], ...]  # names of a row with an answer of a column
    cramers_v: float | None = None  # association of the two, None where there is one row or column alone
    cramers_v_shuffled: float | None = None  # its mean when answers are shuffled
    p_value: float | None = None  # how often shuffled answers give as much


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """What a model says of names that it cannot know, asked for one relation."""

    relation: str  # its name
    invented: Strangers
    real: Strangers | None  # subjects that are in no document, None if none were given
    groups: tuple[Group, ...]  # the invented ones by origin and method
    by_origin: ByOrigin  # what it answers about them
    seen: int  # subjects among which neighbours were looked for
    seen_histogram: tuple[float, ...]  # shares of the audited subjects by confidence
    unseen_histogram: tuple[float, ...]  # shares of the invented names by confidence


def invent_names(inquiry: Inquiry, relations: Sequence[Relation]) -> dict[tuple[str, str], list[str]]:
    """Names of nobody and nothing, by origin and method, in no document, that can be asked about in every relation."""
    corpus, settings = inquiry.material.corpus, inquiry.settings
    absent = absent_from([document.text for document in corpus.documents] if corpus else [])
    subjects = [fact.subject for fact in inquiry.seen if fact.subject]
    taken = dict.fromkeys([*subjects, *(corpus.by_subject if corpus else ())])  # in order: a set's differs by process

    def usable(name: str) -> bool:
        return absent(name) and all(askable(inquiry.model, relation.forms[0], name) for relation in relations)

    lists = corpus.name_lists if corpus else None
    return invent(list(taken), settings.names, usable, seed=settings.seed, lists=lists)


def unseen(inquiry: Inquiry, relation: Relation, invented: Invented) -> Unseen:
    """What the model says of invented names, and of real subjects that are in no document, asked for a relation."""
    evidence, seed = inquiry.evidence, inquiry.settings.seed
    near = Neighbours(inquiry.model, relation, inquiry.seen)
    facts = [
        Fact(question=relation.forms[0].replace(SLOT, name), answers=(), subject=name, line=0, relation=relation.name)
        for group in invented.values()
        for name in group
    ]
    strangers, answers, signals = _ask(inquiry, relation, facts, near, seed + 1)
    real = [fact for fact in inquiry.material.unseen if fact.relation == relation.name]
    origin = [origin for (origin, _), group in invented.items() for _ in group]
    sure = signals[evidence.leading]
    return Unseen(
        relation=relation.name,
        invented=strangers,
        real=_ask(inquiry, relation, real, near, seed + 2)[0] if real else None,
        groups=_groups(inquiry, invented, answers, signals),
        by_origin=by_origin(origin, answers),
        seen=len(near.seen),
        seen_histogram=_histogram(evidence.signals[evidence.leading][evidence.of_relation(relation.name)]),
        unseen_histogram=_histogram(sure),
    )


def _ask(
    inquiry: Inquiry, relation: Relation, facts: Sequence[Fact], near: Neighbours, seed: int
) -> tuple[Strangers, list[str], dict[Signal, np.ndarray]]:
    """What it says about strangers, with the answers and the confidence of each."""
    model, settings, evidence = inquiry.model, inquiry.settings, inquiry.evidence
    prompts = model.prompts([fact.question for fact in facts], place="unseen, question")
    responses = model.respond(prompts)
    answers = [response.text for response in responses]
    signals = confidence(model, prompts, responses, available(model), samples=settings.samples, seed=seed)
    seen = evidence.of_relation(relation.name)
    known = np.repeat([True, False], [len(seen), len(facts)])
    strangers = Strangers(
        names=len(facts),
        right=sum(score.correct for score in score_all(answers, facts, evidence.evaluation.scorer)),
        answered=float(np.mean([is_attempt(answer) for answer in answers])),
        confidence=float(signals[evidence.leading].mean()),
        given=_share_given(inquiry, signals),
        seen_against_unseen={
            name: auroc(known, np.concatenate([evidence.signals[name][seen], values]), seed=settings.seed)
            for name, values in signals.items()
        },
        neighbours=near.agreements([fact.subject for fact in facts], answers, seed=settings.seed),
    )
    return strangers, answers, signals


def _share_given(inquiry: Inquiry, signals: Mapping[Signal, np.ndarray], part: slice = slice(None)) -> float | None:
    """The share above the threshold, None without one."""
    if inquiry.abstention is None:
        return None
    sure = signals[inquiry.abstention.signal][part].tolist()
    return float(np.mean([inquiry.abstention.answers(value) for value in sure]))


def _groups(
    inquiry: Inquiry, invented: Invented, answers: Sequence[str], signals: Mapping[Signal, np.ndarray]
) -> tuple[Group, ...]:
    rows, first = [], 0
    for (origin, method), names in invented.items():
        part = slice(first, first + len(names))
        first += len(names)
        rows.append(
            Group(
                origin=origin,
                method=method,
                names=len(names),
                answered=float(np.mean([is_attempt(answer) for answer in answers[part]])),
                confidence=float(signals[inquiry.evidence.leading][part].mean()),
                given=_share_given(inquiry, signals, part),
                example=names[0],
            )
        )
    return tuple(rows)


def by_origin(origin: Sequence[str], answers: Sequence[str]) -> ByOrigin:
    """The most frequent answers by name origin, with Cramer's V and what it is when answers are shuffled.

    Names of one origin share their parts: the p-value speaks of these names, not of all of that origin.
    """
    from scipy.stats import permutation_test
    from scipy.stats.contingency import association

    origins = list(dict.fromkeys(origin))
    top = [answer for answer, _ in Counter(answers).most_common(COLUMNS)]
    columns = [*top, "another"]
    row_U = np.array([origins.index(name) for name in origin])
    column_U = np.array([columns.index(answer if answer in top else "another") for answer in answers])

    def table(paired: np.ndarray) -> np.ndarray:
        cells = np.bincount(row_U * len(columns) + column_U[paired], minlength=len(origins) * len(columns))
        return cells.reshape(len(origins), len(columns))

    def statistic(paired: np.ndarray) -> float:
        counts_OA = table(paired)
        return float(association(counts_OA[:, counts_OA.sum(axis=0) > 0]))

    everyone = np.arange(len(row_U))
    counts_OA = table(everyone)
    v, shuffled, p_value = None, None, None
    if min(len(origins), int((counts_OA.sum(axis=0) > 0).sum())) > 1:
        options = {"permutation_type": "pairings", "n_resamples": PERMUTATIONS // 4, "alternative": "greater"}
        tested = permutation_test((everyone,), statistic, rng=np.random.default_rng(0), **options)
        v, p_value = float(tested.statistic), float(tested.pvalue)
        shuffled = float(np.mean(tested.null_distribution))
    return ByOrigin(
        origins=tuple(origins),
        answers=tuple(columns),
        counts=tuple(tuple(row) for row in counts_OA.tolist()),
        cramers_v=v,
        cramers_v_shuffled=shuffled,
        p_value=p_value,
    )


def _histogram(values: np.ndarray) -> tuple[float, ...]:
    """Shares of the values in equally wide bins of [0, 1]."""
    counts = np.histogram(values, bins=BINS, range=(0.0, 1.0))[0]
    return tuple((counts / max(len(values), 1)).tolist())
