"""Writing whole files and directories: what is there is complete, whatever happens while it is written."""

import contextlib
import errno
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from closedbook.errors import UserError


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turns what the file system refuses (disk full, no permission, a folder in the way) into a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise UserError(f"{path}: the disk is full; free some space and start again.") from error
        raise UserError(f"{path}: cannot be written ({error.strerror or error}).") from error


def must_not_exist(path: Path) -> None:
    """Refuses to write over something.

    Raises:
        UserError: It exists.
    """
    if path.exists():
        raise UserError(f"{path}: exists already; choose another --out or remove it.")


@contextlib.contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """A directory to fill, which takes its name when the block ends and vanishes if it fails.

    Raises:
        UserError: `path` exists, or the file system refuses.
    """
    must_not_exist(path)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent))
        try:
            yield partial
            partial.chmod(0o755)
            for file in partial.iterdir():
                if file.is_file():
                    sync(file)
            partial.rename(path)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Where to write a file, which takes its name when the block ends and vanishes if it fails.

    Raises:
        UserError: `path` exists, or the file system refuses.
    """
    must_not_exist(path)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        directory = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent))
        try:
            yield directory / path.name
            sync(directory / path.name)
            (directory / path.name).rename(path)
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def sync(path: Path) -> None:
    """Waits until the file is on the disk, so that a rename never shows an empty one after a power cut."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        UserError: The file is missing or holds none.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: damaged ({error}).") from error
    if not isinstance(values, dict):
        raise UserError(f"{path}: damaged (not a JSON object).")
    return values


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Holds a file for this process, which the system lets go of whatever happens to the process.

    Raises:
        UserError: Another process holds it.
    """
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{path.parent}: another process is at work there; wait for it or stop it.") from None
        yield


def is_held(path: Path) -> bool:
    """Whether a process that lives holds the file."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def write_text(path: Path, text: str) -> None:
    """Writes a file by renaming; see `write_lines`."""
    write_lines(path, [text])


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Writes texts, which bring their own line ends, one after the other.

    By renaming: readers see the old file or the new one, never a part.

    Raises:
        UserError: The file system refuses.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def write_json(path: Path, values: Any) -> None:
    """Writes indented JSON by renaming."""
    write_text(path, json.dumps(values, indent=2, ensure_ascii=False) + "\n")
