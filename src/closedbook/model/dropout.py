"""Dropout whose draws belong to a row of a step, not to the batch in which the row happens to be worked on.

Each row has a generator of its own, seeded by (seed, step, row). So a step's gradient is the same however its rows are
split into micro-batches, and these may be worked on side by side. Outside `dropping`, draws come from torch's global
generator, as in `nn.Dropout`.

Axes: B rows, T time, C width, F draws a position needs, H heads, S key positions.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

import torch
from jaxtyping import Int16, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from closedbook.config import ModelConfig
from closedbook.draws import derive

RANGE = 2**16  # of a draw: a probability is kept to one part in 65,536
PACKED = 4  # draws in one of 64 bits
KEPT = 0x7FFF_7FFF_7FFF_7FFF  # four draws that keep everything


class Draws:
    """The draws of a micro-batch, handed out in the order in which the model asks for them.

    Args:
        config: Says how many a position needs: its width after the embedding and after each branch, and the block a
            head for attention weights, so that no draw depends on how wide a micro-batch is.
        rows_B: What each row's draws belong to, for example its number in the epoch.
        lengths_B: Positions of each row that are not padding; the others keep everything.
        time: Positions of a row, padding included.
        counters: Seed and step.
        device: Where the model is.
    """

    def __init__(
        self,
        config: ModelConfig,
        rows_B: Int64[Tensor, "rows"],
        lengths_B: Int64[Tensor, "rows"],
        time: int,
        counters: tuple[int, ...],
        device: torch.device,
    ) -> None:
        branches = 2 if config.hidden_width else 1
        size = config.width * (1 + branches * config.layers) + config.heads * config.block * config.layers
        wide_BTF = torch.full((len(rows_B), time, -(-size // PACKED)), KEPT, dtype=torch.int64, device=device)
        generator = torch.Generator(device)
        for index, (row, length) in enumerate(zip(rows_B.tolist(), lengths_B.tolist(), strict=True)):
            generator.manual_seed(derive(*counters, row))
            wide_BTF[index, :length].random_(-(2**63), None, generator=generator)
        self._draws_BTF: Int16[Tensor, "rows time draws"] = wide_BTF.view(torch.int16)
        self._block, self._next = config.block, 0

    def take(self, size: int) -> Int16[Tensor, "rows time size"]:
        """The next draws of every position."""
        first, self._next = self._next, self._next + size
        return self._draws_BTF[..., first : self._next]

    def like(self, x: Tensor) -> Int16[Tensor, "..."]:
        """The next draws for states (B T C), or for attention weights (B H T S)."""
        if x.ndim == 3:
            return self.take(x.shape[-1])
        heads, keys = x.shape[1], x.shape[-1]
        return self.take(heads * self._block).unflatten(-1, (heads, self._block))[..., :keys].transpose(1, 2)


_draws: ContextVar[Draws | None] = ContextVar("draws", default=None)


@contextlib.contextmanager
def dropping(draws: Draws | None) -> Iterator[None]:
    """Lets every `Dropout` that this thread calls inside the block take its draws from there."""
    token = _draws.set(draws)
    try:
        yield
    finally:
        _draws.reset(token)


class Dropout(nn.Module):
    """Zeroes each number with probability `p` in training and divides the others by 1 - p (Srivastava et al. 2014).

    Args:
        p: From 0 to below 1.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        draws = _draws.get()
        if draws is None:
            return F.dropout(x, self.p)
        kept = draws.like(x) >= round(self.p * RANGE) - RANGE // 2
        return x * kept.to(x.dtype).div_(1 - self.p)
