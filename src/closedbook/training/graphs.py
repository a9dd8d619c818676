"""CUDA graphs: what a function does on a GPU is recorded once for each shape of its inputs, and then replayed.

A step of a small model is some hundred kernels of a few microseconds, which a processor launches more slowly than a GPU
works them off; a recording is launched as a whole. What may be recorded waits for nothing on the GPU and depends on
nothing but its inputs and on tensors that stay in their place, as weights do which optimizers change.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

Function = Callable[..., Tensor | tuple[Tensor, ...]]
SEVERAL = 16  # widths of micro-batches are rounded up to a multiple of it


@dataclass(frozen=True)
class Recording:
    """A function's kernels, and where they read and write."""

    graph: torch.cuda.CUDAGraph
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


class Recorder:
    """Calls functions on a GPU by replaying what they did.

    A shape's first call runs as ever, which also readies what must not be readied in a recording; its second is
    recorded. All recordings share their memory, so that results are copied before they are given away.
    """

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()
        self._seen: set[object] = set()
        self._recordings: dict[object, Recording] = {}

    @property
    def recorded(self) -> int:
        """Recordings so far."""
        return len(self._recordings)

    def __call__(self, function: Function, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The function's results, in memory of their own.

        Args:
            function: Of floating-point results.
            tensors: Its inputs.
        """
        shape = (function, *((tensor.shape, tensor.dtype) for tensor in tensors))
        if shape not in self._seen:
            self._seen.add(shape)
            return _several(function(*tensors))
        if shape not in self._recordings:
            self._recordings[shape] = self._record(function, tensors)
        recording = self._recordings[shape]
        for place, tensor in zip(recording.inputs, tensors, strict=True):
            place.copy_(tensor)
        recording.graph.replay()
        return tuple(torch._foreach_mul(recording.outputs, 1.0))  # one kernel for all of them

    def map(self, function: Function, items: Iterable[Tensor]) -> Iterator[Tensor]:
        """As `map`, for a function of one tensor that gives one."""
        for item in items:
            yield self(function, item)[0]

    def _record(self, function: Function, tensors: tuple[Tensor, ...]) -> Recording:
        """A recording; `torch.cuda.graph` would collect garbage and give memory back before each."""
        graph, stream, here = torch.cuda.CUDAGraph(), torch.cuda.Stream(), torch.cuda.current_stream()
        inputs = tuple(tensor.clone() for tensor in tensors)
        stream.wait_stream(here)
        with torch.cuda.stream(stream):
            graph.capture_begin(pool=self._pool, capture_error_mode="thread_local")
            try:
                outputs = _several(function(*inputs))
            finally:
                graph.capture_end()
        here.wait_stream(stream)
        return Recording(graph, inputs, outputs)


def _several(results: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return results if isinstance(results, tuple) else (results,)


def few_shapes(rows: int, time: int, longest: int) -> tuple[int, int]:
    """The shape to which a micro-batch is padded, so that there are few: at most a quarter more rows.

    Args:
        rows: Of the micro-batch.
        time: Positions of each.
        longest: That the model reads.
    """
    step = 1 << max(rows.bit_length() - 3, 0)
    return -(-rows // step) * step, min(-(-time // SEVERAL) * SEVERAL, longest)
