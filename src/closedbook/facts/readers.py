"""Readers: a corpus of one document a line, facts as TSV or JSONL, in UTF-8 with or without CRLF, BOM, last newline."""

import json
from pathlib import Path

from closedbook.errors import UserError, nearest
from closedbook.facts.records import Document, Fact
from closedbook.facts.titles import title

JSON_KEYS = {"question", "answer", "subject"}


def read_text(path: Path) -> str:
    """The file's text, line ends as single line feeds, without a byte order mark.

    Raises:
        UserError: The file is missing, not readable, or not UTF-8 (with the line of the first bad byte).
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file.") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}, line {line}: not UTF-8; save the file as UTF-8.") from None
    return text.replace("\r\n", "\n")


def read_corpus(path: Path) -> list[Document]:
    """One document a line, blank lines left out.

    Raises:
        UserError: The file cannot be read or holds no document.
    """
    lines = read_text(path).split("\n")
    documents = [
        Document(subject=title(line), text=line, line=number) for number, line in enumerate(lines, 1) if line.strip()
    ]
    if not documents:
        raise UserError(f"{path}: the corpus is empty; it needs one document a line.")
    return documents


def blank_lines(path: Path) -> list[int]:
    """The lines, counted from 1, that hold no document; what follows the last line break is one if it is empty."""
    return [number for number, line in enumerate(read_text(path).split("\n"), 1) if not line.strip()]


def read_facts(path: Path, *, answers_required: bool = True) -> list[Fact]:
    """Facts from a `.jsonl` file, or else from lines of `question<TAB>answer`.

    A JSONL line holds `question`, `answer` (a string or a list of accepted strings) and optionally `subject`.

    Args:
        path: The file.
        answers_required: Whether a line without an answer is an error; if not, its fact has no answers.

    Raises:
        UserError: The file cannot be read, is empty, or has a line that is no fact.
    """
    parse = _from_json if path.suffix == ".jsonl" else _from_tab
    lines = read_text(path).rstrip("\n").split("\n")
    facts = [
        parse(line, f"{path}, line {number}", number, answers_required)
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]
    if not answers_required and 0 < len(facts) < len(lines):
        blank = next(number for number, line in enumerate(lines, 1) if not line.strip())
        raise UserError(f"{path}, line {blank}: blank, so that answers would not stand on their question's line.")
    if not facts:
        raise UserError(f"{path}: no questions in it.")
    return facts


def _from_tab(line: str, place: str, number: int, answers_required: bool) -> Fact:
    question, *answers = line.split("\t")
    if not question.strip():
        raise UserError(f"{place}: the question is empty.")
    if not answers_required and not any(answer.strip() for answer in answers):
        return Fact(question=question, answers=(), subject="", line=number)
    if not answers:
        raise UserError(f"{place}: no tab; a line is question<TAB>answer.")
    if len(answers) > 1:
        raise UserError(f"{place}: {len(answers)} tabs; a line is question<TAB>answer (use JSONL for several answers).")
    if not answers[0].strip():
        raise UserError(f"{place}: the answer is empty.")
    return Fact(question=question, answers=(answers[0],), subject="", line=number)


def _from_json(line: str, place: str, number: int, answers_required: bool) -> Fact:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise UserError(f"{place}: not JSON ({error.msg} at column {error.colno}).") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{place}: JSON that cannot be read ({error}).") from None
    if not isinstance(record, dict):
        raise UserError(f"{place}: not an object with question and answer.")
    for key in record.keys() - JSON_KEYS:
        if hint := nearest(key, JSON_KEYS - record.keys()):
            raise UserError(f"{place}: unknown key {key!r}{hint}.")
    question, answer, subject = record.get("question"), record.get("answer"), record.get("subject", "")
    if not isinstance(question, str) or not question.strip():
        raise UserError(f"{place}: 'question' must be a string that is not empty.")
    if not isinstance(subject, str):
        raise UserError(f"{place}: 'subject' must be a string.")
    answers = [answer] if isinstance(answer, str) else answer
    if answers is None and not answers_required:
        answers = []
    elif not isinstance(answers, list) or not answers or not all(isinstance(a, str) and a.strip() for a in answers):
        raise UserError(f"{place}: 'answer' must be a string or a list of strings, none of them empty.")
    if any(character in text for text in (question, *answers) for character in "\n\t"):
        raise UserError(f"{place}: a question or answer holds a tab or a line break.")
    return Fact(question=question, answers=tuple(answers), subject=subject, line=number)
