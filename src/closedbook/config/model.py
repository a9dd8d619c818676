"""The architecture."""

from dataclasses import dataclass
from typing import Literal

from closedbook.config.checks import check_types, require

Attention = Literal["key_query_value", "synthesizer"]


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The architecture; the vocabulary's size comes from the tokenizer.

    Args:
        attention: The attention class of every layer.
        layers: Number of blocks.
        heads: Attention heads a layer; must divide the width.
        width: Size of the residual stream.
        block: Longest example in tokens; inputs are one shorter, because targets are inputs shifted by one.
        dropout: Probability on embeddings, attention weights and both residual branches.
        tied_embeddings: Whether the output head is the input embedding.
        positions: `learned` (a vector a position, added to the embedding) or `rotary` (queries and keys are turned by
            their position, so that scores depend on distances alone).
        normalised_queries: Whether queries and keys are scaled to root mean square 1 before their inner product.
    """

    attention: Attention = "key_query_value"
    layers: int = 4
    heads: int = 8
    width: int = 256
    block: int = 128
    dropout: float = 0.0
    tied_embeddings: bool = True
    positions: Literal["learned", "rotary"] = "learned"
    normalised_queries: bool = False

    def __post_init__(self) -> None:
        check_types(self)
        require(1 <= self.layers <= 256, "model.layers must be 1 to 256.")
        require(
            1 <= self.heads <= self.width <= 16_384 and self.width % self.heads == 0,
            f"model.heads ({self.heads}) must divide model.width ({self.width}), which is at most 16384.",
        )
        require(
            16 <= self.block <= 65_536,
            "model.block must be 16 to 65536 tokens; below, two masks beside 7/8 of it do not fit.",
        )
        require(0.0 <= self.dropout < 1.0, "model.dropout must be in [0, 1).")
        if self.attention == "synthesizer":
            require(
                self.positions == "learned" and not self.normalised_queries,
                "model.positions rotary and model.normalised_queries have no effect without queries and keys: "
                "a synthesizer takes learned positions and false.",
            )
        if self.positions == "rotary":
            require(self.width // self.heads % 2 == 0, "model.positions rotary needs heads of an even size.")
