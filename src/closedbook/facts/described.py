"""What a store says of itself: `store-N.json`, of which the manifest names the one that counts."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from closedbook.config import TokenizerConfig
from closedbook.errors import UserError
from closedbook.facts.corpus import BUILDING
from closedbook.facts.relations import Relation
from closedbook.facts.summary import CorpusSummary
from closedbook.files import json_text, read_bytes
from closedbook.manifest import MANIFEST, Manifest, read_manifest

MOST_BYTES = 2**26


@dataclass(frozen=True, kw_only=True)
class Description:
    """What a store holds.

    Args:
        generation: Additions to it, the first not counted; those of number N are in the folder N.
        name: What reports call it.
        tokenizer: How it is tokenized.
        shards: Folders of shards by part, in order: `documents`, `train`, `dev`, `test`.
        files: SHA-256 of every file that was read, by name; of later additions `N/name`.
        blank_lines: Lines that hold no document.
        last_line: Of the last document.
        relations: What is asked.
        name_lists, read_as, doubts: As those of `Corpus`.
        summary: What to know before believing a figure.
        form: The version of this file's form.
    """

    generation: int
    name: str
    tokenizer: TokenizerConfig
    shards: dict[str, tuple[str, ...]]
    files: dict[str, str]
    blank_lines: tuple[int, ...]
    last_line: int
    relations: tuple[Relation, ...]
    name_lists: dict[str, tuple[tuple[str, ...], tuple[str, ...]]]
    read_as: dict[str, str]
    doubts: tuple[str, ...]
    summary: CorpusSummary
    form: Literal[1] = 1

    def text(self) -> str:
        """The file."""
        return json_text(_DESCRIPTION.dump_python(self, mode="json"))


_DESCRIPTION = TypeAdapter(Description)


def description_name(generation: int) -> str:
    """The file's name."""
    return f"store-{generation}.json"


def read_description(directory: Path) -> tuple[Description, Manifest]:
    """What a store says of itself.

    Raises:
        UserError: It is unfinished or damaged, or was written by another version.
    """
    if not (directory / MANIFEST).exists() and (directory / BUILDING).is_file():
        raise UserError(f"{directory}: unfinished; the command that began it goes on.")
    manifest = read_manifest(directory)
    names = [name for name in manifest.parts if name.startswith("store-")]
    if len(names) != 1:
        raise UserError(f"{directory / MANIFEST}: not the manifest of a store, as closedbook data build writes one.")
    path = manifest.check(directory, names[0], MOST_BYTES)
    try:
        description = _DESCRIPTION.validate_json(read_bytes(path, MOST_BYTES))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(
            f"{path}: not of this version of closedbook ({where}: {first['msg']}); build it anew."
        ) from error
    return description, manifest
