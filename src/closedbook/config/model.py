"""The architecture."""

from typing import Annotated, Literal

from pydantic import Field

from closedbook.config.validation import Few, configuration, require
from closedbook.errors import UserError, nearest

ATTENTIONS = (
    "key_query_value",
    "dense_synthesizer",
    "random_synthesizer",
    "fixed_random_synthesizer",
    "factorised_dense_synthesizer",
    "factorised_random_synthesizer",
)
"""The attention classes; `a+b` mixes several."""
RANK = 8  # of a factorised random synthesizer (Tay et al. 2020: "in practice, we use a small value of k = 8")


@configuration
class ModelConfig:
    """The architecture; the vocabulary's size comes from the tokenizer.

    Args:
        attention: The attention class of every layer, or several joined by `+`, whose scores are mixed.
        layers: Number of blocks.
        heads: Attention heads a layer; must divide the width.
        key_value_heads: Heads of keys and values, each shared by as many query heads (grouped-query attention, Ainslie
            et al. 2023; 1 is multi-query, Shazeer 2019); must divide the heads, None for as many as there are.
        width: Size of the residual stream.
        mlp_width: Size of the MLP's hidden layer, None for four times the width, 0 for no MLP (attention only).
        block: Longest example in tokens; inputs are one shorter, because targets are inputs shifted by one.
        dropout: Probability on embeddings, attention weights and both residual branches; None leaves it to the
            training: 0.1 where it passes over its examples many times, as it does where they are few, else 0.
        tied_embeddings: Whether the output head is the input embedding.
        positions: `learned` (a vector a position, added to the embedding), `rotary` (queries and keys are turned by
            their position, so that scores depend on distances alone) or `none`.
        normalised_queries: Whether queries and keys are scaled to root mean square 1 before their inner product.
        layer_norm: Whether every branch and the head read through a LayerNorm; without, they read the stream itself.
    """

    attention: str = "key_query_value"
    layers: Annotated[int, Field(ge=1, le=256)] = 4
    heads: Few = 8
    key_value_heads: Few | None = None
    width: Annotated[int, Field(ge=1, le=16_384)] = 256
    mlp_width: Annotated[int, Field(ge=0, le=65_536)] | None = None
    block: Annotated[int, Field(ge=16, le=65_536)] = 128  # below, two masks beside 7/8 of it do not fit
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = 0.0
    tied_embeddings: bool = True
    positions: Literal["learned", "rotary", "none"] = "learned"
    normalised_queries: bool = False
    layer_norm: bool = True

    def __post_init__(self) -> None:
        self._check_attention()
        require(self.width % self.heads == 0, f"model.heads ({self.heads}) must divide model.width ({self.width}).")
        require(
            self.heads % self.groups == 0,
            f"model.key_value_heads ({self.key_value_heads}) must divide model.heads ({self.heads}).",
        )
        if self.positions == "rotary":
            require(self.head_width % 2 == 0, "model.positions rotary needs heads of an even size.")

    def _check_attention(self) -> None:
        for name in self.attention_parts:
            if name not in ATTENTIONS:
                raise UserError(
                    f"model.attention {self.attention!r}: {name!r} is no attention class{nearest(name, ATTENTIONS)}; "
                    f"there are {', '.join(ATTENTIONS)}, and mixtures such as {'+'.join(ATTENTIONS[:2])}."
                )
        require(
            len(set(self.attention_parts)) == len(self.attention_parts),
            f"model.attention {self.attention!r} mixes an attention class with itself, which has no effect.",
        )
        if "key_query_value" not in self.attention_parts:
            require(
                self.positions != "rotary" and not self.normalised_queries,
                "model.positions rotary and model.normalised_queries have no effect without queries and keys: "
                "a synthesizer takes learned positions or none, and false.",
            )

    @property
    def attention_parts(self) -> tuple[str, ...]:
        """The attention classes that are mixed; one if there is nothing to mix."""
        return tuple(self.attention.split("+"))

    @property
    def head_width(self) -> int:
        """Size of a head."""
        return self.width // self.heads

    @property
    def groups(self) -> int:
        """Heads of keys and values."""
        return self.heads if self.key_value_heads is None else self.key_value_heads

    @property
    def hidden_width(self) -> int:
        """Size of the MLP's hidden layer."""
        return 4 * self.width if self.mlp_width is None else self.mlp_width

    @property
    def dropout_rate(self) -> float:
        """The probability, 0 while it is left open."""
        return self.dropout or 0.0

    @property
    def context(self) -> int:
        """Most input tokens: one fewer than the block, because targets are inputs shifted by one."""
        return self.block - 1
