"""The header of a GGUF file, llama.cpp's format, read before any library sees the file.

Every count, length and offset is held against the bytes that are there, so nothing is allocated because a file claims
it, and reading takes time in proportion to a header that is no longer than `MOST_BYTES`. The format is described in
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
"""

import itertools
import math
import mmap
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from closedbook.errors import UserError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MOST_BYTES = 32 * 2**20  # of a header; 262,144 tokens with their merges need about 17 MB
MOST_TEXT = 2**20  # bytes of a text in it
MOST_KEYS, MOST_TENSORS, MOST_ELEMENTS, MOST_AXES = 10_000, 10_000, 2_000_000, 4
STRING, ARRAY = 8, 9
NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""How a number of that type is packed."""
ALIGNMENT = 32  # of the tensors, where the file does not say
Scalar = str | int | float | bool
Value = Scalar | list[Scalar]


@dataclass(frozen=True, kw_only=True)
class TensorInfo:
    """Where a tensor lies.

    Args:
        name: In llama.cpp's naming.
        shape: In the order of torch, the last axis contiguous.
        kind: Number of its quantisation type.
        offset: From the beginning of the tensors, in bytes.
    """

    name: str
    shape: tuple[int, ...]
    kind: int
    offset: int

    @property
    def elements(self) -> int:
        """Values in it."""
        return math.prod(self.shape)


@dataclass(frozen=True, kw_only=True)
class GgufHeader:
    """What stands before the tensors.

    Args:
        path: The file.
        values: The metadata by key.
        tensors: In the order of the file, names unique.
        start: Where the tensors begin, in bytes from the beginning of the file.
        size: Of the file, in bytes.
    """

    path: Path
    values: dict[str, Value]
    tensors: tuple[TensorInfo, ...]
    start: int
    size: int

    @property
    def architecture(self) -> str:
        """In llama.cpp's naming, "" where there is none."""
        name = self.values.get("general.architecture", "")
        return name if isinstance(name, str) else ""

    def number(self, key: str) -> int | None:
        """A whole number of the metadata, None where there is none of that key."""
        value = self.values.get(key)
        return value if isinstance(value, int) else None

    @property
    def tokens(self) -> int:
        """Of the vocabulary."""
        tokens = self.values.get("tokenizer.ggml.tokens")
        return len(tokens) if isinstance(tokens, list) else 0


def read_header(path: Path) -> GgufHeader:
    """The header of a file.

    Raises:
        UserError: There is no such file, it is none of this format, is cut short, or claims what cannot be.
    """
    size = _size(path)
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), min(size, MOST_BYTES), access=mmap.ACCESS_READ) as data:
            return _Reader(path, data, size).header()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}).") from error


def _size(path: Path) -> int:
    """Of a regular file that is long enough to hold a header; others are not opened, a pipe would wait for ever."""
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: no such file; gguf: takes a GGUF file on this disk, nothing is downloaded."
        ) from error
    if not stat.S_ISREG(found.st_mode):
        raise UserError(f"{path}: is no file; gguf: takes a GGUF file.")
    if found.st_size < 24:
        raise UserError(f"{path}: not a GGUF file, it holds {found.st_size} bytes.")
    return found.st_size


class _Reader:
    """Goes through a header from its first byte to its last.

    Args:
        path: For errors.
        data: The file's first bytes.
        size: Of the whole file.
    """

    def __init__(self, path: Path, data: mmap.mmap, size: int) -> None:
        self._path, self._data, self._size, self._place = path, data, size, 0
        self._elements = 0  # of arrays so far

    def header(self) -> GgufHeader:
        tensors, keys = self._beginning()
        values: dict[str, Value] = {}
        for _ in range(keys):
            key = self._string()
            if key in values:
                self._refuse(f"damaged, it names {key!r} twice")
            values[key] = self._value(*self._unpack("I"))
        infos = tuple(self._tensor() for _ in range(tensors))
        alignment = values.get("general.alignment", ALIGNMENT)
        if not isinstance(alignment, int) or not 0 < alignment <= 2**16 or alignment & (alignment - 1):
            self._refuse("damaged, its general.alignment is no power of two")
        start = -(-self._place // alignment) * alignment
        if len({info.name for info in infos}) < len(infos):
            self._refuse("damaged, two of its tensors have one name")
        return GgufHeader(path=self._path, values=values, tensors=infos, start=start, size=self._size)

    def _beginning(self) -> tuple[int, int]:
        """How many tensors and how many entries of metadata follow."""
        if self._data[:4] != MAGIC:
            self._refuse("not a GGUF file")
        self._place = 4
        (version,) = self._unpack("I")
        if version & 0xFFFF == 0:
            self._refuse("a GGUF file for big-endian machines, which is not read; convert the model again")
        if version not in VERSIONS:
            self._refuse(f"of version {version} of GGUF, and versions 2 and 3 are read; convert the model again")
        tensors, keys = self._unpack("QQ")
        if tensors > MOST_TENSORS or keys > MOST_KEYS:
            self._refuse(f"damaged, it claims {tensors:,} tensors and {keys:,} entries of metadata")
        return tensors, keys

    def _value(self, kind: int) -> Value:
        if kind == STRING:
            return self._string()
        if kind in NUMBERS:
            (number,) = self._unpack(NUMBERS[kind])
            return number
        if kind != ARRAY:
            self._refuse(f"damaged, its metadata hold a value of type {kind}")
        kind, count = self._unpack("IQ")
        self._elements += count
        if self._elements > MOST_ELEMENTS:
            self._refuse(f"damaged, its metadata claim an array of {count:,} elements")
        if kind == STRING:
            return [self._string() for _ in range(count)]
        if kind not in NUMBERS:
            self._refuse(f"damaged, its metadata hold an array of type {kind}")
        return list(self._unpack(f"{count}{NUMBERS[kind]}"))

    def _tensor(self) -> TensorInfo:
        name = self._string()
        (axes,) = self._unpack("I")
        if not 1 <= axes <= MOST_AXES:
            self._refuse(f"damaged, its tensor {name[:64]!r} has {axes} axes")
        shape = self._unpack(f"{axes}Q")
        kind, offset = self._unpack("IQ")
        return TensorInfo(name=name, shape=shape[::-1], kind=kind, offset=offset)

    def _string(self) -> str:
        (length,) = self._unpack("Q")
        if length > MOST_TEXT and self._place + length <= len(self._data):
            self._refuse(f"damaged, its header holds a text of {length:,} bytes")
        start = self._place
        self._skip(length)
        try:
            return str(self._data[start : self._place], "utf-8")
        except UnicodeDecodeError:
            self._refuse(f"damaged, what should be text at byte {start:,} is none")

    def _unpack(self, form: str) -> tuple[Any, ...]:
        packed = struct.Struct(f"<{form}")
        start = self._place
        self._skip(packed.size)
        return packed.unpack_from(self._data, start)

    def _skip(self, length: int) -> None:
        self._place += length
        if self._place > len(self._data):
            self._refuse(
                "cut short or damaged, its header goes on beyond its end"
                if self._size <= MOST_BYTES
                else f"damaged, its header is longer than {MOST_BYTES >> 20} MB"
            )

    def _refuse(self, why: str) -> NoReturn:
        raise UserError(f"{self._path}: {why}.")


def check_places(header: GgufHeader, block_sizes: dict[int, tuple[int, int]]) -> None:
    """Looks whether every tensor lies in the file, and none in another.

    Args:
        header: Of the file.
        block_sizes: Values in a block and its bytes, by number of the quantisation type.

    Raises:
        UserError: One does not, or its type is unknown.
    """
    spans = []
    for info in header.tensors:
        if info.kind not in block_sizes:
            raise UserError(
                f"{header.path}: its tensor {info.name!r} is quantised in a way that is not known ({info.kind})."
            )
        values, size = block_sizes[info.kind]
        if not info.elements or info.shape[-1] % values:
            raise UserError(f"{header.path}: damaged, its tensor {info.name!r} has the shape {info.shape}.")
        end = info.offset + info.elements // values * size
        if header.start + end > header.size:
            raise UserError(f"{header.path}: cut short or damaged, its tensor {info.name!r} ends beyond the file.")
        spans.append((info.offset, end, info.name))
    for (_, end, first), (start, _, second) in itertools.pairwise(sorted(spans)):
        if start < end:
            raise UserError(f"{header.path}: damaged, its tensors {first!r} and {second!r} lie in the same place.")
