"""A table, made once, for the console and for pages alike."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Columns = Mapping[str, Callable[[Any], str]]
"""What stands in a row's cell, by the column's heading."""


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


def tabulated(
    title: str, items: Iterable[Any], texts: Columns, figures: Columns, remarks: Columns | None = None
) -> Table:
    """A row for each of the items; the columns as in `Table`."""
    remarks = remarks or {}
    cells = [*texts.values(), *figures.values(), *remarks.values()]
    return Table(title, list(texts), list(figures), [[cell(item) for cell in cells] for item in items], list(remarks))
