"""A disk that counts what is done to it, dies before any one operation, and forgets what was not synced.

It stands between a process and one directory: everything that opens a file there for writing, writes, syncs, renames,
removes or makes something is an operation. A process that dies is ended at once (`os._exit`), so nothing of it runs on.
"""

import builtins
import functools
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

DIED = 77
CHANGING = "rename replace unlink remove mkdir rmdir link symlink chmod truncate".split()
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Disk:
    """What happens below a directory.

    Args:
        root: The directory.
        dies_at: The number of the operation before which the process ends; writing ends in the middle.
        died: Called before it ends.
    """

    def __init__(self, root: Path, dies_at: int | None = None, died: Callable[["Disk"], None] | None = None) -> None:
        self.root, self.operations = root, list[str]()
        self._dies_at, self._died = dies_at, died
        self._contents: dict[int, bytes] = {}  # of files by inode, as they were synced
        self._names: dict[int, dict[str, int]] = {}  # in directories by inode, as they were synced
        self._kinds: dict[int, bool] = {}  # whether an inode is a directory
        for path in (root, *root.rglob("*")):  # what was there long before
            inode = path.stat().st_ino
            self._kinds[inode] = path.is_dir()
            if path.is_dir():
                self._names[inode] = {child.name: child.stat().st_ino for child in path.iterdir()}
            else:
                self._contents[inode] = path.read_bytes()

    @contextmanager
    def attached(self) -> Iterator["Disk"]:
        """Everything that the process does below the root goes through this disk."""
        with mock.patch.multiple(os, **{name: self._counted(name) for name in (*CHANGING, "fsync", "open", "write")}):
            opening = functools.partial(self._opened, io.open)
            with mock.patch.object(io, "open", opening), mock.patch.object(builtins, "open", opening):
                yield self

    def forgetful(self, target: Path, *, names: bool) -> None:
        """Copies what a power cut leaves to a new directory.

        Args:
            target: The directory.
            names: Whether files have the names that they were last given, though nobody synced the directories; their
                contents are as they were synced, and nothing where they never were.
        """
        target.mkdir()
        self._restore(self.root.stat().st_ino, self.root, target, names)

    def _restore(self, inode: int, here: Path, target: Path, names: bool) -> None:
        found = {path.name: path.stat().st_ino for path in here.iterdir()} if names else self._names.get(inode, {})
        for name, child in found.items():
            if (here / name).is_dir() if names else self._kinds[child]:
                (target / name).mkdir()
                self._restore(child, here / name, target / name, names)
            else:
                (target / name).write_bytes(self._contents.get(child, b""))

    def step(self, what: str, path: Any, dying: Callable[[], None] = lambda: None) -> None:
        """Counts an operation, before which the process may end."""
        if self._dies_at == len(self.operations):
            self._dies_at = None
            dying()
            if self._died is not None:
                self._died(self)
            os._exit(DIED)
        self.operations.append(f"{what} {path}")

    def _place(self, path: Any) -> str:
        """Where a file is, or what an open one is called."""
        if isinstance(path, int):
            path = os.readlink(f"/proc/self/fd/{path}").removesuffix(" (deleted)")
        return os.path.abspath(os.fspath(path))

    def _here(self, path: Any) -> bool:
        return Path(self._place(path)).is_relative_to(self.root)

    def _counted(self, name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        @functools.wraps(real)
        def counted(path: Any, *rest: Any, **named: Any) -> Any:
            at = named.get("dir_fd")
            where = path if at is None else os.path.join(os.readlink(f"/proc/self/fd/{at}"), path)
            changes = name != "open" or rest[0] & WRITING
            if not changes or not self._here(where):
                return real(path, *rest, **named)
            self.step(name, os.path.relpath(self._place(where), self.root))
            done = real(path, *rest, **named)
            if name == "fsync":
                self._sync(path)
            if name == "open":
                self._made(done, rest[0])
            return done

        return counted

    def _made(self, handle: int, flags: int) -> None:
        """Notes a file that is new or emptied: nothing of it is on the disk yet."""
        if os.fstat(handle).st_size == 0:
            self._contents[os.fstat(handle).st_ino] = b""

    def _sync(self, handle: int) -> None:
        place, inode = Path(os.readlink(f"/proc/self/fd/{handle}")), os.fstat(handle).st_ino
        if place.is_dir():
            self._names[inode] = {path.name: path.stat().st_ino for path in place.iterdir()}
            self._kinds |= {path.stat().st_ino: path.is_dir() for path in place.iterdir()}
        else:
            with open(f"/proc/self/fd/{handle}", "rb") as file:
                self._contents[inode] = file.read()

    def _opened(self, real: Callable[..., Any], file: Any, mode: str = "r", *rest: Any, **named: Any) -> Any:
        writes = bool(set(mode) & set("wax+"))
        if not writes or not self._here(file):
            return real(file, mode, *rest, **named)
        if not isinstance(file, int):
            self.step("open", os.path.relpath(self._place(file), self.root))
        opened = real(file, mode, *rest, **named)
        self._made(opened.fileno(), 0)
        return _Writing(self, opened, os.path.relpath(self._place(opened.fileno()), self.root))


class _Writing:
    """A file whose every write is an operation; dying, half of it reaches the file."""

    def __init__(self, disk: Disk, file: Any, name: Any) -> None:
        self._disk, self._file, self._name = disk, file, name

    def write(self, data: Any) -> int:
        def torn() -> None:
            self._file.write(data[: len(data) // 2])
            self._file.flush()

        self._disk.step("write", self._name, torn)
        return self._file.write(data)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> "_Writing":
        return self

    def __exit__(self, *error: Any) -> None:
        self._file.close()


def in_a_fork(work: Callable[[], None]) -> int:
    """The exit status of a copy of this process that does the work and ends."""
    return os.waitstatus_to_exitcode(os.waitpid(begun(work), 0)[1])


def begun(work: Callable[[], None]) -> int:
    """A copy of this process that does the work and ends, whatever comes of it."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", flush=True)
            os._exit(1)
        os._exit(0)
    return child
