"""Keeping other processes out of a directory, or waiting until they have left it, by the kernel's locks."""

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from closedbook.errors import UserError
from closedbook.files import disk_errors, read_json, take

LOCK = ".lock"


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Keeps other processes out of an output directory while the block runs; it is made if it is not there.

    The kernel holds the lock on `directory/.lock` and frees it with the process, however that ends; what stands in the
    file is for readers. A disk that knows no locks has none.

    Raises:
        UserError: Another process has it, which the sentence names, or the file system refuses.
    """
    path = directory / LOCK
    made = [parent for parent in (directory, *directory.parents) if not parent.exists()]
    with disk_errors(directory):
        handle = take(path, os.O_RDWR | os.O_CREAT)
    if handle is None:
        raise UserError(f"{directory}: {_holder(path)} is writing it; wait for that, stop it, or choose another --out.")
    try:
        with disk_errors(directory):
            os.truncate(handle, 0)
            os.write(handle, json.dumps(_this_process()).encode())
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)
        with contextlib.suppress(OSError):  # they are not empty, as they are when there was something to write
            for parent in made:
                parent.rmdir()


def is_locked(directory: Path) -> bool:
    """Whether a process that lives keeps others out of a directory (see `locked`)."""
    with contextlib.suppress(OSError), (directory / LOCK).open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextlib.contextmanager
def held(directory: Path) -> Iterator[None]:
    """Waits until no other process changes an existing directory in such a block."""
    handle = take(directory, os.O_RDONLY, wait=True)
    assert handle is not None, "a lock that is waited for is had"
    try:
        yield
    finally:
        os.close(handle)


def _this_process() -> dict[str, Any]:
    return {
        "host": socket.gethostname(),
        "process": os.getpid(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _holder(path: Path) -> str:
    """Who has a lock, as they noted in the file."""
    try:
        noted = read_json(path, 4096)
        return f"process {noted['process']} on {noted['host']} (since {noted['since']})"
    except (UserError, KeyError):  # it is only just being written
        return "another process"
