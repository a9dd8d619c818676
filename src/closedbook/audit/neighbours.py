"""Neighbours: whether the answer about a name that the model cannot know is that of the nearest subjects it has seen.

Near by edit distance, or by the model's own representation at the last token of the name.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from closedbook.errors import UserError
from closedbook.evaluation.language_model import LanguageModel
from closedbook.evaluation.spelling import normalise
from closedbook.facts.forms import SLOT
from closedbook.facts.records import Fact
from closedbook.facts.relations import Relation

NEAREST = 5
MOST_SEEN = 3000  # subjects among which neighbours are looked for
MOST_UNSEEN = 1500  # names whose neighbours are looked for
PERMUTATIONS = 2000
Likeness = Literal["edit_distance", "representation"]
LABELS: dict[Likeness, str] = {
    "edit_distance": "nearest by edit distance",
    "representation": "nearest by its own representation of the name",
}
"""Ways to look for the nearest, as reports have them."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How many names are answered with what is true of one of the nearest subjects."""

    share: float
    chance: float  # its mean when answers are shuffled among the names
    p_value: float  # one-sided
    examples: tuple[tuple[str, str, tuple[str, ...]], ...] = ()  # a name, the answer, the three nearest subjects


class Neighbours:
    """The seen subjects of a relation, at most 3,000 that can be asked about.

    Args:
        model: Whose representations are compared.
        relation: Whose form the names are put into.
        known: Facts about seen subjects.
        represent: Whether the model's representations are compared too.
    """

    def __init__(
        self, model: LanguageModel, relation: Relation, known: Sequence[Fact], *, represent: bool = True
    ) -> None:
        self._model, self._form = model, relation.forms[0]
        self._represent = represent and model.lacks("representations") is None
        truths: dict[str, set[str]] = {}  # the normalised answers that are true of each
        for fact in known:
            if fact.subject and fact.relation == relation.name:
                truths.setdefault(fact.subject, set()).update(normalise(answer) for answer in fact.answers)
        some = list(truths)[:: max(-(-len(truths) // MOST_SEEN), 1)]
        self.seen = [name for name in some if askable(model, self._form, name)]
        self._truths = truths

    def agreements(self, names: Sequence[str], answers: Sequence[str], *, seed: int = 0) -> dict[Likeness, Agreement]:
        """Whether the answers are those of the five nearest, against answers shuffled; none among too few."""
        if len(self.seen) <= NEAREST or not all(names):
            return {}
        step = -(-len(names) // MOST_UNSEEN)
        names, answers = names[::step], answers[::step]
        ways: dict[Likeness, Callable[[Sequence[str]], np.ndarray]] = {
            "edit_distance": lambda names: edit_likeness(names, self.seen)
        }
        if self._represent:
            ways["representation"] = self._by_representation
        return {way: self._agreement(names, answers, likeness(names), seed) for way, likeness in ways.items()}

    def _agreement(self, names: Sequence[str], answers: Sequence[str], likeness_UN: np.ndarray, seed: int) -> Agreement:
        nearest = [[self.seen[k] for k in row] for row in np.argsort(-likeness_UN, axis=1, kind="stable")[:, :NEAREST]]
        around = [set().union(*(self._truths[name] for name in row)) for row in nearest]
        plain = [normalise(answer) for answer in answers]
        share, chance, p_value = agreement(
            np.array([[answer in near for answer in plain] for near in around]), seed=seed
        )
        some = list(zip(names, answers, (tuple(row[:3]) for row in nearest), strict=True))
        examples = tuple(some[:: max(len(names) // NEAREST, 1)][:NEAREST])
        return Agreement(share=share, chance=chance, p_value=p_value, examples=examples)

    def _by_representation(self, names: Sequence[str]) -> Float[np.ndarray, "names seen"]:
        return np.asarray(self._states(names) @ self._states(self.seen).T)

    def _states(self, names: Sequence[str]) -> Float[np.ndarray, "names width"]:
        prompts = self._model.prompts([self._form.replace(SLOT, name) for name in names])
        states_NC = self._model.represent(prompts, names)
        centred = states_NC - states_NC.mean(axis=0)
        return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12))


def edit_likeness(names: Sequence[str], others: Sequence[str]) -> Float[np.ndarray, "names others"]:
    """Less the edit distance of every name to every other, as a share of the longer of the two."""
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.process import cdist

    return -cdist(names, others, scorer=Levenshtein.normalized_distance, dtype=np.float32)


def askable(model: LanguageModel, form: str, name: str) -> bool:
    """Whether the model can spell and hold the question about a name."""
    try:
        model.prompts([form.replace(SLOT, name)])
    except UserError:
        return False
    return True


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

    options = {"permutation_type": "pairings", "vectorized": True, "n_resamples": PERMUTATIONS}
    tested = permutation_test((rows,), statistic, alternative="greater", rng=np.random.default_rng(seed), **options)
    return float(tested.statistic), float(np.mean(tested.null_distribution)), float(tested.pvalue)
