"""Where attention scores come from: keys and queries, or the Synthesizers of Tay et al. 2020 (arXiv 2005.00743).

All behind one signature, `scores(x, positions, cache) -> S`, with Y = softmax(S) G(X), causal, G the values. What each
attends to before training is said with it. The paper's N, the longest input, is L = block - 1 here. A Synthesizer's
score of key position s is column s of something of fixed length, so a shorter input takes the first columns, and with
a cache nothing but values has to be kept.

Axes: B batch, T query positions, S key positions, C width, H heads, K heads of keys and values, D width of a head, L
longest input, R rank, P parts of a mixture.
"""

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from closedbook.config import ModelConfig
from closedbook.config.model import RANK
from closedbook.model.activations import Point
from closedbook.model.cache import LayerCache, remember

SCALE = 0.02  # standard deviation of initial weights


class Scores(nn.Module):
    """Unnormalised attention of every query position to every key position."""

    def forward(
        self, x_BTC: Float[Tensor, "batch time width"], positions_BT: Tensor | None, cache: LayerCache | None
    ) -> Float[Tensor, "#batch heads time keys"]:
        """Scores B H T S, or 1 H T S where they are the same for every row.

        Args:
            x_BTC: The attention layer's input.
            positions_BT: Where each token stands; 0, 1, ... if not given. Needed with a cache.
            cache: Earlier positions; the scores are then for all S positions that it has room for.
        """
        raise NotImplementedError


def spread(x_BKSD: Tensor, heads: int) -> Float[Tensor, "batch heads keys size"]:
    """Each of the K shared heads once for every query head that reads it."""
    shared = x_BKSD.shape[1]
    return x_BKSD if shared == heads else x_BKSD.repeat_interleave(heads // shared, dim=1)


class Rotary(nn.Module):
    """Turns each pair of features by an angle that grows with the position (Su et al. 2021, section 3.2.2).

    Pair d of D/2 turns by position x 10000^(-2d/D), so the inner product of two turned vectors depends on the distance
    of their positions alone. A pair is feature d of either half.
    """

    cosine_TD: Tensor
    sine_TD: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        size = config.head_width
        frequency_D = 10_000.0 ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
        angle_TD = torch.arange(config.block, dtype=torch.float64)[:, None] * frequency_D
        self.register_buffer("cosine_TD", angle_TD.cos().float(), persistent=False)
        self.register_buffer("sine_TD", angle_TD.sin().float(), persistent=False)

    def forward(
        self, x_BTHD: Float[Tensor, "batch time heads size"], positions_BT: Int64[Tensor, "batch time"] | None
    ) -> Float[Tensor, "batch time heads size"]:
        where = slice(x_BTHD.shape[1]) if positions_BT is None else positions_BT
        cosine, sine = (table[where].unsqueeze(-2).to(x_BTHD.dtype) for table in (self.cosine_TD, self.sine_TD))
        first, second = x_BTHD.chunk(2, dim=-1)
        return torch.cat([first * cosine - second * sine, first * sine + second * cosine], dim=-1)


class KeyQueryValue(Scores):
    """S = Q K' / sqrt(D), Q and K linear in X (Vaswani et al. 2017, section 3.2.1).

    Keys may be shared by groups of heads (Shazeer 2019; Ainslie et al. 2023), normalised, or turned by their position.
    Before training: about alike to all visible positions, because initial weights of 0.02 make scores near zero (with
    normalised queries scores are of order 1 instead).
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.key = nn.Linear(config.width, config.groups * config.head_width)
        self.query = nn.Linear(config.width, config.width)
        self.hook_q, self.hook_k, self.hook_rot_q, self.hook_rot_k = Point(), Point(), Point(), Point()
        self.rotary = Rotary(config) if config.positions == "rotary" else None
        self.normalised = config.normalised_queries

    def forward(
        self, x_BTC: Float[Tensor, "batch time width"], positions_BT: Tensor | None, cache: LayerCache | None
    ) -> Float[Tensor, "batch heads time keys"]:
        size = x_BTC.shape[-1] // self.heads
        key_BTKD = self.hook_k(self.key(x_BTC).unflatten(-1, (-1, size)))
        query_BTHD = self.hook_q(self.query(x_BTC).unflatten(-1, (-1, size)))
        if self.normalised:
            key_BTKD, query_BTHD = F.rms_norm(key_BTKD, (size,)), F.rms_norm(query_BTHD, (size,))
        if self.rotary:
            key_BTKD, query_BTHD = self.rotary(key_BTKD, positions_BT), self.rotary(query_BTHD, positions_BT)
        key_BTKD, query_BTHD = self.hook_rot_k(key_BTKD), self.hook_rot_q(query_BTHD)
        key_BHSD = spread(remember("key", key_BTKD.transpose(1, 2), positions_BT, cache), self.heads)
        return (query_BTHD.transpose(1, 2) / math.sqrt(size)) @ key_BHSD.mT


class Hidden(nn.Module):
    """ReLU(X A + b1), split by head: what the dense Synthesizers compute their scores from."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.w1 = nn.Linear(config.width, config.width)

    def forward(self, x_BTC: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time heads size"]:
        return F.relu(self.w1(x_BTC)).unflatten(-1, (self.heads, -1))


class DenseSynthesizer(Scores):
    """S_t = ReLU(x_t A + b1) B + b2 (section 3.1, Dense Synthesizer), cut to the key positions that there are.

    In the assignment's form: A is one linear layer split by head; B (D x L) and b2 (L) are shared by the heads. Scores
    are not scaled. Row t depends on x_t and on positions, never on the other tokens.
    Before training: alike to all visible positions, because B starts within 0.001 of zero.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.hidden = Hidden(config)
        self.hook_hidden = Point()
        self.w2 = nn.Parameter(torch.empty(config.head_width, config.context).uniform_(-0.001, 0.001))
        self.b2 = nn.Parameter(torch.zeros(config.context))

    def forward(
        self, x_BTC: Float[Tensor, "batch time width"], positions_BT: Tensor | None, cache: LayerCache | None
    ) -> Float[Tensor, "batch heads time keys"]:
        keys = x_BTC.shape[1] if cache is None else cache.capacity
        hidden_BHTD = self.hook_hidden(self.hidden(x_BTC)).transpose(1, 2)
        return hidden_BHTD @ self.w2[:, :keys] + self.b2[:keys]


class FactorisedDenseSynthesizer(Scores):
    """S_t[i n + j] = F_t[i] G_t[j], F and G linear in ReLU(x_t A + b1) (section 3.3, Factorized Dense Synthesizer).

    F has m numbers and G has n, m n >= L, m the root of L rounded up; B_F (D x m) and B_G (D x n) with their biases are
    shared by the heads. The paper tiles both factors, H_A(A) * H_B(B); tiled alike they would repeat each other for
    m = n, so F is repeated number by number and G is tiled, which gives every product of the two once.
    Before training: alike to all visible positions. B_F and B_G start within 0.001 of zero, G's bias at one, so that
    the product is near zero and yet has a gradient.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        first = math.ceil(math.sqrt(config.context))
        second = math.ceil(config.context / first)
        self.hidden = Hidden(config)
        self.hook_hidden = Point()
        self.w_first = nn.Parameter(torch.empty(config.head_width, first).uniform_(-0.001, 0.001))
        self.b_first = nn.Parameter(torch.zeros(first))
        self.w_second = nn.Parameter(torch.empty(config.head_width, second).uniform_(-0.001, 0.001))
        self.b_second = nn.Parameter(torch.ones(second))

    def forward(
        self, x_BTC: Float[Tensor, "batch time width"], positions_BT: Tensor | None, cache: LayerCache | None
    ) -> Float[Tensor, "batch heads time keys"]:
        keys = x_BTC.shape[1] if cache is None else cache.capacity
        hidden_BHTD = self.hook_hidden(self.hidden(x_BTC)).transpose(1, 2)
        first = hidden_BHTD @ self.w_first + self.b_first
        second = hidden_BHTD @ self.w_second + self.b_second
        return (first[..., :, None] * second[..., None, :]).flatten(-2)[..., :keys]


def rows(x_HLX: Tensor, length: int, positions_BT: Int64[Tensor, "batch time"] | None) -> Tensor:
    """The rows at the positions of the queries: 1 H T X, or B H T X where each row of the batch has its own."""
    return x_HLX[None, :, :length] if positions_BT is None else x_HLX[:, positions_BT].transpose(0, 1)


class RandomSynthesizer(Scores):
    """S = R, one learned L x L matrix a head, the same for all inputs (section 3.2, Random Synthesizer).

    The paper leaves the scale of the random R open: 0.02, like every other weight here. From N(0, 1) recall
    of the built-in data is a third of that (docs/experiments.md): the noise is not unlearned.
    Before training: about alike to all visible positions.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.random = nn.Parameter(torch.randn(config.heads, config.context, config.context) * SCALE)

    def forward(
        self, x_BTC: Float[Tensor, "batch time width"], positions_BT: Tensor | None, cache: LayerCache | None
    ) -> Float[Tensor, "#batch heads time keys"]:
        keys = x_BTC.shape[1] if cache is None else cache.capacity
        return rows(self.random[..., :keys], x_BTC.shape[1], positions_BT)


class FixedRandomSynthesizer(Scores):
    """S = R, drawn once and never trained (section 3.2): the random Synthesizer with no parameters.

    R is N(0, 1), because a smaller one would do no more than take the mean; it is part of the saved weights.
    Before and after training: some earlier positions by chance, each head others.
    """

    random: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.register_buffer("random", torch.randn(config.heads, config.context, config.context))

    forward = RandomSynthesizer.forward


class FactorisedRandomSynthesizer(Scores):
    """S = R1 R2', both L x R and learned, a pair a head (section 3.3, Factorized Random Synthesizer, R = 8).

    Before training: about alike to all visible positions; R1 and R2 are drawn so that S has a deviation of 0.02.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        shape, scale = (config.heads, config.context, RANK), SCALE**0.5 * RANK**-0.25
        self.random_1 = nn.Parameter(torch.randn(shape) * scale)
        self.random_2 = nn.Parameter(torch.randn(shape) * scale)

    def forward(
        self, x_BTC: Float[Tensor, "batch time width"], positions_BT: Tensor | None, cache: LayerCache | None
    ) -> Float[Tensor, "#batch heads time keys"]:
        keys = x_BTC.shape[1] if cache is None else cache.capacity
        return rows(self.random_1, x_BTC.shape[1], positions_BT) @ self.random_2[:, :keys].mT


class Mixture(Scores):
    """S = sum_i a_i S_i, a = softmax of learned numbers (section 3.4, Mixture of Synthesizers: the a_i sum to one).

    Before training: all a_i are equal, so it attends as the mean of its parts' scores says.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.parts = nn.ModuleDict({name: SCORES[name](config) for name in config.attention_parts})
        self.mixing = nn.Parameter(torch.zeros(len(self.parts)))

    def forward(
        self, x_BTC: Float[Tensor, "batch time width"], positions_BT: Tensor | None, cache: LayerCache | None
    ) -> Float[Tensor, "#batch heads time keys"]:
        weights_P = self.mixing.softmax(dim=0)
        parts = [part(x_BTC, positions_BT, cache) for part in self.parts.values()]
        return sum((w * scores for w, scores in zip(weights_P, parts, strict=True)), start=weights_P.new_zeros(()))


SCORES: dict[str, type[Scores]] = {
    "key_query_value": KeyQueryValue,
    "dense_synthesizer": DenseSynthesizer,
    "random_synthesizer": RandomSynthesizer,
    "fixed_random_synthesizer": FixedRandomSynthesizer,
    "factorised_dense_synthesizer": FactorisedDenseSynthesizer,
    "factorised_random_synthesizer": FactorisedRandomSynthesizer,
}


def make_scores(config: ModelConfig) -> Scores:
    """The scores of an attention class, or the mixture of several."""
    names = config.attention_parts
    return Mixture(config) if len(names) > 1 else SCORES[names[0]](config)
