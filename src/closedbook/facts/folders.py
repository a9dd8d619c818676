"""What a directory of documents holds: the files in it and below, what of it is not read, and what files are called."""

from collections.abc import Sequence
from pathlib import Path

from closedbook.errors import UserError, counted
from closedbook.facts.text import check_directory, check_file, composed, shortened
from closedbook.visible import writable

SHOWN = 3  # names of files that a sentence has
GENERAL = frozenset({"readme", "index", "_index"})
"""What files are called that are about their folder."""


def visible_files(directory: Path) -> list[Path]:
    """The files of a directory and those below, in the order of their paths, without hidden ones (`.git`).

    Raises:
        UserError: A pipe, a socket or a device is among them, or a name that is not UTF-8, or a directory below cannot
            be looked into.
    """
    found = [path for path in _seen_in(directory) if path.exists() and not path.is_dir()]
    for path in found:
        check_file(path)
        if writable(name := path.relative_to(directory).as_posix()) != name:
            raise UserError(f"{path}: a name that is not UTF-8; rename it.")
    return found


def unread_files(directory: Path, suffixes: Sequence[str]) -> str:
    """What to say of what is in a directory of documents and is none, "" where there is no such.

    Args:
        directory: Of the documents.
        suffixes: Those of documents, in lower case.
    """
    seen = _seen_in(directory)
    names = [path.name for path in seen if path.is_file() and path.suffix.lower() not in suffixes]
    links = [path for path in seen if path.is_symlink()]
    lost = [path.relative_to(directory).as_posix() for path in links if not path.exists()]
    away = [path.relative_to(directory).as_posix() for path in links if path.is_dir()]
    return "; ".join(
        [f"{counted(len(names), 'file is', 'files are')} not read, for their endings: {some(names)}"] * bool(names)
        + [f"{counted(len(lost), 'link leads', 'links lead')} nowhere: {some(lost)}"] * bool(lost)
        + [f"{counted(len(away), 'link', 'links')} to a directory not followed: {some(away)}"] * bool(away)
    )


def some(names: Sequence[str]) -> str:
    """The first few names, as a sentence shows them."""
    return ", ".join(map(shortened, names[:SHOWN])) + (", ..." if len(names) > SHOWN else "")


def is_of_folder(path: Path, directory: Path) -> bool:
    """Whether a file below a directory is called as files are that are about their folder (`Tin/README.md`)."""
    return path.parent != directory and path.stem.casefold() in GENERAL


def spoken(name: str, path: Path) -> str:
    """The name of a file or a folder as a title has it."""
    return composed(name, str(path)).replace("_", " ")


def _seen_in(directory: Path) -> list[Path]:
    """What is in a directory and below, in the order of the paths, without what is hidden; links are not followed."""
    check_directory(directory)
    found, left = list[Path](), [directory]
    while left:
        for path in left.pop().iterdir():
            if not path.name.startswith("."):
                found.append(path)
                if path.is_dir() and not path.is_symlink():
                    check_directory(path)
                    left.append(path)
    return sorted(found, key=lambda path: path.as_posix())
