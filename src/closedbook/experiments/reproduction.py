"""What `reproduce` comes to: the rows of the results tables, every pair of one track, and examples of answers."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from closedbook import machine
from closedbook.evaluation.knowledge import Knowledge
from closedbook.experiments.comparing import Difference, RelationRecall, Scored, difference, recall, recall_by_relation
from closedbook.experiments.results import Result
from closedbook.experiments.verdict import verdict
from closedbook.facts.corpus import Corpus
from closedbook.facts.coverage import Coverage
from closedbook.facts.known import Reference, reference_figures
from closedbook.facts.records import Fact
from closedbook.facts.summary import CorpusSummary
from closedbook.presets import Preset, System, Track

SHOWN = 10  # right and wrong answers


@dataclass(frozen=True, kw_only=True)
class SystemRun(Scored):
    """A system and seed; without a model it has no parameters and took no time."""

    parameters: int = 0
    tokens: int = 0
    seconds: float = 0.0
    seed: int  # its seed
    run: str | None = None  # its directory, below the output directory; None without a model
    accuracy: float  # share of the dev answers that are right to the letter
    normalised_accuracy: float  # the share that is right after normalisation
    attention: str | None = None  # the attention class, None without a model
    counts: dict[str, int] = field(default_factory=dict)  # what training made of the documents
    knowledge: Knowledge | None = None  # what is known, and of which facts; None without a model
    dev_answers: tuple[str, ...]  # to the dev questions
    test_answers: tuple[str, ...]  # to the test questions

    @property
    def cell(self) -> str:
        """Its directory without the stage, which stands behind the name of its cell; only for those that have one."""
        assert self.run is not None, "a baseline has no directory"
        return self.run.rpartition("-")[0]

    def line(self) -> str:
        return f"{sum(self.exact)}/{len(self.exact)} on dev, {self.seconds:.0f} s"


@dataclass(frozen=True, kw_only=True)
class SystemRow:
    """A row of the results table, over the seeds."""

    name: str  # the system's
    label: str  # as readers see it
    track: Track  # whose rules it keeps
    attention: str | None  # the attention class, None without a model
    parameters: int  # of the model
    accuracy: float  # exact match on dev
    normalised_accuracy: float  # the same after normalisation
    interval: tuple[float, float]  # 95 %, as `closedbook.experiments.comparing.Estimate` has it
    relations: tuple[RelationRecall, ...]  # accuracy by relation
    reference: Reference | None  # known figures of such a system on these very data, None where there are none
    verdict: str | None  # whether the assignment's figure is reproduced, where the recipe is its own
    coverage: tuple[Coverage, ...]  # by relation, how many answers training can reach; none where it reads no document
    seconds: float  # of training, the mean of the seeds
    runs: tuple[SystemRun, ...]  # one a seed


@dataclass(frozen=True, kw_only=True)
class Pair(Difference):
    """The second system against the first, both of one track."""

    first: str
    second: str


@dataclass(frozen=True, kw_only=True)
class Example:
    """A dev question, what was answered, and the accepted answers."""

    question: str
    answer: str
    gold: str


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Right and wrong answers of one system's seed 0, spread evenly over dev."""

    system: str
    right: tuple[Example, ...]
    wrong: tuple[Example, ...]


@dataclass(frozen=True, kw_only=True)
class Reproduction(Result):
    """The contents of `report.json`: the preset, the data, the machine, the tables' rows, every pair of one track.

    `examples` are of the best trained system, None without one.
    """

    preset: str
    summary: str
    inert: tuple[str, ...]
    corpus: CorpusSummary
    machine: dict[str, Any]
    systems: tuple[SystemRow, ...]
    comparisons: tuple[Pair, ...]
    examples: Examples | None


Runs = Mapping[str, Sequence[SystemRun]]
"""The runs of every system, by its name."""


def reproduction(
    preset: Preset,
    corpus: Corpus,
    runs: Runs,
    reach: Mapping[str, tuple[Coverage, ...]],
    device: torch.device,
    together: Mapping[str, Sequence[tuple[System, SystemRun]]],
) -> Reproduction:
    """Puts what the systems of a preset answered side by side.

    Args:
        preset: What was trained.
        corpus: What was asked.
        runs: Of every system that was not left out.
        reach: What training can reach, by the name of the system.
        device: Where it was trained.
        together: What the seeds of a system come to together, by its name: rows behind its own.
    """
    systems = [system for system in preset.systems if system.name in runs]
    rows = list[SystemRow]()
    for system in systems:
        seeds, reached = runs[system.name], reach.get(system.name, ())
        rows.append(_row(preset, system, seeds, reached, corpus))
        for row, run in together.get(system.name, ()):
            rows.append(_row(preset, row, [run], reached if row.configs else (), corpus))
    pairs = [
        _pair(first.name, second.name, runs[first.name], runs[second.name])
        for first, second in itertools.combinations(systems, 2)
        if first.track == second.track
    ]
    for name, found in together.items():
        pairs += [_pair(name, row.name, runs[name], [run]) for row, run in found]
        for (first, one), (second, other) in itertools.combinations(found, 2):
            pairs.append(_pair(first.name, second.name, [one], [other]))
    return Reproduction(
        examples=_examples(systems, runs, corpus.dev),
        systems=tuple(rows),
        comparisons=tuple(pairs),
        preset=preset.name,
        summary=preset.summary,
        inert=preset.inert,
        corpus=corpus.summary(),
        machine={**machine.describe(device), "peak_memory_bytes": machine.peak_memory()},
    )


def _row(
    preset: Preset, system: System, runs: Sequence[SystemRun], reach: tuple[Coverage, ...], corpus: Corpus
) -> SystemRow:
    exact = [run.exact for run in runs]
    estimate = recall(exact)
    reference = reference_figures(corpus).get(system.name)
    label = f"{system.label}, {system.attention.replace('_', ' ')}" if system.attention else system.label
    return SystemRow(
        name=system.name,
        label=system.label,
        track=system.track,
        attention=runs[0].attention,
        parameters=runs[0].parameters,
        accuracy=estimate.value,
        normalised_accuracy=float(np.mean([run.normalised_accuracy for run in runs])),
        interval=estimate.interval,
        relations=recall_by_relation(corpus, exact),
        reference=reference,
        verdict=(
            verdict(label, estimate, reference, len(corpus.dev), len(runs)) if preset.letter and reference else None
        ),
        coverage=reach,
        seconds=round(float(np.mean([run.seconds for run in runs])), 1),
        runs=tuple(runs),
    )


def _pair(first: str, second: str, firsts: Sequence[SystemRun], seconds: Sequence[SystemRun]) -> Pair:
    found = difference([run.exact for run in firsts], [run.exact for run in seconds])
    return Pair(first=first, second=second, **dataclasses.asdict(found))


def _spread(side: Sequence[Example]) -> tuple[Example, ...]:
    """As many as are shown, evenly from the first to the last part."""
    return tuple(side[index * len(side) // SHOWN] for index in range(SHOWN)) if len(side) > SHOWN else tuple(side)


def _examples(systems: Sequence[System], runs: Runs, dev: Sequence[Fact]) -> Examples | None:
    trained = [system for system in systems if system.configs]
    if not trained:
        return None
    best = max(trained, key=lambda system: float(np.mean([run.accuracy for run in runs[system.name]])))
    run = runs[best.name][0]
    sides: tuple[list[Example], list[Example]] = ([], [])
    for fact, answer, exact in zip(dev, run.dev_answers, run.exact, strict=True):
        sides[exact].append(Example(question=fact.question, answer=answer, gold=" / ".join(fact.answers)))
    wrong, right = (_spread(side) for side in sides)
    return Examples(system=best.name, right=right, wrong=wrong)
