"""Whole lines: the text after the name, as it stands or turned round at a word."""

from collections.abc import Sequence

import torch
from jaxtyping import Int64
from torch import Tensor

from closedbook.draws import random_below
from closedbook.objectives.pieces import MASK, Pieces, Spans, lay_out, lay_out_rows
from closedbook.objectives.store import TitledSlices


def whole_line(documents: Sequence[TitledSlices], device: torch.device) -> Pieces:
    """`name text MASK`, scored after the name: next-token prediction of the whole document."""
    return lay_out_rows([[(found.name, False), (found.body, True), (MASK, True)] for found in documents], device)


class SuffixFirst:
    """`name MASK suffix MASK prefix MASK`: the text cut at a random word and its parts exchanged.

    Scored after the name. A permutation of the line: what stands late is asked for without what stands before it
    (compare Allen-Zhu and Li 2023, Physics of Language Models 3.1, "permute").
    """

    def __init__(self, documents: Sequence[TitledSlices], device: torch.device) -> None:
        documents = [found for found in documents if found.words]
        self._name = _spans([found.name for found in documents], device)
        self._body = _spans([found.body for found in documents], device)
        self._words = torch.tensor(
            [word for found in documents for word in found.words], dtype=torch.int64, device=device
        )
        counts_R = torch.tensor([len(found.words) for found in documents], dtype=torch.int64, device=device)
        self._first_R, self._count_R = counts_R.cumsum(0) - counts_R, counts_R

    def __call__(self, seed: int, step: int) -> Pieces:
        """One example a document; a pure function of its arguments."""
        rows_R = torch.arange(len(self._name), device=self._words.device)
        cut_R: Int64[Tensor, rows] = self._words[self._first_R + random_below(self._count_R, seed, step, 0, rows_R)]
        prefix = Spans(self._body.start_R, cut_R - self._body.start_R)
        suffix = Spans(cut_R, self._body.length_R - prefix.length_R)
        mask = prefix.mask()
        return lay_out((self._name, False), (mask, False), (suffix, True), (mask, True), (prefix, True), (mask, True))


def _spans(slices: Sequence[tuple[int, int]], device: torch.device) -> Spans:
    pairs_R2 = torch.tensor(slices, dtype=torch.int64, device=device).reshape(-1, 2)
    return Spans(pairs_R2[:, 0].contiguous(), pairs_R2[:, 1].contiguous())
