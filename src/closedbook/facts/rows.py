"""Rows of a table as documents: `corpus.csv` and `corpus.tsv`, which a spreadsheet writes."""

import csv
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from closedbook.errors import UserError
from closedbook.facts.columns import named_columns
from closedbook.facts.keyed import lines_of, no_record
from closedbook.facts.tables import said_delimiter, table_rows
from closedbook.facts.text import MOST_COLUMNS, shortened, text_lines

SUFFIXES = (".csv", ".tsv")
TEXT = "text"
NAMES = ("title", "name")
_DELIMITERS = (",", ";", "\t", "|")


class Table(NamedTuple):
    """A table of documents.

    Args:
        name: The column of whom a row is about, "" of texts that have none.
        rows: Line and cells of every row, by the columns' labels.
    """

    name: str
    rows: list[tuple[int, dict[str, str]]]


def rows_of(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line, subject and text of every row that says something.

    The text is what stands in a column `text`, or every cell as `label: value`. The subject stands in a column `title`
    or `name`, else, of rows without `text`, in the first column that has words and tells all rows apart, or the first.
    Columns without a label (the numbers that a table of pandas begins with) are not read.

    Raises:
        UserError: The file cannot be read or is no such table, or a row is about nobody.
    """
    name, rows = _table(path)
    for number, row in rows:
        about = row[name] if name else ""
        others = {label: cell for label, cell in row.items() if label not in ("", name)}
        text = others[TEXT] if TEXT in others else "\n".join(lines_of(others))
        if text.strip() and name and not about.strip():
            raise UserError(f"{path}, line {number}: nothing in {name!r}, the column of whom a row is about.")
        if text.strip():
            yield number, about, text


def columns_read(path: Path) -> str:
    """How a table of documents was read, "" of what is none."""
    if path.suffix not in SUFFIXES:
        return ""
    name, rows = _table(path)
    labels = list(filter(None, rows[0][1]))
    said = TEXT if TEXT in labels else ", ".join(shortened(label) for label in labels if label != name)
    return f"a document a row, about {shortened(name)!r}: {said}" if name else f"a document a row: {said}"


def _table(path: Path) -> Table:
    lines = text_lines(path)
    first = next(lines)
    said = said_delimiter(first)
    delimiter = said or ("\t" if path.suffix == ".tsv" else max(_DELIMITERS, key=lambda one: _columns_by(first, one)))
    rows = list(table_rows(chain(["" if said else first], lines), path, delimiter, _labels))
    return Table(_column_of_names([row for _, row in rows]), rows)


def _columns_by(line: str, delimiter: str) -> int:
    try:
        return len(next(csv.reader([line], delimiter=delimiter), []))
    except csv.Error:
        return 0


def _labels(row: Sequence[str], place: str) -> list[str]:
    """The labels of the columns, of those that the reader knows in lower case."""
    labels = [" ".join(cell.split()) for cell in row]
    labels = [label.lower() if label.lower() in (TEXT, *NAMES) else label for label in labels]
    twice = next((label for label in labels if label and labels.count(label) > 1), None)
    if twice is not None:
        raise UserError(f"{place}: the column {shortened(twice)!r} stands there twice.")
    if len(labels) > MOST_COLUMNS:
        raise UserError(f"{place}: {len(labels):,} columns; a table has at most {MOST_COLUMNS:,}.")
    if TEXT not in labels and (no_record(labels) or len([*filter(None, labels)]) < 2):
        wanted = "a column 'text', or one of names and others that say something of them"
        raise UserError(f"{place}: {named_columns(labels)}; a table of documents has {wanted}.")
    return labels


def _column_of_names(rows: Sequence[dict[str, str]]) -> str:
    labels = [label for label in (rows[0] if rows else ()) if label]
    if named := next((label for label in NAMES if label in labels), None):
        return named
    if TEXT in labels or not labels:
        return ""
    for label in labels:
        cells = [row[label].strip() for row in rows]
        if len({*cells}) == len(cells) and any(letter.isalpha() for cell in cells for letter in cell):
            return label
    return labels[0]
