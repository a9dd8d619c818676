"""Cells in other processes and on other machines: handed out, looked at by the files that they write, and stopped.

What a cell comes to is written by whoever finishes it, into the output directory, which all machines share. So a cell
whose process or machine is lost goes on from its last checkpoint, and one that is finished is not trained again.
"""

import contextlib
import dataclasses
import math
import os
import secrets
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch

from closedbook.cluster.pool import MOST_LOST, Outcome, Pool, Request, opened
from closedbook.errors import UserError, counted
from closedbook.experiments.grid import Cell, Early, Grid, Measurement
from closedbook.experiments.looking import Looking
from closedbook.experiments.options import Spread
from closedbook.experiments.results import Result
from closedbook.experiments.train import LastStudy
from closedbook.files import write_text
from closedbook.locks import is_locked
from closedbook.version import version_line

R = TypeVar("R", bound=Result)
LOOK_SECONDS = 0.5
STOP_SECONDS = 120.0  # that trainings get to finish their step and save
LOCK_SECONDS = 120.0  # until a file server forgets the locks of a machine that is gone

_STUDY = LastStudy()  # of this process: cells that are called here one after the other share a reader


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """Where cells are finished, if not here.

    Args:
        request: How many processes, and where.
        threads: CPU threads of each; the figures are those of one process with as many.
    """

    request: Request
    threads: int

    def __str__(self) -> str:
        processes = counted(self.request.workers, "process", "processes") if self.request.workers else "processes"
        where = f"at {self.request.address}" if self.request.address else "on this machine"
        return f"in {processes} of {counted(self.threads, 'thread')} {where}"

    def results(
        self,
        grid: Grid,
        cells: Sequence[Cell],
        measure: Measurement[R],
        result: type[R],
        early: Early[R] | None = None,
    ) -> Generator[tuple[str, R], None, None]:
        """The cells' names and results as they come; what an earlier call has finished comes first.

        Raises:
            UserError: A cell is refused, Ray is missing, or the machines do not share the output directory.
        """
        left = []
        for cell in cells:
            if grid.is_finished(cell):
                kept = grid.finish(cell, measure, result)
                if early is not None:
                    early.kept(kept)
                yield cell.name, kept
            else:
                left.append(cell)
        if not left:
            return
        with opened(self.request) as pool:
            if self.request.address is not None:
                require_shared(pool, grid.out)
            hands = _Hands(self, grid, pool, left, (measure, result), early)
            try:
                yield from hands.results()
            finally:
                hands.stop()


@dataclass
class _Hands(Generic[R]):
    """Cells being handed out."""

    elsewhere: Elsewhere
    grid: Grid
    pool: Pool
    left: list[Cell]
    making: tuple[Measurement[R], type[R]]
    early: Early[R] | None
    under_way: dict[str, Looking] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)
    given_up: set[str] = field(default_factory=set)

    def results(self) -> Iterator[tuple[str, R]]:
        """What the cells come to."""
        while self.left or self.under_way:
            for cell in [cell for cell in self.left if self._can_begin(cell)]:
                if self.pool.free():
                    self._begin(cell)
            for outcome in self.pool.ended(LOOK_SECONDS):
                looking = self.under_way.pop(outcome.name)
                looking.close()
                if (found := self._result(outcome, looking)) is not None:
                    yield outcome.name, found
            for looking in self.under_way.values():
                self._judge(looking)

    def stop(self) -> None:
        """Lets what is under way save where it is."""
        if self.under_way:
            self.grid.reporter.say(f"{counted(len(self.under_way), 'training')} being stopped and saved")
            self.pool.stop(self.under_way)
        until = time.monotonic() + STOP_SECONDS
        while self.under_way and time.monotonic() < until:
            for outcome in self.pool.ended(LOOK_SECONDS):
                self.under_way.pop(outcome.name).close()

    def _can_begin(self, cell: Cell) -> bool:
        """Whether the cell that it goes on from, if there is one, is finished."""
        return cell.start not in {*(other.name for other in self.left), *self.under_way}

    def _begin(self, cell: Cell) -> None:
        self.left.remove(cell)
        looking = self.under_way[cell.name] = Looking(self.grid, cell)
        for percent, recall in looking.fresh():  # of an earlier call, whose decisions stand
            if self.early is not None:
                self.early.goes_on(cell, percent, recall)
        plain = {one.name: getattr(cell, one.name) for one in dataclasses.fields(cell)}
        corpora = (plain.pop("corpus"), plain.pop("asked"))  # which cells share
        device = torch.device(self.grid.device.type)  # which of several GPUs is theirs they are told by Ray
        grid = dataclasses.replace(self.grid, device=device, reporter=Lines(), study=LastStudy(), elsewhere=None)
        self.pool.begin(cell.name, finish, grid, plain, *corpora, *self.making, self.elsewhere.threads)

    def _judge(self, looking: Looking) -> None:
        """Moves the bars, and asks a cell to stop that is not worth going on with."""
        for percent, recall in looking.fresh():
            if self.early is not None and not self.early.goes_on(looking.cell, percent, recall):
                self.given_up.add(looking.cell.name)
                self.pool.stop([looking.cell.name])

    def _result(self, outcome: Outcome, looking: Looking) -> R | None:
        """What a cell came to; None where it begins again."""
        say, name = self.grid.reporter.say, outcome.name
        if outcome.fate == "refused":
            raise UserError(outcome.value)
        if outcome.fate == "done":
            found, lines = outcome.value
            for line in lines:
                say(line)
            return found
        if outcome.fate == "stopped" and name in self.given_up:
            assert self.early is not None, "only what decides gives up"
            return self.grid.keep(looking.cell, self.early.result(looking.cell, looking.curve))
        self.lost[name] = self.lost.get(name, 0) + 1
        if self.lost[name] >= MOST_LOST:
            raise UserError(f"{name}: its process was lost {MOST_LOST} times, the last time so: {outcome.value}")
        say(f"{name}: its process was lost; it goes on from its last checkpoint")
        self.left.insert(0, looking.cell)
        return None


def elsewhere_for(options: Spread, device: torch.device) -> Elsewhere | None:
    """The other processes that the options ask for, None where this one is to do it all."""
    if options.workers is None and options.address is None:
        return None
    share = 1 if options.address else max(torch.get_num_threads() // (options.workers or 1), 1)
    threads = options.threads or share
    gpus = 0.0
    if device.type == "cuda":
        share = math.ceil((options.workers or 1) / torch.cuda.device_count())
        gpus = 1.0 if options.address else math.floor(1e4 / share) / 1e4  # Ray counts ten-thousandths
    request = Request(workers=options.workers, address=options.address, cpus=threads, gpus=gpus)
    return Elsewhere(request=request, threads=threads)


class Lines:
    """A reporter that keeps what is said until it can be told; see `closedbook.experiments.reporter.Reporter`."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, line: str) -> None:
        self.said.append(line)

    def corpus(self, corpus: Any) -> None:
        """Whoever handed the cell out has said it."""

    def progress(self, title: str) -> Any:
        """What moves is seen in the files."""
        return contextlib.nullcontext(lambda record: None)


def finish(
    grid: Grid,
    plain: dict[str, Any],
    corpus: Any,
    asked: Any,
    measure: Measurement[R],
    result: type[R],
    threads: int,
) -> tuple[R, list[str]]:
    """Runs elsewhere: a cell's result, which is then in the output directory, and the lines that were said of it."""
    torch.set_num_threads(threads)
    grid = dataclasses.replace(grid, study=_STUDY)
    cell, lines = Cell(**plain, corpus=corpus, asked=asked), grid.reporter
    assert isinstance(lines, Lines), "whoever hands a cell out listens so"
    until = time.monotonic() + LOCK_SECONDS
    while any(map(is_locked, grid.partials(cell))) and time.monotonic() < until:  # its last process is still dying
        time.sleep(LOOK_SECONDS)
    return grid.finish(cell, measure, result), lines.said


def require_shared(pool: Pool, out: Path) -> None:
    """Refuses machines that do not see the output directory, or compute with other versions than this one.

    Raises:
        UserError: One of them is so.
    """
    probe, text = out / f".probe-{os.getpid()}", secrets.token_hex(8)
    write_text(probe, text)
    try:
        told = pool.on_each_machine(what_is_there, probe.resolve())
    finally:
        probe.unlink(missing_ok=True)
    for address, there in _same_versions(told):
        if there != text:
            raise UserError(
                f"{out}: is not the same folder on {address}; --out must be on a disk that all machines share."
            )


def require_same_versions(pool: Pool) -> None:
    """Refuses machines that compute with other versions than this one.

    Raises:
        UserError: One of them does.
    """
    for _ in _same_versions(pool.on_each_machine(what_is_there, None)):
        pass


def _same_versions(told: Mapping[str, Outcome]) -> Iterator[tuple[str, str]]:
    """What each machine found, by its address, if it computes with the versions of this one.

    Raises:
        UserError: It does not, or could not be asked.
    """
    here = versions()
    for address, outcome in told.items():
        if outcome.fate != "done":
            raise UserError(f"--address: closedbook cannot be called on {address} ({outcome.value}).")
        there, its_versions = outcome.value
        if its_versions != here:
            raise UserError(f"--address: {address} has {its_versions}, this machine has {here}; they must be the same.")
        yield address, there


def what_is_there(path: Path | None) -> tuple[str, str]:
    """Runs elsewhere: what a file holds, nothing where it is not there, and the versions."""
    text = ""
    if path is not None:
        with contextlib.suppress(OSError):
            text = path.read_text(encoding="utf-8")
    return text, versions()


def versions() -> str:
    """What the figures of a machine depend on."""
    return f"{version_line()} with torch {torch.__version__}"
