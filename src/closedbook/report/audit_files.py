"""The directory that an audit writes: `answers.jsonl`, `audit.html` and `audit.json`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from closedbook.errors import UserError
from closedbook.files import write_json, write_lines, write_text
from closedbook.locks import LOCK

if TYPE_CHECKING:
    from closedbook.audit.report import AuditReport

JOURNAL = "journal.jsonl"


def check_place(out: Path) -> Path:
    """The directory, unless it holds something else than an audit.

    Raises:
        UserError: It does.
    """
    ours = any((out / name).is_file() for name in ("answers.jsonl", JOURNAL))
    if out.exists() and not (ours or (out.is_dir() and {path.name for path in out.iterdir()} <= {LOCK})):
        raise UserError(f"{out}: exists and is not an audit of ours; choose another --out or remove it.")
    return out


def check_threshold_place(kept: Path | None) -> None:
    """Refuses to look for a threshold that could not be saved in its file, None where none is kept.

    Raises:
        UserError: Its directory cannot be written.
    """
    if kept is not None and kept.parent.is_dir() and not os.access(kept.parent, os.W_OK):
        raise UserError(f"{kept.parent}: cannot be written, so that the threshold could not be saved with the model.")


def write_audit(out: Path, report: "AuditReport") -> None:
    """Writes everything of an audit, in place of an earlier one."""
    from closedbook.report.audit_page import audit_page

    page = audit_page(report)
    write_lines(out / "answers.jsonl", report.answer_lines())
    write_text(out / "audit.html", page)
    write_json(out / "audit.json", report.to_json())
