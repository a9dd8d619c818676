"""How probable a model from elsewhere finds answers that are given to it, in nats.

The probability of a closed answer is that of its tokens and of any closing after them.

Axes: B batch, T time, V vocabulary.
"""

from collections.abc import Sequence
from typing import Any

import torch

from closedbook.hub.batches import in_batches, padded


def answer_nats(
    model: Any,
    prompts: Sequence[Sequence[int]],
    answers: Sequence[Sequence[int]],
    *,
    closing: Sequence[int],
    context: int,
) -> list[float | None]:
    """Log-probability of each answer after its prompt.

    Args:
        model: A causal model of `transformers`.
        prompts: Token ids.
        answers: Token ids of the answers, without what closes them.
        closing: The tokens of which any closes an answer; none where it goes on.
        context: Tokens that the model can read.

    Returns:
        Nats, None where prompt and answer do not fit into the context.
    """
    pairs = list(zip(prompts, answers, strict=True))
    fitting = [index for index, (prompt, ids) in enumerate(pairs) if len(prompt) + len(ids) < context]
    rows = token_nats(model, [prompts[i] for i in fitting], [answers[i] for i in fitting], closing=closing)
    values: list[float | None] = [None] * len(pairs)
    for index, nats in zip(fitting, rows, strict=True):
        values[index] = min(sum(nats), 0.0)
    return values


@torch.inference_mode()
def token_nats(
    model: Any, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], *, closing: Sequence[int]
) -> list[list[float]]:
    """Log-probability of each token of each answer, and behind them of any closing where there are such tokens."""
    values: list[list[float]] = []
    closing_V = torch.tensor(closing, dtype=torch.int64, device=model.device)
    for part in in_batches(len(prompts)):
        pairs = list(zip(prompts[part], answers[part], strict=True))
        tokens_BT, mask_BT = padded([[*prompt, *ids] for prompt, ids in pairs], model.device)
        logits_BTV = model(tokens_BT, attention_mask=mask_BT).logits
        for row, (prompt, ids) in enumerate(pairs):
            end = len(prompt) + len(ids)
            log_TV = logits_BTV[row, len(prompt) - 1 : end].float().log_softmax(dim=-1)
            nats = log_TV[:-1].gather(1, tokens_BT[row, len(prompt) : end, None])[:, 0].tolist()
            values.append([*nats, *([float(log_TV[-1, closing_V].logsumexp(dim=0))] if len(closing) else [])])
    return values
