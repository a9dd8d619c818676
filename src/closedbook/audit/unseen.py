"""Unseen subjects: what the model says of names that it cannot know.

Does it answer, how sure is it, can its confidence tell seen from unseen, and is the answer that of a name alike?
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from closedbook.audit.inquiry import Inquiry
from closedbook.audit.neighbours import PERMUTATIONS, Agreement, Likeness, Neighbours, askable
from closedbook.audit.reliability import auroc
from closedbook.audit.settings import SAMPLES, Signal
from closedbook.audit.signals import Evidence, gather
from closedbook.evaluation.metrics import Estimate
from closedbook.facts.forms import SLOT
from closedbook.facts.invented import absent_from, invent
from closedbook.facts.records import Fact
from closedbook.facts.relations import Relation
from closedbook.facts.silence import NOT_TOLD, silences

COLUMNS = 8  # answers of their own column in the table by origin
BINS = 20
ENOUGH = 8  # subjects of a relation whose names alone are recombined
Invented = Mapping[tuple[str, str], Sequence[str]]
"""Names by origin and method."""


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """Names that the model cannot know, and how readily it answers."""

    names: int
    answered: float  # share that it answers
    silences: dict[str, int]  # how often it says what it was taught to say where it does not know, by what it says
    confidence: float | None  # mean of its answers, None where the model does not tell or gives none
    given: float | None  # share of answers above the threshold, None without one


@dataclass(frozen=True, kw_only=True)
class Strangers(_Asked):
    """All of them, and what it says."""

    right: int  # right answers; invented names have none
    seen_against_unseen: dict[Signal, Estimate]  # AUROC of the audited subjects against these, by `familiarity`
    neighbours: dict[Likeness, Agreement]  # whether the answer is that of a near subject


@dataclass(frozen=True, kw_only=True)
class Group(_Asked):
    """Those of one origin, invented by one method."""

    origin: str
    method: str
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


def invent_names(inquiry: Inquiry, relations: Sequence[Relation]) -> dict[str, Invented]:
    """Names of nobody and nothing, by origin and method, in no document, for each relation that has some.

    Relations that ask about the same subjects share names, which can be asked about in all of them; what countries and
    elements are called is not mixed.
    """
    corpus, settings = inquiry.material.corpus, inquiry.settings
    absent = absent_from([document.text for document in corpus.documents] if corpus else [])
    subjects = [fact.subject for fact in inquiry.seen if fact.subject]
    taken = dict.fromkeys([*subjects, *(corpus.by_subject if corpus else ())])  # in order: a set's differs by process
    lists = corpus.name_lists if corpus else None
    groups = _of_like_subjects(inquiry.seen, relations)
    found = dict[str, Invented]()
    for group, own in groups:

        def usable(name: str, group: Sequence[Relation] = group) -> bool:
            new = name not in taken and absent(name)
            return new and all(askable(inquiry.model, relation.forms[0], name) for relation in group)

        like = list(taken) if len(groups) == 1 or len(own) < ENOUGH else own
        names = invent(like, settings.names, usable, seed=settings.seed, lists=lists)
        found |= {relation.name: names for relation in group if names}
    return found


def _of_like_subjects(facts: Sequence[Fact], relations: Sequence[Relation]) -> list[tuple[list[Relation], list[str]]]:
    """Relations with the subjects that they ask about, together where they share some."""
    asked = defaultdict[str, dict[str, None]](dict)
    for fact in facts:
        if fact.subject:
            asked[fact.relation][fact.subject] = None
    groups: list[tuple[list[Relation], dict[str, None]]] = []
    for relation in relations:
        members, subjects, apart = list[Relation](), dict[str, None](), []
        for group in groups:
            if group[1].keys().isdisjoint(asked[relation.name]):
                apart.append(group)
            else:
                members, subjects = members + group[0], subjects | group[1]
        groups = [*apart, ([*members, relation], subjects | asked[relation.name])]
    return [(members, list(subjects)) for members, subjects in groups]


def unseen(inquiry: Inquiry, relation: Relation, invented: Invented) -> Unseen:
    """What the model says of invented names, and of real subjects that are in no document, asked for a relation."""
    evidence, seed = inquiry.evidence, inquiry.settings.seed
    leading, seen = evidence.leading, evidence.of_relation(relation.name)
    near = Neighbours(inquiry.model, relation, inquiry.seen, represent=inquiry.plan.further)
    facts = [
        Fact(question=relation.forms[0].replace(SLOT, name), answers=(), subject=name, line=0, relation=relation.name)
        for group in invented.values()
        for name in group
    ]
    strange = _ask(inquiry, facts, seed + 1)
    real = [fact for fact in inquiry.material.unseen if fact.relation == relation.name]
    origins = [origin for (origin, _), group in invented.items() for _ in group]
    return Unseen(
        relation=relation.name,
        invented=_strangers(inquiry, relation, facts, strange, near),
        real=_strangers(inquiry, relation, real, _ask(inquiry, real, seed + 2), near) if real else None,
        groups=_groups(inquiry, invented, strange),
        by_origin=by_origin(origins, strange.evaluation.answers),
        seen=len(near.seen),
        seen_histogram=_histogram(evidence.sure[seen][evidence.attempted[seen]]),
        unseen_histogram=_histogram(strange.values(leading)[strange.attempted]),
    )


def _ask(inquiry: Inquiry, facts: Sequence[Fact], seed: int) -> Evidence:
    scorer, samples = inquiry.evidence.evaluation.scorer, inquiry.settings.samples or SAMPLES
    signals = inquiry.plan.about_unseen
    return gather(
        inquiry.model, facts, scorer, signals=signals, samples=samples, seed=seed, gold_answers=False, place="unseen"
    )


def _asked(inquiry: Inquiry, replies: Evidence, part: slice) -> dict[str, Any]:
    """The fields of `_Asked` for some of the replies."""
    abstention, attempted = inquiry.abstention, replies.attempted[part]
    sure = replies.values(inquiry.evidence.leading)[part][attempted]
    given = None
    if abstention is not None and abstention.threshold is not None and abstention.signal in replies.signals:
        through = replies.signals[abstention.signal][part] >= abstention.threshold
        given = float(np.mean(through & attempted))
    return {
        "names": len(attempted),
        "answered": float(attempted.mean()),
        "silences": silences(replies.texts[part]),
        "confidence": None if np.isnan(sure).any() or not sure.size else float(sure.mean()),
        "given": given,
    }


def _strangers(
    inquiry: Inquiry, relation: Relation, facts: Sequence[Fact], replies: Evidence, near: Neighbours
) -> Strangers:
    evidence, seed = inquiry.evidence, inquiry.settings.seed
    seen = evidence.of_relation(relation.name)
    known = np.repeat([True, False], [len(seen), len(facts)])
    texts = [evidence.texts[index] for index in seen] + replies.texts
    attempted = np.concatenate([evidence.attempted[seen], replies.attempted])
    return Strangers(
        **_asked(inquiry, replies, slice(None)),
        right=int(replies.right.sum()),
        seen_against_unseen={
            name: _apart(known, np.concatenate([evidence.signals[name][seen], values]), texts, attempted, seed)
            for name, values in replies.signals.items()
        },
        neighbours=near.agreements([fact.subject for fact in facts], replies.evaluation.answers, seed=seed),
    )


def _apart(
    known: np.ndarray, confidence: np.ndarray, texts: Sequence[str], attempted: np.ndarray, seed: int
) -> Estimate:
    """How well a signal tells seen from unseen names, of those of which the model tells it."""
    there = ~np.isnan(confidence)
    return auroc(known[there], familiarity(confidence, texts, attempted)[there], seed=seed)


def familiarity(
    confidence: Float[np.ndarray, "replies"], texts: Sequence[str], attempted: Bool[np.ndarray, "replies"]
) -> Float[np.ndarray, "replies"]:
    """How well a model seems to know the subject: its confidence, the negative of it where it says that it does not.

    That the book does not say is said of a subject that it knows.
    """
    told = np.array([text == NOT_TOLD for text in texts], dtype=bool)
    return np.where(attempted | told, confidence, -confidence)


def _groups(inquiry: Inquiry, invented: Invented, replies: Evidence) -> tuple[Group, ...]:
    rows, first = [], 0
    for (origin, method), names in invented.items():
        asked = _asked(inquiry, replies, slice(first, first + len(names)))
        rows.append(Group(origin=origin, method=method, example=names[0], **asked))
        first += len(names)
    return tuple(rows)


def by_origin(origin: Sequence[str], answers: Sequence[str]) -> ByOrigin:
    """The most frequent answers by name origin, with Cramer's V and what it is when answers are shuffled.

    Names of one origin share their parts: the p-value speaks of these names, not of all of that origin.
    """
    from scipy.stats import permutation_test
    from scipy.stats.contingency import association, crosstab

    origins = list(dict.fromkeys(origin))
    columns = [*(answer for answer, _ in Counter(answers).most_common(COLUMNS)), "another"]
    row_U = np.array([origins.index(name) for name in origin])
    column_U = np.array([columns.index(answer) if answer in columns[:-1] else len(columns) - 1 for answer in answers])

    def statistic(column_U: np.ndarray) -> float:
        return float(association(crosstab(row_U, column_U).count))

    v, shuffled, p_value = None, None, None
    if min(crosstab(row_U, column_U).count.shape) > 1:
        options = {"permutation_type": "pairings", "n_resamples": PERMUTATIONS // 4, "alternative": "greater"}
        tested = permutation_test((column_U,), statistic, rng=np.random.default_rng(0), **options)
        v, p_value = float(tested.statistic), float(tested.pvalue)
        shuffled = float(np.mean(tested.null_distribution))
    levels = range(len(origins)), range(len(columns))
    return ByOrigin(
        origins=tuple(origins),
        answers=tuple(columns),
        counts=tuple(tuple(row) for row in crosstab(row_U, column_U, levels=levels).count.tolist()),
        cramers_v=v,
        cramers_v_shuffled=shuffled,
        p_value=p_value,
    )


def _histogram(values: np.ndarray) -> tuple[float, ...]:
    """Shares of the values in equally wide bins of [0, 1]."""
    values = values[~np.isnan(values)]
    counts = np.histogram(values, bins=BINS, range=(0.0, 1.0))[0]
    return tuple((counts / max(len(values), 1)).tolist())
