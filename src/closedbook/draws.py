"""Counter-based random draws: a draw is a hash of (seed, step, row, draw), so it needs no generator state.

The arithmetic is SplitMix64's finaliser (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
OOPSLA 2014) in wrapping 64-bit integers, written with operators alone: the same code serves NumPy arrays and torch
tensors of dtype int64 on any device, and gives the same integers on all of them.
"""

from typing import Any

_GOLDEN = 0x9E3779B97F4A7C15
_MIX_1 = 0xBF58476D1CE4E5B9
_MIX_2 = 0x94D049BB133111EB
_MASK = (1 << 64) - 1
UNIT = 2**32  # of random bits


def _signed(value: int) -> int:
    """The two's complement reading of the lowest 64 bits."""
    value &= _MASK
    return value - (1 << 64) if value >> 63 else value


def _mix_integer(value: int) -> int:
    value &= _MASK
    value = ((value ^ (value >> 30)) * _MIX_1) & _MASK
    value = ((value ^ (value >> 27)) * _MIX_2) & _MASK
    return value ^ (value >> 31)


def derive(*counters: int) -> int:
    """One non-negative 63-bit integer from any number of integers, for seeding and for keys."""
    state = 0
    for counter in counters:
        state = _mix_integer(state + _GOLDEN + _mix_integer(counter + _GOLDEN))
    return state >> 1


def _logical_shift(values: Any, bits: int) -> Any:
    """Right shift without sign extension, which int64 does not offer."""
    return (values >> bits) & ((1 << (64 - bits)) - 1)


def _mix(values: Any) -> Any:
    values = (values ^ _logical_shift(values, 30)) * _signed(_MIX_1)
    values = (values ^ _logical_shift(values, 27)) * _signed(_MIX_2)
    return values ^ _logical_shift(values, 31)


def random_bits(seed: int, step: int, draw: int, rows: Any) -> Any:
    """32 random bits for every row: integers in [0, 2**32), same shape and device as `rows` (int64)."""
    key = derive(seed, step, draw)
    return _logical_shift(_mix(rows * _signed(_GOLDEN) + _signed(key)), 32)


def random_words(keys: Any, places: Any) -> Any:
    """64 random bits for every place under its key: integers of int64, of the shape to which the two broadcast."""
    return _mix(places * _signed(_GOLDEN) + keys)


ROUNDS = 4  # of the network; with fewer, neighbours stay neighbours


def permuted(rows: Any, size: int, *key: int) -> Any:
    """Where a keyed bijection of range(size) takes each row (int64), without a table of all of them.

    A Feistel network over the next even number of bits, walked until it is inside (Black and Rogaway, "Ciphers with
    arbitrary finite domains", CT-RSA 2002, section 3): fewer than four walks on average.
    """
    half = ((size - 1).bit_length() + 1) // 2
    mask, seed = (1 << half) - 1, derive(*key)

    def network(values: Any) -> Any:
        left, right = values >> half, values & mask
        for number in range(ROUNDS):
            left, right = right, left ^ (random_bits(seed, number, 0, right) & mask)
        return (left << half) | right

    places = network(rows)
    while (outside := places >= size).any():
        places[outside] = network(places[outside])
    return places


def random_below(bounds: Any, seed: int, step: int, draw: int, rows: Any) -> Any:
    """One integer in [0, bound) for every row (0 where the bound is 0); bounds must stay under 2**31.

    The multiply-shift reduction of 32 bits is uniform up to bound / 2**32.
    """
    return (random_bits(seed, step, draw, rows) * bounds) >> 32
