"""Likelihood: the log-probability of a given text, and the states that it is read from.

Axes: B batch, T time, N positions that count, V vocabulary, C width.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from closedbook.evaluation.decoding import right_padded
from closedbook.facts.tokenizers import PAD_ID
from closedbook.model.activations import capture
from closedbook.model.gpt import GPT


@torch.inference_mode()
def log_probability(
    model: GPT, encoded: Sequence[Sequence[int]], continuations: Sequence[Sequence[int]], *, batch_size: int = 256
) -> Float[Tensor, "prompts"]:
    """Log-probability in nats of each continuation after its own prompt, by one forward pass a batch."""
    model.eval()
    values = []
    for first in range(0, len(encoded), batch_size):
        pairs = list(zip(encoded[first : first + batch_size], continuations[first : first + batch_size], strict=True))
        tokens_BT, length_B = right_padded([[*prompt, *after] for prompt, after in pairs], model.device)
        assert tokens_BT.shape[1] - 1 <= model.context, "a prompt with its continuation is longer than the context"
        start_B = torch.tensor([len(prompt) for prompt, _ in pairs], device=model.device)
        at_T = torch.arange(tokens_BT.shape[1], device=model.device)
        counts_BT = (at_T >= start_B[:, None]) & (at_T < length_B[:, None])
        wanted_N = counts_BT[:, 1:].flatten().nonzero().flatten()  # each token is read from the position before it
        log_NV = model.head(model(tokens_BT[:, :-1], wanted_N=wanted_N)).float().log_softmax(dim=-1)
        chosen_N = log_NV.gather(1, tokens_BT[:, 1:].flatten()[wanted_N][:, None])[:, 0]
        rows_N = wanted_N // (tokens_BT.shape[1] - 1)
        values.append(torch.zeros(len(pairs), device=model.device).index_add(0, rows_N, chosen_N))
    return torch.cat(values) if values else torch.zeros(0, device=model.device)


def fitting_log_probability(
    model: GPT, encoded: Sequence[Sequence[int]], continuations: Sequence[Sequence[int]]
) -> list[float | None]:
    """`log_probability`, None for a continuation that does not fit into the context or holds what cannot be spelled."""
    fitting = [
        index
        for index, (prompt, after) in enumerate(zip(encoded, continuations, strict=True))
        if len(prompt) + len(after) <= model.context + 1 and PAD_ID not in after
    ]
    nats = log_probability(model, [encoded[index] for index in fitting], [continuations[index] for index in fitting])
    values: list[float | None] = [None] * len(encoded)
    for index, value in zip(fitting, nats.tolist(), strict=True):
        values[index] = value
    return values


def halfway(model: GPT) -> int:
    """The block in the middle, whose stream stands for a subject."""
    return (len(model.blocks) - 1) // 2


@torch.inference_mode()
def last_states(
    model: GPT, encoded: Sequence[Sequence[int]], layer: int, *, batch_size: int = 256
) -> Float[np.ndarray, "prompts width"]:
    """The residual stream at the last token of every row, after a block."""
    point = f"blocks.{layer}.hook_resid_post"
    rows = [np.zeros((0, model.config.width), dtype=np.float32)]
    with capture(model, point) as kept:
        for first in range(0, len(encoded), batch_size):
            tokens_BT, length_B = right_padded(encoded[first : first + batch_size], model.device)
            model(tokens_BT)
            rows.append(kept[point][torch.arange(len(tokens_BT)), length_B - 1].float().cpu().numpy())
    return np.concatenate(rows)
