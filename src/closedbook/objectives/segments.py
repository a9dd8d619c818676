"""Examples as segments: every objective lays slices of one token vector end to end, and one function renders them.

An example is at most K segments; a segment is a slice of the token vector that counts for the loss or does not. So an
objective only says where its segments begin and how long they are, the length of an example is known before it is
rendered, and rendering a batch is a handful of integer tensor operations on whatever device the tokens are.

Axes: R examples, K segments, B examples of a batch, W tokens of a rendered row, T = W - 1 inputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from closedbook.facts.tokenizers import MASK_ID, PAD_ID

MASK = (MASK_ID, 1)  # the token vector begins with pad and mask: a token's id is its own position
IGNORED = PAD_ID  # a target that does not count, as in the course's code


@dataclass(frozen=True)
class Spans:
    """Slices of the token vector, one a row: where they start and how long they are."""

    start_R: Int64[Tensor, "rows"]
    length_R: Int64[Tensor, "rows"]

    def __len__(self) -> int:
        return len(self.start_R)

    def mask(self) -> "Spans":
        """As many mask tokens."""
        return Spans(torch.full_like(self.start_R, MASK_ID), torch.ones_like(self.start_R))


@dataclass(frozen=True)
class Segments:
    """R examples of up to K segments each, in order; a segment of length 0 is not there."""

    start_RK: Int64[Tensor, "rows segments"]
    length_RK: Int64[Tensor, "rows segments"]
    scored_RK: Bool[Tensor, "rows segments"]

    def __len__(self) -> int:
        return len(self.start_RK)

    def rows(self, rows_B: Tensor) -> "Segments":
        """Some of the examples, by number or by mask."""
        return Segments(self.start_RK[rows_B], self.length_RK[rows_B], self.scored_RK[rows_B])

    def lengths(self) -> Int64[Tensor, "rows"]:
        """Tokens of every example."""
        return self.length_RK.sum(dim=1)


@dataclass(frozen=True)
class Batch:
    """What a training step sees: targets are the inputs shifted by one, `IGNORED` where they do not count.

    Args:
        inputs_BT: Token ids, padded to the longest row.
        targets_BT: Token ids, padded alike.
        rows_B: The numbers of the rows in their epoch, to which dropout's draws belong; 0, 1, ... if not given.
        counted: Positions that a schedule in positions counts for a row, where the recipe pads further than this.
    """

    inputs_BT: Int64[Tensor, "batch time"]
    targets_BT: Int64[Tensor, "batch time"]
    rows_B: Int64[Tensor, "batch"] | None = None
    counted: int | None = None

    @property
    def tokens(self) -> int:
        """Inputs that are not padding."""
        return int((self.inputs_BT != PAD_ID).sum())

    @property
    def positions(self) -> int:
        """Inputs with the padding that the recipe asks for."""
        rows, time = self.inputs_BT.shape
        return rows * (self.counted or time)


def lay_out(*segments: tuple[Spans, bool]) -> Segments:
    """Examples from (slices, whether they are scored), in the order in which they stand."""
    start_RK = torch.stack([spans.start_R for spans, _ in segments], dim=1)
    scored_K = torch.tensor([scored for _, scored in segments], device=start_RK.device)
    return Segments(
        start_RK=start_RK,
        length_RK=torch.stack([spans.length_R for spans, _ in segments], dim=1),
        scored_RK=scored_K.expand_as(start_RK),
    )


def lay_out_rows(rows: Sequence[Sequence[tuple[tuple[int, int], bool]]], device: torch.device) -> Segments:
    """Examples with numbers of segments of their own: ((start, length), whether it is scored) in order."""
    widest = max(map(len, rows), default=0)
    flat = [
        (*where, scored) for row in rows for where, scored in [*row, *([((PAD_ID, 0), False)] * (widest - len(row)))]
    ]
    values_RK3 = torch.tensor(flat, dtype=torch.int64, device=device).reshape(len(rows), widest, 3)
    start_RK, length_RK, scored_RK = (values.contiguous() for values in values_RK3.unbind(dim=2))
    return Segments(start_RK, length_RK, scored_RK.bool())


def concatenate(parts: Sequence[Segments]) -> Segments:
    """The examples of all parts, one part after the other."""
    if not parts:
        return lay_out_rows([], torch.device("cpu"))
    widest = max(part.start_RK.shape[1] for part in parts)

    def padded(values_RK: Tensor) -> Tensor:
        return torch.nn.functional.pad(values_RK, (0, widest - values_RK.shape[1]))

    return Segments(
        start_RK=torch.cat([padded(part.start_RK) for part in parts]),
        length_RK=torch.cat([padded(part.length_RK) for part in parts]),
        scored_RK=torch.cat([padded(part.scored_RK) for part in parts]),
    )


def render(tokens_N: Int64[Tensor, "tokens"], segments: Segments, rows_B: Int64[Tensor, "batch"], width: int) -> Batch:
    """Inputs and targets of the given examples, padded to `width` tokens before the shift.

    Args:
        tokens_N: The token vector; pad and mask come first.
        segments: All examples.
        rows_B: Which of them, in this order.
        width: At least the longest chosen example.
    """
    start_BK, length_BK, scored_BK = (
        values[rows_B] for values in (segments.start_RK, segments.length_RK, segments.scored_RK)
    )
    end_BK = length_BK.cumsum(dim=1)
    position_W = torch.arange(width, device=tokens_N.device)
    segment_BW = (position_W[None, :, None] >= end_BK[:, None, :]).sum(dim=2)
    inside_BW = segment_BW < end_BK.shape[1]
    segment_BW = segment_BW.clamp(max=end_BK.shape[1] - 1)
    shift_BK = start_BK - (end_BK - length_BK)
    index_BW = torch.where(inside_BW, position_W + shift_BK.gather(1, segment_BW), PAD_ID)
    row_BW = tokens_N[index_BW]
    counts_BW = inside_BW & scored_BK.gather(1, segment_BW)
    return Batch(row_BW[:, :-1], torch.where(counts_BW, row_BW, IGNORED)[:, 1:], rows_B)
