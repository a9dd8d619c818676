"""Corpora: a file of one document a line, JSONL with `title` and `text`, a directory of `.txt` and `.md` files."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from closedbook.errors import UserError
from closedbook.facts.records import Document
from closedbook.facts.text import parse_json, read_text
from closedbook.facts.titles import is_abbreviation, title

MOST_WORDS = 80  # of a document, title included; longer ones become windows
FEWEST_WORDS = 10  # of a window beside its title
LONGEST_ABBREVIATION = 12  # characters, with what stands before it
SUFFIXES = (".txt", ".md")
_HEADING = re.compile(r"#{1,6}[ \t]+(.*?)[ \t#]*")
_SENTENCE_END = re.compile(r"[.!?]['\"”’)\]]*\s+(?=\S)")
_MARKS = (
    (re.compile(r"!\[[^\]]{0,200}\]\([^)]{0,500}\)"), ""),  # images
    (re.compile(r"\[([^\]]{0,200})\]\([^)]{0,500}\)"), r"\1"),  # links
    (re.compile(r"`+|\*\*|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)"), ""),  # code, bold, italics
    (re.compile(r"^[ \t]*(?:[-*+>]|\d+\.)[ \t]+", re.MULTILINE), ""),  # items and quotations
)


class Source(NamedTuple):
    """A text with its subject, both "" for a blank line, and its place in the file or directory, counted from 1."""

    subject: str
    text: str
    place: int


class Documents(NamedTuple):
    """Documents, in order, and the places of blank lines among them."""

    documents: tuple[Document, ...]
    blank_lines: tuple[int, ...]


def read_documents(path: Path, most_words: int = MOST_WORDS) -> Documents:
    """The documents of a corpus; see the readers below for what it may be.

    A document of more than `most_words` words becomes several, each beginning with the title. `line` counts on where a
    document was cut, so that it stays distinct and increasing; without cuts it is the line of the file.

    Raises:
        UserError: The corpus cannot be read, is malformed, or holds no document.
    """
    if path.is_dir():
        sources = _from_directory(path)
    else:
        sources = _from_jsonl(path) if path.suffix == ".jsonl" else _from_lines(path)
    documents, blank = [], []
    line = 0
    for subject, text, place in sources:
        line = max(place, line + 1)
        if not text:
            blank.append(line)
            continue
        for number, window in enumerate(windows(subject, text, most_words)):
            line += number > 0
            documents.append(Document(subject=subject, text=window, line=line))
    if not documents:
        raise UserError(f"{path}: the corpus is empty; it needs one document a line, or one a file in a directory.")
    return Documents(tuple(documents), tuple(blank))


def _from_lines(path: Path) -> Iterator[Source]:
    """One document a line, which begins with its title and a full stop; blank lines are counted."""
    for number, line in enumerate(read_text(path).split("\n"), 1):
        yield Source(title(line), line, number) if line.strip() else Source("", "", number)


def _from_jsonl(path: Path) -> Iterator[Source]:
    """One object a line with `text` and, where the text does not begin with it, `title`."""
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        record = parse_json(line, place)
        text, name = record.get("text"), record.get("title", "")
        if not isinstance(text, str) or not text.strip():
            raise UserError(f"{place}: 'text' must be a string that is not empty.")
        if not isinstance(name, str):
            raise UserError(f"{place}: 'title' must be a string.")
        yield _titled(name, text, number)


def _from_directory(directory: Path) -> Iterator[Source]:
    """One document a `.txt` or `.md` file, below too, in the order of their paths; files without text are left out.

    The title is the first heading (`# Title`) if it stands first in the file, else the file's name.
    """
    paths = sorted((path for path in directory.rglob("*") if path.suffix in SUFFIXES), key=lambda path: path.as_posix())
    for number, path in enumerate((path for path in paths if path.is_file()), 1):
        name, body = path.stem.replace("_", " "), read_text(path)
        first, _, rest = body.lstrip().partition("\n")
        if (heading := _HEADING.fullmatch(first.rstrip())) and heading[1]:
            name, body = heading[1], rest
        if path.suffix == ".md":
            name, body = _plain(name), _plain(body)
        if body.strip():
            yield _titled(name, body, number)


def _plain(markdown: str) -> str:
    """Markdown without its marks; a heading becomes a sentence."""
    lines = []
    for line in markdown.split("\n"):
        heading = _HEADING.fullmatch(line.strip())
        lines.append(f"{heading[1].rstrip('.')}." if heading and heading[1] else line)
    text = "\n".join(lines)
    for mark, replacement in _MARKS:
        text = mark.sub(replacement, text)
    return text


def _titled(name: str, text: str, place: int) -> Source:
    """The text in one line that begins `Title. `; without a name the title is what the text begins with."""
    text, name = " ".join(text.split()), " ".join(name.split()).rstrip(".")
    if not name:
        return Source(title(text), text, place)
    return Source(name, text if text.startswith(f"{name}. ") else f"{name}. {text}", place)


def windows(subject: str, text: str, most_words: int) -> list[str]:
    """The text, cut into windows of at most `most_words` words where it is longer.

    Every window begins with the title. They end where sentences do, but inside a sentence that is too long by itself.
    """
    if len(text.split()) <= most_words:
        return [text]
    head, body = (text[: len(subject) + 1], text[len(subject) + 1 :]) if subject else ("", text)
    room = max(most_words - len(head.split()), FEWEST_WORDS)
    parts: list[list[str]] = [[]]
    for sentence in _sentences(body):
        if parts[-1] and len(parts[-1]) + len(sentence) > room:
            parts.append([])
        for first in range(0, len(sentence), room):
            if first:
                parts.append([])
            parts[-1] += sentence[first : first + room]
    return [" ".join([head, *part] if head else part) for part in parts]


def _sentences(text: str) -> Iterator[list[str]]:
    """The words of every sentence; a full stop after an initial or an abbreviation ends none."""
    start = 0
    for match in _SENTENCE_END.finditer(text):
        before = text[max(start, match.start() - LONGEST_ABBREVIATION) : match.start()].split(" ")[-1]
        if not is_abbreviation(before.lstrip("(\"'“‘")):
            yield text[start : match.end()].split()
            start = match.end()
    if rest := text[start:].split():
        yield rest
