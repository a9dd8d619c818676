"""What else a model might answer: its most probable complete answers, by a beam search that drops improbable branches.

Axes: B prompts of a batch, R branches alive, V vocabulary.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from closedbook.evaluation.decoding import MOST_NEW_TOKENS, Written, prefill
from closedbook.facts.tokenizers import MASK_ID
from closedbook.model.gpt import GPT

LEAST = 1e-3  # probability below which a branch is dropped: at most 1 / LEAST of them can be alive
WIDTH = 16  # branches of a prompt that go on


@torch.inference_mode()
def alternatives(
    model: GPT,
    encoded: Sequence[Sequence[int]],
    *,
    least: float = LEAST,
    width: int = WIDTH,
    most_new_tokens: int = MOST_NEW_TOKENS,
    batch_size: int = 128,
) -> list[list[Written]]:
    """Every prompt's most probable answers, closing mask included, with their log-probabilities in nats, best first.

    An answer of at least `least` is found unless `width` better branches stood beside one of its beginnings; a prompt
    may have none.

    Args:
        model: On any device.
        encoded: Prompts as token ids.
        least: Probability below which a branch is dropped.
        width: Branches of a prompt that go on at each step.
        most_new_tokens: Longest answer.
        batch_size: Prompts at a time.
    """
    model.eval()
    results: list[list[Written]] = [[] for _ in encoded]
    by_length = sorted(range(len(encoded)), key=lambda index: len(encoded[index]))
    for first in range(0, len(encoded), batch_size):
        rows = by_length[first : first + batch_size]
        for row, written in _search(model, [encoded[row] for row in rows], math.log(least), width, most_new_tokens):
            results[rows[row]].append(written)
    return [sorted(answers, key=lambda written: -sum(written[1])) for answers in results]


def _search(
    model: GPT, encoded: list[Sequence[int]], floor: float, width: int, most_new_tokens: int
) -> list[tuple[int, Written]]:
    """(prompt's number, answer) of every answer, in no order."""
    states_RC, length_B, cache = prefill(model, encoded, most_new_tokens)
    prompt_R = torch.arange(len(encoded), device=model.device)
    path_R = torch.zeros(len(encoded), device=model.device)
    branches: list[Written] = [([], []) for _ in encoded]
    answers: list[tuple[int, Written]] = []
    for step in range(most_new_tokens):
        log_RV = model.head(states_RC).float().log_softmax(dim=-1)
        path_RV = path_R[:, None] + log_RV
        for row in (path_RV[:, MASK_ID] >= floor).nonzero().flatten().tolist():
            answers.append((int(prompt_R[row]), _grown(branches[row], MASK_ID, float(log_RV[row, MASK_ID]))))
        path_RV[:, MASK_ID] = -math.inf
        room_R = length_B[prompt_R] + step < cache.capacity
        row_R, token_R = ((path_RV >= floor) & room_R[:, None]).nonzero(as_tuple=True)
        kept_R = _best_of_each(prompt_R[row_R], path_RV[row_R, token_R], width)
        row_R, token_R = row_R[kept_R], token_R[kept_R]
        if not len(row_R) or step + 1 == most_new_tokens:
            break
        nats_R = log_RV[row_R, token_R]
        branches = [
            _grown(branches[row], token, nats)
            for row, token, nats in zip(row_R.tolist(), token_R.tolist(), nats_R.tolist(), strict=True)
        ]
        path_R, prompt_R = path_RV[row_R, token_R], prompt_R[row_R]
        cache.keep_rows(row_R)
        states_RC = model(token_R[:, None], (length_B[prompt_R] + step)[:, None], cache)[:, 0]
    return answers


def _grown(branch: Written, token: int, nats: float) -> Written:
    return [*branch[0], token], [*branch[1], nats]


def _best_of_each(prompt_R: Tensor, path_R: Tensor, width: int) -> Tensor:
    """Numbers of the `width` best branches of every prompt, prompts in order."""
    order_R = path_R.argsort(descending=True, stable=True)
    order_R = order_R[prompt_R[order_R].argsort(stable=True)]
    _, count_P = prompt_R[order_R].unique_consecutive(return_counts=True)
    first_R = torch.repeat_interleave(count_P.cumsum(0) - count_P, count_P)
    return order_R[torch.arange(len(order_R), device=order_R.device) - first_R < width]
