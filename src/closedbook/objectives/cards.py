"""Cards: the capitalised phrases of a line are asked for, given the line's subject and perhaps some words around them.

All are cuts and masks of one corpus line plus sentinels, chosen without looking at questions, answers or the words
around (compare salient span masking, Guu et al. 2020, section 3.4).
"""

from collections.abc import Sequence
from typing import Literal

import torch

from closedbook.draws import random_bits
from closedbook.objectives.pieces import MASK, Pieces, lay_out_rows
from closedbook.objectives.store import Slice, TitledSlices


def name_cards(documents: Sequence[TitledSlices], device: torch.device) -> Pieces:
    """`name MASK phrase MASK` for every phrase, scored after the first mask."""
    return lay_out_rows(
        [
            [(document.name, False), (MASK, False), (found.phrase, True), (MASK, True)]
            for document in documents
            for found in document.phrases
        ],
        device,
    )


class ContextCards:
    """`name left-context MASK phrase MASK` for every phrase, scored after the first mask.

    With `either`, half of the cards, drawn anew at each pass, are `left-context name MASK phrase MASK`: the same cut
    with its parts exchanged, so that a name is met with words before it, as in a question.
    """

    def __init__(
        self, documents: Sequence[TitledSlices], place: Literal["after", "either"], device: torch.device
    ) -> None:
        cards = [(document.name, found) for document in documents for found in document.phrases]
        self._after = _with_context([(name, found.context, found.phrase) for name, found in cards], device)
        self._before = _with_context([(found.context, name, found.phrase) for name, found in cards], device)
        self._place = place

    def __call__(self, seed: int, step: int) -> Pieces:
        """One example a phrase; a pure function of its arguments."""
        if self._place == "after":
            return self._after
        rows_R = torch.arange(len(self._after), device=self._after.start_RK.device)
        before_R1 = (random_bits(seed, step, 0, rows_R) & 1).bool()[:, None]
        return Pieces(
            start_RK=torch.where(before_R1, self._before.start_RK, self._after.start_RK),
            length_RK=torch.where(before_R1, self._before.length_RK, self._after.length_RK),
            scored_RK=self._after.scored_RK,
        )


def _with_context(rows: Sequence[tuple[Slice, Slice, Slice]], device: torch.device) -> Pieces:
    return lay_out_rows(
        [
            [(first, False), (second, False), (MASK, False), (phrase, True), (MASK, True)]
            for first, second, phrase in rows
        ],
        device,
    )


def outlines(documents: Sequence[TitledSlices], device: torch.device) -> Pieces:
    """`name MASK phrase MASK phrase MASK ...`: all but the phrases of a document masked out, scored after the name."""
    return lay_out_rows(
        [
            [(document.name, False), (MASK, False)]
            + [piece for found in document.phrases for piece in ((found.phrase, True), (MASK, True))]
            for document in documents
            if document.phrases
        ],
        device,
    )


def salient_span(documents: Sequence[TitledSlices], device: torch.device) -> Pieces:
    """`name left MASK right MASK phrase MASK`: the whole text with one phrase masked (Guu et al. 2020, section 3.4)."""
    rows = []
    for document in documents:
        start, length = document.body
        for found in document.phrases:
            first, size = found.phrase
            after = first + size
            left, right = (start, first - start), (after, start + length - after)
            rows.append(
                [
                    *((piece, False) for piece in (document.name, left, MASK, right, MASK)),
                    (found.phrase, True),
                    (MASK, True),
                ]
            )
    return lay_out_rows(rows, device)
