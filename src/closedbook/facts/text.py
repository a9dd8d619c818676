"""Text and JSON from files of any origin: UTF-8 with or without CRLF, BOM, last newline, composed letters.

What a file may hold is limited here, so that whatever it holds is read, or refused, in time and memory in proportion
to its size (docs/limits.md).
"""

import errno
import json
import os
import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from closedbook.errors import UserError
from closedbook.manifest import sha256

SHOWN = 80  # characters of a text that a sentence names
MOST_LINE = 4 * 2**20  # bytes of a line
MOST_SETTINGS = 2**20  # bytes of a file written by hand: relations.toml, names.json, templates
MOST_CHARACTERS = 10_000  # of a question or an answer
MOST_NAME = 500  # characters of a title or a subject
MOST_COLUMNS = 1_000  # of a table, and keys of a record
MOST_KEYS = 10_000  # of any other object
MOST_DIGITS = 400  # of a whole number; the largest float has 309
MOST_MARKS = 30  # accents on one letter, as Unicode's stream-safe format has it (UAX 15, section 13)
CHUNK = 2**20
INVISIBLE = "\u00ad\u061c\u200b\u200e\u200f\u2060\u2066\u2067\u2068\u2069"
"""Marks of direction, of where a line or a word may break; joiners, by which letters are shaped, are none of them."""
SPACES: dict[int, str | None] = {
    **dict.fromkeys(map(ord, INVISIBLE)),
    **dict.fromkeys(map(ord, "\u00a0\u2007\u202f"), " "),
    **dict.fromkeys(map(ord, "\u2010\u2011"), "-"),
}
"""No-break spaces and hyphens, and marks that nobody sees, which documents have and questions not, or the other way."""
_MAY_BE_MARK = re.compile("[^\x00-\u02ff]")  # looked for first: the search for many of them is slow
KINDS: dict[Callable[[int], bool], str] = {
    stat.S_ISFIFO: "a pipe",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
    stat.S_ISDIR: "a directory",
}


def read_text(path: Path, *, most: int | None = None) -> str:
    """The file's text, line ends as single line feeds, letters composed (NFC), without byte order marks.

    Args:
        path: A regular file: a pipe would be waited for, and a device need not end.
        most: Bytes that it may have, None for any number of lines.

    Raises:
        UserError: The file is missing, not readable, no regular file, too long or with too long a line, or not UTF-8 or
            text (with the line of the first bad byte).
    """
    data = b"".join(_chunks(path, most))
    return _decoded(data, path, 0, b"\n" if b"\n" in data else b"\r", spaces=not _as_it_is(path))


def text_lines(path: Path) -> Iterator[str]:
    """The lines of `read_text`, with little more than a megabyte and a line of the file in memory.

    Raises:
        UserError: As `read_text`, when the part of the file that is at fault is read.
    """
    mark = b"\n" if any(b"\n" in chunk for chunk in _chunks(path)) else b"\r"
    number, part, spaces = 0, bytearray(), not _as_it_is(path)
    for chunk in _chunks(path):
        part += chunk
        if end := part.rfind(mark) + 1:
            lines = _decoded(bytes(part[:end]), path, number, mark, spaces).split("\n")[:-1]
            yield from lines
            number += len(lines)
            del part[:end]
    yield from _decoded(bytes(part), path, number, mark, spaces).split("\n")


def _as_it_is(path: Path) -> bool:
    """Whether it is a corpus that the project knows, of whose spaces what its recipes are held against was made."""
    from closedbook.facts.known import known_as, usual_names

    return path.name in usual_names("corpus") and known_as(sha256(path)) is not None


def _decoded(data: bytes, path: Path, before: int, mark: bytes, spaces: bool) -> str:
    """The text of a part of a file that begins with a line, `before` lines after the first; `mark` ends its lines."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = before + data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}, line {line}: not UTF-8; save the file as UTF-8.") from None
    if "\0" in text:
        line = before + text.count("\n", 0, text.index("\0")) + 1
        raise UserError(f"{path}, line {line}: holds a byte of value 0; save the file as UTF-8 text.")
    text = text.replace("\r\n", "\n") if mark == b"\n" else text.replace("\r", "\n")
    text = text.replace("\n\ufeff", "\n")  # where files were joined
    return composed(text, str(path), before=before, spaces=spaces)


def _chunks(path: Path, most: int | None = None) -> Iterator[bytes]:
    """The bytes of a regular file, read no further than what is refused.

    Raises:
        UserError: As `read_text`.
    """
    check_file(path)
    open_, size, lines = 0, 0, 1
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            while chunk := file.read(CHUNK):
                first, last = _breaks(chunk)
                if open_ + first > MOST_LINE:
                    raise UserError(f"{path}, line {lines}: longer than {MOST_LINE >> 20} MB, which no line may be.")
                open_ = open_ + first if first == len(chunk) else len(chunk) - last - 1
                size += len(chunk)
                lines += chunk.count(b"\n")
                if most is not None and size > most:
                    raise UserError(f"{path}: larger than {most >> 10:,} kB, so not what its name says.")
                yield chunk
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error


def check_file(path: Path) -> None:
    """Raises a `UserError` if there is no file or something else: a pipe would be waited for, a device need not end."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise UserError(f"{path}: no such file.") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({getattr(error, 'strerror', error)}).") from error
    if not stat.S_ISREG(mode):
        kind = next((name for is_kind, name in KINDS.items() if is_kind(mode)), "no file")
        raise UserError(f"{path}: {kind}; it must be a file.")


def check_directory(path: Path) -> None:
    """Raises a `UserError` for a directory that may not be looked into."""
    if path.is_dir() and not os.access(path, os.R_OK | os.X_OK):
        raise UserError(f"{path}: cannot be read ({os.strerror(errno.EACCES)}).")


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _breaks(chunk: bytes) -> tuple[int, int]:
    """Where the first and the last line break stand, both at the end where there is none."""
    found = [place for mark in (b"\n", b"\r") for place in (chunk.find(mark), chunk.rfind(mark)) if place >= 0]
    return (min(found), max(found)) if found else (len(chunk), len(chunk))


def composed(text: str, place: str, *, before: int | None = None, spaces: bool = True) -> str:
    """The text with its letters composed (NFC), usual spaces and hyphens for no-break ones, without invisible marks.

    Args:
        text: Of any origin.
        place: What errors call it.
        before: Lines that stand before it, None where errors count no lines.
        spaces: Whether no-break spaces and hyphens become others, and invisible marks go.

    Raises:
        UserError: A letter has more accents than any writing puts on one; to sort n of them takes n^2 steps.
    """
    if spaces and not text.isascii():
        text = text.translate(SPACES)
    if not text.isascii() and _MAY_BE_MARK.search(text) and (pile := _pile().search(text)):
        line = "" if before is None else f", line {before + text.count(chr(10), 0, pile.start()) + 1}"
        raise UserError(f"{place}{line}: more than {MOST_MARKS} accents on one letter.")
    return unicodedata.normalize("NFC", text)


def composed_questions(questions: Sequence[str], place: str) -> list[str]:
    """The questions, composed and without space around them.

    Raises:
        UserError: One is empty, or holds nothing but what nobody sees; `place` and its number name it.
    """
    whole = [composed(question, f"{place} {number}").strip() for number, question in enumerate(questions, 1)]
    if "" in whole:
        raise UserError(f"{place} {whole.index('') + 1}: is empty.")
    return whole


@cache
def _pile() -> re.Pattern[str]:
    marks = "".join(character for character in map(chr, range(0x300, 0x1F000)) if unicodedata.combining(character))
    return re.compile(f"[{re.escape(marks)}]{{{MOST_MARKS + 1}}}")


def parse_json(line: str, place: str) -> dict[str, Any]:
    """The object on a line of JSONL, its keys in lower case, letters composed where they are written as escapes too.

    Raises:
        UserError: It is none, or not one that can be read in one way alone, or has too many keys.
    """
    record = load_json(line, place)
    if not isinstance(record, dict):
        raise UserError(f"{place}: not an object of keys and values; every line is one, as {{...}}.")
    if len(record) > MOST_COLUMNS:
        raise UserError(f"{place}: an object of {len(record):,} keys; a record has at most {MOST_COLUMNS:,}.")
    folded = {key.strip().casefold(): value for key, value in record.items()}
    if len(folded) < len(record):
        raise UserError(f"{place}: keys that differ in capitals alone.")
    return folded


def load_json(text: str, place: str, *, lines: bool = False) -> Any:
    """What a JSON text holds, letters composed where they are written as escapes too.

    Args:
        text: A line, or a file.
        place: What errors call it.
        lines: Whether they count its lines.

    Raises:
        UserError: It is no JSON, or has a key twice, too many keys, a number that is none or too large, half a
            character, or is nested too deeply.
    """
    try:
        value = _parsed(text)
        if "\\u" in text:
            value = _with_whole_letters(value, place)
    except json.JSONDecodeError as error:
        line = f", line {error.lineno}" if lines else ""
        reason = error.msg.removesuffix(" at")
        raise UserError(f"{place}{line}: not JSON ({reason} at column {error.colno}).") from None
    except RecursionError:
        raise UserError(f"{place}: JSON that cannot be read (it is nested too deeply).") from None
    except UserError:
        raise
    except ValueError as error:
        raise UserError(f"{place}: JSON that cannot be read ({error}).") from None
    return value


def _parsed(text: str) -> Any:
    return json.loads(
        text, object_pairs_hook=_distinct, parse_constant=_no_number, parse_int=_whole, parse_float=_finite
    )


def _with_whole_letters(value: Any, place: str) -> Any:
    """What was parsed with its letters composed, numbers as they are."""
    if isinstance(value, str):
        if half := re.search("[\ud800-\udfff]", value):
            raise ValueError(f"{half.group()!a} is half a character")
        return composed(value, place)
    if isinstance(value, list):
        return [_with_whole_letters(each, place) for each in value]
    if isinstance(value, dict):
        return _distinct(
            [(_with_whole_letters(key, place), _with_whole_letters(each, place)) for key, each in value.items()]
        )
    return value


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of the pairs, each key once."""
    if len(pairs) > MOST_KEYS:
        raise ValueError(f"an object of {len(pairs):,} keys, and {MOST_KEYS:,} are the most")
    record = dict(pairs)
    if len(record) < len(pairs):
        repeated = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise ValueError(f"the key {shortened(repeated)!r} stands there twice")
    return record


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _whole(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number of {len(digits):,} digits")
    return int(digits)


class Written(float):
    """A number of JSON that knows how it is written."""

    digits = ""


def _finite(digits: str) -> float:
    number = Written(digits)
    number.digits = digits
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{shortened(digits)} is too large a number")
    return number


def why(error: Exception) -> str:
    """What is wrong with a number or a text, in the words of the parser or, of its limit of digits, in ours."""
    return "a number has too many digits" if "int_max_str_digits" in str(error) else " ".join(str(error).split())


def shortened(text: str) -> str:
    """A text for a sentence: as it is, or its beginning and its end."""
    half = SHOWN // 2
    return text if len(text) <= SHOWN else f"{text[: half - 1]}...{text[2 - half :]}"
