"""Closed-book answers, greedy or sampled, a batch at a time, with a key-value cache.

Rows of a batch have prompts of different lengths and stand at their own positions: prompts begin at position 0, the
prefill writes padding behind the shorter ones, and generation overwrites that padding before anything can see it.

Axes: B batch, T prompt tokens, V vocabulary.
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from closedbook.draws import UNIT, random_bits
from closedbook.errors import UserError
from closedbook.facts.tokenizers import MASK_ID, PAD_ID, Tokenizer
from closedbook.model.cache import KeyValueCache
from closedbook.model.gpt import GPT

MOST_NEW_TOKENS = 32  # of an answer, where training answers are short

Written = tuple[list[int], list[float]]
"""The tokens that a model wrote and the log-probability of each, in nats."""
Choice = Callable[[Tensor, Tensor, int], Tensor]
"""From logits (B, V), the prompts' numbers (B) and the step to the next tokens (B)."""


def longest_written(taught: int) -> int:
    """Tokens that an answer may have with its closing, where the longest that was taught has so many without."""
    return max(MOST_NEW_TOKENS, 2 * (taught + 1))


def likeliest(logits_BV: Tensor, prompt_B: Tensor, step: int) -> Int64[Tensor, "batch"]:
    """Greedy decoding."""
    return logits_BV.argmax(dim=-1)


def sampled(seed: int, keys: Sequence[int]) -> Choice:
    """Sampling at temperature 1; a draw is a hash of (seed, step, key), so that neither batches nor neighbours matter.

    Args:
        seed: Of all draws.
        keys: One a prompt, 63 bits; prompts of one key and text are answered alike.
    """
    key_P = torch.tensor(keys, dtype=torch.int64)

    def choose(logits_BV: Tensor, prompt_B: Tensor, step: int) -> Int64[Tensor, "batch"]:
        key_B = key_P[prompt_B.cpu()].to(prompt_B.device)
        draw_B = (random_bits(seed, step, 0, key_B).double() + 0.5) / UNIT
        edges_BV = logits_BV.double().softmax(dim=-1).cumsum(dim=-1)
        return torch.searchsorted(edges_BV, draw_B[:, None])[:, 0].clamp(max=logits_BV.shape[-1] - 1)

    return choose


def prompts(tokenizer: Tokenizer, questions: Sequence[str], context: int, place: str = "question") -> list[list[int]]:
    """`question MASK` as token ids.

    Raises:
        UserError: A question cannot be spelled or does not fit into the context (`place` and its number name it).
    """
    for number, question in enumerate(questions, 1):
        tokenizer.spell(question, f"{place} {number}")
    encoded = [[*ids, MASK_ID] for ids in tokenizer.encode(questions)]
    for number, ids in enumerate(encoded, 1):
        if len(ids) > context:
            raise UserError(f"{place} {number}: {len(ids)} tokens with the mask, longer than the model's {context}.")
    return encoded


@torch.inference_mode()
def generate(
    model: GPT,
    prompts: Sequence[Sequence[int]],
    *,
    choose: Choice = likeliest,
    most_new_tokens: int = MOST_NEW_TOKENS,
    batch_size: int = 256,
) -> list[Written]:
    """The next tokens of every prompt, up to and including the closing mask, with their log-probabilities.

    A row ends at its mask, after `most_new_tokens`, or where the context is full. Prompts are batched by length and
    the results are in the order given. The text does not depend on the batch (in fp32, barring exact ties).
    """
    results: list[Written] = [([], []) for _ in prompts]
    by_length = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    model.eval()
    for first in range(0, len(by_length), batch_size):
        rows = by_length[first : first + batch_size]
        batch = _generate_batch(model, [prompts[row] for row in rows], rows, choose, most_new_tokens)
        for row, written in zip(rows, batch, strict=True):
            results[row] = written
    return results


def right_padded(
    rows: Sequence[Sequence[int]], device: torch.device
) -> tuple[Int64[Tensor, "batch time"], Int64[Tensor, "batch"]]:
    """Token rows with padding behind the shorter ones, which no token before it sees, and their lengths."""
    tokens_BT = torch.full((len(rows), max(map(len, rows))), PAD_ID, device=device)
    for index, row in enumerate(rows):
        tokens_BT[index, : len(row)] = torch.tensor(row, device=device)
    return tokens_BT, torch.tensor([len(row) for row in rows], device=device)


def prefill(
    model: GPT, prompts: Sequence[Sequence[int]], new_tokens: int
) -> tuple[Float[Tensor, "prompts width"], Int64[Tensor, "prompts"], KeyValueCache]:
    """The final state of every prompt's last token, the prompts' lengths, and a cache with room for more tokens."""
    device = model.device
    tokens_BT, length_B = right_padded(prompts, device)
    longest = tokens_BT.shape[1]
    cache = KeyValueCache(model.config.layers, min(longest + new_tokens, model.context), device)
    positions_BT = torch.arange(longest, device=device).expand_as(tokens_BT)
    last_B = torch.arange(len(prompts), device=device) * longest + length_B - 1
    return model(tokens_BT, positions_BT, cache, last_B), length_B, cache


def _generate_batch(
    model: GPT, prompts: list[Sequence[int]], numbers: list[int], choose: Choice, most_new_tokens: int
) -> list[Written]:
    last_BC, length_B, cache = prefill(model, prompts, most_new_tokens)
    device = model.device
    results: list[Written] = [([], []) for _ in prompts]
    rows_B = torch.arange(len(prompts), device=device)
    number_B = torch.tensor(numbers, device=device)
    for step in range(most_new_tokens):
        logits_BV = model.head(last_BC).float()
        next_B = choose(logits_BV, number_B[rows_B], step)
        nats_B = logits_BV.log_softmax(dim=-1).gather(1, next_B[:, None])[:, 0]
        for row, token, nats in zip(rows_B.tolist(), next_B.tolist(), nats_B.tolist(), strict=True):
            results[row][0].append(token)
            results[row][1].append(nats)
        alive_B = (next_B != MASK_ID) & (length_B < cache.capacity)
        if step + 1 == most_new_tokens or not alive_B.any():
            break
        if not alive_B.all():
            kept_B = alive_B.nonzero().flatten()
            rows_B, next_B, length_B = rows_B[kept_B], next_B[kept_B], length_B[kept_B]
            cache.keep_rows(kept_B)
        last_BC = model(next_B[:, None], length_B[:, None], cache)[:, 0]
        length_B = length_B + 1
    return results
