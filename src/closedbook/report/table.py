"""A table, made once, for the console and for pages alike."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Headings and cells as they are read.

    Args:
        title: What it shows; pages have headings of their own.
        texts: Headings of the columns of text, on the left.
        figures: Headings of the columns of figures, behind them.
        rows: Cells, in the order of the columns.
        remarks: Headings of further columns of text, on the right.
    """

    title: str
    texts: Sequence[str]
    figures: Sequence[str]
    rows: Sequence[Sequence[str]]
    remarks: Sequence[str] = ()
