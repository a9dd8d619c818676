"""Cards: the capitalised phrases of a line are asked for, given the line's subject and perhaps some words around them.

All are cuts and masks of one corpus line plus sentinels, chosen without looking at questions, answers or the words
around (compare salient span masking, Guu et al. 2020, section 3.4).
"""

from collections.abc import Sequence

import torch

from closedbook.objectives.pieces import MASK, Pieces, lay_out_rows
from closedbook.objectives.store import TitledSlices


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


def context_cards(documents: Sequence[TitledSlices], device: torch.device) -> Pieces:
    """`name left-context MASK phrase MASK` for every phrase, scored after the first mask."""
    return lay_out_rows(
        [
            [(document.name, False), (found.context, False), (MASK, False), (found.phrase, True), (MASK, True)]
            for document in documents
            for found in document.phrases
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
