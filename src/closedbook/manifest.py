"""The manifest of a directory: the size and SHA-256 of every part, so that what has changed since is noticed.

`manifest.json` has `parts`, which were there when the directory was filled and must stay, and `added`, which were
written into it later and may be removed again. Its last line is the SHA-256 of the rest: it is read only where it is,
byte for byte, what was written.

A part that is added stands in the manifest before it stands in the directory: while it is written the manifest has the
hash of what was there as well as that of what comes, and after it the latter alone. So a directory is whole whenever
the writer is killed.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from closedbook.errors import UserError
from closedbook.files import json_text, read_bytes, write_text
from closedbook.locks import held

MANIFEST = "manifest.json"
FORM = 1  # of the manifest
MOST_BYTES = 2**20  # of a manifest


@dataclass(frozen=True)
class Part:
    """What a file holds.

    Args:
        bytes: Its size.
        sha256: Of its contents.
    """

    bytes: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> "Part":
        """A file as it is."""
        return cls(path.stat().st_size, sha256(path))

    @classmethod
    def of_text(cls, text: str) -> "Part":
        """A file with that text."""
        data = text.encode()
        return cls(len(data), hashlib.sha256(data).hexdigest())


@dataclass(frozen=True)
class Manifest:
    """What a directory holds.

    Args:
        parts: By path below it, in the order of the paths.
        added: What was written into it later: what there may be of each.
    """

    parts: dict[str, Part]
    added: dict[str, tuple[Part, ...]]

    def text(self) -> str:
        """The file."""
        rest = {
            "form": FORM,
            "parts": {name: [part.bytes, part.sha256] for name, part in sorted(self.parts.items())},
            "added": {name: [[one.bytes, one.sha256] for one in may] for name, may in sorted(self.added.items())},
        }
        return json_text({**rest, "sha256": hashlib.sha256(json.dumps(rest).encode()).hexdigest()})

    def names(self, directory: Path) -> list[str]:
        """What must be there, and what was added and has not been removed since."""
        return [*self.parts, *(name for name in self.added if (directory / name).exists())]

    def check(self, directory: Path, name: str, most_bytes: int | None = None) -> Path:
        """The part of that name, if it is what it was.

        Raises:
            UserError: It is missing, no file of the directory, larger than `most_bytes`, or has changed.
        """
        path = self.check_size(directory, name, most_bytes)
        if sha256(path) not in {part.sha256 for part in self._may_be(name)}:
            raise UserError(f"{path}: damaged, its SHA-256 is not that of {MANIFEST}.")
        return path

    def check_size(self, directory: Path, name: str, most_bytes: int | None = None) -> Path:
        """The part of that name, if it is a file of the directory and as large as it was; nothing is read.

        Raises:
            UserError: It is not, or it is larger than `most_bytes`.
        """
        path, may = directory / name, self._may_be(name)
        if not may:
            raise UserError(f"{path}: is not in {MANIFEST}, so nobody knows whose it is; remove it and make it again.")
        if not path.is_file():
            raise UserError(f"{path}: {'is no ordinary file' if path.exists() else 'missing'}.")
        if not path.resolve().is_relative_to(directory.resolve()):
            raise UserError(f"{path}: is a link that leads out of the directory, and is not read.")
        size = path.stat().st_size
        if most_bytes is not None and size > most_bytes:
            raise UserError(f"{path}: damaged, it is larger than {most_bytes:,} bytes.")
        if size not in {part.bytes for part in may}:
            raise UserError(f"{path}: damaged, it has {size:,} bytes instead of {may[-1].bytes:,}.")
        return path

    def _may_be(self, name: str) -> tuple[Part, ...]:
        return self.added.get(name) or ((self.parts[name],) if name in self.parts else ())


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seal(directory: Path) -> None:
    """Writes the manifest of all files of a directory that is being filled."""
    names = sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())
    manifest = Manifest({name: Part.of(directory / name) for name in names}, {})
    (directory / MANIFEST).write_text(manifest.text(), encoding="utf-8")


def read_manifest(directory: Path) -> Manifest:
    """The manifest of a directory.

    Raises:
        UserError: It is missing, or is not what was written.
    """
    path = directory / MANIFEST
    data = read_bytes(path, MOST_BYTES)
    try:
        manifest = _manifest(json.loads(data))
        whole = manifest.text().encode() == data
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        whole = False
    if not whole:
        raise UserError(f"{path}: damaged, it is not what was written.")
    for name in (*manifest.parts, *manifest.added):
        if not _inside(name):
            raise UserError(f"{path}: names {name[:100]!r}, which is no file of the directory.")
    return manifest


def check_all(directory: Path) -> None:
    """Holds every file that the manifest names against it.

    Raises:
        UserError: The manifest or a part is missing or has changed.
    """
    manifest = read_manifest(directory)
    for name in manifest.names(directory):
        manifest.check(directory, name)


def check_added(path: Path) -> None:
    """Holds a file that was added to a directory against its manifest, where it has one of ours.

    Raises:
        UserError: It has changed, or was never added.
    """
    if is_sealed(path.parent):
        read_manifest(path.parent).check(path.parent, path.name)


def is_sealed(directory: Path) -> bool:
    """Whether the directory has a manifest of ours that can be read; others use the name, too."""
    try:
        read_manifest(directory)
    except UserError:
        return False
    return True


def add(directory: Path, name: str, text: str) -> None:
    """Writes a file into a directory and its manifest, in place of an earlier one.

    Raises:
        UserError: The manifest is damaged, or the file system refuses.
    """
    path, coming = directory / name, Part.of_text(text)
    with held(directory):
        manifest = read_manifest(directory)
        known = manifest.added.get(name, ())
        before = Part.of(path) if path.is_file() else None
        if before == coming and known == (coming,):
            return
        kept = (before,) if before is not None and before in known else ()
        _rewrite(directory, manifest, name, (*kept, coming))
        write_text(path, text)
        if kept:
            _rewrite(directory, manifest, name, (coming,))


def _rewrite(directory: Path, manifest: Manifest, name: str, may: tuple[Part, ...]) -> None:
    write_text(directory / MANIFEST, Manifest(manifest.parts, {**manifest.added, name: may}).text())


def _inside(name: str) -> bool:
    """Whether it is a relative path of usual length that stays below where it starts."""
    path = Path(name)
    return (
        bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in name and len(name) < 200
    )


def _manifest(values: dict[str, Any]) -> Manifest:
    """From JSON.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: It describes none.
    """
    parts = {name: _part(*one) for name, one in values["parts"].items()}
    added = {name: tuple(_part(*one) for one in may) for name, may in values["added"].items()}
    if not all(added.values()):
        raise ValueError("nothing may be there")
    return Manifest(parts, added)


def _part(size: Any, digest: Any) -> Part:
    if not isinstance(size, int) or not isinstance(digest, str):
        raise TypeError("neither a size nor a digest")
    return Part(size, digest)
