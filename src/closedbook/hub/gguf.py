"""A GGUF file, llama.cpp's format, through the dequantisation of `transformers`."""

from pathlib import Path

from closedbook.facts.corpus import sha256
from closedbook.hub import GGUF, Way
from closedbook.hub.causal import CausalModel
from closedbook.hub.directory import open_causal


def open_gguf(path: Path, way: Way) -> CausalModel:
    """The model of a file, ready to be asked."""
    return open_causal(f"{GGUF}:{path}", "GGUF", path, path.parent, sha256(path), way, gguf_file=path.name)
