"""Rows of tokens of many lengths in batches, with a mask for the padding.

All that reads rows goes through here: how they are gathered (in what order, behind which shared beginning) is decided
in this module alone.

Axes: B batch, T time.
"""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Int64
from torch import Tensor

BATCH = 16


def in_batches(count: int) -> Iterator[slice]:
    """What each batch takes of `count` rows, in their order."""
    return (slice(first, first + BATCH) for first in range(0, count, BATCH))


def padded(
    rows: Sequence[Sequence[int]], device: torch.device | str, *, before: bool = False, pad: int = 0
) -> tuple[Int64[Tensor, "batch time"], Int64[Tensor, "batch time"]]:
    """Tokens and mask, 1 where a token is no padding.

    Args:
        rows: Token ids.
        device: Where the tensors lie.
        before: Padding stands before the rows, so that all end together, instead of behind them.
        pad: The token that fills, which the mask hides.
    """
    longest = max(map(len, rows))
    padding = [longest - len(ids) for ids in rows]
    if before:
        tokens = [[pad] * rest + [*ids] for ids, rest in zip(rows, padding, strict=True)]
        mask = [[0] * rest + [1] * (longest - rest) for rest in padding]
    else:
        tokens = [[*ids] + [pad] * rest for ids, rest in zip(rows, padding, strict=True)]
        mask = [[1] * (longest - rest) + [0] * rest for rest in padding]
    return torch.tensor(tokens, device=device), torch.tensor(mask, device=device)
