"""Corpora: a document a line, JSONL with `title` and `text`, a table, or a directory of `.txt` and `.md` files."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from closedbook.errors import UserError
from closedbook.facts import markdown, rows
from closedbook.facts.columns import refuse_slips
from closedbook.facts.folders import is_of_folder, some, spoken, unread_files, visible_files
from closedbook.facts.keyed import no_record, split_front
from closedbook.facts.markdown import Part, text_of
from closedbook.facts.records import Document
from closedbook.facts.scripts import units
from closedbook.facts.text import (
    MOST_NAME,
    parse_json,
    read_text,
    shortened,
    text_lines,
)
from closedbook.facts.titles import begins_with, is_abbreviation, title

MOST_WORDS = 80  # of a document, title included; longer ones become windows
FEWEST_WORDS = 10  # of a window beside its title
LONGEST_ABBREVIATION = 12  # characters, with what stands before it
SUFFIXES = (".txt", ".md", ".markdown")
_SENTENCE_END = re.compile(
    r"(?:[.!?؟۔।॥]['\"”’)\]]*\s+|[。！？｡။។][”’」』）]*\s*|(?<=[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])\s+)(?=\S)"
)
_SHORT = re.compile(r"\(?(?:\d{1,2}|[b-df-hj-np-tv-xz]{1,4}|al|ca|approx|etwa)")
_OBJECT = re.compile(r"""\{"\w+": ?["\d\[{tfn]""")


class Source(NamedTuple):
    """A text with its subject, both "" for a blank line, and its place in the file or directory, counted from 1.

    Args:
        titled: Whether the corpus itself gives the subject; else it is what the text begins with.
        parts: What stands by itself in it, where it is a file of its own.
        section: Whether it is such a part of a file that is about something else.
    """

    subject: str
    text: str
    place: int
    titled: bool = False
    parts: tuple[Part, ...] = ()
    section: bool = False


class Documents(NamedTuple):
    """Documents, in order, and the places of blank lines among them."""

    documents: tuple[Document, ...]
    blank_lines: tuple[int, ...]


def read_sources(path: Path, asked: Sequence[str] = ()) -> list[Source]:
    """The texts of a corpus, with blank lines; see the readers below for what it may be.

    Args:
        path: The file or directory.
        asked: Questions, and what else names subjects, which tell what the rows of a table are about.

    Raises:
        UserError: The corpus cannot be read, is malformed, or holds no document.
    """
    return list(iterate_sources(path, asked))


def iterate_sources(path: Path, asked: Sequence[str] = ()) -> Iterator[Source]:
    """The same one by one; an empty corpus is an error at the end."""
    empty = True
    readers: dict[str, Callable[[Path], Iterator[Source]]] = {".jsonl": _from_jsonl}
    readers |= dict.fromkeys(rows.SUFFIXES, partial(_from_table, asked=asked))
    read = from_directory if path.is_dir() else readers.get(path.suffix, _from_lines)
    for source in read(path):
        empty = empty and not source.text
        yield source
    if empty and path.is_dir() and (unread := unread_files(path, SUFFIXES)):
        raise UserError(f"{path}: the corpus is empty; documents are {', '.join(SUFFIXES)} files, and {unread}.")
    if empty and path.is_dir() and (names := [file.relative_to(path).as_posix() for file in visible_files(path)]):
        raise UserError(f"{path}: the corpus is empty; {some(names)} {'holds' if len(names) == 1 else 'hold'} no text.")
    if empty:
        raise UserError(f"{path}: the corpus is empty; it needs one document a line, or one a file in a directory.")


def windowed(sources: Iterable[Source], most_words: int = MOST_WORDS) -> Documents:
    """The documents of texts; see `window_lines`."""
    documents, blank = list[Document](), list[int]()
    for line, document in window_lines(sources, most_words):
        if document is None:
            blank.append(line)
        else:
            documents.append(document)
    return Documents(tuple(documents), tuple(blank))


def window_lines(sources: Iterable[Source], most_words: int = MOST_WORDS) -> Iterator[tuple[int, Document | None]]:
    """The documents of texts with their lines, None for a blank one.

    A text of more than `most_words` words becomes several, each beginning with the title. `line` counts on where a
    document was cut, so that it stays distinct and increasing; without cuts it is the line of the file.
    """
    line = 0
    for source in sources:
        line = max(source.place, line + 1)
        if not source.text:
            yield line, None
            continue
        for number, window in enumerate(windows(source.subject, source.text, most_words)):
            line += number > 0
            yield line, Document(subject=source.subject, text=window, line=line)


def _from_lines(path: Path) -> Iterator[Source]:
    """One document a line, which begins with its title and a full stop; blank lines are counted."""
    for number, line in enumerate(text_lines(path), 1):
        if _OBJECT.match(line):
            raise UserError(f"{path}, line {number}: an object of JSON; call the file {path.stem}.jsonl.")
        yield Source(title(line), line, number) if line.strip() else Source("", "", number)


def _from_jsonl(path: Path) -> Iterator[Source]:
    """One object a line with `text` and, where the text does not begin with it, `title`; or a `title` and a record.

    A record's other keys are read as `key: value`. What stands for the two is as in a table; see `rows`.
    """
    for number, line in enumerate(text_lines(path), 1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        record = parse_json(line, place)
        text_key = rows.text_key(record)
        names = (key for key in rows.NAMES if key == "title" or isinstance(record.get(key), str))
        name_key = next((key for key in names if key in record), None)
        refuse_slips(record, [*["text"] * (text_key is None), *["title"] * (name_key is None)], place)
        text, name = rows.said_of(record, name_key), record.get(name_key or "") or ""
        if text_key is None and (not name or not text or no_record(record)):
            keys = ", ".join(repr(shortened(key)) for key in record)
            raise UserError(f"{place}: no key 'text', nor a 'title' or 'name' with other keys to read; it has {keys}.")
        if not isinstance(text, str) or not text.strip():
            raise UserError(f"{place}: {text_key!r} must be a string that is not empty.")
        if not isinstance(name, str):
            raise UserError(f"{place}: {name_key!r} must be a string.")
        yield titled_source(name, text, number, place)


def _from_table(path: Path, asked: Sequence[str]) -> Iterator[Source]:
    """One row a document: its column `text`, or all its columns as `label: value`; see `closedbook.facts.rows`."""
    for number, name, said in rows.rows_of(path, asked):
        yield titled_source(name, said, number, f"{path}, line {number}")


def from_directory(directory: Path, *, folders: bool = False, headings: bool = True) -> Iterator[Source]:
    """One document a file of text or Markdown, below too, in the order of their paths; files without text are left out.

    The title is that of the YAML or TOML before the text, whose other values are read as `label: value`, or a heading
    of the first level (`# Title`) if it stands first in the file, else the file's name, and of `Tin/README.md` the
    folder's.

    Args:
        directory: Of the files.
        folders: Whether all files in a folder are called after it.
        headings: Whether such a heading is a title.
    """
    paths = (path for path in visible_files(directory) if path.suffix.lower() in SUFFIXES)
    for number, path in enumerate(paths, 1):
        of_folder = is_of_folder(path, directory)
        after = path.parent.name if of_folder or (folders and path.parent != directory) else path.stem
        no_title = path.stem if of_folder else ""
        yield from from_text(read_text(path), spoken(after, path), number, path, no_title, headings=headings)


def from_text(
    text: str, name: str, number: int, path: Path, no_title: str = "", *, headings: bool = True
) -> Iterator[Source]:
    """The document of a file, if it says anything.

    Args:
        text: Of the file.
        name: What the file is called.
        number: Its place.
        path: Its path; what is called `.txt` has no marks.
        no_title: A heading that is none.
        headings: Whether another is one.
    """
    marked = path.suffix.lower() != ".txt"
    given, said, body = split_front(text)
    heading, rest = markdown.split_heading(body)
    if marked:
        heading, given = markdown.plain_line(heading), markdown.plain_line(given)
    if heading and given in ("", heading) and headings:
        given, body = heading if heading.casefold() != no_title.casefold() else "", rest
    parts = (markdown.parts if marked else markdown.paragraphs)(body)
    if marked:
        body, said = text_of(parts), tuple(map(markdown.plain_line, said))
    if body.strip() or said:
        source = titled_source(given or name, "\n".join(filter(str.strip, (body, *said))), number, str(path))
        yield source._replace(parts=(*map(Part, said), *parts))


def titled_source(name: str, text: str, number: int, place: str) -> Source:
    """The text in one line that begins `Title. `; without a name the title is what the text begins with.

    Raises:
        UserError: The title is too long; every window would repeat it.
    """
    name = " ".join(name.split()).rstrip(".")
    first, _, rest = text.strip().partition("\n")
    if " ".join(first.split()) == name and (rest[:1] == "\n" or rest.strip()[:1].isupper()):  # a heading without a mark
        text = rest
    text = (
        " ".join(" ".join(markdown.as_sentences(text.split("\n"))).split()) if "\n" in text else " ".join(text.split())
    )
    if len(name) > MOST_NAME:
        raise UserError(f"{place}: a title of {len(name):,} characters; no name has more than {MOST_NAME:,}.")
    if not name:
        return Source(title(text), text, number)
    begins = begins_with(text, name) and (text[len(name)] != "." or text[len(name) + 1 : len(name) + 2].isspace())
    return Source(name, text if begins else f"{name}. {text}", number, titled=True)


def windows(subject: str, text: str, most_words: int) -> list[str]:
    """The text, cut into windows of at most `most_words` words where it is longer.

    In a script without spaces every letter counts as a word. Every window begins with the title, of a text without
    one every window but the first with its subject. They end where sentences do, but inside a sentence that is too long
    by itself.
    """
    if sum(1 for _ in units(text)) <= most_words:
        return [text]
    titled = begins_with(text, subject)
    head, body = (text[: len(subject) + 1], text[len(subject) + 1 :]) if titled else (subject and f"{subject}.", text)
    room = max(most_words - sum(1 for _ in units(head)), FEWEST_WORDS)
    parts: list[list[str]] = [[]]
    for sentence in _sentences(body, room):
        if parts[-1] and len(parts[-1]) + len(sentence) > room:
            parts.append([])
        for first in range(0, len(sentence), room):
            if first:
                parts.append([])
            parts[-1] += sentence[first : first + room]
    between = " " if not titled or body[:1].isspace() else ""
    texts = ["".join(part).lstrip() for part in parts]
    return [head + between + part if head and (titled or number) else part for number, part in enumerate(texts)]


def _sentences(text: str, room: int) -> list[list[str]]:
    """The words of every sentence, each with a space before it if one stands there.

    Where it is doubtful whether a sentence ends none does, unless it would have more words than there is room for.
    """
    sentences = _parted(text, [end for end, sure in sentence_ends(text) if sure])
    parts = _parted(text, [end for end, _ in sentence_ends(text)]) if any(len(one) > room for one in sentences) else []
    found, left = list[list[str]](), iter(parts)
    for sentence in sentences:
        within, count = list[list[str]](), 0
        while parts and count < len(sentence):
            within.append(next(left))
            count += len(within[-1])
        found += within if len(sentence) > room else [sentence]
    return found


def _parted(text: str, ends: Sequence[int]) -> list[list[str]]:
    """The words of the parts that end there, each with a space before it if one stands there."""
    ends = [*ends, len(text)]
    sentences: list[list[str]] = [[] for _ in ends]
    number = 0
    for start, end in units(text):
        while start >= ends[number]:
            number += 1
        sentences[number].append(" " * text[start - 1 : start].isspace() + text[start:end])
    return [sentence for sentence in sentences if sentence]


def sentence_ends(text: str) -> Iterator[tuple[int, bool]]:
    """Where sentences end, with the spaces behind them, and whether that is sure.

    A full stop after an initial or an abbreviation of a title ends none. Thai and its neighbours put a space there and
    no mark.
    """
    start = 0
    for match in _SENTENCE_END.finditer(text):
        before = text[max(start, match.start() - LONGEST_ABBREVIATION) : match.start()].split(" ")[-1]
        if not is_abbreviation(before.lstrip("(\"'“‘")):
            start = match.end()
            yield start, match.group()[0] != "." or not _may_go_on(before, text[start])


def _may_go_on(before: str, behind: str) -> bool:
    """Whether a full stop may be that of an ordinal (`27. Mai`) or an abbreviation (`vs. Rome`, `Inc. 500`)."""
    return behind.islower() or behind.isdigit() or _SHORT.fullmatch(before) is not None
