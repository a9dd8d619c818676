"""Which closedbook this is: its version, and the commit that it was made from."""

import subprocess
from pathlib import Path

BUILT_FROM = Path(__file__).with_name("commit.txt")
"""Written when a wheel or an sdist is built (`setup.py`); a checkout has none and asks git."""


def commit() -> str | None:
    """The commit, with `-dirty` where files were changed after it; None where nobody knows it."""
    root = Path(__file__).resolve().parents[2]
    if (root / ".git").exists():
        try:
            done = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=root, capture_output=True, text=True)
        except OSError:
            return None
        return done.stdout.strip() or None
    return BUILT_FROM.read_text(encoding="utf-8").strip() if BUILT_FROM.is_file() else None


def version_line() -> str:
    """`closedbook 0.1.0 (commit 01604f2)`."""
    from importlib.metadata import version  # takes as long as all the rest

    return f"closedbook {version('closedbook')} (commit {commit() or 'unknown'})"
