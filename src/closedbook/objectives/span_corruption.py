"""Span corruption as the assignment specifies it (CS224n 2021, assignment 5, part 2.e), vectorised.

A document of l tokens is cut to n = min(l, m) with m uniform on {4, ..., floor(7/8 block)}; a span of s tokens is
masked, E[s] = n/4, at a uniform place; the example is `prefix MASK suffix MASK span`, and every token of it is scored.

The assignment leaves the distribution of s open. Here s is uniform on {1, ..., h} with h = floor((n + c)/2) - 1 and c a
fair coin, whose mean is exactly n/4 for every n >= 4; shorter documents mask one token with probability n/4 (an empty
one becomes `MASK MASK`), which keeps the mean.
"""

import torch
from jaxtyping import Int64
from torch import Tensor

from closedbook import config
from closedbook.draws import random_below
from closedbook.objectives.objective import Material
from closedbook.objectives.segments import Segments, Spans, lay_out
from closedbook.objectives.store import add_whole

SHORTEST = 4


def longest_cut(block: int) -> int:
    """The longest text that an example holds, in tokens."""
    return block * 7 // 8


def span_corruption(documents: Spans, rows_R: Int64[Tensor, "rows"], *, block: int, seed: int, step: int) -> Segments:
    """One corrupted example for each chosen document; a pure function of its arguments.

    Args:
        documents: Where every document stands in the token vector.
        rows_R: Which documents; a document's draws depend on its row, not on its place in this tensor.
        block: The model's block in tokens, at least 16.
        seed: The run's seed.
        step: Counts the passes over the documents; each gives new cuts and spans.
    """
    start_R, length_R = documents.start_R[rows_R], documents.length_R[rows_R]

    def below(bound_R: Tensor, draw: int) -> Tensor:
        return random_below(bound_R, seed, step, draw, rows_R)

    choices_R = torch.full_like(length_R, longest_cut(block) - SHORTEST + 1)
    cut_R = torch.minimum(length_R, SHORTEST + below(choices_R, 0))
    coin_R = below(torch.full_like(cut_R, 2), 1)
    uniform_R = 1 + below((cut_R + coin_R) // 2 - 1, 2)
    bernoulli_R = (below(torch.full_like(cut_R, 4), 3) < cut_R).long()
    span_R = torch.where(cut_R >= SHORTEST, uniform_R, bernoulli_R)
    prefix_R = below(cut_R - span_R + 1, 4)

    prefix = Spans(start_R, prefix_R)
    span = Spans(start_R + prefix_R, span_R)
    suffix = Spans(start_R + prefix_R + span_R, cut_R - prefix_R - span_R)
    return lay_out((prefix, True), (prefix.mask(), True), (suffix, True), (prefix.mask(), True), (span, True))


class SpanCorruption:
    """The objective over the documents as the recipe reads them."""

    def __init__(self, settings: config.SpanCorruption, material: Material, seed: int) -> None:
        self._block, self._seed = material.block, seed
        self._documents, self.counts = add_whole(
            material.store, material.rows, settings.long_documents, longest_cut(material.block)
        )
        self._rows_R = torch.arange(len(self._documents), device=material.device)

    def __call__(self, number: int) -> Segments:
        """One example a document."""
        return span_corruption(self._documents, self._rows_R, block=self._block, seed=self._seed, step=number)
