"""Text and JSON from files of any origin: UTF-8 with or without CRLF, BOM, last newline, composed letters."""

import json
import unicodedata
from pathlib import Path
from typing import Any

from closedbook.errors import UserError


def read_text(path: Path) -> str:
    """The file's text, line ends as single line feeds, letters composed (NFC), without a byte order mark.

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
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n"))


def parse_json(line: str, place: str) -> dict[str, Any]:
    """The object on a line of JSONL, letters composed where they are written as escapes too.

    Raises:
        UserError: It is none.
    """
    try:
        record = json.loads(line)
        if "\\u" in line:
            record = json.loads(unicodedata.normalize("NFC", json.dumps(record, ensure_ascii=False)))
    except json.JSONDecodeError as error:
        raise UserError(f"{place}: not JSON ({error.msg} at column {error.colno}).") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{place}: JSON that cannot be read ({error}).") from None
    if not isinstance(record, dict):
        raise UserError(f"{place}: not an object of keys and values.")
    return record
