"""Attention variants behind one signature: `attention(x, hidden, positions, cache) -> y`.

What is special about each:

- key-query-value (Vaswani et al. 2017, section 3.2): weights from the inner products of queries and keys.
- Synthesizer (Tay et al. 2020, arXiv 2005.00743, dense, in the form that the assignment specifies): weights from the
  query token and positions alone, never from the other tokens' content; its length is fixed.

Axes: B batch, T query positions, S key positions, C width, H heads, D width of a head, L longest input.
"""

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from closedbook import config
from closedbook.config import ModelConfig
from closedbook.model.cache import LayerCache


def causal(length: int, device: torch.device) -> Tensor:
    """(T, S), True where key position s lies after query position t and must be hidden from it."""
    return torch.ones(length, length, dtype=torch.bool, device=device).triu(1)


def attention_weights(scores_BHTS: Tensor, hidden: Tensor) -> Tensor:
    """Softmax over the key positions that are not hidden, at least in fp32.

    Written out rather than handed to a fused kernel, which is slower on CPUs at these lengths (docs/decisions/0003).
    """
    precise_BHTS = scores_BHTS if scores_BHTS.dtype == torch.float64 else scores_BHTS.float()
    return precise_BHTS.masked_fill(hidden, -math.inf).softmax(dim=-1)


class Attention(nn.Module):
    """What all variants share: heads, values, the output projection. A variant says how scores come about."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.value = nn.Linear(config.width, config.width)
        self.projection = nn.Linear(config.width, config.width)
        self.weight_dropout = nn.Dropout(config.dropout)
        self.residual_dropout = nn.Dropout(config.dropout)

    def scores(
        self, x_BTC: Tensor, positions_BT: Tensor | None, cache: LayerCache | None
    ) -> Float[Tensor, "batch heads time keys"]:
        """Unnormalised attention of every query position to every key position."""
        raise NotImplementedError

    def forward(
        self,
        x_BTC: Float[Tensor, "batch time width"],
        hidden: Tensor,
        positions_BT: Int64[Tensor, "batch time"] | None = None,
        cache: LayerCache | None = None,
    ) -> Float[Tensor, "batch time width"]:
        """Mixes the values of the visible positions.

        Args:
            x_BTC: The layer's input.
            hidden: True where a key position must not be seen: (T, T), or (B, 1, T, S) with a cache of S positions.
            positions_BT: Where each token stands; needed with a cache.
            cache: Holds the earlier positions and takes these in.
        """
        values_BHSD = self.remember("value", self.split(self.value(x_BTC)), positions_BT, cache)
        weights_BHTS = attention_weights(self.scores(x_BTC, positions_BT, cache), hidden).to(values_BHSD.dtype)
        y_BHTD = self.weight_dropout(weights_BHTS) @ values_BHSD
        return self.residual_dropout(self.projection(y_BHTD.transpose(1, 2).flatten(2)))

    def split(self, x_BTC: Tensor) -> Float[Tensor, "batch heads time size"]:
        """(B, T, H D) to (B, H, T, D)."""
        return x_BTC.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    @staticmethod
    def remember(name: str, new_BHTD: Tensor, positions_BT: Tensor | None, cache: LayerCache | None) -> Tensor:
        """The states of all key positions: these alone, or with those of the cache."""
        if cache is None or positions_BT is None:
            return new_BHTD
        return cache.update(name, new_BHTD, positions_BT)


class Rotary(nn.Module):
    """Turns each pair of features by an angle that grows with the position (Su et al. 2021, section 3.2.2).

    Pair d of D/2 turns by position x 10000^(-2d/D), so the inner product of two turned vectors depends on the distance
    of their positions alone. A pair is feature d of either half.
    """

    cosine_TD: Tensor
    sine_TD: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        size = config.width // config.heads
        frequency_D = 10_000.0 ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
        angle_TD = torch.arange(config.block, dtype=torch.float64)[:, None] * frequency_D
        self.register_buffer("cosine_TD", angle_TD.cos().float(), persistent=False)
        self.register_buffer("sine_TD", angle_TD.sin().float(), persistent=False)

    def forward(
        self, x_BHTD: Float[Tensor, "batch heads time size"], positions_BT: Int64[Tensor, "batch time"] | None
    ) -> Float[Tensor, "batch heads time size"]:
        if positions_BT is None:
            cosine, sine = self.cosine_TD[: x_BHTD.shape[2]], self.sine_TD[: x_BHTD.shape[2]]
        else:
            cosine, sine = self.cosine_TD[positions_BT][:, None], self.sine_TD[positions_BT][:, None]
        cosine, sine = cosine.to(x_BHTD.dtype), sine.to(x_BHTD.dtype)
        first, second = x_BHTD.chunk(2, dim=-1)
        return torch.cat([first * cosine - second * sine, first * sine + second * cosine], dim=-1)


class KeyQueryValue(Attention):
    """Scores Q K' / sqrt(D)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.key = nn.Linear(config.width, config.width)
        self.query = nn.Linear(config.width, config.width)
        self.rotary = Rotary(config) if config.positions == "rotary" else None
        self.normalised = config.normalised_queries

    def scores(
        self, x_BTC: Tensor, positions_BT: Tensor | None, cache: LayerCache | None
    ) -> Float[Tensor, "batch heads time keys"]:
        keys_BHTD, queries_BHTD = self.split(self.key(x_BTC)), self.split(self.query(x_BTC))
        if self.normalised:
            keys_BHTD = F.rms_norm(keys_BHTD, keys_BHTD.shape[-1:])
            queries_BHTD = F.rms_norm(queries_BHTD, queries_BHTD.shape[-1:])
        if self.rotary:
            keys_BHTD, queries_BHTD = self.rotary(keys_BHTD, positions_BT), self.rotary(queries_BHTD, positions_BT)
        keys_BHSD = self.remember("key", keys_BHTD, positions_BT, cache)
        return (queries_BHTD / math.sqrt(queries_BHTD.shape[-1])) @ keys_BHSD.mT


class Synthesizer(Attention):
    """Scores ReLU(x A + b1) B + b2, head by head, cut to the key positions that there are.

    A is one linear layer, split by head; B (D x L) and b2 (L) are shared by the heads, L = block - 1 because inputs are
    one shorter than the block. Scores are not scaled. Row t depends on x_t and on positions only.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.w1 = nn.Linear(config.width, config.width)
        self.w2 = nn.Parameter(torch.empty(config.width // config.heads, config.block - 1).uniform_(-0.001, 0.001))
        self.b2 = nn.Parameter(torch.zeros(config.block - 1))

    def scores(
        self, x_BTC: Tensor, positions_BT: Tensor | None, cache: LayerCache | None
    ) -> Float[Tensor, "batch heads time keys"]:
        keys = x_BTC.shape[1] if cache is None else cache.capacity
        return self.split(F.relu(self.w1(x_BTC))) @ self.w2[:, :keys] + self.b2[:keys]


VARIANTS: dict[config.Attention, type[Attention]] = {"key_query_value": KeyQueryValue, "synthesizer": Synthesizer}
