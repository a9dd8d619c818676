"""What a Synthesizer cannot do in one layer (the assignment's part 2, g.ii): two tasks for one layer and a readout.

Every context token is the sum of a key's and a value's embedding, like the assignment's x_1 = u_d + u_b; the last
token asks.

- `recall`: pairs in random order, the last token carries one of the keys alone; the answer is that key's value. Which
  position holds it is chance, so that it must be found by content.
- `position`: the same tokens, the answer is the value of the first one, whatever the keys.

A Synthesizer's row depends on its own token and on positions, so it cannot find the pair: at best it looks at all of
them alike.

Axes: B batch, T positions, C width.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from closedbook.config import ModelConfig
from closedbook.evaluation.statistics import wilson
from closedbook.model.attention import Attention, causal
from closedbook.training.parallel import one_thread

TASKS = ("recall", "position")
KEYS = VALUES = 8
PAIRS = 4
WIDTH = 32
CHANCE_IN_CONTEXT = 1 / PAIRS  # guessing among the values of the context


@dataclass(frozen=True)
class TaskResult:
    """Accuracy of one attention class on one task and seed, with chance and its interval.

    Args:
        task: `recall` or `position`.
        attention: The attention class.
        seed: Of weights and data.
        correct: Right answers on fresh examples.
        total: Examples.
        interval: Wilson's 95 %.
    """

    task: str
    attention: str
    seed: int
    correct: int
    total: int
    interval: tuple[float, float]

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return self.correct / self.total


class OneLayer(nn.Module):
    """Embeddings, positions, one attention layer, a linear readout: no MLP, no LayerNorm, no residual."""

    def __init__(self, attention: str) -> None:
        super().__init__()
        config = ModelConfig(attention=attention, layers=1, heads=1, width=WIDTH, block=16)
        self.keys, self.values = nn.Embedding(KEYS, WIDTH), nn.Embedding(VALUES, WIDTH)
        self.positions = nn.Parameter(torch.randn(PAIRS + 1, WIDTH) * 0.5)
        self.attention = Attention(config)
        self.readout = nn.Linear(WIDTH, VALUES)

    def embed(self, keys_BP: Tensor, values_BP: Tensor, wanted_B: Tensor) -> Float[Tensor, "batch time width"]:
        """Context tokens (key + value), then the asking token (key alone), each with its position."""
        context = self.keys(keys_BP) + self.values(values_BP)
        return torch.cat([context, self.keys(wanted_B)[:, None]], dim=1) + self.positions

    def forward(self, keys_BP: Tensor, values_BP: Tensor, wanted_B: Tensor) -> Float[Tensor, "batch values"]:
        x_BTC = self.embed(keys_BP, values_BP, wanted_B)
        return self.readout(self.attention(x_BTC, causal(PAIRS + 1, x_BTC.device))[:, -1])


def examples(
    task: str, count: int, source: torch.Generator
) -> tuple[Int64[Tensor, "batch pairs"], Int64[Tensor, "batch pairs"], Int64[Tensor, "batch"], Int64[Tensor, "batch"]]:
    """Keys (distinct within a context) and values of the pairs, the wanted key, the answer."""
    keys_BP = torch.rand(count, KEYS, generator=source).argsort(dim=1)[:, :PAIRS]
    values_BP = torch.rand(count, VALUES, generator=source).argsort(dim=1)[:, :PAIRS]
    wanted_B = torch.randint(PAIRS, (count,), generator=source)
    rows_B = torch.arange(count)
    where_B = wanted_B if task == "recall" else torch.zeros_like(wanted_B)
    return keys_BP, values_BP, keys_BP[rows_B, wanted_B], values_BP[rows_B, where_B]


@one_thread()
def solve(task: str, attention: str, seed: int, *, steps: int = 1000, batch: int = 128) -> TaskResult:
    """Trains from scratch with Adam and scores on 2,000 fresh examples."""
    source = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = OneLayer(attention)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(steps):
        keys, values, wanted, answers = examples(task, batch, source)
        loss = F.cross_entropy(model(keys, values, wanted), answers)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    keys, values, wanted, answers = examples(task, 2000, source)
    with torch.no_grad():
        correct = int((model(keys, values, wanted).argmax(dim=1) == answers).sum())
    return TaskResult(task, attention, seed, correct, len(answers), wilson(correct, len(answers)))
