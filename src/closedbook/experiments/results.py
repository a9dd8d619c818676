"""Results are types: frozen dataclasses that go to JSON and come back, each with the version of its form."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import TypeAdapter, ValidationError

from closedbook.errors import UserError
from closedbook.files import read_json, temporary, write_json
from closedbook.locks import LOCK


@dataclass(frozen=True, kw_only=True)
class Result:
    """What an experiment, or a cell of one, came to.

    A class counts its `SCHEMA` up when its fields change their meaning; files of another version are refused.
    """

    SCHEMA: ClassVar[int] = 1

    def line(self) -> str:
        """What to tell whoever watches when it is there."""
        return "finished"

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dictionary, `schema` first; `from_values` reads it back."""
        return {"schema": self.SCHEMA, **TypeAdapter(type(self)).dump_python(self, mode="json")}

    def write(self, path: Path) -> None:
        """Writes the JSON by renaming."""
        write_json(path, self.to_json())


R = TypeVar("R", bound=Result)


def from_values(cls: type[R], values: dict[str, Any], path: Path) -> R:
    """The inverse of `to_json`.

    Args:
        cls: What the values are of.
        values: As `to_json` gave them.
        path: Where they stand, for errors.

    Raises:
        UserError: They are damaged, or of another version.
    """
    fields = dict(values)
    if (version := fields.pop("schema", None)) != cls.SCHEMA:
        raise UserError(f"{path}: has version {version} of its form, this closedbook reads {cls.SCHEMA}; remove it.")
    try:
        return TypeAdapter(cls).validate_json(json.dumps(fields))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(
            f"{path}: damaged ({where}: {first['msg']}); remove the file, and the same command measures it again."
        ) from error


def take_up(marker: Path, settings: dict[str, Any], what: str) -> None:
    """Marks a directory that is new or empty with the settings, or goes into the one that the same settings left.

    Args:
        marker: The file in it that holds the settings.
        settings: What must be the same for the directory to be taken up again (JSON-ready).
        what: What such a directory holds, as errors call it.

    Raises:
        UserError: The directory holds something else.
    """
    if not check_marker(marker, settings, what):
        write_json(marker, settings)


def check_marker(marker: Path, settings: dict[str, Any], what: str) -> bool:
    """Whether the directory holds the same already; False for one that is new or empty, but for what writing it leaves.

    Raises:
        UserError: The directory holds something else.
    """
    directory, ours = marker.parent, {LOCK, temporary(marker).name}
    if not directory.exists() or (directory.is_dir() and {path.name for path in directory.iterdir()} <= ours):
        return False
    if not marker.is_file():
        raise UserError(f"{directory}: exists and does not hold {what}; choose another --out.")
    if read_json(marker) != json.loads(json.dumps(settings)):  # a tuple comes back as a list
        raise UserError(f"{directory}: holds {what} with other settings or data; remove it or choose another --out.")
    return True
