"""What experiments share: right or wrong by question, recall over seeds and questions, paired differences.

Axes: S seeds, Q questions. Right is 1, wrong is 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from closedbook import machine
from closedbook.evaluation.evaluate import Evaluation, evaluate
from closedbook.evaluation.statistics import bootstrap, mcnemar, permutation, wilson
from closedbook.experiments.grid import Grid, Trained
from closedbook.experiments.results import Result
from closedbook.facts.corpus import Corpus, CorpusSummary


@dataclass(frozen=True, kw_only=True)
class Scored(Result):
    """A trained cell on the dev facts that it was asked.

    Args:
        exact: Right or wrong, question by question.
        parameters: Of the model.
        tokens: That it was trained on, in all stages.
        seconds: Of training, in all stages.
    """

    exact: tuple[int, ...]
    parameters: int
    tokens: int
    seconds: float

    def line(self) -> str:
        return f"{sum(self.exact)}/{len(self.exact)} right, {self.seconds:.0f} s"


def measure_exact(trained: Trained) -> Scored:
    """Asks the dev facts."""
    return Scored(**scored(trained, evaluate(trained.run, trained.cell.asked.dev)))


def scored(trained: Trained, evaluation: Evaluation) -> dict[str, Any]:
    """The fields of `Scored`."""
    return {
        "exact": tuple(int(score.exact) for score in evaluation.scores),
        "parameters": trained.run.parameters,
        "tokens": trained.total("tokens"),
        "seconds": round(trained.total("seconds"), 2),
    }


@dataclass(frozen=True, kw_only=True)
class Report(Result):
    """What the reports of experiments have in common.

    Args:
        recipe: What was trained.
        corpus: On what, with what could mislead.
        machine: Where.
        seeds: Of every training.
    """

    recipe: str
    corpus: CorpusSummary
    machine: dict[str, Any]
    seeds: int


def provenance(grid: Grid, corpus: Corpus, recipe: str, seeds: int) -> dict[str, Any]:
    """The fields of `Report`."""
    return {
        "recipe": recipe,
        "corpus": corpus.summary(),
        "machine": machine.describe(grid.device),
        "seeds": seeds,
    }


Rows = Sequence[Sequence[int]]
"""Right or wrong, seed by seed and question by question."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean over seeds and questions.

    Args:
        value: The mean.
        interval: Its 95 % interval: Wilson's for the recall of one seed, else a bootstrap over seeds and questions.
        by_seed: Each seed's mean over the questions.
    """

    value: float
    interval: tuple[float, float]
    by_seed: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The second system's mean minus the first's, on the same seeds and questions.

    Args:
        difference: Of the means.
        interval: Its 95 % bootstrap interval over seeds and questions.
        p_values: McNemar's exact test, seed by seed.
        permutation_p: Permutation test over questions of the means over seeds.
    """

    difference: float
    interval: tuple[float, float]
    p_values: tuple[float, ...]
    permutation_p: float


@dataclass(frozen=True, kw_only=True)
class RelationRecall:
    """Recall on the questions of one relation.

    Args:
        relation: Its name.
        label: What reports call its answer.
        questions: How many.
        accuracy: The mean over seeds and questions.
        interval: As `Estimate.interval`.
    """

    relation: str
    label: str
    questions: int
    accuracy: float
    interval: tuple[float, float]


def recall(exact: Rows) -> Estimate:
    """The share of right answers."""
    exact_SQ = np.array(exact, dtype=np.float64)
    interval = bootstrap(exact_SQ) if len(exact_SQ) > 1 else wilson(int(exact_SQ.sum()), exact_SQ.size)
    return Estimate(value=float(exact_SQ.mean()), interval=interval, by_seed=tuple(exact_SQ.mean(axis=1).tolist()))


def advantage(first: Rows, second: Rows) -> Estimate:
    """How much more often the second is right, paired by seed and question."""
    difference_SQ = np.array(second, dtype=np.float64) - np.array(first, dtype=np.float64)
    return Estimate(
        value=float(difference_SQ.mean()),
        interval=bootstrap(difference_SQ),
        by_seed=tuple(difference_SQ.mean(axis=1).tolist()),
    )


def difference(first: Rows, second: Rows) -> Difference:
    """The second against the first; one that has a single row stands for every seed."""
    first_SQ, second_SQ = np.broadcast_arrays(np.array(first, dtype=np.float64), np.array(second, dtype=np.float64))
    return Difference(
        difference=float((second_SQ - first_SQ).mean()),
        interval=bootstrap(second_SQ - first_SQ),
        p_values=tuple(
            mcnemar(a.astype(bool).tolist(), b.astype(bool).tolist()) for a, b in zip(first_SQ, second_SQ, strict=True)
        ),
        permutation_p=permutation(first_SQ.mean(axis=0), second_SQ.mean(axis=0)),
    )


def recall_by_relation(corpus: Corpus, exact: Rows) -> tuple[RelationRecall, ...]:
    """Recall on the dev questions of every relation, in the corpus's order of relations."""
    exact_SQ = np.array(exact)
    found = []
    for relation in corpus.relations:
        chosen = np.array([fact.relation == relation.name for fact in corpus.dev])
        if chosen.any():
            estimate = recall(exact_SQ[:, chosen].tolist())
            found.append(
                RelationRecall(
                    relation=relation.name,
                    label=relation.label,
                    questions=int(chosen.sum()),
                    accuracy=estimate.value,
                    interval=estimate.interval,
                )
            )
    return tuple(found)
