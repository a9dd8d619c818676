"""Text and JSON from files of any origin: UTF-8 with or without CRLF, BOM, last newline, composed letters."""

import json
import re
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

from closedbook.errors import UserError

SHOWN = 80  # characters of a text that a sentence names


def read_text(path: Path) -> str:
    """The file's text, line ends as single line feeds, letters composed (NFC), without a byte order mark.

    Raises:
        UserError: The file is missing, not readable, or not UTF-8 or text (with the line of the first bad byte).
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
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UserError(f"{path}, line {line}: holds a byte of value 0; save the file as UTF-8 text.")
    text = text.replace("\r\n", "\n") if "\n" in text else text.replace("\r", "\n")
    return unicodedata.normalize("NFC", text)


def parse_json(line: str, place: str) -> dict[str, Any]:
    """The object on a line of JSONL, its keys in lower case, letters composed where they are written as escapes too.

    Raises:
        UserError: It is none, or not one that can be read in one way alone.
    """
    record = load_json(line, place)
    if not isinstance(record, dict):
        raise UserError(f"{place}: not an object of keys and values; every line is one, as {{...}}.")
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
        UserError: It is no JSON, or has a key twice, a number that is none, or half a character.
    """
    try:
        value = json.loads(text, object_pairs_hook=_distinct, parse_constant=_no_number)
        if "\\u" in text:
            plain = json.dumps(value, ensure_ascii=False)
            if half := re.search("[\ud800-\udfff]", plain):
                raise ValueError(f"{half.group()!a} is half a character")
            value = json.loads(unicodedata.normalize("NFC", plain))
    except json.JSONDecodeError as error:
        line = f", line {error.lineno}" if lines else ""
        reason = error.msg.removesuffix(" at")
        raise UserError(f"{place}{line}: not JSON ({reason} at column {error.colno}).") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{place}: JSON that cannot be read ({error}).") from None
    return value


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of the pairs, each key once."""
    record = dict(pairs)
    if len(record) < len(pairs):
        repeated = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise ValueError(f"the key {repeated!r} stands there twice")
    return record


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def shortened(text: str) -> str:
    """A text for a sentence: as it is, or its beginning."""
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
