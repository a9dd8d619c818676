"""The grid: cells are trained, measured and kept, one file each, so that a killed experiment goes on where it was.

A cell is plain data and its measurement a function of a module, so that either can be sent to another machine. An
output directory holds `NAME.json` (what was asked for), `runs/`, `results/` (a file a cell, written by renaming when
the cell is finished) and `report.json`, what the experiment makes of the results.
"""

import contextlib
import shutil
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from pydantic_core import to_jsonable_python

from closedbook import machine
from closedbook.config import RunConfig, to_dict
from closedbook.errors import UserError, in_words
from closedbook.experiments.cost import estimate
from closedbook.experiments.options import CHECKPOINT_SECONDS, TrackerName
from closedbook.experiments.reporter import Reporter
from closedbook.experiments.results import Result, from_values, take_up
from closedbook.experiments.tracking import tracked
from closedbook.experiments.train import LastStudy, same_training, train_run
from closedbook.experiments.unfinished import partial_of
from closedbook.facts.corpus import Corpus
from closedbook.files import read_json, remove, write_json
from closedbook.recipes import with_seed, with_training
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


@runtime_checkable
class Early(Protocol[R]):
    """Decides which cells are not worth finishing, by the recall that is measured on the way."""

    def goes_on(self, cell: Cell, percent: int, recall: float) -> bool:
        """Whether to go on; called once for each point of the curve."""

    def kept(self, result: R) -> None:
        """Takes what an earlier call came to into account."""

    def result(self, cell: Cell, curve: Sequence[tuple[int, float]]) -> R:
        """What a cell that was given up came to."""


@runtime_checkable
class Finisher(Protocol):
    """Finishes the cells of a grid in other processes."""

    def results(
        self, grid: "Grid", cells: Sequence[Cell], measure: Measurement[R], result: type[R], early: Early[R] | None
    ) -> Generator[tuple[str, R], None, None]:
        """The cells' names and results as they come."""


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
        elsewhere: What finishes cells, if not this process.
    """

    out: Path
    device: torch.device
    reporter: Reporter
    keep_runs: bool = True
    track: TrackerName | None = None
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    study: LastStudy = field(default_factory=LastStudy)
    elsewhere: Finisher | None = None

    def open(self, experiment: str, settings: dict[str, Any]) -> None:
        """Marks a new output directory with the settings, or goes into the one that the same settings left.

        Args:
            experiment: Whose output it is; names the marker.
            settings: What must be the same for the output to be taken up again; configurations become JSON here.

        Raises:
            UserError: The directory holds something else.
        """
        command = f"closedbook {experiment}" if experiment == "reproduce" else f"closedbook experiment {experiment}"
        take_up(self.out / f"{experiment}.json", to_jsonable_python(settings), f"an output of {command}")

    def run(
        self,
        arms: Mapping[str, Sequence[Cell]],
        measure: Measurement[R],
        result: type[R],
        finished: Callable[[str, Sequence[R]], None] = lambda arm, results: None,
        early: Early[R] | None = None,
    ) -> dict[str, list[R]]:
        """The results of every arm: kept where an earlier call has finished a cell, else trained, measured and written.

        Args:
            arms: What is compared, by name, with the cells of each; a cell stands behind the one it starts from.
            measure: What to make of a trained cell.
            result: What that is, to read it back.
            finished: Gets every arm with its results as soon as they are there.
            early: Which cells are not worth finishing, where several are trained side by side.

        Raises:
            UserError: What is kept was trained otherwise or is damaged, or the disk is full.
        """
        cells = [cell for own in arms.values() for cell in own]
        self._foretell(cells)
        found: dict[str, R] = {}
        waiting = dict(arms)
        with contextlib.closing(self._results(cells, measure, result, early)) as results:
            for name, value in results:
                found[name] = value
                for arm, own in list(waiting.items()):
                    if all(cell.name in found for cell in own):
                        finished(arm, [found[cell.name] for cell in waiting.pop(arm)])
        return {arm: [found[cell.name] for cell in own] for arm, own in arms.items()}

    def _results(
        self, cells: Sequence[Cell], measure: Measurement[R], result: type[R], early: Early[R] | None
    ) -> Generator[tuple[str, R], None, None]:
        """The name and result of every cell, in the order in which they are finished."""
        if self.elsewhere is not None:
            yield from self.elsewhere.results(self, cells, measure, result, early)
        else:
            for cell in cells:
                yield cell.name, self.finish(cell, measure, result)

    def trained(self, cell: Cell) -> Trained:
        """The cell's runs, trained where an earlier call has not finished them."""
        last: Run | None = None
        paths: list[Path] = []
        start = self.paths(cell.start)[-1] if cell.start else None
        for config in cell.stages:
            path = self.run_path(cell, config)
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

    def run_path(self, cell: Cell, config: RunConfig) -> Path:
        """The run directory of one of its stages."""
        return self.out / "runs" / f"{cell.name}-{config.stage}"

    def partials(self, cell: Cell) -> list[Path]:
        """Where its stages are until they are finished."""
        return [partial_of(self.run_path(cell, config)) for config in cell.stages]

    def title(self, cell: Cell, config: RunConfig) -> str:
        """What a training of it is called."""
        return f"{cell.name}, {config.stage}"

    def is_finished(self, cell: Cell) -> bool:
        """Whether an earlier call has left its result."""
        return self._result(cell).is_file()

    def _result(self, cell: Cell) -> Path:
        return self.out / "results" / f"{cell.name}.json"

    def _foretell(self, cells: Sequence[Cell]) -> None:
        """Says how long the trainings of those that are not finished will take."""
        left = [cell for cell in cells if cell.stages and not self.is_finished(cell)]
        if left:
            seconds = estimate([(stage, cell.corpus) for cell in left for stage in cell.stages], self.device)
            where = "on this machine" if self.elsewhere is None else f"{self.elsewhere}, one after the other"
            self.reporter.say(f"about {in_words(seconds)} of training {where}")

    def finish(self, cell: Cell, measure: Measurement[R], result: type[R]) -> R:
        """The cell's result: kept from an earlier call, or trained, measured and written."""
        path, made = self._result(cell), self._made(cell)
        if not path.is_file():
            return self.keep(cell, measure(self.trained(cell)))
        kept = read_json(path)
        if {name: kept.get(name) for name in made} != made:
            raise UserError(
                f"{path}: was made with another configuration or on another device; remove it or choose another --out."
            )
        found = from_values(result, kept.get("result", {}), path)
        self.reporter.say(f"{cell.name}: finished before, kept")
        self._clear_away(cell)
        return found

    def keep(self, cell: Cell, found: R) -> R:
        """Writes what a cell came to; that finishes it."""
        write_json(self._result(cell), {**self._made(cell), "result": found.to_json()})
        self.reporter.say(f"{cell.name}: {found.line()}")
        self._clear_away(cell)
        return found

    def _clear_away(self, cell: Cell) -> None:
        """What a cell that was given up has left, and its runs where they are not kept."""
        for partial in self.partials(cell):
            if partial.exists():
                remove(partial)
        if not self.keep_runs:
            for directory in self.paths(cell.name):
                shutil.rmtree(directory)

    def _made(self, cell: Cell) -> dict[str, Any]:
        """How a cell is trained here; a kept result must have been made so."""
        stages = [to_dict(self._resolved(config)) for config in cell.stages]
        return {"device": machine.device_name(self.device), "stages": stages}

    def _resolved(self, config: RunConfig) -> RunConfig:
        """With the precision that `auto` means here."""
        return with_training(config, precision=resolve_precision(config.training, self.device))

    def _stage(self, cell: Cell, config: RunConfig, out: Path, start: Path | None) -> Run:
        title = self.title(cell, config)
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
