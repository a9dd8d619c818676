"""Documents and facts as arrays on the disk, mapped into memory and decoded one by one.

A shard is a directory of `.npy` files: for each text its UTF-8 bytes, all after one another, and where each ends.
"""

import mmap
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar, overload

import numpy as np

from closedbook.errors import UserError
from closedbook.facts.records import Document, Fact
from closedbook.files import new_directory

T = TypeVar("T")
Arrays = Mapping[str, np.ndarray]


class Encoding(NamedTuple):
    """A document's tokens: their ids, and where in the text each begins (characters)."""

    ids: list[int]
    starts: list[int]


def write_arrays(directory: Path, arrays: Arrays) -> None:
    """Writes a shard, which is there as a whole or not at all.

    Raises:
        UserError: It exists, or the file system refuses.
    """
    with new_directory(directory) as partial:
        for name, values in arrays.items():
            np.save(partial / f"{name}.npy", values, allow_pickle=False)


def map_array(path: Path) -> np.ndarray:
    """An array of a file, of which only what is looked at is read.

    Raises:
        UserError: The file is missing or damaged.
    """
    try:
        values: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        raise UserError(f"{path}: damaged ({error}).") from error
    return values.view(np.ndarray)  # without the class's Python code at every index


def release(arrays: Iterable[np.ndarray]) -> None:
    """Takes what was looked at of mapped arrays out of the process's memory; the system may still hold it."""
    for values in arrays:
        mapped = getattr(values.base, "base", None)
        if isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            mapped.madvise(mmap.MADV_DONTNEED)


class Packed(Sequence[T]):
    """What is decoded when it is asked for: by number or by slice."""

    def one(self, index: int) -> T:
        """The item of that number, from 0 to the length."""
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[T, ...]: ...
    def __getitem__(self, index: int | slice) -> T | tuple[T, ...]:
        if isinstance(index, slice):
            return tuple(self.one(number) for number in range(*index.indices(len(self))))
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(index)
        return self.one(place)

    def __iter__(self) -> Iterator[T]:
        return map(self.one, range(len(self)))


class Strings(Packed[str]):
    """Texts by their bytes and ends."""

    def __init__(self, arrays: Arrays, name: str) -> None:
        self._bytes, self._ends = arrays[name], arrays[f"{name}_ends"]

    def __len__(self) -> int:
        return len(self._ends)

    def one(self, index: int) -> str:
        start = int(self._ends[index - 1]) if index else 0
        try:
            return self._bytes[start : int(self._ends[index])].tobytes().decode()
        except UnicodeDecodeError:
            raise UserError("The store is damaged; closedbook data describe STORE --verify says where.") from None


def pack_strings(texts: Iterable[str], name: str) -> dict[str, np.ndarray]:
    """The arrays of `Strings`."""
    encoded = [text.encode() for text in texts]
    return {
        name: np.frombuffer(b"".join(encoded), dtype=np.uint8),
        f"{name}_ends": np.cumsum([len(text) for text in encoded], dtype=np.int64),
    }


class DocumentShard(Packed[Document]):
    """Documents with their tokens."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays
        self._text, self._subject, self._line = Strings(arrays, "text"), Strings(arrays, "subject"), arrays["line"]
        self._ids, self._starts, self._ends = arrays["ids"], arrays["starts"], arrays["ids_ends"]

    def __len__(self) -> int:
        return len(self._line)

    def one(self, index: int) -> Document:
        return Document(subject=self._subject[index], text=self._text[index], line=int(self._line[index]))

    def encoding(self, index: int) -> Encoding:
        """The tokens of a document."""
        place = slice(int(self._ends[index - 1]) if index else 0, int(self._ends[index]))
        return Encoding(self._ids[place].tolist(), self._starts[place].tolist())


def pack_documents(documents: Sequence[Document], encodings: Sequence[Encoding]) -> dict[str, np.ndarray]:
    """The arrays of a `DocumentShard`."""
    ids = [token for encoding in encodings for token in encoding.ids]
    starts = [start for encoding in encodings for start in encoding.starts]
    return {
        **pack_strings((document.text for document in documents), "text"),
        **pack_strings((document.subject for document in documents), "subject"),
        "line": np.array([document.line for document in documents], dtype=np.int64),
        "ids": _narrow(ids),
        "starts": _narrow(starts),
        "ids_ends": np.cumsum([len(encoding.ids) for encoding in encodings], dtype=np.int64),
    }


def _narrow(values: Sequence[int]) -> np.ndarray:
    """Natural numbers in two bytes each where they fit, else in four."""
    array = np.array(values, dtype=np.uint32)
    return array.astype(np.uint16) if not len(array) or int(array.max()) < 2**16 else array


class FactShard(Packed[Fact]):
    """Facts."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays
        self._question, self._subject = Strings(arrays, "question"), Strings(arrays, "subject")
        self._answer, self._answers = Strings(arrays, "answer"), arrays["answers"]
        self._relations = tuple(Strings(arrays, "relation"))
        self._relation, self._line, self._popularity = arrays["of_relation"], arrays["line"], arrays["popularity"]

    def __len__(self) -> int:
        return len(self._line)

    def one(self, index: int) -> Fact:
        first = int(self._answers[index - 1]) if index else 0
        popularity = float(self._popularity[index])
        return Fact(
            question=self._question[index],
            answers=self._answer[first : int(self._answers[index])],
            subject=self._subject[index],
            line=int(self._line[index]),
            relation=self._relations[int(self._relation[index])],
            popularity=None if np.isnan(popularity) else popularity,
        )


def pack_facts(facts: Sequence[Fact]) -> dict[str, np.ndarray]:
    """The arrays of a `FactShard`."""
    relations = {name: number for number, name in enumerate(dict.fromkeys(fact.relation for fact in facts))}
    popularity = [np.nan if fact.popularity is None else fact.popularity for fact in facts]
    return {
        **pack_strings((fact.question for fact in facts), "question"),
        **pack_strings((fact.subject for fact in facts), "subject"),
        **pack_strings((answer for fact in facts for answer in fact.answers), "answer"),
        "answers": np.cumsum([len(fact.answers) for fact in facts], dtype=np.int64),
        **pack_strings(relations, "relation"),
        "of_relation": np.array([relations[fact.relation] for fact in facts], dtype=np.int32),
        "line": np.array([fact.line for fact in facts], dtype=np.int64),
        "popularity": np.array(popularity, dtype=np.float64),
    }


class Joined(Packed[T]):
    """Shards one after the other."""

    def __init__(self, shards: Sequence[Packed[T]]) -> None:
        self.shards = shards
        self._starts = [0, *np.cumsum([len(shard) for shard in shards], dtype=np.int64).tolist()]

    def __len__(self) -> int:
        return int(self._starts[-1])

    def place(self, index: int) -> tuple[int, int]:
        """Which shard holds an item, and its number there."""
        shard = bisect_right(self._starts, index) - 1
        return shard, index - self._starts[shard]

    def one(self, index: int) -> T:
        shard, number = self.place(index)
        return self.shards[shard].one(number)
