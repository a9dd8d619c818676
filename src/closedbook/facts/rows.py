"""Rows of a table as documents, and what they have in common with records of JSON: names, texts, `label: value`."""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from closedbook.errors import UserError
from closedbook.facts.columns import named_columns
from closedbook.facts.keyed import lines_of, no_record
from closedbook.facts.tables import said_delimiter, table_rows
from closedbook.facts.text import MOST_COLUMNS, shortened, text_lines
from closedbook.facts.titles import folded, subjects_in, title

SUFFIXES = (".csv", ".tsv")
TEXT = "text"
TEXTS = (TEXT, "body", "content")
NAMES = ("title", "name")
_DELIMITERS = (";", "\t", "|", ",")  # a comma last, for it stands in numbers and labels as well
SNIFFED = 20  # rows
MOST_ASKED = 2_000  # questions, evenly spaced, that tell which column they are about
MOST_TRIED = 200  # of them, that tell which two columns are parts of a name
MOST_JOINED = 6  # columns that may be
MOST_OF = 0.5  # share of the questions that name them together


class Table(NamedTuple):
    """A table of documents.

    Args:
        name: The column of whom a row is about, None of texts that have none.
        rows: Line and cells of every row, by the columns' labels.
    """

    name: str | None
    rows: list[tuple[int, dict[str, str]]]


def text_key(labels: Iterable[str]) -> str | None:
    """Under which label the text stands, None where there is none: `text`, or another where nothing else is said."""
    said = {*labels} - {"", *NAMES}
    return TEXT if TEXT in said else next((label for label in TEXTS if said == {label}), None)


def said_of(fields: Mapping[str, Any], name: str | None) -> Any:
    """What a row or a record says of what stands under `name`: its text as it is, or a line for each other field."""
    key = text_key(fields)
    others = {label: value for label, value in fields.items() if label not in ("", name)}
    return "\n".join(lines_of(others)) if key is None else fields[key]


def rows_of(path: Path, asked: Sequence[str] = ()) -> Iterator[tuple[int, str, str]]:
    """Line, subject and text of every row that says something.

    The text is what stands in a column `text`, in one `body` or `content` that has no other but names beside it, or
    else every cell as `label: value`. The subject stands
    in a column `title` or `name` (of both, in the one that tells all rows apart), else, of rows without a text, in the
    first column that has words and tells all rows apart, or the first. It stands in another where questions name its
    cells more often, and none of `title` or `name`, though several rows have the same; two neighbouring columns that
    most questions name together (`First name`, `Last name`) are one. Columns without a label (the
    numbers that a table of pandas begins with) are not read.

    Args:
        path: The table.
        asked: Questions, and what else names subjects.

    Raises:
        UserError: The file cannot be read or is no such table, or a row is about nobody.
    """
    name, rows = _table(path, asked)
    for number, row in rows:
        about = row[name] if name is not None else ""
        text = said_of(row, name)
        if text.strip() and name is not None and not about.strip():
            raise UserError(f"{path}, line {number}: nothing in {name!r}, the column of whom a row is about.")
        if text.strip():
            yield number, about, text


def columns_read(path: Path, asked: Sequence[str] = ()) -> str:
    """How a table of documents was read, "" of what is none."""
    if path.suffix not in SUFFIXES:
        return ""
    name, rows = _table(path, asked)
    labels = list(filter(None, rows[0][1]))
    said = TEXT if TEXT in labels else ", ".join(shortened(label) for label in labels if label != name)
    return f"a document a row, about {shortened(name)!r}: {said}" if name is not None else f"a document a row: {said}"


def _table(path: Path, asked: Sequence[str]) -> Table:
    lines = list(text_lines(path))
    said = said_delimiter(lines[0])
    delimiter = said or ("\t" if path.suffix == ".tsv" else _delimiter(lines))
    rows = list(table_rows(["", *lines[1:]] if said else lines, path, delimiter, _labels))
    if not rows:
        raise UserError(f"{path}: no row below the header of the table.")
    some = _spaced(asked, MOST_ASKED)
    name = _column_asked_about([row for _, row in rows], some)
    if name is not None and (parts := _parts_of_names([row for _, row in rows], name, some)):
        rows = [(number, _with_joined(row, parts, name)) for number, row in rows]
        name = " ".join(parts)
    return Table(name, rows)


def _spaced(asked: Sequence[str], most: int) -> Sequence[str]:
    """So many of the questions, evenly spaced."""
    return asked[:: -(-len(asked) // most) or 1]


def _parts_of_names(rows: Sequence[dict[str, str]], name: str, asked: Sequence[str]) -> tuple[str, str] | None:
    """Two neighbouring columns that most questions name together (`First name`, `Last name`), in their order."""
    asked = _spaced(asked, MOST_TRIED)
    labels = [label for label in rows[0] if label not in ("", TEXT)][:MOST_JOINED]
    if name not in labels or name in NAMES or not asked:
        return None
    for first, last in (pair for left, right in pairwise(labels) for pair in ((left, right), (right, left))):
        names = {_joined(row, (first, last), name) for row in rows}
        named = sum(bool(subjects_in(question, names, loosely=False)) for question in asked)
        both = all(row[first].strip()[:1].isupper() for row in rows if row[last].strip())
        if both and len(names) == len(rows) and named > MOST_OF * len(asked):
            return first, last
    return None


def _joined(row: dict[str, str], parts: tuple[str, str], otherwise: str) -> str:
    """What stands in two cells, or in another where both are empty."""
    return " ".join(" ".join(row[part] for part in parts).split()) or row[otherwise]


def _with_joined(row: dict[str, str], parts: tuple[str, str], otherwise: str) -> dict[str, str]:
    """A row with one column for two."""
    others = {label: cell for label, cell in row.items() if label not in parts}
    return {" ".join(parts): _joined(row, parts, otherwise), **others}


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
    if len(labels) > MOST_COLUMNS:
        raise UserError(f"{place}: {len(labels):,} columns; a table has at most {MOST_COLUMNS:,}.")
    labels = [label.lower() if label.lower() in (*TEXTS, *NAMES) else label for label in labels]
    text = text_key(labels)
    labels = [TEXT if label == text else label for label in labels]
    twice = next((label for label in labels if label and labels.count(label) > 1), None)
    if twice is not None:
        raise UserError(f"{place}: the column {shortened(twice)!r} stands there twice.")
    if TEXT not in labels and no_record(labels):
        raise UserError(f"{place}: {named_columns(labels)}; call the column of texts 'text', or facts train.csv.")
    if TEXT not in labels and (len(labels) < 2 or sum(map(bool, labels)) < min(2, len(labels) - 1)):
        wanted = "a column 'text', or one of names and others that say something of them"
        raise UserError(f"{place}: {named_columns(labels)}; a table of documents has {wanted}.")
    return labels


def _column_asked_about(rows: Sequence[dict[str, str]], asked: Sequence[str]) -> str | None:
    """The column whose cells are named most often, of several the one that is taken without questions."""
    usual = _column_of_names(rows)
    times = _times_named(rows, asked, TEXT if usual is None else "")
    others = [label for label in rows[0] if label not in ("", TEXT) and all(row[label].strip() for row in rows)]
    if usual in NAMES and times[usual] > (0, 0):
        return usual
    best = max(others, key=lambda label: times[label], default=usual)
    return best if best is not None and times[best] > times[TEXT if usual is None else usual] else usual


def _times_named(rows: Sequence[dict[str, str]], asked: Sequence[str], text: str) -> dict[str, tuple[int, int]]:
    """By column how many questions name a cell of it: one that not most of them name, as they do their words, or any.

    Of the column `text` what the texts begin with counts.
    """
    columns = defaultdict[str, set[str]](set)
    for row in rows:
        for label in row.keys() - {"", TEXT}:
            columns[" ".join(row[label].split())].add(label)
        if text:
            columns[title(row[text])].add(text)
    columns.pop("", None)
    labels = defaultdict[str, set[str]](set)
    for cell, of in columns.items():
        labels[folded(cell)] |= of
    found = [[folded(name) for name in subjects_in(question, columns)] for question in asked]
    frequent = Counter(name for names in found for name in names)
    some, every = Counter[str](), Counter[str]()
    for names in found:
        every.update(set().union(*(labels[name] for name in names)))
        some.update(set().union(*(labels[name] for name in names if 2 * frequent[name] <= len(asked))))
    return {label: (some[label], every[label]) for label in rows[0]}


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
