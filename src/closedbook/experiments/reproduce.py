"""The main job: every system of a preset, trained on every seed, scored on dev, as one results table a track.

The output directory holds `corpus/` (for the built-in data), `runs/`, `results/`, predictions under the systems' file
names, `report.json` and, from the report, `report.html`.
"""

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from closedbook import machine
from closedbook.config import BUILT_IN, PeopleConfig, to_dict
from closedbook.errors import UserError
from closedbook.evaluation.baselines import most_frequent_answers
from closedbook.evaluation.evaluate import evaluate
from closedbook.evaluation.knowledge import Knowledge, examine, summarise
from closedbook.evaluation.metrics import accuracy
from closedbook.evaluation.scorers import Score, score_all
from closedbook.experiments.comparing import Difference, RelationRecall, difference, recall, recall_by_relation
from closedbook.experiments.cost import estimate, in_words
from closedbook.experiments.grid import Cell, Grid, Trained
from closedbook.experiments.options import ReproduceConfig
from closedbook.experiments.reporter import Reporter
from closedbook.experiments.results import Result
from closedbook.experiments.train import coverage_of
from closedbook.experiments.verdict import verdict
from closedbook.facts.built_in import write_built_in
from closedbook.facts.corpus import Corpus, read_directory
from closedbook.facts.coverage import Coverage, coverage_lines
from closedbook.facts.known import Reference, reference_figures
from closedbook.facts.summary import CorpusSummary
from closedbook.presets import Preset, System, Track
from closedbook.recipes import with_seed
from closedbook.runs import write_predictions
from closedbook.selfstudy.study import question_forms

SHOWN = 10  # right and wrong answers
PROBED = 100  # dev questions that are asked on the way, to draw the learning curve


@dataclass(frozen=True, kw_only=True)
class SystemRun(Result):
    """A system and seed."""

    seed: int  # its seed
    run: str | None = None  # its directory, below the output directory; None without a model
    correct: int  # dev answers that are right to the letter
    total: int  # dev questions
    accuracy: float  # the share
    normalised_accuracy: float  # the share that is right after normalisation
    seconds: float = 0.0  # of all stages of training
    attention: str | None = None  # the attention class, None without a model
    parameters: int = 0  # of the model
    counts: dict[str, int] = field(default_factory=dict)  # what training made of the documents
    knowledge: Knowledge | None = None  # what is known, and of which facts; None without a model
    exact: tuple[int, ...]  # right or wrong, question by question
    dev_answers: tuple[str, ...]  # to the dev questions
    test_answers: tuple[str, ...]  # to the test questions

    def line(self) -> str:
        return f"{self.correct}/{self.total} on dev, {self.seconds:.0f} s"


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
    interval: tuple[float, float]  # 95 %, as `comparing.Estimate` has it
    relations: tuple[RelationRecall, ...]  # accuracy by relation
    reference: Reference | None  # known figures of such a system on these very data, None where there are none
    verdict: str | None  # whether the assignment's figure is reproduced, where the recipe is its own
    coverage: tuple[Coverage, ...] | None  # by relation, how many answers training can reach; None without a model
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


def run(options: ReproduceConfig, reporter: Reporter) -> Reproduction:
    """Trains what is not finished yet."""
    preset = options.chosen_preset()
    reporter.say(f"{preset.name}: {preset.summary}")
    for note in preset.inert:
        reporter.say(f"without effect, as in the original: {note}")
    grid = Grid(out=options.out, device=options.open_device(), reporter=reporter)
    corpus = prepare(grid, preset, options)
    reporter.corpus(corpus)
    return reproduce(grid, corpus, preset, seeds=options.seeds)


def prepare(grid: Grid, preset: Preset, options: ReproduceConfig) -> Corpus:
    """Opens the output directory and reads the corpus; the built-in data are written to the output first.

    Raises:
        UserError: The output directory is something else, or the data are malformed.
    """
    settings = {
        "preset": preset.name,
        "systems": {system.name: [to_dict(config) for config in system.configs] for system in preset.systems},
    }
    if options.corpus != BUILT_IN:
        corpus = options.read()
        grid.open("reproduce", {**settings, "files": corpus.files})
        return corpus
    built_in = preset.built_in or PeopleConfig()
    grid.open("reproduce", {**settings, "built_in": dataclasses.asdict(built_in)})
    directory = grid.out / "corpus"
    if not directory.exists():
        write_built_in(built_in, directory)
    return dataclasses.replace(read_directory(directory, strict=options.strict), name=BUILT_IN)


def reproduce(grid: Grid, corpus: Corpus, preset: Preset, *, seeds: int) -> Reproduction:
    """Every system of the preset on every seed, in an output directory that is open; seeds may be added later."""
    systems = [system for system in preset.systems if not _left_out(system, corpus, grid.reporter)]
    _foretell(grid, corpus, systems, seeds)
    runs: list[tuple[System, list[SystemRun]]] = []
    for system in systems:
        results = grid.run(_cells(system, corpus, seeds), measure if system.configs else measure_baseline, SystemRun)
        _write_predictions(grid.out, system, results)
        runs.append((system, results))
    return grid.report(
        Reproduction(
            preset=preset.name,
            summary=preset.summary,
            inert=preset.inert,
            corpus=corpus.summary(),
            machine={**machine.describe(grid.device), "peak_memory_bytes": machine.peak_memory()},
            systems=tuple(_row(system, results, corpus, preset) for system, results in runs),
            comparisons=_comparisons(runs),
            examples=_examples(runs, corpus),
        )
    )


def _left_out(system: System, corpus: Corpus, reporter: Reporter) -> bool:
    if not system.optional or (reason := unreadable(corpus)) is None:
        return False
    reporter.say(f"{system.name}: left out. {reason}")
    return True


def _foretell(grid: Grid, corpus: Corpus, systems: Sequence[System], seeds: int) -> None:
    """Says what each recipe can reach in the documents, and how long what is not finished yet will take."""
    said: list[str] = []
    for system in systems:
        lines = coverage_lines(coverage_of(system.configs[0], corpus)) if system.configs else []
        for line in lines if lines != said else []:
            grid.reporter.say(f"{system.name}: {line}")
        said = lines or said
    cells = [cell for system in systems for cell in _cells(system, corpus, seeds) if not grid.finished(cell)]
    stages = [stage for cell in cells for stage in cell.stages]
    if stages:
        grid.reporter.say(f"about {in_words(estimate(stages, corpus, grid.device))} of training on this machine")


def unreadable(corpus: Corpus) -> str | None:
    """Why an open-book reader cannot be learned from the training questions, None where it can."""
    try:
        question_forms(corpus.train)
    except UserError as error:
        return str(error)
    if any(fact.answers[0] in document.text for fact in corpus.train for document in corpus.documents_of(fact)):
        return None
    return "No training answer stands in its subject's document, so that no open-book reader can be learned."


def _cells(system: System, corpus: Corpus, seeds: int) -> list[Cell]:
    """One a seed; a single one where nothing is trained."""
    return [
        Cell(
            name=f"{system.name}-seed-{seed}",
            stages=tuple(with_seed(config, seed) for config in system.configs),
            corpus=corpus,
            asked=corpus,
            probed=PROBED,
        )
        for seed in range(seeds if system.configs else 1)
    ]


def measure(trained: Trained) -> SystemRun:
    """Asks a trained system every dev and test question."""
    run, corpus = trained.run, trained.cell.asked
    answered = evaluate(run, corpus.dev, place="dev question")
    return SystemRun(
        **_figures(answered.scores),
        seed=run.config.training.seed,
        run=f"runs/{run.path.name}",
        seconds=round(trained.total("seconds"), 2),
        attention=run.config.model.attention,
        parameters=run.parameters,
        counts={name: count for environment in trained.environments for name, count in environment["counts"].items()},
        knowledge=summarise(examine(run, corpus, answered)),
        dev_answers=tuple(answered.answers),
        test_answers=tuple(run.answer([fact.question for fact in corpus.test], place="test question")),
    )


def measure_baseline(trained: Trained) -> SystemRun:
    """Gives the most frequent training answer of its relation to every question."""
    corpus = trained.cell.asked
    dev, test = (tuple(most_frequent_answers(corpus.train, facts)) for facts in (corpus.dev, corpus.test))
    return SystemRun(**_figures(score_all(dev, corpus.dev)), seed=0, dev_answers=dev, test_answers=test)


def _figures(scores: Sequence[Score]) -> dict[str, Any]:
    figures = accuracy(scores)
    return {
        "correct": figures.exact.hits,
        "total": figures.exact.total,
        "accuracy": figures.exact.value,
        "normalised_accuracy": figures.normalised.value,
        "exact": tuple(int(score.exact) for score in scores),
    }


def _write_predictions(out: Path, system: System, results: Sequence[SystemRun]) -> None:
    """Into the output directory under the system's file names, and into each run."""
    for result in results:
        suffix = f".seed-{result.seed}" if result.seed else ""
        for part, answers in (("dev", result.dev_answers), ("test", result.test_answers)):
            if answers:
                write_predictions(out / f"{system.predictions}{suffix}.{part}.predictions", answers)
                if result.run:
                    write_predictions(out / result.run / "predictions" / f"{part}.txt", answers)


def _row(system: System, results: Sequence[SystemRun], corpus: Corpus, preset: Preset) -> SystemRow:
    exact = [result.exact for result in results]
    estimate = recall(exact)
    reference = reference_figures(corpus).get(system.name)
    return SystemRow(
        name=system.name,
        label=system.label,
        track=system.track,
        attention=results[0].attention,
        parameters=results[0].parameters,
        accuracy=estimate.value,
        normalised_accuracy=float(np.mean([result.normalised_accuracy for result in results])),
        interval=estimate.interval,
        relations=recall_by_relation(corpus, exact),
        reference=reference,
        verdict=verdict(_called(system), estimate, reference) if preset.letter and reference else None,
        coverage=tuple(coverage_of(system.configs[0], corpus)) or None if system.configs else None,
        seconds=round(float(np.mean([result.seconds for result in results])), 1),
        runs=tuple(results),
    )


def _called(system: System) -> str:
    return f"{system.label}, {system.attention.replace('_', ' ')}" if system.attention else system.label


def _comparisons(runs: Sequence[tuple[System, list[SystemRun]]]) -> tuple[Pair, ...]:
    pairs = []
    for (first, firsts), (second, seconds) in itertools.combinations(runs, 2):
        if first.track == second.track:
            compared = difference([run.exact for run in firsts], [run.exact for run in seconds])
            pairs.append(Pair(first=first.name, second=second.name, **dataclasses.asdict(compared)))
    return tuple(pairs)


def _examples(runs: Sequence[tuple[System, list[SystemRun]]], corpus: Corpus) -> Examples | None:
    trained = [(system, results) for system, results in runs if system.configs]
    if not trained:
        return None
    system, results = max(trained, key=lambda entry: float(np.mean([result.accuracy for result in entry[1]])))
    sides: tuple[list[Example], list[Example]] = ([], [])
    for fact, answer, exact in zip(corpus.dev, results[0].dev_answers, results[0].exact, strict=True):
        sides[exact].append(Example(question=fact.question, answer=answer, gold=" / ".join(fact.answers)))
    wrong, right = (tuple(side[:: max(len(side) // SHOWN, 1)][:SHOWN]) for side in sides)
    return Examples(system=system.name, right=right, wrong=wrong)
