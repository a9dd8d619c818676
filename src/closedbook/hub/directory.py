"""A model directory in Hugging Face format: what cannot be opened safely is refused before it is read."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from closedbook.errors import UserError
from closedbook.facts.corpus import sha256
from closedbook.files import read_json
from closedbook.hub import HUGGING_FACE, Way
from closedbook.hub.causal import CausalModel
from closedbook.hub.opening import Source, library, open_causal
from closedbook.hub.safetensors_files import Contents, contents, lies_inside

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")
MOST_BYTES = 16 * 2**20  # of a JSON file that is no vocabulary
MOST_BYTES_OF_VOCABULARY = 128 * 2**20
COUNT = re.compile(r"(^|_)(layers?|labels|blocks|depths?|experts)$")
"""Names in a configuration of what is built one by one, as often as the number says."""
MOST_COUNTED, MOST_IN_LIST = 1000, 2**20


def weights_sha256(path: Path) -> str:
    """One hash of all weight files of the directory."""
    hashes = [sha256(file) for file in sorted(path.glob("*.safetensors"))]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def check_directory(path: Path) -> Contents:
    """Looks at the files, the configuration and the headers of the weights, before `transformers` is imported.

    Raises:
        UserError: The directory cannot be loaded safely.
    """
    if not path.is_dir():
        raise UserError(f"{path}: no such directory; hf: takes a model directory on this disk, nothing is downloaded.")
    _check_files(path)
    if not (path / "config.json").is_file():
        raise UserError(f"{path}: no config.json, so not a model in Hugging Face format.")
    config = read_json(path / "config.json")
    if not isinstance(config.get("model_type"), str):
        raise UserError(f"{path / 'config.json'}: names no model_type, so not a model in Hugging Face format.")
    if not any(path.glob("*.safetensors")):
        pickles = [file.name for pattern in PICKLES for file in path.glob(pattern)]
        holds = f"only {', '.join(sorted(pickles))}, which can run code when read" if pickles else "no weights"
        raise UserError(f"{path}: holds {holds}; save the model as safetensors.")
    if not any((path / name).is_file() for name in TOKENIZERS):
        raise UserError(f"{path}: holds no tokenizer ({', '.join(TOKENIZERS)}); save it beside the model.")
    held = contents(path)
    if held.whole and "quantization_config" not in config:
        raise UserError(
            f"{path}: damaged, its weights {held.whole[0]} are whole numbers, and its configuration names no "
            "quantisation."
        )
    for name, number in _numbers(config):
        if number > (max(held.tensors, MOST_COUNTED) if COUNT.search(name) else MOST_IN_LIST):
            raise UserError(
                f"{path / 'config.json'}: {name} is {number:,}, and the weights are {held.tensors:,} tensors; they do "
                "not belong together."
            )
    return held


def open_directory(path: Path, way: Way) -> CausalModel:
    """The model of a directory, ready to be asked.

    Raises:
        UserError: It cannot be opened safely, `transformers` is not installed, a file is damaged, or the model is not a
            causal language model.
    """
    held = check_directory(path)
    library()
    source = Source(
        name=f"{HUGGING_FACE}:{path}",
        format="Hugging Face format",
        path=path,
        directory=path,
        weights_sha256=weights_sha256(path),
        values=held.values,
        own_code="auto_map" in read_json(path / "config.json"),
    )
    return open_causal(source, way)


def _check_files(path: Path) -> None:
    """Raises a `UserError` for what is no file, links that leave the directory, and texts too long for their names."""
    for file in path.iterdir():
        if not file.is_dir() and not file.is_file():
            raise UserError(f"{file}: is no file.")
        if file.is_file() and file.is_symlink() and not lies_inside(path, file):
            raise UserError(f"{file}: lies outside of the directory and is not read.")
        most = MOST_BYTES_OF_VOCABULARY if file.name in TOKENIZERS else MOST_BYTES
        if file.suffix in (".json", ".txt", ".jinja", ".model") and file.stat().st_size > most:
            raise UserError(f"{file}: is larger than {most >> 20} MB, so not what its name says.")


def _numbers(value: Any, name: str = "", *, listed: bool = False) -> Iterator[tuple[str, int]]:
    """Whole numbers that count parts or stand in a list, by name, also of configurations in this one."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _numbers(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _numbers(inner, name, listed=True)
    elif isinstance(value, int) and (listed or COUNT.search(name)):
        yield name, value
