"""Callbacks that write into the run directory after each step: metrics, recall on the way, checkpoints."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from closedbook.evaluation.scorers import score_all
from closedbook.facts.records import Fact
from closedbook.files import disk_errors, write_text
from closedbook.model.gpt import GPT
from closedbook.runs import Run
from closedbook.training.checkpoints import save_checkpoint
from closedbook.training.loop import StepRecord, TrainingState

LOGGED_POINTS = 200  # lines of metrics.jsonl a run
PROBES = 13  # lines of recall.jsonl a run
CHECKPOINT_SECONDS = 60.0


class _Log:
    """A JSONL file of which every line has a `step`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, values: Mapping[str, float | int]) -> None:
        with disk_errors(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")

    def resume(self, step: int) -> None:
        """Drops what an interrupted training wrote after the checkpoint of that step, a torn last line included."""
        if not self._path.exists():
            return
        kept = []
        for line in self._path.read_text(encoding="utf-8").splitlines():
            try:
                if json.loads(line)["step"] <= step:
                    kept.append(line + "\n")
            except ValueError:
                break
        write_text(self._path, "".join(kept))


class Metrics(_Log):
    """Writes a line of means every so many steps; the steps do not depend on timing."""

    def __init__(self, path: Path, state: TrainingState) -> None:
        super().__init__(path)
        self._state, self._pending = state, list[StepRecord]()

    def __call__(self, record: StepRecord) -> None:
        self._pending.append(record)
        every = max(record.steps // LOGGED_POINTS, 1)
        if record.step % every and record.step != record.steps:
            return
        values = {
            "step": record.step,
            "steps": record.steps,
            "loss": sum(pending.loss for pending in self._pending) / len(self._pending),
            "rate": record.rate,
            "tokens": self._state.tokens,
            "seconds": round(record.seconds, 3),
        }
        self._pending.clear()
        self.append(values)


class Probe(_Log):
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


class Checkpoints:
    """Saves a checkpoint whenever a minute has passed since the last; what is saved does not depend on when."""

    def __init__(self, directory: Path, model: GPT, state: TrainingState) -> None:
        self._directory, self._model, self._state = directory, model, state
        self._last = time.monotonic()

    def __call__(self, record: StepRecord) -> None:
        if time.monotonic() - self._last >= CHECKPOINT_SECONDS and record.step < record.steps:
            save_checkpoint(self._directory, self._model, self._state)
            self._last = time.monotonic()
