"""A model's one thread: it takes what waits, as many rows at once as a batch holds, and measures its pace.

How much may wait follows the pace: as many rows as the model gets through in the seconds that the limits allow, or one
batch, whichever is more; and nobody is let in who would wait past the own deadline. A request that is given up frees
its place at once; if it is being computed, what computes it can see that.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from closedbook.serve.limits import Limits

SMOOTHING = 0.2  # weight of the last batch in the pace

Work = Callable[[Hashable, Sequence["Job"]], list[Any]]
"""From what jobs have in common and the jobs to a result, or an exception, for each."""
Deliver = Callable[[list[tuple["Job", Any]]], None]


class Full(Exception):
    """No more may wait; `after` is in how many seconds it is worth another try."""

    def __init__(self, after: float) -> None:
        super().__init__(f"full for {after:.3f} s")
        self.after = after


class Closed(Exception):
    """The service is stopping."""


@dataclass(eq=False, kw_only=True)
class Job:
    """What one request wants of a model.

    Args:
        kind: What jobs of a batch have in common.
        payload: What is wanted.
        rows: How many rows it takes; none for what is no request's.
        deadline: When it is given up, by the monotonic clock.
        given_up: Whether nobody waits for it any more.
        future: Where the result goes; the worker does not look at it.
    """

    kind: Hashable
    payload: Any
    rows: int = 1
    deadline: float = float("inf")
    given_up: bool = False
    future: Any = field(default=None, repr=False)


@dataclass
class Pace:
    """Seconds that a row takes, as measured; batches of one and of many are what they are."""

    seconds: float = 0.0

    def saw(self, rows: int, seconds: float) -> None:
        """Takes a batch into account, unless it has no rows."""
        if not rows:
            return
        each = seconds / rows
        self.seconds = each if not self.seconds else (1 - SMOOTHING) * self.seconds + SMOOTHING * each


class Worker:
    """A thread that works through jobs, in the order in which they came, those of one kind together.

    Args:
        name: Of the model.
        work: Does the jobs of a batch.
        deliver: Gets the jobs of a batch with their results, in the worker's thread.
        limits: How much may wait.
        measured: Gets the rows and seconds of every batch.
    """

    def __init__(
        self,
        name: str,
        work: Work,
        deliver: Deliver,
        limits: Limits,
        measured: Callable[[int, float], None] = lambda rows, seconds: None,
    ) -> None:
        self.pace = Pace()
        self._work, self._deliver, self._limits, self._measured = work, deliver, limits, measured
        self._jobs: deque[Job] = deque()
        self._running: list[Job] = []
        self._began = 0.0
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=f"model {name}", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def waiting(self) -> int:
        """Rows that wait."""
        with self._changed:
            return self._rows

    @property
    def _rows(self) -> int:
        return sum(job.rows for job in self._jobs)

    @property
    def busy(self) -> float:
        """For how many seconds it has been computing a batch of requests; 0 where it computes none."""
        with self._changed:
            return time.monotonic() - self._began if any(job.rows for job in self._running) else 0.0

    @property
    def idle(self) -> bool:
        """Whether nothing waits or is computed."""
        with self._changed:
            return not self._jobs and not self._running

    @property
    def bound(self) -> int:
        """Rows that may wait."""
        pace = self.pace.seconds
        return max(self._limits.batch, int(self._limits.wait / pace) if pace else 0)

    @property
    def full(self) -> float | None:
        """In how many seconds what waits is done, None where a row more may wait."""
        with self._changed:
            rows = self._rows
            return rows * self.pace.seconds if rows and rows >= self.bound else None

    def submit(self, job: Job, *, first: bool = False) -> None:
        """Lets a job wait; with `first` before all others and however many there are.

        Raises:
            Full: There is no room for it, or it would wait past its deadline.
            Closed: The worker takes no more.
        """
        with self._changed:
            if self._closed:
                raise Closed
            if first:
                self._jobs.appendleft(job)
            else:
                rows = self._rows
                ahead = rows * self.pace.seconds
                if rows and (rows + job.rows > self.bound or time.monotonic() + ahead > job.deadline):
                    raise Full(ahead)
                self._jobs.append(job)
            self._changed.notify_all()

    def give_up(self, job: Job) -> None:
        """Frees the place of a job that nobody waits for any more."""
        with self._changed:
            job.given_up = True
            if job in self._jobs:
                self._jobs.remove(job)

    def close(self) -> None:
        """Takes no more jobs; those that are there are done."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def join(self, seconds: float | None = None) -> None:
        """Waits until a closed worker has ended."""
        self._thread.join(seconds)

    def _run(self) -> None:
        while batch := self._take():
            began = time.perf_counter()
            try:
                results = self._work(batch[0].kind, batch)
            except Exception as error:  # one request must not end the service
                results = [error] * len(batch)
            seconds, rows = time.perf_counter() - began, sum(job.rows for job in batch)
            self.pace.saw(rows, seconds)
            self._measured(rows, seconds)
            with self._changed:
                self._running = []
            self._deliver(list(zip(batch, results, strict=True)))

    def _take(self) -> list[Job]:
        """The next batch: the first job and what of its kind fits beside it; none when all is done."""
        with self._changed:
            while True:
                now = time.monotonic()
                for job in [job for job in self._jobs if job.deadline <= now]:
                    self._jobs.remove(job)
                    job.given_up = True
                if self._jobs:
                    break
                if self._closed:
                    return []
                self._changed.wait()
            batch = [self._jobs.popleft()]
            rows = batch[0].rows
            for job in list(self._jobs):
                if job.kind == batch[0].kind and rows + job.rows <= self._limits.batch:
                    self._jobs.remove(job)
                    batch.append(job)
                    rows += job.rows
            self._running, self._began = batch, time.monotonic()
            return batch
