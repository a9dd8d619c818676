"""The grid: cells are trained, measured and kept, one file each, so that a killed experiment goes on where it was.

A cell is plain data and its measurement a function of a module, so that either can be sent to another machine. An
output directory holds `NAME.json` (what was asked for), `runs/`, `results/` (a file a cell, written by renaming when
the cell is finished) and `report.json`, what the experiment makes of the results.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import torch

from closedbook import machine
from closedbook.config import RunConfig, to_dict
from closedbook.errors import UserError
from closedbook.experiments.callbacks import CHECKPOINT_SECONDS
from closedbook.experiments.cost import estimate, in_words
from closedbook.experiments.options import Kept, OfRecipe, TrackerName
from closedbook.experiments.reporter import Reporter
from closedbook.experiments.results import Result, from_values, take_up
from closedbook.experiments.tracking import tracked
from closedbook.experiments.train import LastStudy, same_training, train_run
from closedbook.experiments.unfinished import partial_of
from closedbook.facts.corpus import Corpus
from closedbook.files import read_json, write_json
from closedbook.recipes import Recipe, with_seed, with_training
from closedbook.run_directory import read_config, read_environment
from closedbook.runs import Run, load
from closedbook.training.precision import resolve_precision

R = TypeVar("R", bound=Result)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One training of a grid, of one stage or several in turn.

    Args:
        name: Unique in its grid, and a file name.
        stages: Whole configurations, seed included; none where there is nothing to train.
        corpus: What to learn, and what to ask about, in `dev`, unless `asked` is given.
        asked: What to ask about instead, with the documents that tell it.
        start: The cell whose run the first stage goes on from.
        probed: Facts of those asked about, from the first, that are asked on the way to draw a learning curve.
    """

    name: str
    stages: tuple[RunConfig, ...]
    corpus: Corpus
    asked: Corpus | None = None
    start: str | None = None
    probed: int = 0


def seeded(name: str, stages: Sequence[RunConfig], seed: int, corpus: Corpus, **settings: Any) -> Cell:
    """A cell of a seed, which its name ends in; `settings` are its other fields."""
    configs = tuple(with_seed(config, seed) for config in stages)
    return Cell(name=f"{name}-seed-{seed}", stages=configs, corpus=corpus, **settings)


@dataclass(frozen=True)
class Trained:
    """A cell after training: what a measurement gets.

    Args:
        cell: What was asked for.
        paths: The run directory of every stage.
        last: The run of the last stage, None where there was nothing to train.
    """

    cell: Cell
    paths: tuple[Path, ...]
    last: Run | None

    @property
    def run(self) -> Run:
        """The run of the last stage; only for cells that train."""
        assert self.last is not None, f"{self.cell.name} trains nothing"
        return self.last

    @property
    def asked(self) -> Corpus:
        """What to ask about."""
        return self.cell.asked or self.cell.corpus

    @cached_property
    def environments(self) -> list[dict[str, Any]]:
        """What every stage noted of itself."""
        return [read_environment(path) for path in self.paths]

    def total(self, what: str) -> Any:
        """`seconds`, `steps` or `tokens` of all stages."""
        return sum(environment[what] for environment in self.environments)


Measurement = Callable[[Trained], R]
"""From a trained cell to its result; a function of a module, so that it can run elsewhere."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Where cells are trained and kept.

    Args:
        out: The output directory.
        device: Where to train.
        reporter: Who watches.
        keep_runs: Whether run directories stay when their cell is finished.
        track: The experiment tracker that every training is shown in.
        checkpoint_seconds: Between two checkpoints of a training.
        study: Writes the cards of recipes that study, once for cells of one corpus in a row.
    """

    out: Path
    device: torch.device
    reporter: Reporter
    keep_runs: bool = True
    track: TrackerName | None = None
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    study: LastStudy = field(default_factory=LastStudy)

    def open(self, experiment: str, settings: dict[str, Any]) -> None:
        """Marks a new output directory with the settings, or goes into the one that the same settings left.

        Args:
            experiment: Whose output it is; names the marker.
            settings: What must be the same for the output to be taken up again (JSON-ready).

        Raises:
            UserError: The directory holds something else.
        """
        command = f"closedbook {experiment}" if experiment == "reproduce" else f"closedbook experiment {experiment}"
        take_up(self.out / f"{experiment}.json", settings, f"an output of {command}")

    def run(
        self,
        arms: Mapping[str, Sequence[Cell]],
        measure: Measurement[R],
        result: type[R],
        finished: Callable[[str, Sequence[R]], None] = lambda arm, results: None,
    ) -> dict[str, list[R]]:
        """The results of every arm: kept where an earlier call has finished a cell, else trained, measured and written.

        Args:
            arms: What is compared, by name, with the cells of each; a cell stands behind the one it starts from.
            measure: What to make of a trained cell.
            result: What that is, to read it back.
            finished: Gets every arm with its results as soon as they are there.

        Raises:
            UserError: What is kept was trained otherwise or is damaged, or the disk is full.
        """
        self._foretell([cell for cells in arms.values() for cell in cells])
        results: dict[str, list[R]] = {}
        for arm, cells in arms.items():
            results[arm] = [self._finish(cell, measure, result) for cell in cells]
            finished(arm, results[arm])
        return results

    def trained(self, cell: Cell) -> Trained:
        """The cell's runs, trained where an earlier call has not finished them."""
        last: Run | None = None
        paths: list[Path] = []
        start = self.paths(cell.start)[-1] if cell.start else None
        for config in cell.stages:
            path = self.out / "runs" / f"{cell.name}-{config.stage}"
            last = self._stage(cell, config, path, paths[-1] if paths else start)
            paths.append(path)
        return Trained(cell, tuple(paths), last)

    def report(self, result: R) -> R:
        """Writes what the experiment came to as `report.json`."""
        result.write(self.out / "report.json")
        return result

    def paths(self, name: str) -> list[Path]:
        """The run directories of a finished cell, the last stage's last."""
        stages = ("scratch", "pretrain", "finetune")
        return [path for stage in stages if (path := self.out / "runs" / f"{name}-{stage}").is_dir()]

    def _result(self, cell: Cell) -> Path:
        return self.out / "results" / f"{cell.name}.json"

    def _foretell(self, cells: Sequence[Cell]) -> None:
        """Says how long the trainings of those that are not finished will take."""
        left = [cell for cell in cells if cell.stages and not self._result(cell).is_file()]
        if left:
            seconds = estimate([(stage, cell.corpus) for cell in left for stage in cell.stages], self.device)
            self.reporter.say(f"about {in_words(seconds)} of training on this machine")

    def _finish(self, cell: Cell, measure: Measurement[R], result: type[R]) -> R:
        path, made = self._result(cell), self._made(cell)
        if path.is_file():
            kept = read_json(path)
            if {name: kept.get(name) for name in made} != made:
                raise UserError(
                    f"{path}: was made with another configuration or on another device; remove it or choose another "
                    "--out."
                )
            found = from_values(result, kept.get("result", {}), path)
            self.reporter.say(f"{cell.name}: finished before, kept")
        else:
            found = measure(self.trained(cell))
            write_json(path, {**made, "result": found.to_json()})
            self.reporter.say(f"{cell.name}: {found.line()}")
        if not self.keep_runs:
            for directory in self.paths(cell.name):
                shutil.rmtree(directory)
        return found

    def _made(self, cell: Cell) -> dict[str, Any]:
        """How a cell is trained here; a kept result must have been made so."""
        stages = [to_dict(self._resolved(config)) for config in cell.stages]
        return {"device": machine.device_name(self.device), "stages": stages}

    def _resolved(self, config: RunConfig) -> RunConfig:
        """With the precision that `auto` means here."""
        return with_training(config, precision=resolve_precision(config.training, self.device))

    def _stage(self, cell: Cell, config: RunConfig, out: Path, start: Path | None) -> Run:
        title = f"{cell.name}, {config.stage}"
        if out.exists() and not partial_of(out).exists():
            self._check_kept(config, out)
            return load(out, self.device)
        with self.reporter.progress(title) as progress, tracked(self.track, out, self.reporter.say) as tracking:
            return train_run(
                config,
                cell.corpus,
                out,
                device=self.device,
                start=start,
                callbacks=(progress, *tracking),
                announce=lambda line: self.reporter.say(f"{title}: {line}"),
                probe=(cell.asked or cell.corpus).dev[: cell.probed],
                studied=self.study,
                checkpoint_seconds=self.checkpoint_seconds,
            )

    def _check_kept(self, config: RunConfig, path: Path) -> None:
        """Refuses a run that was trained otherwise, or on another kind of machine."""
        same = same_training(read_config(path), self._resolved(config))
        if not same or read_environment(path)["device"] != machine.device_name(self.device):
            raise UserError(f"{path}: was trained with other settings or on another device; choose another --out.")


def opened(options: OfRecipe, recipe: Recipe, reporter: Reporter, *, keep_runs: bool = True) -> tuple[Grid, Corpus]:
    """The grid that the options ask for, and the corpus, of which the reporter hears."""
    corpus = options.read(recipe.built_in)
    reporter.corpus(corpus)
    return grid_for(options, reporter, keep_runs=keep_runs), corpus


def grid_for(options: Kept, reporter: Reporter, *, keep_runs: bool = True) -> Grid:
    """The grid that the options ask for."""
    return Grid(
        out=options.out,
        device=options.open_device(),
        reporter=reporter,
        keep_runs=keep_runs,
        checkpoint_seconds=options.checkpoint_seconds,
        track=options.track,
    )
