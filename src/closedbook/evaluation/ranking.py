"""Ranking: the most probable of candidate answers, through a prefix tree whose nodes are computed once.

A candidate's score is the log-probability of its tokens and the closing mask after `question MASK`, the same number
that one forward pass over the whole sequence gives. The closing mask is part of the path, so that `York` is not a
prefix of `Yorkshire` but a sibling of its continuation. Every branch that cannot win is left out: a path's
log-probability only falls as it grows.

Axes: P prompts, N nodes of a level of the tree, R rows of a forward pass, V vocabulary.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from closedbook.errors import UserError
from closedbook.evaluation.decoding import prefill
from closedbook.facts.tokenizers import MASK_ID, Tokenizer
from closedbook.model.gpt import GPT


@dataclass(frozen=True)
class Level:
    """The nodes at one depth of the tree.

    Args:
        token_N: The token of each.
        parent_N: Its parent's number in the level before.
        sequence_N: The sequence that ends with it, -1 where sequences go on.
    """

    token_N: Tensor
    parent_N: Tensor
    sequence_N: Tensor


class PrefixTree:
    """Token sequences that share their prefixes.

    Args:
        sequences: None empty, none a prefix of another (a closing token sees to that).
        device: Where the levels are.
    """

    def __init__(self, sequences: Sequence[Sequence[int]], device: torch.device) -> None:
        self.levels: list[Level] = []
        alive = [(index, 0) for index in range(len(sequences))]
        depth = 0
        while alive:
            nodes: dict[tuple[int, int], int] = {}
            ends: dict[int, int] = {}
            following: list[tuple[int, int]] = []
            for index, parent in alive:
                node = nodes.setdefault((parent, sequences[index][depth]), len(nodes))
                if len(sequences[index]) == depth + 1:
                    ends[node] = index
                else:
                    following.append((index, node))
            parents, tokens = zip(*nodes, strict=True)
            sequence = [ends.get(node, -1) for node in range(len(nodes))]
            self.levels.append(Level(*(torch.tensor(values, device=device) for values in (tokens, parents, sequence))))
            alive, depth = following, depth + 1


@torch.inference_mode()
def best(
    model: GPT, encoded: Sequence[Sequence[int]], sequences: Sequence[Sequence[int]], *, batch_size: int = 32
) -> tuple[Int64[Tensor, "prompts"], Float[Tensor, "prompts"]]:
    """The most probable sequence after every prompt and its log-probability in nats.

    A first descent takes the best branch at every level; what it ends with is a bound. The second follows every branch
    that is still above its prompt's bound.

    Raises:
        UserError: A prompt with the longest candidate does not fit into the model's context.
    """
    tree = PrefixTree(sequences, model.device)
    _check_length(model, encoded, tree)
    model.eval()
    found = []
    for first in range(0, len(encoded), batch_size):
        part = encoded[first : first + batch_size]
        nothing = torch.full((len(part),), -1, device=model.device), torch.full((len(part),), -math.inf)
        greedy = _descend(model, part, tree, nothing, narrow=True)
        found.append(_descend(model, part, tree, greedy, narrow=False))
    return torch.cat([choice for choice, _ in found]), torch.cat([score for _, score in found])


def _descend(
    model: GPT, encoded: Sequence[Sequence[int]], tree: PrefixTree, known: tuple[Tensor, Tensor], *, narrow: bool
) -> tuple[Tensor, Tensor]:
    """The best sequences and their scores: along the best branch of each row, or all branches above what is known."""
    choice_P, score_P = known[0].clone(), known[1].to(model.device, copy=True)
    states_RC, length_P, cache = prefill(model, encoded, len(tree.levels) - 1)
    prompt_R = torch.arange(len(encoded), device=model.device)
    node_R, path_R = torch.zeros_like(prompt_R), torch.zeros(len(encoded), device=model.device)
    for depth, level in enumerate(tree.levels):
        log_RV = model.head(states_RC).float().log_softmax(dim=-1)
        path_RN = path_R[:, None] + log_RV[:, level.token_N]
        path_RN[level.parent_N != node_R[:, None]] = -math.inf
        ends_N = level.sequence_N >= 0
        if ends_N.any():
            ended_R, which_R = path_RN[:, ends_N].max(dim=1)
            for row in (ended_R > score_P[prompt_R]).nonzero().flatten().tolist():
                prompt = int(prompt_R[row])
                if ended_R[row] > score_P[prompt]:
                    score_P[prompt], choice_P[prompt] = ended_R[row], level.sequence_N[ends_N][which_R[row]]
        kept_RN = path_RN > score_P[prompt_R][:, None]
        kept_RN[:, ends_N] = False
        if narrow:
            kept_RN &= torch.zeros_like(kept_RN).scatter_(1, path_RN.argmax(dim=1, keepdim=True), True)
        row_R, node_R = kept_RN.nonzero(as_tuple=True)
        if not len(row_R):
            break
        path_R, prompt_R = path_RN[row_R, node_R], prompt_R[row_R]
        cache.keep_rows(row_R)
        position_R = length_P[prompt_R] + depth
        states_RC = model(level.token_N[node_R][:, None], position_R[:, None], cache)[:, 0]
    return choice_P, score_P


def candidate_ids(tokenizer: Tokenizer, candidates: Sequence[str]) -> list[list[int]]:
    """The candidates as token ids, the closing mask included.

    Raises:
        UserError: There is none, one cannot be spelled, or two are spelled alike.
    """
    for number, candidate in enumerate(candidates, 1):
        tokenizer.spell(candidate, f"candidate {number}")
    sequences = [[*ids, MASK_ID] for ids in tokenizer.encode(candidates)]
    if len(set(map(tuple, sequences))) < len(sequences) or not sequences:
        raise UserError("The candidates must be at least one, and no two may be spelled with the same tokens.")
    return sequences


def _check_length(model: GPT, encoded: Sequence[Sequence[int]], tree: PrefixTree) -> None:
    longest = max(map(len, encoded)) + len(tree.levels) - 1
    if longest > model.context:
        raise UserError(f"A question with its longest candidate takes {longest} tokens, the model {model.context}.")
