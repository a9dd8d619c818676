"""Multi-span corruption as in T5 (Raffel et al. 2020, section 3.1.4), with one sentinel for all spans, vectorised.

Of a document of n tokens, m = max(1, round(0.15 n)) are masked in k = max(1, round(m / 3)) spans, so that spans are 3
tokens long on average. Masked and kept tokens are each split into k (and k + 1) parts at uniform places, parts may be
empty, and the example is `kept MASK kept MASK ... kept MASK span MASK span MASK ...`: the text with its gaps, then what
fills them, in order. All of it is scored, as in the assignment's objective.
"""

import torch
from jaxtyping import Int64
from torch import Tensor

from closedbook import config
from closedbook.draws import random_below
from closedbook.objectives.objective import Material
from closedbook.objectives.segments import Segments, Spans, lay_out
from closedbook.objectives.store import add_whole

MASKED_SHARE, MEAN_SPAN = 0.15, 3
MOST_SPANS = 8


def longest_document(block: int) -> int:
    """The longest text whose example surely fits into the block, in tokens."""
    return max((block - 2 * MOST_SPANS - 1), 4)


def multi_span(documents: Spans, rows_R: Int64[Tensor, "rows"], *, block: int, seed: int, step: int) -> Segments:
    """One corrupted example for each chosen document; a pure function of its arguments.

    Args:
        documents: Where every document stands in the token vector; empty ones become `MASK MASK`.
        rows_R: Which documents; a document's draws depend on its row alone.
        block: Documents longer than `longest_document(block)` are cut.
        seed: The run's seed.
        step: Counts the passes.
    """
    start_R, length_R = documents.start_R[rows_R], documents.length_R[rows_R].clamp(max=longest_document(block))
    masked_R = torch.minimum((length_R * MASKED_SHARE).round().long().clamp(min=1), length_R)
    spans_R = (masked_R / MEAN_SPAN).round().long().clamp(1, MOST_SPANS)

    def parts(total_R: Tensor, parts_R: Tensor, most: int, draw: int) -> Int64[Tensor, "rows most"]:
        """Random lengths that add up to the total; parts beyond a row's number are empty."""
        cuts = [random_below(total_R + 1, seed, step, draw + index, rows_R) for index in range(most - 1)]
        beyond = [torch.where(index < parts_R - 1, cut_R, total_R) for index, cut_R in enumerate(cuts)]
        cuts_RP = torch.stack([torch.zeros_like(total_R), *beyond, total_R], dim=1).sort(dim=1).values
        return cuts_RP.diff(dim=1)

    hidden_RS = parts(masked_R, spans_R, MOST_SPANS, 0)
    kept_RS = parts(length_R - masked_R, spans_R + 1, MOST_SPANS + 1, MOST_SPANS)
    kept, hidden, position_R = [], [], start_R
    for index in range(MOST_SPANS):
        sentinel = Spans(torch.ones_like(start_R), (index < spans_R).long())
        kept += [(Spans(position_R, kept_RS[:, index]), True), (sentinel, True)]
        position_R = position_R + kept_RS[:, index]
        hidden += [(sentinel, True), (Spans(position_R, hidden_RS[:, index]), True)]
        position_R = position_R + hidden_RS[:, index]
    return lay_out(*kept, (Spans(position_R, kept_RS[:, MOST_SPANS]), True), *hidden)


class MultiSpan:
    """The objective over the documents as the recipe reads them."""

    def __init__(self, settings: config.MultiSpan, material: Material, seed: int) -> None:
        self._block, self._seed = material.block, seed
        self._documents, self.counts = add_whole(
            material.store, material.rows, settings.long_documents, longest_document(material.block)
        )
        self._rows_R = torch.arange(len(self._documents), device=material.device)

    def __call__(self, number: int) -> Segments:
        """One example a document."""
        return multi_span(self._documents, self._rows_R, block=self._block, seed=self._seed, step=number)
