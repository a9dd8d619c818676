"""Signals that ask a training to stop wait until it has saved where it is."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

from closedbook.errors import Stopped

ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, what schedulers and service managers send, and a terminal that was closed."""


class Pending:
    """The first signal that came since the block began."""

    def __init__(self) -> None:
        self.number: int | None = None
        self._usual: dict[int, Any] = {}

    def take_over(self) -> None:
        """Handles the signals that somebody handles; those that are ignored, as under nohup, stay so."""
        if threading.current_thread() is threading.main_thread():
            for number in ASKING:
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._usual[number] = signal.signal(number, self._note)

    def hand_back(self) -> None:
        """Lets the signals come through again, the one that waits first."""
        for number, handler in self._usual.items():
            signal.signal(number, handler)
        self._usual.clear()
        if self.number is not None:
            number, self.number = self.number, None
            signal.raise_signal(number)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.number is not None:  # a second: whoever sends it does not want to wait
            self.hand_back()
        else:
            self.number = number


class PatientPending(Pending):
    """The same for one of several processes, which end together: further signals change nothing.

    Whoever stops all of them may send several: a scheduler to everyone, and torchrun to those that it started.
    """

    def hand_back(self) -> None:
        asked, self.number = self.number, None
        if asked is None:
            super().hand_back()
            return
        for number in self._usual:
            signal.signal(number, signal.SIG_IGN)
        self._usual.clear()
        raise KeyboardInterrupt if asked == signal.SIGINT else Stopped(asked)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.number = self.number or number


@contextlib.contextmanager
def waiting_signals(*, patient: bool = False) -> Iterator[Pending]:
    """Inside the block a signal waits for `hand_back`, which comes with its end.

    A second one comes through at once, unless there are other processes to be patient with.
    """
    pending = PatientPending() if patient else Pending()
    pending.take_over()
    try:
        yield pending
    finally:
        pending.hand_back()
