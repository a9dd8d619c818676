"""How probable a model from elsewhere finds answers that are given to it, in nats.

The probability of a closed answer is that of its tokens and of any closing after them.

Axes: B batch, K last positions, V vocabulary.
"""

from collections.abc import Sequence

import torch

from closedbook.hub.reading import Reader, Row


@torch.inference_mode()
def answer_nats(
    reader: Reader,
    prompts: Sequence[Row],
    answers: Sequence[Row],
    *,
    closing: Sequence[int],
    context: int,
) -> list[float | None]:
    """Log-probability of each answer after its prompt.

    Args:
        reader: The model.
        prompts: Token ids.
        answers: Token ids of the answers, without what closes them.
        closing: The tokens of which any closes an answer; none where it goes on.
        context: Tokens that the model can read.

    Returns:
        Nats, None where prompt and answer do not fit into the context.
    """
    values: list[float | None] = [None] * len(prompts)
    fitting = [
        i for i, (prompt, ids) in enumerate(zip(prompts, answers, strict=True)) if len(prompt) + len(ids) < context
    ]
    rows = [[*prompts[index], *answers[index]] for index in fitting]
    reader.share([prompts[index] for index in fitting])
    closing_V = torch.tensor(closing, dtype=torch.int64, device=reader.device)
    keep = max((len(answers[index]) for index in fitting), default=0) + 1
    for batch in reader.batches(rows, keep=keep):
        _, logits_BKV = reader.begin([rows[i] for i in batch], keep)
        for i, logits_KV in zip(batch, logits_BKV, strict=True):
            ids = answers[fitting[i]]
            log_KV = logits_KV[-len(ids) - 1 :].log_softmax(dim=-1)
            total = float(log_KV[:-1].gather(1, torch.tensor([*ids], device=reader.device)[:, None]).sum())
            if len(closing):
                total += float(log_KV[-1, closing_V].logsumexp(dim=0))
            values[fitting[i]] = min(total, 0.0)
    return values
