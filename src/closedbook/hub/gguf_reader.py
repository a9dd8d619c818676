"""GGUF files for `transformers`, quickly: what its conversion takes from the `gguf` package, done once and in one pass.

The library reads a file's header three times, string by string through numpy, and makes the table of tensor names anew
for every module of the model; all its architectures go through that. While a file is opened, it gets what is read once
here instead. The conversion itself, its mapping of names and its dequantisation remain the library's.
"""

import contextlib
import functools
import mmap
from collections.abc import Iterator
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

from closedbook.hub.gguf_header import GgufHeader, TensorInfo, Value

AS_IT_IS = -1  # a type for which the library takes a value as it is given
ROWS = 2**22  # values that are dequantised at a time


class Field(NamedTuple):
    """An entry of the metadata, as `gguf.ReaderField`."""

    parts: list[Any]
    data: range
    types: list[int]


class Tensor(NamedTuple):
    """A tensor, as `gguf.ReaderTensor`; the data are a view of the file."""

    name: str
    tensor_type: Any
    data: np.ndarray


class Reader:
    """A file, as `gguf.GGUFReader`."""

    def __init__(self, header: GgufHeader) -> None:
        counts = {"GGUF.tensor_count": len(header.tensors), "GGUF.kv_count": len(header.values)}
        self.fields = {key: _field(value) for key, value in {**counts, **header.values}.items()}
        with header.path.open("rb") as file:
            data = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
        self.tensors = [_tensor(info, data[header.start + info.offset :]) for info in header.tensors]


@contextlib.contextmanager
def read_once(header: GgufHeader) -> Iterator[None]:
    """While this lasts, `transformers` reads any GGUF file as the one of this header."""
    import gguf
    from transformers import modeling_gguf_pytorch_utils as conversion

    reader = Reader(header)

    def opened(path: Any) -> Reader:
        return reader

    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(gguf, "GGUFReader", opened))
        stack.enter_context(mock.patch.object(gguf, "dequantize", functools.partial(_dequantized, gguf.dequantize)))
        names = functools.cache(gguf.get_tensor_name_map)
        stack.enter_context(mock.patch.object(gguf, "get_tensor_name_map", names))
        stack.enter_context(mock.patch.object(conversion, "tqdm", lambda tensors, desc: tensors))
        yield


def _field(value: Value) -> Field:
    values = value if isinstance(value, list) else [value]
    return Field(values, range(len(values)), [AS_IT_IS])


def _tensor(info: TensorInfo, data: np.ndarray) -> Tensor:
    from gguf import GGMLQuantizationType
    from gguf.quants import quant_shape_to_byte_shape

    kind = GGMLQuantizationType(info.kind)
    shape = quant_shape_to_byte_shape(info.shape, kind)
    return Tensor(info.name, kind, data[: int(np.prod(shape))].reshape(shape))


def _dequantized(dequantize: Any, data: np.ndarray, kind: Any) -> np.ndarray:
    """What `gguf.dequantize` gives, some rows at a time."""
    rows = data.reshape(-1, data.shape[-1])
    with np.errstate(all="ignore"):  # values that are not numbers are told where all weights are looked at
        return _in_pieces(dequantize, rows, kind).reshape(*data.shape[:-1], -1)


def _in_pieces(dequantize: Any, rows: np.ndarray, kind: Any) -> np.ndarray:
    step = max(ROWS // rows.shape[1], 1)
    first = dequantize(rows[:step], kind)
    if len(rows) <= step:
        return first
    values = np.empty((len(rows), first.shape[1]), np.float32)
    for start in range(0, len(rows), step):
        values[start : start + step] = dequantize(rows[start : start + step], kind)
    return values
