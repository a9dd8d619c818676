"""Micro-batches side by side: on a processor with several cores, threads of one core each beat one thread of several.

The matrices of a small model are too small to keep several cores busy at once. So each worker takes a whole
micro-batch, forward and backward, and the gradients are added in the order of the micro-batches: the same seed on the
same machine with the same number of threads gives the same bits.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

import torch

from closedbook.config import TrainingConfig

Part = TypeVar("Part")
Result = TypeVar("Result")


class Workers:
    """A pool of threads, each with its share of torch's threads.

    Args:
        count: Workers, at least 1.
    """

    def __init__(self, count: int) -> None:
        share = max(torch.get_num_threads() // count, 1)
        self._pool = ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(share,))

    def map(self, work: Callable[[Part], Result], parts: Iterable[Part]) -> Iterator[Result]:
        """The results in the order of the parts."""
        return self._pool.map(work, parts)

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Lets torch compute on the calling thread alone inside the block.

    For many small operations in a row: shared out among threads, each of them waits for the slowest, which beside other
    busy programs may not even be running (measured on 2 busy cores: 300 steps of a task of the attention lab take 1.1 s
    with one thread and 21 to 60 s with two). What is computed number by number has the same bits either way.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def workers_for(training: TrainingConfig, device: torch.device) -> int:
    """How many micro-batches are worked on at a time.

    One on a GPU and with `torch.compile`; else as many as the step has and the processor's threads allow.
    """
    if device.type != "cpu" or training.compile:
        return 1
    return min(training.micro_batches or 1, torch.get_num_threads())
