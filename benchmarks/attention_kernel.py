"""Training-step speed with attention written out against the fused CPU kernel (docs/decisions/0003).

python -m benchmarks.attention_kernel
"""

import statistics
import time

import torch
from torch import Tensor
from torch.nn import functional as F

from closedbook.config import ModelConfig
from closedbook.model.attention import Attention
from closedbook.model.gpt import GPT
from closedbook.model.scores import KeyQueryValue

VOCABULARY = 2000
SHAPES = ((512, 16), (64, 64))


def fused(self: Attention, x_BTC: Tensor, *_: object) -> Tensor:
    """`Attention.forward` with `scaled_dot_product_attention`, for learned positions; no cache."""
    assert isinstance(self.scores, KeyQueryValue)
    linears = (self.scores.query, self.scores.key, self.value)
    q, k, v = (linear(x_BTC).unflatten(-1, (self.heads, -1)).transpose(1, 2) for linear in linears)
    y_BHTD = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return self.projection(y_BHTD.transpose(1, 2).flatten(2))


def tokens_per_second(model: GPT, rows: int, length: int) -> float:
    """Of one bf16 step forward and backward, median of five after a warm-up."""
    tokens = torch.randint(0, VOCABULARY, (rows, length + 1))
    seconds = []
    for _ in range(6):
        began = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model.head(model(tokens[:, :-1]))
        F.cross_entropy(logits.float().flatten(0, 1), tokens[:, 1:].flatten()).backward()
        seconds.append(time.perf_counter() - began)
    return rows * length / statistics.median(seconds[1:])


def main() -> None:
    """Prints both, side by side."""
    model, written_out = GPT(ModelConfig(), VOCABULARY), Attention.forward
    for rows, length in SHAPES:
        Attention.forward = written_out  # type: ignore[method-assign]
        ours = tokens_per_second(model, rows, length)
        Attention.forward = fused  # type: ignore[assignment, method-assign]
        theirs = tokens_per_second(model, rows, length)
        print(
            f"{rows} rows of {length}: written out {ours:,.0f} tokens/s, fused {theirs:,.0f}, ratio {ours / theirs:.2f}"
        )


if __name__ == "__main__":
    main()
