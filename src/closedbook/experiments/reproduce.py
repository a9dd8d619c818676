"""The main job: every system of a preset, trained on every seed, scored on dev, as one results table a track.

The output directory holds `corpus/` (for the built-in data), `runs/`, `results/`, predictions under the systems' file
names, `report.json` and, from the report, `report.html`.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from closedbook.config import BUILT_IN, PeopleConfig, to_dict
from closedbook.errors import UserError
from closedbook.evaluation.baselines import most_frequent_answers
from closedbook.evaluation.ensemble import Ensemble
from closedbook.evaluation.evaluate import evaluate
from closedbook.evaluation.knowledge import examine, summarise
from closedbook.evaluation.metrics import accuracy
from closedbook.evaluation.scorers import Score, score_all
from closedbook.experiments.comparing import scored
from closedbook.experiments.grid import Grid, Trained, seeded
from closedbook.experiments.opening import grid_for
from closedbook.experiments.options import ReproduceConfig
from closedbook.experiments.reporter import Reporter
from closedbook.experiments.reproduction import Reproduction, SystemRun, reproduction
from closedbook.experiments.results import kept
from closedbook.facts.built_in import write_built_in
from closedbook.facts.corpus import Corpus, read_directory
from closedbook.facts.coverage import Coverage, coverage_lines, coverage_of
from closedbook.presets import Preset, System
from closedbook.run_directory import add_predictions, write_predictions
from closedbook.runs import load
from closedbook.selfstudy.study import unreadable
from closedbook.selfstudy.teacher import taught

PROBED = 100  # dev questions that are asked on the way, to draw the learning curve


def run(options: ReproduceConfig, reporter: Reporter) -> Reproduction:
    """Trains what is not finished yet."""
    preset = options.chosen_preset()
    grid = grid_for(options, reporter)
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
        "systems": {system.name: [to_dict(config) for config in system.configs] for system in preset.systems},
        "students": {system.name: to_dict(system.student) for system in preset.systems if system.student},
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
    together = {
        system.name: _of_all(grid, corpus, system, runs[system.name])
        for system in systems
        if len(runs[system.name]) > 1 and system.reads_documents
    }
    return grid.report(reproduction(preset, corpus, runs, reach, grid.device, together))


def _of_all(grid: Grid, corpus: Corpus, system: System, seeds: Sequence[SystemRun]) -> list[tuple[System, SystemRun]]:
    """What the seeds of a system come to: asked together, and as teachers of one model; rows behind its own."""
    asked = dataclasses.replace(
        system,
        name=f"{system.name}_ensemble",
        label=f"{system.label}, {len(seeds)} seeds together",
        predictions=f"{system.predictions}.ensemble",
    )
    found = [(asked, _ensemble(grid, corpus, system, seeds))]
    if system.student:
        student = dataclasses.replace(
            system,
            name=f"{system.name}_distilled",
            label=f"{system.label}, one model taught by the {len(seeds)} seeds",
            predictions=f"{system.predictions}.distilled",
        )
        if run := _taught(grid, corpus, system, seeds):
            found.append((student, run))
    for row, run in found:
        _write_predictions(grid.out, row, [run])
    return found


def _taught(grid: Grid, corpus: Corpus, system: System, seeds: Sequence[SystemRun]) -> SystemRun | None:
    """One model that studied what the seeds of a system answer together, None where they have nothing to teach.

    The name of its cell says how many there were: with another number it is another model.
    """
    assert system.student is not None, "rows without a student have no such row behind them"
    cell = seeded(f"{system.name}_distilled-of-{len(seeds)}", (system.student,), 0, corpus, asked=corpus, probed=PROBED)
    if system.student.distillation and not grid.is_finished(cell):
        teacher = _open(grid, system, seeds)
        try:
            told = taught(corpus, teacher, system.student.distillation, grid.reporter.say)
        except UserError as error:  # what they were trained for stands all the same
            grid.reporter.say(f"no model is taught. {error}")
            return None
        cell = dataclasses.replace(cell, corpus=told)
    return grid.finish(cell, measure, SystemRun)


def _ensemble(grid: Grid, corpus: Corpus, system: System, seeds: Sequence[SystemRun]) -> SystemRun:
    """What the seeds of a system answer together: kept from an earlier call with the same seeds, or asked."""
    told = json.dumps([seed.to_json() for seed in seeds])
    identity = {"seeds": hashlib.sha256(told.encode()).hexdigest()}
    path = grid.out / "results" / f"{system.name}_ensemble.json"
    run = kept(path, identity, partial(_together, grid, corpus, system, seeds), SystemRun)
    grid.reporter.say(f"{system.name}, {len(seeds)} seeds together: {run.line()}")
    return run


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


def _check_kept(out: Path, run: str) -> None:
    """Refuses to go on without a run whose results are there.

    Raises:
        UserError: It was removed.
    """
    if not (out / run).is_dir():
        cell = Path(run).name.rpartition("-")[0]  # behind it stands the stage
        raise UserError(
            f"{out / run}: is gone, but {out / 'results' / cell}.json holds what it answered; remove that file as "
            "well, and the run is trained again."
        )


def _write_predictions(out: Path, system: System, runs: Sequence[SystemRun]) -> None:
    """Into the output directory under the system's file names, and into each run."""
    for run in runs:
        suffix = f".seed-{run.seed}" if run.seed else ""
        for part, answers in (("dev", run.dev_answers), ("test", run.test_answers)):
            if answers:
                write_predictions(out / f"{system.predictions}{suffix}.{part}.predictions", answers)
                if run.run:
                    _check_kept(out, run.run)
                    add_predictions(out / run.run, part, answers)
