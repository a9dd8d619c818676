"""Whole lines: the text after the name, as it stands or turned round at a word.

Axes: R lines.
"""

import torch
from jaxtyping import Int64
from torch import Tensor

from closedbook import config
from closedbook.draws import random_below
from closedbook.objectives.objective import Fixed, Material
from closedbook.objectives.segments import MASK, Segments, Spans, lay_out, lay_out_rows


class WholeLine(Fixed):
    """`name text MASK`, scored after the name: next-token prediction of the whole document."""

    def __init__(self, settings: config.WholeLine, material: Material, seed: int) -> None:
        lines = [[(found.name, False), (found.body, True), (MASK, True)] for found in material.titled]
        super().__init__(lay_out_rows(lines, material.device))


class SuffixFirst:
    """`name MASK suffix MASK prefix MASK`: the text cut at a random word and its parts exchanged.

    Scored after the name. A permutation of the line: what stands late is asked for without what stands before it
    (compare Allen-Zhu and Li 2023, Physics of Language Models 3.1, "permute").
    """

    def __init__(self, settings: config.SuffixFirst, material: Material, seed: int) -> None:
        documents = [found for found in material.titled if found.words]
        self._name = material.store.spans([found.name for found in documents])
        self._body = material.store.spans([found.body for found in documents])
        words = [word for found in documents for word in found.words]
        self._words = torch.tensor(words, dtype=torch.int64, device=material.device)
        counts_R = torch.tensor([len(found.words) for found in documents], dtype=torch.int64, device=material.device)
        self._first_R, self._count_R = counts_R.cumsum(0) - counts_R, counts_R
        self._seed, self.counts = seed, dict[str, int]()

    def __call__(self, number: int) -> Segments:
        """One example a document."""
        rows_R = torch.arange(len(self._name), device=self._words.device)
        chosen_R = self._first_R + random_below(self._count_R, self._seed, number, 0, rows_R)
        cut_R: Int64[Tensor, rows] = self._words[chosen_R]
        prefix = Spans(self._body.start_R, cut_R - self._body.start_R)
        suffix = Spans(cut_R, self._body.length_R - prefix.length_R)
        mask = prefix.mask()
        return lay_out((self._name, False), (mask, False), (suffix, True), (mask, True), (prefix, True), (mask, True))
