"""Rows of a table as documents: `corpus.csv` and `corpus.tsv`, which a spreadsheet writes."""

import csv
from collections.abc import Iterator, Sequence
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
_DELIMITERS = (";", "\t", "|", ",")  # a comma last, for it stands in numbers and labels as well
SNIFFED = 20  # rows


class Table(NamedTuple):
    """A table of documents.

    Args:
        name: The column of whom a row is about, None of texts that have none.
        rows: Line and cells of every row, by the columns' labels.
    """

    name: str | None
    rows: list[tuple[int, dict[str, str]]]


def rows_of(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line, subject and text of every row that says something.

    The text is what stands in a column `text`, or every cell as `label: value`. The subject stands in a column `title`
    or `name` (of both, in the one that tells all rows apart), else, of rows without `text`, in the first column that
    has words and tells all rows apart, or the first. Other columns without a label (the numbers that a table of pandas
    begins with) are not read.

    Raises:
        UserError: The file cannot be read or is no such table, or a row is about nobody.
    """
    name, rows = _table(path)
    for number, row in rows:
        about = row[name] if name is not None else ""
        others = {label: cell for label, cell in row.items() if label not in ("", name)}
        text = others[TEXT] if TEXT in others else "\n".join(lines_of(others))
        if text.strip() and name is not None and not about.strip():
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
    return f"a document a row, about {shortened(name)!r}: {said}" if name is not None else f"a document a row: {said}"


def _table(path: Path) -> Table:
    lines = list(text_lines(path))
    said = said_delimiter(lines[0])
    delimiter = said or ("\t" if path.suffix == ".tsv" else _delimiter(lines))
    rows = list(table_rows(["", *lines[1:]] if said else lines, path, delimiter, _labels))
    if not rows:
        raise UserError(f"{path}: no row below the header of the table.")
    return Table(_column_of_names([row for _, row in rows]), rows)


def _delimiter(lines: Sequence[str]) -> str:
    """What separates the cells: the first by which the first rows have equally many, else that of the header's most."""
    sizes = {delimiter: _sizes(lines, delimiter) for delimiter in _DELIMITERS}
    alike = [one for one, found in sizes.items() if len({*found}) == 1 and found[0] > 1]
    return alike[0] if alike else max(reversed(_DELIMITERS), key=lambda one: sizes[one][:1])


def _sizes(lines: Sequence[str], delimiter: str) -> list[int]:
    """How many cells the first rows have."""
    found = list[int]()
    try:
        for row in csv.reader((line + "\n" for line in lines), delimiter=delimiter):
            found += [len(row)] if any(map(str.strip, row)) else []
            if len(found) == SNIFFED:
                break
    except csv.Error:  # said where the rows are read
        pass
    return found


def _labels(row: Sequence[str], place: str) -> list[str]:
    """The labels of the columns, of those that the reader knows in lower case."""
    labels = [" ".join(cell.split()).rstrip(":") for cell in row]
    labels = [label.lower() if label.lower() in (TEXT, *NAMES) else label for label in labels]
    if len(labels) > MOST_COLUMNS:
        raise UserError(f"{place}: {len(labels):,} columns; a table has at most {MOST_COLUMNS:,}.")
    twice = next((label for label in labels if label and labels.count(label) > 1), None)
    if twice is not None:
        raise UserError(f"{place}: the column {shortened(twice)!r} stands there twice.")
    if TEXT not in labels and no_record(labels):
        raise UserError(f"{place}: {named_columns(labels)}; call the column of texts 'text', or facts train.csv.")
    if TEXT not in labels and (len(labels) < 2 or not any(labels)):
        wanted = "a column 'text', or one of names and others that say something of them"
        raise UserError(f"{place}: {named_columns(labels)}; a table of documents has {wanted}.")
    return labels


def _column_of_names(rows: Sequence[dict[str, str]]) -> str | None:
    named = [label for label in NAMES if label in rows[0]]
    if named:
        return next((label for label in named if _tells_apart(rows, label)), named[0])
    if TEXT in rows[0]:
        return None
    worded = (label for label in rows[0] if _tells_apart(rows, label) and _has_letters(rows, label))
    return next(worded, next(label for label in rows[0] if label))


def _tells_apart(rows: Sequence[dict[str, str]], label: str) -> bool:
    cells = [row[label].strip() for row in rows]
    return all(cells) and len({*cells}) == len(cells)


def _has_letters(rows: Sequence[dict[str, str]], label: str) -> bool:
    return any(letter.isalpha() for row in rows for letter in row[label])
