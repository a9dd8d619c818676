"""Looking on at a cell that is trained elsewhere, by the lines that its trainings write."""

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from closedbook.experiments.grid import Cell, Grid
from closedbook.experiments.unfinished import partial_of
from closedbook.training.loop import Callback, StepRecord


class Looking:
    """What is known of a cell under way.

    Args:
        grid: Whose output directory it is trained in, and whose reporter sees it.
        cell: The cell.
    """

    def __init__(self, grid: Grid, cell: Cell) -> None:
        self.cell = cell
        self.curve: list[tuple[int, float]] = []
        self._bars = contextlib.ExitStack()
        self._stages = [
            _Stage(grid.run_path(cell, config), partial(self._bar, grid, grid.title(cell, config)))
            for config in cell.stages
        ]

    def fresh(self) -> Iterator[tuple[int, float]]:
        """Moves the bars, and gives the new points of the learning curve: percent of all stages, and recall."""
        for number, stage in enumerate(self._stages):
            for share, recall in stage.fresh():
                self.curve.append(_point(number, share, len(self._stages), recall))
                yield self.curve[-1]

    def close(self) -> None:
        """Takes the bars away."""
        for _ in self.fresh():
            pass
        self._bars.close()

    def _bar(self, grid: Grid, title: str) -> Callback:
        return self._bars.enter_context(grid.reporter.progress(title))


def curve_of(paths: Sequence[Path]) -> tuple[tuple[int, float], ...]:
    """The learning curve of finished stages, as `Looking.fresh` gives it."""
    stages = [_Stage(path, lambda: lambda record: None) for path in paths]
    return tuple(
        _point(number, share, len(stages), recall)
        for number, stage in enumerate(stages)
        for share, recall in stage.fresh()
    )


def _point(stage: int, share: float, stages: int, recall: float) -> tuple[int, float]:
    """Percent of all stages, and the recall there."""
    return int(100 * (stage + share) / stages), recall


class _Stage:
    """The lines of one training that have been read."""

    def __init__(self, path: Path, bar: Callable[[], Callback]) -> None:
        self._path, self._make_bar = path, bar
        self._bar: Callback | None = None
        self._read = {"metrics.jsonl": 0, "recall.jsonl": 0}
        self._steps, self._tokens = 0, 0

    def fresh(self) -> Iterator[tuple[float, float]]:
        """Share of the planned steps, and recall, of the probes that are new."""
        for values in self._lines("metrics.jsonl"):
            self._bar = self._bar or self._make_bar()
            self._bar(StepRecord(**{**values, "tokens": values["tokens"] - self._tokens}, positions=0))
            self._steps = self._steps or values["steps"]  # as planned; the last line of one that ends early has fewer
            self._tokens = values["tokens"]
        for values in self._lines("recall.jsonl") if self._steps else ():
            yield values["step"] / self._steps, values["recall"]

    def _lines(self, name: str) -> list[dict[str, Any]]:
        """The whole lines that are new; one may be being written."""
        text = ""
        for directory in (partial_of(self._path), self._path):
            with contextlib.suppress(OSError):
                text = (directory / name).read_text(encoding="utf-8")
                break
        lines = text[: text.rfind("\n") + 1].splitlines()[self._read[name] :]
        self._read[name] += len(lines)
        return [json.loads(line) for line in lines]
