"""What a training has while it runs: the directory `NAME.partial`, which goes when `NAME` is there.

It holds `.lock`, `identity.json` (which training it is), `checkpoints/`, logs to look at, and at the end `run/`, which
is filled, sealed and renamed to `NAME`. That rename decides: before it the training goes on from its newest checkpoint,
after it there is nothing left to do but to clear away, `identity.json` last.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from closedbook.errors import UserError
from closedbook.experiments.results import check_marker, take_up
from closedbook.files import disk_errors, filled, remove
from closedbook.locks import LOCK, locked

WHAT = "an unfinished training"


class Unfinished:
    """The directory of a training.

    Args:
        out: The run directory to come.
        identity: What must be the same for it to be taken up again (JSON-ready).
    """

    def __init__(self, out: Path, identity: dict[str, Any]) -> None:
        self.out, self.path = out, partial_of(out)
        self._identity = identity
        self._marker = self.path / "identity.json"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @contextlib.contextmanager
    def opened(self) -> Iterator[bool]:
        """Keeps others out during the block, and tells it whether a killed process left nothing but clearing away.

        Raises:
            UserError: The run exists, another process is training it, or the directory holds something else.
        """
        refuse_finished(self.out)
        try:
            with locked(self.path):
                check_marker(self._marker, self._identity, WHAT)
                if done := self.out.exists():
                    self._clear_away()
                yield done
        finally:
            with contextlib.suppress(OSError):  # it is not empty where there is something to go on from
                self.path.rmdir()

    def take_up(self) -> None:
        """Marks the directory as that of this training."""
        take_up(self._marker, self._identity, WHAT)

    @contextlib.contextmanager
    def finishing(self) -> Iterator[Path]:
        """A directory to fill, which becomes the run when the block ends."""
        partial = self.path / "run"
        with filled(self.out, partial):
            yield partial
        self._clear_away()

    def _clear_away(self) -> None:
        with disk_errors(self.path):
            for path in self.path.iterdir():
                if path not in (self._marker, self.path / LOCK):
                    remove(path)
            self._marker.unlink(missing_ok=True)


def partial_of(out: Path) -> Path:
    """Where the training of a run is until it is finished."""
    return out.with_name(out.name + ".partial")


def refuse_finished(out: Path) -> None:
    """Refuses to train what is there already.

    Raises:
        UserError: The run exists, and no killed process has left anything to do.
    """
    if out.exists() and not partial_of(out).is_dir():
        raise UserError(f"{out}: exists already; choose another place or remove it.")
