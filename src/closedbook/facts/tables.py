"""Tables: what separates their columns, their header, and the cells of every row below it."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from closedbook.errors import UserError, counted
from closedbook.facts.columns import EXPECTED, columns_of, is_header, named_columns

CSV_ERRORS = {
    "unexpected end": "a quote is opened and not closed",
    "field limit": "a cell of more than 131,072 characters, perhaps for a quote that is not closed",
    "expected after": "a quote in a quoted cell; write it twice",
}
"""What the `csv` module says, and what it means."""
_SAID = re.compile(r'"?sep=([,;\t|])"?', re.IGNORECASE)


def said_delimiter(first: str) -> str:
    """What a first line `sep=;` of a spreadsheet says that separates the columns, "" of any other line."""
    said = _SAID.fullmatch(first.strip(" \r"))
    return said[1] if said else ""


def delimiter_of(first: str, table: bool) -> str:
    """What separates the columns of a table with that header, "" of what is none: a comma, a semicolon or a tab."""

    def cells(delimiter: str) -> list[str]:
        try:
            row = next(csv.reader([first], delimiter=delimiter), [])
        except csv.Error:  # said where the rows are read
            row = []
        return [cell.strip().casefold() for cell in row] or [""]

    if not table:
        return "\t" if is_header([cell.strip().casefold() for cell in first.split("\t")]) else ""
    alone = len(cells(",")) == 1 < len(cells(";"))
    if not is_header(cells(",")) and is_header(cells("\t")):
        return "\t"
    return ";" if not is_header(cells(",")) and (alone or is_header(cells(";"))) else ","


def table_rows(
    lines: Iterable[str], path: Path, delimiter: str, columns: Callable[[Sequence[str], str], list[str]]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """First line and cells by column of every row below the header; rows without any cell are left out.

    Args:
        lines: Of the file.
        path: The file, for errors.
        delimiter: What separates the cells.
        columns: What the columns are called, from the cells of the header and its place, for errors.

    Raises:
        UserError: It is no table of that delimiter, a row has more or fewer cells, or `columns` raises it.
    """
    reader = csv.reader((line + "\n" for line in lines), delimiter=delimiter, strict=True)
    header: list[str] = []
    start = 1
    try:
        for row in reader:
            number, start = start, reader.line_num + 1
            if not any(cell.strip() for cell in row):
                continue
            if not header:
                header = columns(row, f"{path}, line {number}")
            elif len(row) != len(header):
                cells = counted(len(row), "cell")
                raise UserError(f"{path}, line {number}: {cells}, but the header has {len(header)}.")
            else:
                yield number, dict(zip(header, row, strict=True))
    except csv.Error as error:
        what = next((reason for sign, reason in CSV_ERRORS.items() if sign in str(error)), f"not CSV ({error})")
        raise UserError(f"{path}, line {start}: {what}.") from None


def columns_of_facts(row: Sequence[str], place: str, delimiter: str, answers_required: bool) -> list[str]:
    """The names of the columns of a table of facts, in lower case.

    Raises:
        UserError: They are none that are known, or answers are required and none of them holds any.
    """
    header = [cell.strip().casefold() for cell in row]
    if len(header) == 1 and (other := re.search(r"[;\t,|]", header[0])):
        names = {",": "a comma", "\t": "a tab", ";": "a semicolon"}
        wrong = names.get(other.group(), repr(other.group()))
        own = names.get(delimiter, repr(delimiter))
        raise UserError(f"{place}: {wrong} between the columns; in this file {own} separates them.")
    _, roles = columns_of(header, place)
    if answers_required and "answer" not in roles:
        raise UserError(f"{place}: no column of answers; {named_columns(header)}; needed are {EXPECTED}.")
    return header
