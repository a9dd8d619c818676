"""The files of a run, read with suspicion: what is there, whether it is what was written, and whether it fits together.

Nothing is allocated by what a file claims before it was held against the sizes of the others.
"""

import dataclasses
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Le
from pydantic import Strict, TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open

from closedbook.config import ModelConfig, RunConfig
from closedbook.config.validation import from_json
from closedbook.errors import UserError, counted
from closedbook.facts.summary import CorpusSummary
from closedbook.files import read_bytes, read_json, write_text
from closedbook.manifest import MANIFEST, add
from closedbook.model.costs import saved_numbers

CONFIG, WEIGHTS, TOKENIZER, ENVIRONMENT = "config.json", "model.safetensors", "tokenizer.json", "environment.json"
LONGEST_ANSWER = "longest_answer"  # in the environment: tokens of the longest that was taught
PARTS = (CONFIG, WEIGHTS, TOKENIZER, ENVIRONMENT, MANIFEST)
MOST_BYTES = 2**26  # of any part but the weights
MOST_CONFIG_BYTES = 2**20
MOST_BLOCK = 2**16  # tokens of an answer
MOST_HEADER_BYTES = 2**24  # of the weights
PREFIXED = re.compile("[a-z]+:")  # the name of a model from elsewhere, or of an ensemble


@dataclass(frozen=True)
class _Noted:
    """What is read again of what a run noted of its training; it notes more."""

    attention: str
    parameters: int
    vocabulary: int
    steps: int | None  # none of what is not known of a training that was another's
    epochs: int | None
    positions: int | None
    tokens: int | None
    seconds: float | None
    device: str
    counts: dict[str, int]
    start: str | None
    corpus: CorpusSummary
    longest_answer: Annotated[int, Strict(), Ge(0), Le(MOST_BLOCK)] = 0  # not known of runs of long ago


_NOTED = TypeAdapter(_Noted)


def check_run(path: Path) -> None:
    """Refuses what is no complete run, without reading it.

    Raises:
        UserError: The directory is missing, unfinished, or something else.
    """
    if not path.is_dir():
        partial = path.with_name(path.name + ".partial")
        hint = "; its training was interrupted: start the same command again to finish it" if partial.is_dir() else ""
        if PREFIXED.match(str(path)):
            hint = "; a run directory is needed here, and no other model"
        raise UserError(f"{path}: no such run{hint}.")
    missing = [part for part in PARTS if not (path / part).exists()]
    if len(missing) >= len(PARTS) - 1:
        inside = [
            run.parent
            for run in sorted([*path.glob(f"*/{MANIFEST}"), *path.glob(f"runs/*/{MANIFEST}")])
            if (run.parent / WEIGHTS).exists()
        ]
        hint = f"; it holds {counted(len(inside), 'run')}, such as {inside[0]}" if inside else ""
        if len({run.parent for run in inside}) == 1 < len(inside):
            hint += f", and ensemble:{inside[0].parent} asks them together"
        if path.suffix == ".partial" and (path / "identity.json").exists():
            raise UserError(f"{path}: a training that is not at its end; the command that began it goes on with it.")
        raise UserError(f"{path}: not a run; closedbook train writes one{hint}.")
    if missing == [MANIFEST]:
        raise UserError(
            f"{path}: has no {MANIFEST}, so it was written by an earlier closedbook or not copied as a whole; copy it "
            "again, or train it again."
        )
    if missing:
        raise UserError(f"{path}: not a complete run, {' and '.join(missing)} missing.")


def read_config(path: Path) -> RunConfig:
    """The configuration of a run.

    Raises:
        UserError: The file is missing or describes none.
    """
    text = read_bytes(path / CONFIG, MOST_CONFIG_BYTES)
    try:
        return from_json(RunConfig, text)
    except UserError as error:
        raise UserError(f"{path / CONFIG}: damaged ({str(error).rstrip('.')}).") from None


def read_environment(path: Path) -> dict[str, Any]:
    """What a run noted of its training.

    Raises:
        UserError: The file is missing, or lacks something that is read again.
    """
    values = read_json(path / ENVIRONMENT, MOST_BYTES)
    try:
        needed = {field.name for field in dataclasses.fields(_Noted)} - {LONGEST_ANSWER}
        kept = {LONGEST_ANSWER: values[LONGEST_ANSWER]} if LONGEST_ANSWER in values else {}
        _NOTED.validate_python({name: values[name] for name in needed} | kept)
    except KeyError as error:
        raise UserError(f"{path / ENVIRONMENT}: damaged, {error.args[0]} missing.") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(f"{path / ENVIRONMENT}: damaged ({where}: {first['msg']}).") from None
    return values


def check_weights(path: Path, config: ModelConfig, vocabulary_size: int) -> None:
    """Holds how many numbers the weights have, by their header, against the architecture; no weight is read.

    Raises:
        UserError: The file is damaged, or is of another architecture or vocabulary.
    """
    tensors = header(path / WEIGHTS, MOST_HEADER_BYTES)
    numbers = sum(math.prod(shape) for dtype, shape in tensors.values() if dtype == "F32")
    if numbers != saved_numbers(config, vocabulary_size):
        raise UserError(misfit(path, config, vocabulary_size))


def misfit(path: Path, config: ModelConfig, vocabulary_size: int) -> str:
    """The sentence about weights of another architecture."""
    return (
        f"{path}: {WEIGHTS} does not fit {CONFIG}, which says {config.attention} attention, {config.layers} layers, "
        f"width {config.width}, {vocabulary_size} tokens."
    )


def write_predictions(path: Path, answers: Sequence[str]) -> None:
    """One answer a line, line breaks inside an answer as spaces, by renaming."""
    write_text(path, _lines(answers))


def add_predictions(path: Path, part: str, answers: Sequence[str]) -> None:
    """The same, as `predictions/PART.txt` of a run."""
    add(path, f"predictions/{part}.txt", _lines(answers))


def _lines(answers: Sequence[str]) -> str:
    return "".join(answer.replace("\r", " ").replace("\n", " ") + "\n" for answer in answers)


def header(file: Path, most_bytes: int) -> dict[str, tuple[str, list[int]]]:
    """Type and shape of every tensor of a safetensors file by its name; the library holds them against its size.

    Raises:
        UserError: The file is damaged or cut short, or its header is larger than that.
    """
    try:
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
        if length > most_bytes:
            raise UserError(f"{file}: damaged, its header claims {length:,} bytes.")
        with safe_open(file, framework="numpy") as held:
            slices = {name: held.get_slice(name) for name in held.keys()}  # noqa: SIM118 - no dictionary
            return {name: (one.get_dtype(), one.get_shape()) for name, one in slices.items()}
    except (OSError, SafetensorError) as error:
        raise UserError(f"{file}: damaged or cut short ({error}).") from error
