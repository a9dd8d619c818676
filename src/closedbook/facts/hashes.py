"""Sets and indexes of names as sorted arrays of 64-bit hashes: eight bytes a name, perhaps mapped from a file."""

import hashlib
from collections.abc import Iterable

import numpy as np


def hash_of(text: str) -> int:
    """64 bits of a text; of a million names two share them once in forty million times."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def hashes_of(texts: Iterable[str]) -> np.ndarray:
    """The hashes of texts, in their order."""
    digests = [hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


class HashSet:
    """A set of texts by their hashes."""

    def __init__(self, sorted_N: np.ndarray) -> None:
        self._sorted_N = sorted_N

    def __contains__(self, text: object) -> bool:
        key = np.uint64(hash_of(str(text)))
        place = int(self._sorted_N.searchsorted(key))
        return place < len(self._sorted_N) and self._sorted_N[place] == key

    def __len__(self) -> int:
        return len(self._sorted_N)

    @property
    def array(self) -> np.ndarray:
        """The hashes, sorted."""
        return self._sorted_N


class Gathering:
    """Gathers a set of hashes, a part at a time."""

    PART = 2**20

    def __init__(self) -> None:
        self._whole, self._parts, self._size = np.zeros(0, dtype=np.uint64), list[np.ndarray](), 0

    def add(self, hashes: np.ndarray) -> None:
        """Adds some."""
        self._parts.append(np.unique(hashes))
        self._size += len(self._parts[-1])
        if self._size > max(self.PART, len(self._whole) // 4):
            self._merge()

    def array(self) -> np.ndarray:
        """All of them, sorted."""
        self._merge()
        return self._whole

    def _merge(self) -> None:
        self._whole = np.unique(np.concatenate([self._whole, *self._parts]))
        self._parts, self._size = [], 0


class HashIndex:
    """The numbers of the rows that have a name.

    Args:
        hash_R: A hash for every row, sorted.
        row_R: The rows in that order.
    """

    def __init__(self, hash_R: np.ndarray, row_R: np.ndarray) -> None:
        self._hash_R, self._row_R = hash_R, row_R

    def rows(self, text: str) -> list[int]:
        """The rows whose name has the text's hash, in their order."""
        key = np.uint64(hash_of(text))
        first, last = self._hash_R.searchsorted(key), self._hash_R.searchsorted(key, side="right")
        return sorted(self._row_R[first:last].tolist())
