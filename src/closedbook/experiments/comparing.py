"""What experiments share: right or wrong by question, recall over seeds and questions, paired differences.

Axes: S seeds, Q questions. Right is 1, wrong is 0.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from closedbook import machine
from closedbook.evaluation.evaluate import Evaluation, evaluate
from closedbook.evaluation.statistics import bootstrap, mcnemar, permutation, wilson
from closedbook.experiments.grid import Grid, Trained
from closedbook.experiments.results import Result
from closedbook.facts.corpus import Corpus
from closedbook.facts.summary import CorpusSummary


@dataclass(frozen=True, kw_only=True)
class Scored(Result):
    """A trained cell on the dev facts that it was asked."""

    exact: tuple[int, ...]  # right or wrong, question by question
    parameters: int  # of the model
    tokens: int  # that it was trained on, in all stages
    seconds: float  # of training, in all stages

    def line(self) -> str:
        return f"{sum(self.exact)}/{len(self.exact)} right, {self.seconds:.0f} s"


def measure_exact(trained: Trained) -> Scored:
    """Asks the dev facts."""
    return Scored(**scored(trained, evaluate(trained.run, trained.asked.dev)))


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
    """What the reports of experiments have in common."""

    recipe: str  # what was trained
    corpus: CorpusSummary  # on what, with what could mislead
    machine: dict[str, Any]  # where
    seeds: int  # of every training


def provenance(grid: Grid, corpus: Corpus, recipe: str, seeds: int) -> dict[str, Any]:
    """The fields of `Report`."""
    return {"recipe": recipe, "corpus": corpus.summary(), "machine": machine.describe(grid.device), "seeds": seeds}


Rows = Sequence[Sequence[int]]
"""Right or wrong, seed by seed and question by question."""
Share = tuple[float, float, float]
"""A share, and its interval's ends."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean over seeds and questions.

    Args:
        value: The mean.
        interval: Its 95 % interval: of recall Wilson's, joined for several seeds with a bootstrap over seeds and
            questions; of a difference the bootstrap's, or Newcombe's where every question has the same.
        by_seed: Each seed's mean over the questions.
    """

    value: float
    interval: tuple[float, float]
    by_seed: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The second system's mean minus the first's, on the same seeds and questions."""

    difference: float  # of the means
    interval: tuple[float, float]  # its 95 % interval, as `Estimate.interval`
    p_values: tuple[float, ...]  # McNemar's exact test, seed by seed
    permutation_p: float  # permutation test over questions of the means over seeds


@dataclass(frozen=True, kw_only=True)
class RelationRecall:
    """Recall on the questions of one relation."""

    relation: str  # its name
    label: str  # what reports call its answer
    questions: int  # how many
    accuracy: float  # the mean over seeds and questions
    interval: tuple[float, float]  # as `Estimate.interval`


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One arm of an experiment over its seeds, against the first arm."""

    name: str  # the arm's
    recall: Estimate  # of what it was asked
    against_first: Difference | None  # what it has over the first arm, None for the first itself
    relations: tuple[RelationRecall, ...]  # recall by relation
    parameters: int  # of the model
    tokens: int  # that seed 0 was trained on
    seconds: float  # of training, the median of the seeds, as they ran


def compared(name: str, results: Mapping[str, Sequence[Scored]], asked: Corpus) -> dict[str, Any]:
    """The fields of `Compared`.

    Args:
        name: The arm's.
        results: Of every arm, by seed; the first arm is the one that the others are compared with.
        asked: Holds the dev facts.
    """
    first, own = next(iter(results.values())), results[name]
    exact = [result.exact for result in own]
    return {
        "name": name,
        "recall": recall(exact),
        "against_first": None if own is first else difference([result.exact for result in first], exact),
        "relations": recall_by_relation(asked, exact),
        "parameters": own[0].parameters,
        "tokens": own[0].tokens,
        "seconds": float(np.median([result.seconds for result in own])),
    }


def recall(exact: Rows) -> Estimate:
    """The share of right answers.

    Where nearly all answers are right, or wrong, a bootstrap draws nearly the same every time and would be too sure.
    """
    exact_SQ = np.array(exact, dtype=np.float64)
    value, low, high = _wilson(exact_SQ)
    if len(exact_SQ) > 1:
        drawn_low, drawn_high = bootstrap(exact_SQ)
        low, high = min(low, drawn_low), max(high, drawn_high)
    return Estimate(value=value, interval=(low, high), by_seed=tuple(exact_SQ.mean(axis=1).tolist()))


def advantage(first: Rows, second: Rows) -> Estimate:
    """How much more often the second is right, paired by seed and question."""
    difference_SQ = np.array(second, dtype=np.float64) - np.array(first, dtype=np.float64)
    by_seed = tuple(difference_SQ.mean(axis=1).tolist())
    return Estimate(value=float(difference_SQ.mean()), interval=_paired(difference_SQ), by_seed=by_seed)


def difference(first: Rows, second: Rows) -> Difference:
    """The second against the first; one that has a single row stands for every seed."""
    first_SQ, second_SQ = np.broadcast_arrays(np.array(first, dtype=np.float64), np.array(second, dtype=np.float64))
    return Difference(
        difference=float((second_SQ - first_SQ).mean()),
        interval=_paired(second_SQ - first_SQ),
        p_values=tuple(
            mcnemar(a.astype(bool).tolist(), b.astype(bool).tolist()) for a, b in zip(first_SQ, second_SQ, strict=True)
        ),
        permutation_p=permutation(first_SQ.mean(axis=0), second_SQ.mean(axis=0)),
    )


def _paired(difference_SQ: Float[np.ndarray, "seeds questions"]) -> tuple[float, float]:
    """The 95 % interval of a mean difference: a bootstrap's, but of one that is everywhere the same Newcombe's.

    The difference is the share of questions that the second alone has right, less the share that the first alone has.
    """
    if difference_SQ.min() < difference_SQ.max():
        return bootstrap(difference_SQ)
    gains, losses = (_wilson((sign * difference_SQ > 0).astype(np.float64)) for sign in (1, -1))
    return newcombe(losses, gains)


def _wilson(share_SQ: Float[np.ndarray, "seeds questions"]) -> Share:
    """The mean over seeds and questions with Wilson's interval for that many questions."""
    value, questions = float(share_SQ.mean()), share_SQ.shape[1]
    return value, *wilson(round(value * questions), questions)


def newcombe(first: Share, second: Share) -> tuple[float, float]:
    """The interval of the second share less the first, from the interval of each (Newcombe 1998, method 10)."""
    (a, a_low, a_high), (b, b_low, b_high) = first, second
    return b - a - math.hypot(b - b_low, a_high - a), b - a + math.hypot(b_high - b, a - a_low)


def recall_by_relation(corpus: Corpus, exact: Rows) -> tuple[RelationRecall, ...]:
    """Recall on the dev questions of every relation, in the corpus's order of relations."""
    exact_SQ = np.array(exact)
    rows = []
    for relation in corpus.relations:
        chosen_Q = np.array([fact.relation == relation.name for fact in corpus.dev])
        if chosen_Q.any():
            estimate = recall(exact_SQ[:, chosen_Q].tolist())
            rows.append(
                RelationRecall(
                    relation=relation.name,
                    label=relation.label,
                    questions=int(chosen_Q.sum()),
                    accuracy=estimate.value,
                    interval=estimate.interval,
                )
            )
    return tuple(rows)
