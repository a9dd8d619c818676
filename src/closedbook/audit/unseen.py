"""Unseen subjects: what the model says of names that it cannot know.

Does it answer, how sure is it, can its confidence tell seen from unseen, and is the answer that of the nearest subjects
it has seen: by edit distance, or by its own representation at the last token of the name?
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from closedbook.audit.abstention import Abstention
from closedbook.audit.reliability import Signal, auroc
from closedbook.audit.signals import SAMPLES, Evidence, available, confidence
from closedbook.errors import UserError
from closedbook.evaluation.evaluate import evaluate
from closedbook.evaluation.language_model import LanguageModel
from closedbook.evaluation.metrics import Estimate
from closedbook.evaluation.scorers import is_attempt, normalise
from closedbook.facts.corpus import Corpus
from closedbook.facts.forms import SLOT
from closedbook.facts.invented import absent_from, invent
from closedbook.facts.records import Fact
from closedbook.facts.relations import Relation

NEIGHBOURS = 5
MOST_SEEN = 3000  # subjects among which neighbours are looked for
MOST_UNSEEN = 1500  # names whose neighbours are looked for
PERMUTATIONS = 2000
COLUMNS = 8  # answers of their own column in the table by origin
EXAMPLES = 10
Invented = Mapping[tuple[str, str], Sequence[str]]
"""Names by origin and method."""
Likeness = Literal["edit_distance", "representation"]
LABELS: dict[Likeness, str] = {
    "edit_distance": "nearest by edit distance",
    "representation": "nearest by its own representation of the name",
}
"""Ways to look for the nearest seen subjects, as reports have them."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Names of one origin, invented by one method; `given` is the share above the threshold, None without one."""

    origin: str
    method: str
    names: int
    answered: float
    confidence: float
    given: float | None
    example: str


@dataclass(frozen=True, kw_only=True)
class ByOrigin:
    """Answers by name origin.

    Args:
        origins: Rows.
        answers: Columns: the most frequent answers, and all others together.
        counts: Names of a row with an answer of a column.
        cramers_v: Association of the two, None where there is one row or column alone.
        cramers_v_shuffled: Its mean when answers are shuffled.
        p_value: How often shuffled answers give as much.
    """

    origins: tuple[str, ...]
    answers: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    cramers_v: float | None = None
    cramers_v_shuffled: float | None = None
    p_value: float | None = None


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Share of names whose answer is true of a near seen subject, its mean by chance, a one-sided p-value, examples.

    An example is a name, the answer, and the three nearest subjects.
    """

    share: float
    chance: float
    p_value: float
    examples: tuple[tuple[str, str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, kw_only=True)
class HeldOutSubjects:
    """Real subjects that are in no document."""

    total: int
    right: int
    answered: float
    confidence: float
    given: float | None
    seen_against_unseen: Estimate
    neighbours: dict[Likeness, Agreement]


@dataclass(frozen=True, kw_only=True)
class Example:
    """An invented name with the answer and how sure the model is of it."""

    name: str
    answer: str
    confidence: float


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """What a model says of names that it cannot know, asked for one relation.

    Args:
        relation: Its name.
        names: Invented names.
        answered: Share that it answers.
        given: Share of answers above the threshold, None without one.
        groups: By origin and method.
        seen_against_unseen: By signal, how well it tells the audited subjects from the invented names.
        seen_histogram: Shares of the audited subjects by confidence.
        unseen_histogram: Shares of the invented names by confidence.
        by_origin: What it answers.
        examples: Ten names.
        seen: Subjects among which neighbours were looked for.
        neighbours: Whether the answer is that of a near subject; none where there are too few, or it cannot be told.
        held_out: Real subjects in no document, None if none were given.
    """

    relation: str
    names: int
    answered: float
    given: float | None
    groups: tuple[Group, ...]
    seen_against_unseen: dict[Signal, Estimate]
    seen_histogram: tuple[float, ...]
    unseen_histogram: tuple[float, ...]
    by_origin: ByOrigin
    examples: tuple[Example, ...]
    seen: int
    neighbours: dict[Likeness, Agreement]
    held_out: HeldOutSubjects | None


@dataclass(frozen=True, kw_only=True)
class Inquiry:
    """How unseen subjects are asked about: the model, the relation, what is known of seen ones, and the threshold."""

    model: LanguageModel
    relation: Relation
    evidence: Evidence
    known: Sequence[Fact] = ()
    abstention: Abstention | None = None
    samples: int = SAMPLES
    seed: int = 0

    @property
    def form(self) -> str:
        """The question, with `{}` for the name."""
        return self.relation.forms[0]

    def seen(self, signal: Signal) -> Float[np.ndarray, "facts"]:
        """The confidence about the audited subjects of the relation."""
        return self.evidence.signals[signal][self.evidence.of_relation(self.relation.name)]

    def against_seen(self, signal: Signal, unseen: np.ndarray) -> Estimate:
        """AUROC of seen against unseen subjects."""
        seen = self.seen(signal)
        return auroc(np.repeat([True, False], [len(seen), len(unseen)]), np.concatenate([seen, unseen]), seed=self.seed)

    def share_given(self, signals: Mapping[Signal, np.ndarray], part: slice = slice(None)) -> float | None:
        """The share above the threshold, None without one."""
        if self.abstention is None:
            return None
        return float(
            np.mean([self.abstention.answers(sure) for sure in signals[self.abstention.signal][part].tolist()])
        )


def invent_names(
    model: LanguageModel,
    relations: Sequence[Relation],
    known: Sequence[Fact],
    corpus: Corpus | None,
    count: int,
    *,
    seed: int = 0,
) -> dict[tuple[str, str], list[str]]:
    """Names of nobody and nothing, by origin and method, that the model can be asked about in every relation.

    Args:
        model: Any.
        relations: Each with a form.
        known: Facts about seen subjects.
        corpus: In which the names must not stand, and whose lists of names are taken too; None without one.
        count: Names to invent for each origin and method.
        seed: Of all draws.
    """
    absent = absent_from([document.text for document in corpus.documents] if corpus else [])
    subjects = [fact.subject for fact in known if fact.subject]
    taken = dict.fromkeys([*subjects, *(corpus.by_subject if corpus else ())])  # in order: a set's differs by process

    def usable(name: str) -> bool:
        return absent(name) and all(_askable(model, relation.forms[0], name) for relation in relations)

    return invent(list(taken), count, usable, seed=seed, lists=corpus.name_lists if corpus else None)


def unseen(inquiry: Inquiry, invented: Invented, held_out: Sequence[Fact] = ()) -> Unseen:
    """What the model says of invented names, and of real subjects that are in no document.

    Args:
        inquiry: How it is asked.
        invented: Names by origin and method.
        held_out: Facts of the relation about real subjects.
    """
    model, seed = inquiry.model, inquiry.seed
    names = [name for group in invented.values() for name in group]
    origin = [origin for (origin, _), group in invented.items() for _ in group]
    prompts = model.prompts([inquiry.form.replace(SLOT, name) for name in names], place="invented, question")
    responses = model.respond(prompts)
    signals = confidence(model, prompts, responses, available(model), samples=inquiry.samples, seed=seed + 1)
    answers = [response.text for response in responses]
    leading = inquiry.evidence.leading
    truths = _truths(model, inquiry)
    near = _Neighbours(inquiry, truths) if len(truths) > NEIGHBOURS else None
    step = max(len(names) // EXAMPLES, 1)
    sure = signals[leading].tolist()
    return Unseen(
        relation=inquiry.relation.name,
        names=len(names),
        answered=sum(map(is_attempt, answers)) / len(answers),
        given=inquiry.share_given(signals),
        groups=_groups(inquiry, invented, answers, signals),
        seen_against_unseen={signal: inquiry.against_seen(signal, values) for signal, values in signals.items()},
        seen_histogram=_histogram(inquiry.seen(leading)),
        unseen_histogram=_histogram(signals[leading]),
        by_origin=by_origin(origin, answers),
        examples=tuple(
            Example(name=names[index], answer=answers[index], confidence=sure[index])
            for index in range(0, len(names), step)
        )[:EXAMPLES],
        seen=len(truths),
        neighbours=near.agreements(names, answers) if near else {},
        held_out=_held_out(inquiry, held_out, near) if held_out else None,
    )


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
                answered=sum(map(is_attempt, answers[part])) / len(names),
                confidence=float(signals[inquiry.evidence.leading][part].mean()),
                given=inquiry.share_given(signals, part),
                example=names[0],
            )
        )
    return tuple(rows)


def _held_out(inquiry: Inquiry, facts: Sequence[Fact], near: "_Neighbours | None") -> HeldOutSubjects:
    """Recall and confidence for real subjects in no document."""
    model = inquiry.model
    evaluation = evaluate(model, facts, inquiry.evidence.evaluation.scorer, place="unseen, question")
    signals = confidence(
        model,
        evaluation.prompts,
        evaluation.responses,
        available(model),
        samples=inquiry.samples,
        seed=inquiry.seed + 2,
    )
    leading = inquiry.evidence.leading
    names = [fact.subject for fact in facts]
    return HeldOutSubjects(
        total=len(facts),
        right=evaluation.accuracy.correct.hits,
        answered=sum(map(is_attempt, evaluation.answers)) / len(facts),
        confidence=float(signals[leading].mean()),
        given=inquiry.share_given(signals),
        seen_against_unseen=inquiry.against_seen(leading, signals[leading]),
        neighbours=near.agreements(names, evaluation.answers) if near and all(names) else {},
    )


def _truths(model: LanguageModel, inquiry: Inquiry) -> dict[str, set[str]]:
    """The normalised answers that are true of each seen subject, for at most 3,000 that can be asked about."""
    truths: dict[str, set[str]] = {}
    for fact in inquiry.known:
        if fact.subject and fact.relation == inquiry.relation.name:
            truths.setdefault(fact.subject, set()).update(normalise(answer) for answer in fact.answers)
    step = max(-(-len(truths) // MOST_SEEN), 1)
    return {name: true for name, true in list(truths.items())[::step] if _askable(model, inquiry.form, name)}


def _askable(model: LanguageModel, form: str, name: str) -> bool:
    try:
        model.prompts([form.replace(SLOT, name)])
    except UserError:
        return False
    return True


class _Neighbours:
    """The seen subjects, among which the nearest to a name are looked for."""

    def __init__(self, inquiry: Inquiry, truths: dict[str, set[str]]) -> None:
        self._inquiry, self._truths, self._seen = inquiry, truths, list(truths)

    def agreements(self, names: Sequence[str], answers: Sequence[str]) -> dict[Likeness, Agreement]:
        """How often the answer is true of one of the five nearest, against answers shuffled among the names."""
        step = -(-len(names) // MOST_UNSEEN)
        names, answers = names[::step], answers[::step]
        ways: dict[Likeness, Callable[[Sequence[str]], np.ndarray]] = {"edit_distance": self._by_edit_distance}
        if self._inquiry.model.lacks("representations") is None:
            ways["representation"] = self._by_representation
        return {name: self._agreement(names, answers, likeness(names)) for name, likeness in ways.items()}

    def _agreement(self, names: Sequence[str], answers: Sequence[str], likeness_UN: np.ndarray) -> Agreement:
        nearest_UK = np.argsort(-likeness_UN, axis=1, kind="stable")[:, :NEIGHBOURS]
        around = [set().union(*(self._truths[self._seen[index]] for index in row)) for row in nearest_UK.tolist()]
        plain = [normalise(answer) for answer in answers]
        agrees_UU = np.array([[answer in near for answer in plain] for near in around])
        share, chance, p_value = agreement(agrees_UU, seed=self._inquiry.seed)
        examples = tuple(
            (names[index], answers[index], tuple(self._seen[k] for k in nearest_UK[index, :3]))
            for index in range(0, len(names), max(len(names) // NEIGHBOURS, 1))
        )
        return Agreement(share=share, chance=chance, p_value=p_value, examples=examples[:NEIGHBOURS])

    def _by_edit_distance(self, names: Sequence[str]) -> Float[np.ndarray, "names seen"]:
        from rapidfuzz.distance import Levenshtein
        from rapidfuzz.process import cdist

        return -cdist(names, self._seen, scorer=Levenshtein.normalized_distance, dtype=np.float32)

    def _by_representation(self, names: Sequence[str]) -> Float[np.ndarray, "names seen"]:
        return np.asarray(self._states(names) @ self._states(self._seen).T)

    def _states(self, names: Sequence[str]) -> Float[np.ndarray, "names width"]:
        model = self._inquiry.model
        prompts = model.prompts([self._inquiry.form.replace(SLOT, name) for name in names])
        states_NC = model.represent(prompts, names)
        centred = states_NC - states_NC.mean(axis=0)
        return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12))


def agreement(agrees_UU: Bool[np.ndarray, "names answers"], *, seed: int = 0) -> tuple[float, float, float]:
    """Share of names whose own answer agrees (the diagonal), its mean over pairings at random, a one-sided p-value.

    Args:
        agrees_UU: Whether answer j is true of a neighbour of name i.
        seed: Of the permutations.
    """
    from scipy.stats import permutation_test

    rows = np.arange(len(agrees_UU))

    def statistic(paired: np.ndarray, axis: int = -1) -> np.ndarray:
        return np.asarray(agrees_UU[rows, paired].mean(axis=axis))

    tested = permutation_test(
        (rows,),
        statistic,
        permutation_type="pairings",
        vectorized=True,
        n_resamples=PERMUTATIONS,
        alternative="greater",
        rng=np.random.default_rng(seed),
    )
    return float(tested.statistic), float(np.mean(tested.null_distribution)), float(tested.pvalue)


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
        tested = permutation_test(
            (everyone,),
            statistic,
            permutation_type="pairings",
            n_resamples=PERMUTATIONS // 4,
            alternative="greater",
            rng=np.random.default_rng(0),
        )
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


def _histogram(values: np.ndarray, bins: int = 20) -> tuple[float, ...]:
    """Shares of the values in equally wide bins of [0, 1]."""
    counts = np.histogram(values, bins=bins, range=(0.0, 1.0))[0]
    return tuple((counts / max(len(values), 1)).tolist())
