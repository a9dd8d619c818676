"""CUDA graphs: what a function does on a GPU is recorded once for each shape of its inputs, and then replayed.

A step of a small model is some hundred kernels of a few microseconds, which a processor launches more slowly than a GPU
works them off; a recording is launched as a whole. What may be recorded waits for nothing on the GPU and depends on
nothing but its inputs and on tensors that stay in their place, as weights do which optimizers change.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

Function = Callable[..., Tensor | tuple[Tensor, ...]]
FEW, SEVERAL, SHORT = 4, 16, 32  # widths are rounded up to a multiple of 4, those beyond 32 to one of 16


@dataclass(frozen=True)
class Recording:
    """A function's kernels, where they read, and where they leave what comes out."""

    graph: torch.cuda.CUDAGraph
    inputs: tuple[Tensor, ...]
    results: tuple[Tensor, ...]


class Recorder:
    """Calls functions on the current GPU by replaying what they did, inside a `with` block.

    A shape's first call runs as ever, which also readies what must not be readied in a recording; its second is
    recorded. All recordings work in the same memory and leave results of the same shapes in the same place, from where
    they are copied before they are given away.
    """

    def __init__(self) -> None:
        self._stream, self._pool = torch.cuda.Stream(), torch.cuda.graph_pool_handle()
        self._recordings: dict[object, Recording] = {}
        self._results: dict[object, tuple[Tensor, ...]] = {}  # where those of a shape of inputs are left
        self._places: dict[object, tuple[Tensor, ...]] = {}  # the same, by their own shapes

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *error: object) -> None:
        """Gives back the memory of all recordings; functions that they know may know this."""
        for known in (self._recordings, self._results, self._places):
            known.clear()
        torch.cuda.empty_cache()

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
        if shape not in self._results:
            found = _several(function(*tensors))
            like = (function, *(result.shape for result in found))
            places = self._places.setdefault(like, tuple(torch.empty_like(result) for result in found))
            self._results[shape] = places
            return found
        if shape not in self._recordings:
            self._recordings[shape] = self._record(function, tensors, self._results[shape])
        recording = self._recordings[shape]
        for place, tensor in zip(recording.inputs, tensors, strict=True):
            place.copy_(tensor)
        recording.graph.replay()
        return tuple(torch._foreach_mul(recording.results, 1.0))  # one kernel for all of them

    def map(self, function: Function, items: Iterable[Tensor]) -> Iterator[Tensor]:
        """As `map`, for a function of one tensor that gives one."""
        for item in items:
            yield self(function, item)[0]

    def _record(self, function: Function, tensors: tuple[Tensor, ...], results: tuple[Tensor, ...]) -> Recording:
        """A recording; `torch.cuda.graph` would wait for the GPU and give memory back before each."""
        free, _ = torch.cuda.mem_get_info()
        if free < torch.cuda.memory_reserved():  # what calls that ran as ever have left is not for recordings
            torch.cuda.empty_cache()
        graph, here = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
        inputs = tuple(tensor.clone() for tensor in tensors)
        self._stream.wait_stream(here)
        with torch.cuda.stream(self._stream):
            graph.capture_begin(pool=self._pool, capture_error_mode="thread_local")
            try:
                torch._foreach_copy_(results, _several(function(*inputs)))
            except BaseException:
                with contextlib.suppress(RuntimeError):  # that the recording is of no use
                    graph.capture_end()
                raise
            graph.capture_end()
        here.wait_stream(self._stream)
        return Recording(graph, inputs, results)


def _several(results: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return results if isinstance(results, tuple) else (results,)


def few_shapes(rows: int, time: int, longest: int) -> tuple[int, int]:
    """The shape to which a micro-batch is padded, so that there are few: at most a quarter more rows.

    Args:
        rows: Of the micro-batch.
        time: Positions of each.
        longest: That the model reads.
    """
    step, unit = 1 << max(rows.bit_length() - 3, 0), FEW if time <= SHORT else SEVERAL
    return -(-rows // step) * step, min(-(-time // unit) * unit, longest)
