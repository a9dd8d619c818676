"""Ranking: the log-probability of every candidate answer, through a prefix tree whose nodes are computed once.

A candidate's score is the log-probability of its tokens and the closing mask after `question MASK`, the same number
that one forward pass over the whole sequence gives. The closing mask is part of the path, so that `York` is not a
prefix of `Yorkshire` but a sibling of its continuation.

Axes: P prompts, N nodes of a level of the tree, R = P N rows of a forward pass, K candidates, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from closedbook.errors import UserError
from closedbook.evaluation.decoding import prefill, prompts
from closedbook.facts.tokenizers import MASK_ID, Tokenizer
from closedbook.model.gpt import GPT


@dataclass(frozen=True)
class Level:
    """The nodes at one depth of the tree: each a token and the number of its parent in the level before."""

    token_N: Tensor
    parent_N: Tensor


class PrefixTree:
    """Token sequences that share their prefixes.

    Args:
        sequences: None empty, none a prefix of another (a closing token sees to that).
        device: Where the levels are.
    """

    def __init__(self, sequences: Sequence[Sequence[int]], device: torch.device) -> None:
        self.levels: list[Level] = []
        self.ends: list[list[tuple[int, int]]] = []  # at each level: (node, sequence)
        alive = [(index, 0) for index in range(len(sequences))]
        depth = 0
        while alive:
            nodes: dict[tuple[int, int], int] = {}
            following: list[tuple[int, int]] = []
            ends: list[tuple[int, int]] = []
            for index, parent in alive:
                node = nodes.setdefault((parent, sequences[index][depth]), len(nodes))
                (ends if len(sequences[index]) == depth + 1 else following).append((index, node))
            parents, tokens = zip(*nodes, strict=True)
            self.levels.append(Level(torch.tensor(tokens, device=device), torch.tensor(parents, device=device)))
            self.ends.append([(node, index) for index, node in ends])
            alive, depth = following, depth + 1


@torch.inference_mode()
def log_probabilities(
    model: GPT, encoded: Sequence[Sequence[int]], sequences: Sequence[Sequence[int]], *, most_rows: int = 4096
) -> Float[Tensor, "prompts candidates"]:
    """Log-probability in nats of every sequence after every prompt.

    Args:
        model: On any device.
        encoded: Prompts as token ids.
        sequences: Candidates as token ids, the closing mask included.
        most_rows: Rows of a forward pass; fewer take less memory.

    Raises:
        UserError: A prompt with the longest candidate does not fit into the model's context.
    """
    tree = PrefixTree(sequences, model.device)
    longest = max(map(len, encoded)) + len(tree.levels) - 1
    if longest > model.context:
        raise UserError(f"A question with its longest candidate takes {longest} tokens, the model {model.context}.")
    widest = max(len(level.token_N) for level in tree.levels)
    size = max(most_rows // widest, 1)
    model.eval()
    return torch.cat(
        [_scores(model, encoded[first : first + size], tree, len(sequences)) for first in range(0, len(encoded), size)]
    )


def _scores(model: GPT, encoded: Sequence[Sequence[int]], tree: PrefixTree, count: int) -> Tensor:
    """(P, K): the levels of the tree one after the other, the rows of a level prompt by prompt."""
    scores_PK = torch.empty(len(encoded), count, device=model.device)
    states_RC, length_P, cache = prefill(model, encoded, len(tree.levels) - 1)
    path_R = torch.zeros(len(encoded), device=model.device)
    before = 1
    for depth, (level, ends) in enumerate(zip(tree.levels, tree.ends, strict=True)):
        row_R = (torch.arange(len(encoded), device=model.device)[:, None] * before + level.parent_N).flatten()
        token_R = level.token_N.repeat(len(encoded))
        log_RV = model.head(states_RC).float().log_softmax(dim=-1)
        path_R = path_R[row_R] + log_RV[row_R, token_R]
        for node, sequence in ends:
            scores_PK[:, sequence] = path_R[node :: len(level.token_N)]
        if depth + 1 == len(tree.levels):
            break
        cache.keep_rows(row_R)
        position_R = (length_P[:, None] + depth).expand(-1, len(level.token_N)).flatten()
        states_RC = model(token_R[:, None], position_R[:, None], cache)[:, 0]
        before = len(level.token_N)
    return scores_PK


def rank(
    model: GPT, tokenizer: Tokenizer, questions: Sequence[str], candidates: Sequence[str]
) -> Float[Tensor, "questions candidates"]:
    """Log-probability of every candidate as the answer to every question; the row's largest is the model's choice.

    Raises:
        UserError: A text cannot be spelled, or does not fit into the context.
    """
    for number, candidate in enumerate(candidates, 1):
        tokenizer.spell(candidate, f"candidate {number}")
    sequences = [[*ids, MASK_ID] for ids in tokenizer.encode(candidates)]
    return log_probabilities(model, prompts(tokenizer, questions, model.context), sequences)
