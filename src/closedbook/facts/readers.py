"""Readers of facts: `question<TAB>answer`, JSONL, and tables with a header, recognised by their columns."""

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from closedbook.errors import UserError
from closedbook.facts.cloze import cloze, templates_beside
from closedbook.facts.columns import GENERAL, Layout, columns_of
from closedbook.facts.forms import SLOT
from closedbook.facts.records import Fact
from closedbook.facts.tables import columns_of_facts, delimiter_of, said_delimiter, table_rows
from closedbook.facts.text import (
    MOST_CHARACTERS,
    MOST_NAME,
    Written,
    load_json,
    parse_json,
    read_text,
    shortened,
    text_lines,
)


@dataclass(frozen=True, kw_only=True)
class FactsFile:
    """Facts with how they were read.

    Args:
        facts: In the order of the file.
        read_as: The kind of file with its columns, as in `PopQA: question, possible_answers, subj, prop`.
        wordings: Other wordings by relation, where templates give several.
    """

    facts: tuple[Fact, ...]
    read_as: str
    wordings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_facts(path: Path, *, answers_required: bool = True) -> list[Fact]:
    """The facts of a file; see `read_facts_file`."""
    return list(read_facts_file(path, answers_required=answers_required).facts)


def read_facts_file(path: Path, *, answers_required: bool = True) -> FactsFile:
    """Facts from JSONL (`.jsonl`), CSV (`.csv`), a table of tabs with a known header, or `question<TAB>answer`.

    Args:
        path: The file. Its columns or keys are those of `closedbook.facts.columns`; others are ignored.
        answers_required: Whether a line without an answer is an error; if not, its fact has no answers.

    Raises:
        UserError: The file cannot be read, is empty, or has a line that is no fact.
    """
    reader = FactsReader(path, answers_required=answers_required)
    return FactsFile(facts=tuple(reader), read_as=reader.read_as, wordings=reader.wordings)


class FactsReader:
    """The facts of a file one by one, as `read_facts_file` reads them.

    Args:
        path: The file.
        answers_required: Whether a line without an answer is an error.

    Attributes:
        read_as, wordings: As in `FactsFile`, once all facts were read.
    """

    def __init__(self, path: Path, *, answers_required: bool = True) -> None:
        self._path, self._answers_required = path, answers_required
        self.read_as, self.wordings = TABS, dict[str, tuple[str, ...]]()

    def __iter__(self) -> Iterator[Fact]:
        path, lines = self._path, text_lines(self._path)
        first = next(lines)
        said = said_delimiter(first) if path.suffix == ".csv" else ""
        lines = itertools.chain(["" if said else first], lines)
        if path.suffix == ".jsonl":
            facts = self._of_records(_json_records(lines, path))
        elif delimiter := said or delimiter_of(first, path.suffix == ".csv"):
            columns = partial(columns_of_facts, delimiter=delimiter, answers_required=self._answers_required)
            facts = self._of_records(table_rows(lines, path, delimiter, columns))
        else:
            facts = _from_tabs(lines, path, self._answers_required)
        empty = True
        for fact in facts:
            empty = False
            yield fact
        if empty:
            raise UserError(f"{path}: no questions in it.")

    def _of_records(self, rows: Iterable[tuple[int, dict[str, Any]]]) -> Iterator[Fact]:
        records = _Records(self._path, self._answers_required)
        for number, record in rows:
            yield records.fact(number, record)
        self.read_as, self.wordings = records.read_as(), records.wordings()


TABS = "question<TAB>answer"
"""What a file without columns is read as."""
SHOWN = 3  # columns that a line names
_QUOTED = re.compile(r'"(?:[^"]|"")+"')


def _from_tabs(lines: Iterable[str], path: Path, answers_required: bool) -> Iterator[Fact]:
    """Lines of `question<TAB>answer`; where answers are another file's, blank ones may stand at the end alone."""
    blank = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            blank = blank or number
        elif blank and not answers_required:
            raise UserError(f"{path}, line {blank}: blank, so that answers would not stand on their question's line.")
        else:
            yield _from_tab(line, f"{path}, line {number}", number, answers_required)


def _from_tab(line: str, place: str, number: int, answers_required: bool) -> Fact:
    cells = [cell.strip() for cell in line.split("\t")]
    quoted = [_QUOTED.fullmatch(cell) is not None for cell in cells]  # as spreadsheets write them
    cells = [
        cell[1:-1].replace('""', '"') if marks and (all(quoted) or '""' in cell or "," in cell) else cell
        for cell, marks in zip(cells, quoted, strict=True)
    ]
    question, *answers = cells
    if not question:
        raise UserError(f"{place}: the question is empty.")
    if not answers_required and not any(answers):
        _refuse_long((question,), place)
        return Fact(question=question, answers=(), subject="", line=number)
    if not answers:
        raise UserError(f"{place}: no tab; a line is question<TAB>answer.")
    if len(answers) > 1:
        raise UserError(
            f"{place}: {len(answers)} tabs; a line is question<TAB>answer (a first line that names the columns, as "
            "question and answer, makes it a table; JSONL takes several answers)."
        )
    if not answers[0]:
        raise UserError(f"{place}: the answer is empty.")
    _refuse_long((question, answers[0]), place)
    return Fact(question=question, answers=(answers[0],), subject="", line=number)


def _refuse_long(texts: Iterable[str], place: str, subject: str = "") -> None:
    longest = max(map(len, texts))
    if longest > MOST_CHARACTERS:
        raise UserError(
            f"{place}: a question or answer of {longest:,} characters; no model takes one of more than "
            f"{MOST_CHARACTERS:,}."
        )
    if len(subject) > MOST_NAME:
        raise UserError(f"{place}: a subject of {len(subject):,} characters; no name has more than {MOST_NAME:,}.")


def _json_records(lines: Iterable[str], path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, parse_json(line, f"{path}, line {number}")


class _Records:
    """Makes facts of records with columns."""

    def __init__(self, path: Path, answers_required: bool) -> None:
        self.path = path
        self.answers_required = answers_required
        self.templates: dict[str, tuple[str, ...]] | None = None
        self._layouts: dict[tuple[str, ...], tuple[Layout, dict[str, str]]] = {}

    def read_as(self) -> str:
        """The kind of file with its columns, and of a file of no known making those that are not read."""
        if not self._layouts:
            return ""
        keys, (layout, roles) = max(self._layouts.items(), key=lambda item: len(item[1][1]))
        read = dict.fromkeys(roles.values())
        others = [key for key in keys if key and key not in read and layout.name == GENERAL]
        unread = ", ".join(map(shortened, others[:SHOWN])) + (", ..." if len(others) > SHOWN else "")
        return f"{layout.name}: {', '.join(read)}" + (f" (not read: {unread})" if others else "")

    def wordings(self) -> dict[str, tuple[str, ...]]:
        """Other wordings by relation, where templates give several."""
        return {name: forms[1:] for name, forms in (self.templates or {}).items() if forms[1:]}

    def fact(self, number: int, record: dict[str, Any]) -> Fact:
        place = f"{self.path}, line {number}"
        keys = tuple(record)
        if keys not in self._layouts:
            self._layouts[keys] = columns_of(list(keys), place)
        roles = self._layouts[keys][1]
        values = {role: record[column] for role, column in roles.items() if record[column] is not None}
        for role in ("question", "subject", "relation", "template"):
            if not isinstance(values.get(role, ""), str):
                raise UserError(f"{place}: {roles[role]!r} must be a string.")
        subject, relation = values.get("subject", "").strip(), values.get("relation", "").strip()
        _refuse_long((relation, values.get("template", "")), place, subject)
        if "question" not in roles:
            if not relation and self.path.stem in self._templates():
                relation = self.path.stem
            values["question"] = self._statement(values.get("template", ""), relation, subject, place)
        question = values.get("question", "").strip()
        if not question:
            raise UserError(f"{place}: {roles.get('question', 'question')!r} must be a string that is not empty.")
        answers = self._answers(values.get("answer"), roles.get("answer", "answer"), place)
        answers = tuple(dict.fromkeys([*answers, *self._further(values.get("also"))]))
        first = values.get("first")
        if isinstance(first, str) and first.strip() in answers:
            answers = tuple(dict.fromkeys([first.strip(), *answers]))
        if any(character in text for text in (question, *answers) for character in "\n\t"):
            raise UserError(f"{place}: a question or answer holds a tab or a line break.")
        _refuse_long((question, *answers), place)
        popularity = self._number(values.get("popularity"), roles.get("popularity", ""), place)
        return Fact(
            question=question,
            answers=answers,
            subject=subject,
            line=number,
            relation=relation,
            popularity=popularity,
        )

    def _statement(self, template: str, relation: str, subject: str, place: str) -> str:
        """The statement with its subject and a blank for the answer."""
        from_file = (self._templates().get(relation) or ("",))[0]
        form = cloze(template, place) if template.strip() else from_file
        if not form:
            raise UserError(
                f"{place}: no template for relation {relation or self.path.stem!r}; put one such as '[X] lies in [Y].' "
                "into a column 'template', or into metadata_relations.json or relations.jsonl beside the file."
            )
        if not subject:
            raise UserError(f"{place}: 'sub_label' must be a string that is not empty.")
        return form.replace(SLOT, subject)

    def _templates(self) -> dict[str, tuple[str, ...]]:
        if self.templates is None:
            self.templates = templates_beside(self.path)
        return self.templates

    def _answers(self, value: Any, column: str, place: str) -> tuple[str, ...]:
        """Accepted answers: a string, a list of strings, also one that is written in a string, or an object of them."""
        if isinstance(value, str) and value.lstrip().startswith("["):
            value = self._list(value, column, place)
        if isinstance(value, dict):
            value = _of_object(value)
        blank = value is None or (isinstance(value, str) and not value.strip())
        if blank and not self.answers_required:
            return ()
        if value is None:
            raise UserError(f"{place}: no answer; {column!r} must be a string or a list of strings.")
        given = value if isinstance(value, list) else [value]
        answers = tuple(text for one in given if (text := _text(one)))
        if not answers or len(answers) < len(given):
            raise UserError(f"{place}: {column!r} must be a string or a list of strings, none of them empty.")
        return answers

    def _further(self, value: Any) -> list[str]:
        """Further accepted answers: a string, or a list of strings, also one that is written in a string; else none."""
        if isinstance(value, str) and value.lstrip().startswith("["):
            try:
                value = load_json(value, "")
            except UserError:
                return []
        given = value if isinstance(value, list) else [value]
        return [text for one in given if isinstance(one, str) and (text := one.strip())]

    def _list(self, value: str, column: str, place: str) -> Any:
        """A list of strings that is written in a string; in a column of single answers, the string if it is none."""
        if column in ("answers", "possible_answers"):
            return load_json(value, f"{place}, {column!r}")
        try:
            found = load_json(value, place)
        except UserError:
            return value
        return found if isinstance(found, list) and found and all(isinstance(one, str) for one in found) else value

    def _number(self, value: Any, column: str, place: str) -> float | None:
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            raise UserError(f"{place}: {column!r} must be a number.")
        return number


def _of_object(value: Mapping[str, Any]) -> Any:
    """What an object accepts, as TriviaQA (`value`, `aliases`) and SQuAD (`text`) have them; itself without any."""
    for first, others in (("value", "aliases"), ("text", "")):
        given, more = value.get(first), value.get(others) or []
        if given is not None and isinstance(more, list):
            return [*(given if isinstance(given, list) else [given]), *more]
    return value


def _text(value: Any) -> str:
    """A string without spaces around it, or a number as it is written; "" for anything else."""
    if isinstance(value, Written):
        return value.digits
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value.strip() if isinstance(value, str) else ""


def raw_records(path: Path, facts: Sequence[Fact]) -> tuple[str, list[str]]:
    """What stands before the first fact of a file (a header, or nothing), and the text of every fact, as written."""
    lines = read_text(path).rstrip("\n").split("\n")
    ends = [*(fact.line - 1 for fact in facts[1:]), len(lines)]
    texts = ["\n".join(lines[fact.line - 1 : end]).rstrip("\n") for fact, end in zip(facts, ends, strict=True)]
    return "".join(f"{line}\n" for line in lines[: facts[0].line - 1] if line.strip()), texts
