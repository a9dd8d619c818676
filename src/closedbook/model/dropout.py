"""Dropout whose draws belong to a row of a step, not to the batch in which the row happens to be worked on.

A row's draws depend on (seed, step, row) alone: on a processor they come from a generator of its own, on a GPU from a
hash. So a step's gradient is the same however its rows are split into micro-batches, and these may be worked on side by
side. Outside `dropping`, and in a compiled model, draws
come from torch's global generator, as in `nn.Dropout`.

Axes: B rows, T time, C width, F numbers of a position's states, H heads, S key positions, W words of 64 bits.
"""

import contextlib
import math
from collections.abc import Iterator
from contextvars import ContextVar

import torch
from jaxtyping import Int16, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from closedbook.config import ModelConfig
from closedbook.draws import derive, random_words

RANGE = 2**16  # of a draw: a probability is kept to one part in 65,536
PACKED = 4  # draws in one of 64 bits
KEPT = 2**15 - 1  # a draw that keeps everything


class Draws:
    """The draws of a micro-batch, handed out in the order in which the model asks for them.

    Args:
        states_BTF: For every number of the states of each position, the embedding's and each branch's.
        weights_BTHS: For the attention weights of each position, all heads of all layers.
    """

    def __init__(self, states_BTF: Int16[Tensor, "..."], weights_BTHS: Int16[Tensor, "..."]) -> None:
        self._states_BTF, self._weights_BTHS = states_BTF, weights_BTHS
        self._next_feature = self._next_head = 0

    def like(self, x: Tensor) -> Int16[Tensor, "..."]:
        """The next draws for states (B T C), or for attention weights (B H T S)."""
        if x.ndim == 3:
            first, self._next_feature = self._next_feature, self._next_feature + x.shape[-1]
            return self._states_BTF[..., first : self._next_feature]
        first, self._next_head = self._next_head, self._next_head + x.shape[1]
        return self._weights_BTHS[:, :, first : self._next_head].transpose(1, 2)


def sizes_of(config: ModelConfig) -> tuple[int, int]:
    """Numbers of a position that are dropped: after the embedding and each branch; and heads of all layers."""
    return config.width * (1 + (2 if config.hidden_width else 1) * config.layers), config.heads * config.layers


def drawn_by_row(
    config: ModelConfig,
    rows_B: Int64[Tensor, "rows"],
    lengths_B: Int64[Tensor, "rows"],
    time: int,
    counters: tuple[int, ...],
    device: torch.device,
) -> Draws:
    """Draws of one generator a row, which is fastest on a processor.

    A row of n positions has n draws for every number of the states and n for every row of attention weights, whatever
    the micro-batch is padded to.

    Args:
        config: The model's.
        rows_B: What each row's draws belong to, for example its number in the epoch.
        lengths_B: Positions of each row that the loss depends on; the others keep everything.
        time: Positions of a row, padding included.
        counters: Seed and step.
        device: Where the model is.
    """
    (width, heads), rows = sizes_of(config), len(rows_B)
    states_BTF = torch.full((rows, time, width), KEPT, dtype=torch.int16, device=device)
    weights_BTHS = torch.full((rows, time, heads, time), KEPT, dtype=torch.int16, device=device)
    generator = torch.Generator(device)
    for index, (row, length) in enumerate(zip(rows_B.tolist(), lengths_B.tolist(), strict=True)):
        sizes = [length * width, length * heads * length]
        packed = torch.empty(-(-sum(sizes) // PACKED), dtype=torch.int64, device=device)
        generator.manual_seed(derive(*counters, row))
        packed.random_(-(2**63), None, generator=generator)
        states, weights = packed.view(torch.int16)[: sum(sizes)].split(sizes)
        states_BTF[index, :length] = states.view(length, width)
        weights_BTHS[index, :length, :, :length] = weights.view(length, heads, length)
    return Draws(states_BTF, weights_BTHS)


def drawn_at_once(config: ModelConfig, rows_B: Int64[Tensor, "rows"], time: int, key: Int64[Tensor, ""]) -> Draws:
    """Draws that are a hash of key, row and place, for all rows together; a GPU is not waited for.

    Where in a row a draw is used does not depend on what the micro-batch is padded to. Bits are others than those of
    `drawn_by_row`.

    Args:
        config: The model's.
        rows_B: As above.
        time: As above.
        key: A number of seed and step.
    """
    width, heads = sizes_of(config)
    states, weights = (math.ceil(draws / PACKED) for draws in (width, config.block))  # words of a position
    device = rows_B.device
    key_B = random_words(key, rows_B)
    first_T = torch.arange(time, device=device) * (states + heads * weights)
    place_TW = first_T[:, None] + torch.arange(states, device=device)
    place_TH = first_T[:, None] + states + torch.arange(heads, device=device) * weights
    place_THW = place_TH[..., None] + torch.arange(math.ceil(time / PACKED), device=device)
    states_BTF = random_words(key_B[:, None, None], place_TW).view(torch.int16)[..., :width]
    weights_BTHS = random_words(key_B[:, None, None, None], place_THW).view(torch.int16)[..., :time]
    return Draws(states_BTF, weights_BTHS)


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
        draws = None if torch.compiler.is_compiling() else _draws.get()
        if draws is None:
            return F.dropout(x, self.p)
        kept = draws.like(x) >= round(self.p * RANGE) - RANGE // 2
        return x * kept.to(x.dtype).div_(1 - self.p)
