"""GPT as the assignment has it: learned positions that start at zero, pre-LayerNorm blocks, exact GELU, no head bias.

Special here: the attention variant is a field of the config, the last block goes on with the positions that are asked
for alone (in training on a processor those that count), inputs are at most block - 1 tokens long, and every activation
has a name (`activations.py`). LayerNorms and MLPs can be left out, for toy models whose sums can be read.

Axes: B batch, T time, N positions that are wanted, C width, V vocabulary.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from closedbook.config import ModelConfig
from closedbook.model.activations import Point
from closedbook.model.attention import Attention, causal
from closedbook.model.cache import KeyValueCache, LayerCache
from closedbook.model.dropout import Dropout


class MLP(nn.Module):
    """Two linear layers with a GELU between them, four times as wide inside unless the config says otherwise."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.expand = nn.Linear(config.width, config.hidden_width)
        self.contract = nn.Linear(config.hidden_width, config.width)
        self.gelu = nn.GELU()
        self.dropout = Dropout(config.dropout_rate)
        self.hook_pre, self.hook_post = Point(), Point()

    def forward(self, x: Float[Tensor, "*positions width"]) -> Float[Tensor, "*positions width"]:
        inner = self.hook_post(self.gelu(self.hook_pre(self.expand(x))))
        return self.dropout(self.contract(inner))


def make_norm(config: ModelConfig) -> nn.Module:
    """The LayerNorm that a branch or the head reads through, or nothing."""
    return nn.LayerNorm(config.width) if config.layer_norm else nn.Identity()


class Block(nn.Module):
    """Attention, then the MLP (if there is one), each added to its own input."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.hook_resid_pre = Point()
        self.norm_1 = make_norm(config)
        self.attention = Attention(config)
        self.hook_attn_out, self.hook_resid_mid = Point(), Point()
        self.norm_2 = make_norm(config) if config.hidden_width else None
        self.mlp = MLP(config) if config.hidden_width else None
        if config.hidden_width:
            self.hook_mlp_out = Point()
        self.hook_resid_post = Point()

    def forward(
        self,
        x_BTC: Tensor,
        hidden: Tensor,
        positions_BT: Tensor | None,
        cache: LayerCache | None,
        wanted_N: Tensor | None = None,
    ) -> Float[Tensor, "*positions width"]:
        """The stream behind the block, B T C, or N C of the positions that are wanted; see `GPT.forward`."""
        x = self.hook_resid_pre(x_BTC)
        mixed = self.hook_attn_out(self.attention(self.norm_1(x), hidden, positions_BT, cache, wanted_N))
        if wanted_N is not None:
            x = x.flatten(0, 1)[wanted_N]
        x = self.hook_resid_mid(x + mixed)
        if self.mlp is not None and self.norm_2 is not None:
            x = x + self.hook_mlp_out(self.mlp(self.norm_2(x)))
        return self.hook_resid_post(x)


class GPT(nn.Module):
    """The transformer; `forward` gives the final states, `head` turns them into logits.

    Args:
        config: The architecture.
        vocabulary_size: Tokens of the tokenizer.
    """

    def __init__(self, config: ModelConfig, vocabulary_size: int) -> None:
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(vocabulary_size, config.width)
        learned = config.positions == "learned"
        self.position_embedding = nn.Parameter(torch.zeros(config.block, config.width)) if learned else None
        self.hook_embed = Point()
        if learned:
            self.hook_pos_embed = Point()
        self.dropout = Dropout(config.dropout_rate)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.final_norm = make_norm(config)
        self.head = nn.Linear(config.width, vocabulary_size, bias=False)
        self.apply(_initialise)
        if config.tied_embeddings:
            self.head.weight = self.token_embedding.weight

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.token_embedding.weight.device

    @property
    def context(self) -> int:
        """Most input tokens."""
        return self.config.context

    def forward(
        self,
        tokens_BT: Int64[Tensor, "batch time"],
        positions_BT: Int64[Tensor, "batch time"] | None = None,
        cache: KeyValueCache | None = None,
        wanted_N: Int64[Tensor, "wanted"] | None = None,
    ) -> Float[Tensor, "*positions width"]:
        """Final states, after the last LayerNorm if there are any: B T C, or N C of the positions that are wanted.

        What is not wanted goes no further than the last block's keys and values, unless there is dropout, whose draws
        are those of all positions, or one of that block's activations is listened to.

        Args:
            tokens_BT: At most `context` tokens a row.
            positions_BT: Where each token stands; 0, 1, ... if not given. Needed with a cache.
            cache: Earlier positions, each row at its own; these tokens are added to it.
            wanted_N: Positions b T + t whose states are asked for; all if not given.
        """
        time = tokens_BT.shape[1]
        if cache is None:
            hidden = causal(time, tokens_BT.device)
        else:
            assert positions_BT is not None, "a cache needs positions"
            hidden = cache.hidden(positions_BT)
        x_BTC = self.hook_embed(self.token_embedding(tokens_BT))
        if self.position_embedding is not None:
            where = torch.arange(time, device=x_BTC.device)[None] if positions_BT is None else positions_BT
            x_BTC = x_BTC + self.hook_pos_embed(self.position_embedding[where])
        x_BTC = self.dropout(x_BTC)
        early = wanted_N if wanted_N is not None and self._may_leave_out() else None
        for index, block in enumerate(self.blocks):
            only = early if index == len(self.blocks) - 1 else None
            x_BTC = block(x_BTC, hidden, positions_BT, cache.layers[index] if cache else None, only)
        states = self.final_norm(x_BTC)
        return states if wanted_N is None or early is not None else states.flatten(0, 1)[wanted_N]

    def _may_leave_out(self) -> bool:
        """Whether the last block may go on with some positions alone."""
        if self.training and self.config.dropout_rate > 0:
            return False
        return not any(isinstance(part, Point) and part._forward_hooks for part in self.blocks[-1].modules())


def _initialise(module: nn.Module) -> None:
    """N(0, 0.02) for linear and embedding weights, zero biases; LayerNorm keeps ones and zeros."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)


def count_parameters(model: nn.Module) -> int:
    """Parameters of the model, shared ones once."""
    return sum(parameter.numel() for parameter in model.parameters())
