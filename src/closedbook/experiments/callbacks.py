"""Callbacks of a training that keep what it does: metrics, recall on the way, checkpoints."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from closedbook.evaluation.scorers import score_all
from closedbook.experiments.signals import Pending
from closedbook.facts.records import Fact
from closedbook.files import disk_errors, write_text
from closedbook.model.gpt import GPT
from closedbook.runs import Run
from closedbook.training.checkpoints import save_checkpoint
from closedbook.training.loop import StepRecord, TrainingState
from closedbook.training.ranks import Ranks

LOGGED_POINTS = 200  # lines of metrics.jsonl a run
PROBES = 13  # lines of recall.jsonl a run


class Log:
    """Lines of JSON, each with a `step`, which are appended to a file for whoever looks on.

    What counts is in memory and in the checkpoints: the file may lack its end after a fault, and is written anew when
    the training goes on.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._path = path
        self._lines: list[str] = []

    def append(self, values: Mapping[str, float | int]) -> None:
        self._lines.append(json.dumps(values) + "\n")
        with disk_errors(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(self._lines[-1])

    def text(self) -> str:
        """The whole file."""
        return "".join(self._lines)

    def notes(self) -> dict[str, Any]:
        """What `resume` needs (JSON-ready)."""
        return {"lines": list(self._lines)}

    def resume(self, notes: Mapping[str, Any]) -> None:
        """Goes on from what was noted; without notes, from nothing."""
        self._lines = list(notes.get("lines", ()))
        if self._lines or self._path.exists():
            write_text(self._path, self.text())


class Metrics(Log):
    """Writes a line of means every so many steps; the steps do not depend on timing."""

    def __init__(self, path: Path, state: TrainingState) -> None:
        super().__init__(path)
        self._state, self._losses = state, list[float]()  # since the last line

    def __call__(self, record: StepRecord) -> None:
        self._losses.append(record.loss)
        every = max(record.steps // LOGGED_POINTS, 1)
        if record.step % every and record.step != record.steps:
            return
        values = {
            "step": record.step,
            "steps": record.steps,
            "loss": sum(self._losses) / len(self._losses),
            "rate": record.rate,
            "tokens": self._state.tokens,
            "seconds": round(record.seconds, 3),
        }
        self._losses.clear()
        self.append(values)

    def notes(self) -> dict[str, Any]:
        return {**super().notes(), "losses": list(self._losses)}

    def resume(self, notes: Mapping[str, Any]) -> None:
        super().resume(notes)
        self._losses = list(notes.get("losses", ()))


class Probe(Log):
    """Asks a few questions a few times on the way, for the learning curve; the training does not depend on it."""

    def __init__(self, path: Path, run: Run, facts: Sequence[Fact]) -> None:
        super().__init__(path)
        self._run, self._facts = run, facts
        self._prompts = run.prompts([fact.question for fact in facts])

    def __call__(self, record: StepRecord) -> None:
        every = max(record.steps // PROBES, 1)
        if not self._facts or (record.step % every and record.step != record.steps):
            return
        scores = score_all(self._run.respond(self._prompts), self._facts)
        self._run.model.train()
        self.append({"step": record.step, "recall": sum(score.correct for score in scores) / len(scores)})


@dataclass(kw_only=True)
class Checkpoints:
    """Saves a checkpoint whenever some time has passed since the last; what is saved does not depend on when.

    A signal that waits, here or in another process of the training, is handed back once the step is saved.
    """

    directory: Path  # where they are kept
    model: GPT
    state: TrainingState
    logs: Sequence[Log]  # what belongs to the training besides; they are called before this
    seconds: float  # between two checkpoints
    pending: Pending  # the signal, if one came
    announce: Callable[[str], None]  # gets a line when a signal has led to a checkpoint
    ranks: Ranks  # the processes of the training, of which this one leads
    last: float = field(default_factory=time.monotonic, init=False)

    def __call__(self, record: StepRecord) -> None:
        due = time.monotonic() - self.last >= self.seconds and record.step < record.steps
        asked = agreed(self.pending, self.ranks)
        if due or asked:
            save_checkpoint(self.directory, self.model, self.state, {log.name: log.notes() for log in self.logs})
            self.last = time.monotonic()
        if asked:
            self.announce(f"saved at step {record.step:,} of {record.steps:,}")
            self.ranks.end()
            self.pending.hand_back()


@dataclass(frozen=True)
class Following:
    """What a process that does not lead does after each step: it stops where the others do, when that is saved."""

    pending: Pending
    ranks: Ranks

    def __call__(self, record: StepRecord) -> None:
        if agreed(self.pending, self.ranks):
            self.ranks.end()
            self.pending.hand_back()


def agreed(pending: Pending, ranks: Ranks) -> bool:
    """Whether a signal waits in any process of the training; then it waits in this one, too."""
    asked = ranks.largest(pending.number or 0)
    if asked:  # else one may have come meanwhile, and waits for the next step
        pending.number = asked
    return bool(asked)
