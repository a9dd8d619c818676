"""The safetensors files of a model directory: which there are, and what they hold, without reading a weight."""

import math
from dataclasses import dataclass
from pathlib import Path

from closedbook.errors import UserError
from closedbook.files import read_json
from closedbook.run_directory import header

ONE, INDEX = "model.safetensors", "model.safetensors.index.json"
MOST_BYTES = 16 * 2**20  # of a header
WHOLE = frozenset({"I8", "U8", "I16", "U16", "I32", "U32", "I64", "U64"})


@dataclass(frozen=True)
class Contents:
    """What the weights are.

    Args:
        tensors: How many.
        values: In all of them.
        whole: Names of the weights that are whole numbers, as those of a quantised model are.
    """

    tensors: int
    values: int
    whole: tuple[str, ...] = ()


def contents(path: Path) -> Contents:
    """What the directory's weight files hold, by their headers, which the library holds against their sizes.

    Raises:
        UserError: A file is missing, damaged or cut short.
    """
    tensors = values = 0
    whole = list[str]()
    for file in _files(path):
        held = header(file, MOST_BYTES)
        tensors += len(held)
        values += sum(math.prod(shape) for _, shape in held.values())
        whole += [name for name, (dtype, _) in held.items() if name.endswith(".weight") and dtype in WHOLE]
    return Contents(tensors, values, tuple(whole))


def _files(path: Path) -> list[Path]:
    """Those that `transformers` reads: one, or those of an index; names without a path."""
    names = [ONE] if (path / ONE).is_file() or not (path / INDEX).is_file() else _indexed(path / INDEX)
    files = [path / name for name in names]
    for file in files:
        if not file.is_file():
            raise UserError(f"{file}: no such file; the weights are not complete.")
    return files


def _indexed(index: Path) -> list[str]:
    """The files of an index, which are names without a path."""
    places = read_json(index).get("weight_map")
    if not isinstance(places, dict) or not places or not all(isinstance(name, str) for name in places.values()):
        raise UserError(f"{index}: damaged (it names no files).")
    names = sorted(set(places.values()))
    for name in names:
        if Path(name).name != name or "\\" in name or "\0" in name or not name.endswith(".safetensors"):
            raise UserError(f"{index}: names {name[:200]!r}, which is no safetensors file of the directory.")
    return names


def lies_inside(path: Path, file: Path) -> bool:
    """Whether a file lies in the directory, or where a directory of Hugging Face's cache keeps its files."""
    directory, place = path.resolve(), file.resolve()
    blobs = [directory.parent.parent / "blobs"] if directory.parent.name == "snapshots" else []
    return any(place.is_relative_to(root) for root in (directory, *blobs))
