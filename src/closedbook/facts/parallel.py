"""Work on chunks of a stream in several processes, with a few of them in memory at a time."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Any, TypeVar

from closedbook.errors import UserError

T = TypeVar("T")
R = TypeVar("R")
AHEAD = 2  # chunks that wait for each process


def chunks(things: Iterable[T], size: int) -> Iterator[list[T]]:
    """The things in lists of that size; the last may be shorter."""
    iterator = iter(things)
    while chunk := list(islice(iterator, size)):
        yield chunk


def map_ordered(function: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """What a function makes of every item, in their order; with one worker in this process.

    Args:
        function: Can be pickled, and is sent to each process once.
        items: Taken as results are.
        workers: Processes.

    Raises:
        UserError: A process has ended.
    """
    if workers < 2:
        yield from map(function, items)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_set, initargs=(function,)) as pool:
        waiting: deque[Future[R]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(_run, item))
                if len(waiting) >= workers * AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise UserError(
                "A process that helped has ended, perhaps for want of memory; take fewer --workers. The same command "
                "goes on."
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


_FUNCTION: list[Callable[[Any], Any]] = []


def _set(function: Callable[[Any], Any]) -> None:
    """Prepares a process, which leaves Ctrl-C to the one that started it, and ends with that one."""
    _FUNCTION[:] = [function]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run(item: Any) -> Any:
    (function,) = _FUNCTION
    return function(item)
