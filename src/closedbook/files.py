"""Writing whole files and directories: what is there is complete, whatever happens while it is written.

Everything is written under a temporary name, synced to the disk, and renamed; after the rename the directory is synced.
A temporary name follows from the name (`.NAME.partial`), so that the next process writes over what a killed one left,
and its writer holds a kernel lock on it, so that two writers of one name take turns.
"""

import contextlib
import errno
import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from closedbook.errors import UserError

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF)  # what some network disks answer


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turns what the file system refuses (disk full, no permission, a folder in the way) into a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise UserError(f"{path}: the disk is full; free some space and start again.") from error
        raise UserError(f"{path}: cannot be written ({error.strerror or error}).") from error


def must_not_exist(path: Path) -> Path:
    """The path; refuses to write over something, and where nothing can be written.

    Raises:
        UserError: It exists, or the nearest directory above it that does is none or cannot be written.
    """
    if path.exists():
        raise UserError(f"{path}: exists already; choose another place or remove it.")
    above = next(parent for parent in path.absolute().parents if parent.exists())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        raise UserError(
            f"{path}: cannot be written ({above} is {'no directory' if not above.is_dir() else 'read-only'})."
        )
    return path


def temporary(path: Path) -> Path:
    """The name that a file or directory has while it is written."""
    return path.with_name(f".{path.name}.partial")


@contextlib.contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """A directory to fill, which takes its name when the block ends and vanishes if it fails.

    Raises:
        UserError: `path` exists, another process is writing it, or the file system refuses.
    """
    must_not_exist(path)
    partial = temporary(path)
    with disk_errors(path):
        make_directory(partial)
        handle = take(partial, os.O_RDONLY | os.O_DIRECTORY)
    if handle is None:
        raise UserError(f"{path}: another process is writing it; wait for that, or choose another place.")
    try:
        with filled(path, partial):
            yield partial
    finally:
        os.close(handle)


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Where to write a file, which takes its name when the block ends and vanishes if it fails.

    Raises:
        UserError: `path` exists, or the file system refuses.
    """
    must_not_exist(path)
    partial = temporary(path)
    with disk_errors(path):
        make_directory(path.parent)
        try:
            yield partial
            sync(partial)
            partial.rename(path)
            sync(path.parent)
        finally:
            partial.unlink(missing_ok=True)


@contextlib.contextmanager
def filled(path: Path, partial: Path) -> Iterator[None]:
    """Empties `partial` for the block to fill, then syncs it and renames it to `path`; the caller holds a lock.

    Raises:
        UserError: The file system refuses; `partial` is gone.
    """
    with disk_errors(path):
        try:
            if partial.is_symlink():
                partial.unlink()
            make_directory(partial)
            for left in partial.iterdir():
                remove(left)
            yield
            for directory, _, names in os.walk(partial, topdown=False):
                for name in names:
                    sync(Path(directory, name))
                sync(Path(directory))
            partial.rename(path)
            sync(path.parent)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise


def make_directory(path: Path) -> None:
    """Makes a directory, and those above it that are missing, in a way that a power cut does not forget."""
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    if not path.is_dir():
        make_directory(path.parent)
        path.mkdir(exist_ok=True)
        sync(path.parent)


def sync(path: Path) -> None:
    """Waits until a file's contents, or a directory's names, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if not path.is_dir() or error.errno not in NO_LOCKS:  # not every disk syncs directories
            raise
    finally:
        os.close(handle)


def remove(path: Path) -> None:
    """Removes a file, a link, or a directory with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes a file by renaming; see `write_lines`."""
    write_lines(path, [text])


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Writes texts, which bring their own line ends, one after the other.

    By renaming: readers see the old file or the new one, never a part.

    Raises:
        UserError: The file system refuses.
    """
    write_chunks(path, (line.encode() for line in lines))


def write_chunks(path: Path, chunks: Iterable[bytes]) -> None:
    """Writes bytes one after the other, by renaming.

    Raises:
        UserError: The file system refuses.
    """
    partial = temporary(path)
    with disk_errors(path):
        handle = take(partial, os.O_RDWR | os.O_CREAT, wait=True)
        assert handle is not None, "a lock that is waited for is had"
        try:
            with os.fdopen(handle, "wb") as file:
                file.truncate()
                file.writelines(chunks)
                file.flush()
                os.fsync(file.fileno())
                partial.replace(path)
            sync(path.parent)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def json_text(values: Any) -> str:
    """Indented JSON with a line end."""
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def write_json(path: Path, values: Any) -> None:
    """Writes indented JSON by renaming."""
    write_text(path, json_text(values))


def read_json(path: Path, most_bytes: int | None = None) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        UserError: The file is missing, larger than that, or holds none.
    """
    try:
        values = json.loads(read_bytes(path, most_bytes))
    except RecursionError:
        raise UserError(f"{path}: damaged (it is nested too deeply).") from None
    except ValueError as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: damaged ({error}).") from error
    if not isinstance(values, dict):
        raise UserError(f"{path}: damaged (not a JSON object).")
    return values


def read_bytes(path: Path, most_bytes: int | None = None) -> bytes:
    """The contents of an ordinary file.

    Raises:
        UserError: It is missing, something else, or larger than that.
    """
    try:
        if not path.is_file() and path.exists():
            raise UserError(f"{path}: is no ordinary file.")
        if most_bytes is not None and path.stat().st_size > most_bytes:
            raise UserError(f"{path}: damaged, it is larger than {most_bytes:,} bytes.")
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: damaged ({error}).") from error


def take(path: Path, flags: int, *, wait: bool = False) -> int | None:
    """A handle of what bears the name, with the kernel's lock on it; None where another process has that."""
    for _ in range(1000):
        if flags & os.O_CREAT:
            make_directory(path.parent)
        try:
            handle = os.open(path, flags | os.O_NOFOLLOW, 0o666)
        except FileNotFoundError:  # a process that ends has just removed the directory
            if flags & os.O_CREAT:
                continue
            raise
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), os.stat(path)):
                return handle
        os.close(handle)  # it has been renamed or removed since it was opened
    raise OSError(errno.EAGAIN, "it is renamed and removed all the time", str(path))
