"""A training in an experiment tracker: a callback that hands on what `metrics.jsonl` and `recall.jsonl` hold.

The files stay the truth: a tracker gets all their lines, also where a training is taken up again.
"""

import contextlib
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from closedbook.errors import UserError
from closedbook.experiments.options import TrackerName
from closedbook.files import read_json
from closedbook.training.loop import Callback, StepRecord

Log = Callable[[dict[str, float | int], int], object]  # takes the figures of a step


class Tracking:
    """A tracker's run, opened at the first step; a `UserError` says that the tracker is not installed."""

    def __init__(self, name: TrackerName, out: Path, say: Callable[[str], None]) -> None:
        self._name, self._say, self._run = name, say, contextlib.ExitStack()
        self._partial, self._beside = (out.with_name(f"{out.name}.{suffix}") for suffix in ("partial", name))
        self._read: dict[Path, int] = defaultdict(int)  # lines
        self._log: Log | None = None
        try:
            self._module = import_module(MODULES[name])
        except ImportError as error:
            raise UserError(f"--track {name}: {error}; pip install 'closedbook[track]' brings it.") from None

    def __call__(self, record: StepRecord) -> None:
        with self._excused():
            if self._log is None:
                config = read_json(self._partial / "identity.json")["config"]
                self._log = self._run.enter_context(TRACKERS[self._name](self._module, self._beside, config))
            for step, values in self._fresh():
                self._log(values, step)

    def close(self) -> None:
        with self._excused():
            self._run.close()

    def _fresh(self) -> list[tuple[int, dict[str, float | int]]]:
        """The lines since the last call, those of one step together, by step."""
        by_step: dict[int, dict[str, float | int]] = defaultdict(dict)
        for path in self._partial.glob("*.jsonl"):
            lines = path.read_text(encoding="utf-8").splitlines()
            for values in map(json.loads, lines[self._read[path] :]):
                by_step[values.pop("step")] |= values
            self._read[path] = len(lines)
        return sorted(by_step.items())

    @contextlib.contextmanager
    def _excused(self) -> Iterator[None]:
        """Lets the tracker fail, which is said once, without the training."""
        try:
            yield
        except Exception as error:  # whatever a tracker raises
            self._say(f"--track {self._name} failed and is left out, the training goes on: {error}")
            self._log, self._run = lambda values, step: None, contextlib.ExitStack()


@contextlib.contextmanager
def tracked(name: TrackerName | None, out: Path, say: Callable[[str], None]) -> Iterator[tuple[Callback, ...]]:
    """The callbacks, one or none, that show the training of a run directory in a tracker; see `Tracking`."""
    with contextlib.ExitStack() as stack:
        yield (stack.enter_context(contextlib.closing(Tracking(name, out, say))),) if name else ()


@contextlib.contextmanager
def _tensorboard(module: Any, directory: Path, config: dict[str, Any]) -> Iterator[Log]:
    for earlier in directory.glob("events.out.tfevents.*"):  # of an attempt whose lines are read again
        earlier.unlink()
    with module.SummaryWriter(str(directory)) as writer:
        writer.add_text("config", f"```json\n{json.dumps(config, indent=2)}\n```")
        yield lambda values, step: [writer.add_scalar(name, value, step) for name, value in values.items()]


@contextlib.contextmanager
def _wandb(module: Any, directory: Path, config: dict[str, Any]) -> Iterator[Log]:
    os.environ.setdefault("WANDB_MODE", "offline")  # nothing leaves the machine unless the user says so
    directory.mkdir(exist_ok=True)  # else it writes into the temporary directory
    with module.init(project="closedbook", name=directory.stem, dir=directory, config=config) as run:
        yield lambda values, step: run.log(values, step=step)


@contextlib.contextmanager
def _trackio(module: Any, directory: Path, config: dict[str, Any]) -> Iterator[Log]:
    run = module.init("closedbook", directory.stem, config=config, auto_log_cpu=False, auto_log_gpu=False)
    yield lambda values, step: run.log(values, step=step)
    run.finish()


TRACKERS = {"tensorboard": _tensorboard, "trackio": _trackio, "wandb": _wandb}
MODULES = {"tensorboard": "torch.utils.tensorboard", "trackio": "trackio", "wandb": "wandb.sdk"}
