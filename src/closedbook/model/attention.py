"""Attention: values are mixed by the softmax of scores; `scores.py` has the variants, which differ in those alone.

Axes: B batch, T query positions, S key positions, C width, H heads, K heads of keys and values, D width of a head.
"""

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from closedbook.config import ModelConfig
from closedbook.model.activations import Point
from closedbook.model.cache import LayerCache, remember
from closedbook.model.dropout import Dropout
from closedbook.model.scores import make_scores, spread


def causal(length: int, device: torch.device) -> Tensor:
    """(T, S), True where key position s lies after query position t and must be hidden from it."""
    return torch.ones(length, length, dtype=torch.bool, device=device).triu(1)


def hide(scores_BHTS: Tensor, hidden: Tensor) -> Tensor:
    """The scores, at least in fp32, with minus infinity where a key position is hidden."""
    if scores_BHTS.dtype in (torch.float32, torch.float64):
        return scores_BHTS.masked_fill(hidden, -math.inf)
    return scores_BHTS.float().masked_fill_(hidden, -math.inf)  # in place, in the copy


class Attention(nn.Module):
    """softmax(S(X)) V per head, then the output projection.

    Written out rather than handed to a fused kernel, which is slower on CPUs at these lengths (docs/decisions/0003).
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.value = nn.Linear(config.width, config.groups * config.head_width)
        self.projection = nn.Linear(config.width, config.width)
        self.weight_dropout = Dropout(config.dropout_rate)
        self.residual_dropout = Dropout(config.dropout_rate)
        self.hook_v = Point()
        self.scores = make_scores(config)
        self.hook_attn_scores, self.hook_pattern, self.hook_z = Point(), Point(), Point()

    def forward(
        self,
        x_BTC: Float[Tensor, "batch time width"],
        hidden: Tensor,
        positions_BT: Int64[Tensor, "batch time"] | None = None,
        cache: LayerCache | None = None,
        wanted_N: Int64[Tensor, "wanted"] | None = None,
    ) -> Float[Tensor, "*positions width"]:
        """Mixes the values of the visible positions: B T C, or N C of the positions that are wanted.

        Args:
            x_BTC: The layer's input.
            hidden: True where a key position must not be seen: (T, T), or (B, 1, T, S) with a cache of S positions.
            positions_BT: Where each token stands; needed with a cache.
            cache: Holds the earlier positions and takes these in.
            wanted_N: Positions b T + t that are projected; all if not given.
        """
        value_BTKD = self.hook_v(self.value(x_BTC).unflatten(-1, (-1, x_BTC.shape[-1] // self.heads)))
        value_BHSD = spread(remember("value", value_BTKD.transpose(1, 2), positions_BT, cache), self.heads)
        scores_BHTS = self.hook_attn_scores(hide(self.scores(x_BTC, positions_BT, cache), hidden))
        pattern_BHTS = self.hook_pattern(scores_BHTS.softmax(dim=-1)).to(value_BHSD.dtype)
        pattern_BHTS = self.weight_dropout(pattern_BHTS.expand(len(x_BTC), -1, -1, -1))
        z_BTHD = self.hook_z((pattern_BHTS @ value_BHSD).transpose(1, 2))
        z_BTC = z_BTHD.flatten(2)
        mixed = z_BTC if wanted_N is None else z_BTC.flatten(0, 1)[wanted_N]
        return self.residual_dropout(self.projection(mixed))
