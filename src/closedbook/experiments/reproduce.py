"""The main job: every system of a preset, trained on every seed, scored on dev, as one results table a track.

The output directory holds `corpus/` (for the built-in data), `runs/`, `results/`, predictions under the systems' file
names, `report.json` and, from the report, `report.html`.
"""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from closedbook.config import BUILT_IN, PeopleConfig, RunConfig
from closedbook.errors import UserError
from closedbook.evaluation.baselines import most_frequent_answers
from closedbook.evaluation.ensemble import Ensemble, combined
from closedbook.evaluation.evaluate import evaluate
from closedbook.evaluation.knowledge import examine, summarise
from closedbook.evaluation.metrics import accuracy
from closedbook.evaluation.scorers import Score, score_all
from closedbook.experiments.comparing import scored
from closedbook.experiments.grid import Cell, Grid, Trained, seeded
from closedbook.experiments.options import ReproduceConfig
from closedbook.experiments.reporter import Reporter
from closedbook.experiments.reproduction import Reproduction, SystemRun, reproduction
from closedbook.experiments.teaching import taught_for
from closedbook.facts.built_in import write_built_in
from closedbook.facts.corpus import Corpus, read_directory
from closedbook.facts.coverage import Coverage, coverage_lines, coverage_of
from closedbook.manifest import sha256
from closedbook.presets import Preset, System
from closedbook.run_directory import WEIGHTS, add_predictions, write_predictions
from closedbook.runs import load
from closedbook.selfstudy.study import unreadable

PROBED = 100  # dev questions that are asked on the way, to draw the learning curve


def run(options: ReproduceConfig, reporter: Reporter) -> Reproduction:
    """Trains what is not finished yet."""
    preset = options.chosen_preset()
    grid = options.grid(reporter)
    corpus = prepare(grid, preset, options)
    reporter.say(f"{preset.name}: {preset.summary}")
    for note in preset.inert:
        reporter.say(f"without effect, as in the original: {note}")
    reporter.corpus(corpus)
    return reproduce(grid, corpus, preset, seeds=options.seeds)


def prepare(grid: Grid, preset: Preset, options: ReproduceConfig) -> Corpus:
    """Opens the output directory and reads the corpus; the built-in data are written to the output first.

    Raises:
        UserError: The output directory is something else, or the data are malformed.
    """
    settings = {
        "preset": preset.name,
        "systems": {system.name: system.configs for system in preset.systems},
        "students": {system.name: system.student for system in preset.systems if system.student},
    }
    if options.corpus != BUILT_IN:
        corpus = options.read()
        grid.open("reproduce", {**settings, "files": corpus.files})
        return corpus
    built_in = preset.built_in or PeopleConfig()
    grid.open("reproduce", {**settings, "built_in": built_in})
    directory = grid.out / "corpus"
    if not directory.exists():
        write_built_in(built_in, directory)
    return dataclasses.replace(read_directory(directory, strict=options.strict), name=BUILT_IN)


def reproduce(grid: Grid, corpus: Corpus, preset: Preset, *, seeds: int) -> Reproduction:
    """Every system of the preset on every seed, in an output directory that is open; seeds may be added later."""
    reason = unreadable(corpus)
    systems = [system for system in preset.systems if not (reason and system.optional)]
    for system in preset.systems:
        if system not in systems:
            grid.reporter.say(f"{system.name}: left out. {reason}")
    reach = {system.name: tuple(coverage_of(system.configs[0], corpus)) for system in systems if system.configs}
    for line in _reach_lines(reach):
        grid.reporter.say(line)
    cells = {
        system.name: [
            seeded(system.name, system.configs, seed, corpus, probed=PROBED)
            for seed in range(seeds if system.configs else 1)
        ]
        for system in systems
    }
    by_name = {system.name: system for system in systems}

    def finished(name: str, results: Sequence[SystemRun]) -> None:
        _write_predictions(grid.out, by_name[name], results)

    runs = grid.run(cells, measure, SystemRun, finished)
    several = [system for system in systems if len(runs[system.name]) > 1 and system.reads_documents]
    together = {system.name: [_ensemble(grid, corpus, system, runs[system.name])] for system in several}
    for name, taught in _students(grid, corpus, several, runs).items():
        together[name].append(taught)
    for row, run in itertools.chain(*together.values()):
        _write_predictions(grid.out, row, [run])
    return grid.report(reproduction(preset, corpus, runs, reach, grid.device, together))


Row = tuple[System, SystemRun]
"""What seeds come to together: what the row is called, and its answers."""


def _students(
    grid: Grid, corpus: Corpus, systems: Sequence[System], runs: Mapping[str, Sequence[SystemRun]]
) -> dict[str, Row]:
    """One model a system that studied what the seeds answer together, where the system has a recipe for it."""
    cells = dict[str, list[Cell]]()
    for system in systems:
        if system.student and (cell := _student(grid, corpus, system, system.student, runs[system.name])):
            cells[system.name] = [cell]
    found = dict[str, Row]()
    for name, (run,) in grid.run(cells, measure, SystemRun).items() if cells else ():
        teachers = runs[name]
        system = next(system for system in systems if system.name == name)
        row = dataclasses.replace(
            system,
            name=f"{name}_distilled",
            label=f"one model taught by the {len(teachers)} seeds",
            configs=(),
            predictions=f"{system.predictions}.distilled",
        )
        taken = run.seconds + sum(seed.seconds for seed in teachers)
        found[name] = (row, dataclasses.replace(run, seconds=taken))
    return found


def _student(grid: Grid, corpus: Corpus, system: System, config: RunConfig, seeds: Sequence[SystemRun]) -> Cell | None:
    """The training of one model on what the seeds answer together, None where they have nothing to teach."""
    cell = seeded(_of_seeds(grid, f"{system.name}_distilled", seeds), (config,), 0, corpus, asked=corpus, probed=PROBED)
    if grid.is_finished(cell):
        return cell
    try:
        teacher = _open(grid, system, seeds)
        told = taught_for(config, corpus, teacher, lambda line: grid.reporter.say(f"{system.name}: {line}"))
    except UserError as error:  # what they were trained for stands all the same
        grid.reporter.say(f"{system.name}: the seeds teach no other model. {error}")
        return None
    return dataclasses.replace(cell, corpus=told)


def _of_seeds(grid: Grid, name: str, seeds: Sequence[SystemRun]) -> str:
    """The name of a cell that says which seeds it is made of, which need not be loaded for it."""
    return f"{name}-of-{len(seeds)}-{combined(sha256(grid.out / str(seed.run) / WEIGHTS) for seed in seeds)[:8]}"


def _ensemble(grid: Grid, corpus: Corpus, system: System, seeds: Sequence[SystemRun]) -> Row:
    """What the seeds of a system answer together: kept from an earlier call with the same models, or asked."""
    cell = Cell(name=_of_seeds(grid, f"{system.name}_ensemble", seeds), stages=(), corpus=corpus)
    run = grid.finish(cell, lambda trained: _together(grid, corpus, system, seeds), SystemRun)
    row = dataclasses.replace(
        system,
        name=f"{system.name}_ensemble",
        label=f"{system.label}, {len(seeds)} seeds together",
        predictions=f"{system.predictions}.ensemble",
    )
    return row, run


def _open(grid: Grid, system: System, seeds: Sequence[SystemRun]) -> Ensemble:
    members = [load(grid.out / str(seed.run), grid.device) for seed in seeds]
    return Ensemble(f"{system.name}, {len(members)} seeds", members)


def _together(grid: Grid, corpus: Corpus, system: System, seeds: Sequence[SystemRun]) -> SystemRun:
    """What the seeds of a system answer when they are asked together; what they took is what all of them took."""
    ensemble = _open(grid, system, seeds)
    dev = evaluate(ensemble, corpus.dev)
    test = ensemble.respond(ensemble.prompts([fact.question for fact in corpus.test]))
    return SystemRun(
        exact=tuple(int(score.exact) for score in dev.scores),
        **_shares(dev.scores),
        parameters=ensemble.parameters,
        tokens=sum(seed.tokens for seed in seeds),
        seconds=sum(seed.seconds for seed in seeds),
        seed=0,
        attention=seeds[0].attention,
        dev_answers=tuple(dev.answers),
        test_answers=tuple(response.text for response in test),
    )


def _reach_lines(reach: Mapping[str, Sequence[Coverage]]) -> list[str]:
    """What each system can reach in the documents, said once for those that follow each other and reach the same."""
    said, lines = list[str](), list[str]()
    for name, rows in reach.items():
        if (found := coverage_lines(rows)) and found != said:
            said = found
            lines += [f"{name}: {line}" for line in found]
    return lines


def measure(trained: Trained) -> SystemRun:
    """Asks every dev and test question; without a model each gets the most frequent answer of its relation."""
    corpus = trained.asked
    if trained.last is None:
        dev, test = (tuple(most_frequent_answers(corpus.train, facts)) for facts in (corpus.dev, corpus.test))
        scores = score_all(dev, corpus.dev)
        exact = tuple(int(score.exact) for score in scores)
        return SystemRun(exact=exact, **_shares(scores), seed=0, dev_answers=dev, test_answers=test)
    run = trained.last
    answered = evaluate(run, corpus.dev)
    return SystemRun(
        **scored(trained, answered),
        **_shares(answered.scores),
        seed=run.config.training.seed,
        run=f"runs/{run.path.name}",
        attention=run.config.model.attention,
        counts={name: count for environment in trained.environments for name, count in environment["counts"].items()},
        knowledge=summarise(examine(run, corpus, answered)),
        dev_answers=tuple(answered.answers),
        test_answers=tuple(run.answer([fact.question for fact in corpus.test])),
    )


def _shares(scores: Sequence[Score]) -> dict[str, Any]:
    figures = accuracy(scores)
    return {"accuracy": figures.exact.value, "normalised_accuracy": figures.normalised.value}


def _check_kept(out: Path, run: SystemRun) -> None:
    """Refuses to go on without a run whose results are there.

    Raises:
        UserError: It was removed.
    """
    if run.run and not (out / run.run).is_dir():
        result = out / "results" / f"{Path(run.cell).name}.json"
        raise UserError(
            f"{out / run.run}: is gone, but {result} holds what it answered; remove that file as well, and the run is "
            "trained again."
        )


def _write_predictions(out: Path, system: System, runs: Sequence[SystemRun]) -> None:
    """Into the output directory under the system's file names, and into each run."""
    for run in runs:
        suffix = f".seed-{run.seed}" if run.seed else ""
        for part, answers in (("dev", run.dev_answers), ("test", run.test_answers)):
            if answers:
                write_predictions(out / f"{system.predictions}{suffix}.{part}.predictions", answers)
                if run.run:
                    _check_kept(out, run)
                    add_predictions(out / run.run, part, answers)
