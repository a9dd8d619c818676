"""A GGUF file, llama.cpp's format, dequantised by `transformers` or computed by llama.cpp."""

import re
from pathlib import Path

import torch

from closedbook.errors import UserError
from closedbook.facts.corpus import sha256
from closedbook.hub import GGUF, Way
from closedbook.hub.causal import CausalModel
from closedbook.hub.gguf_header import GgufHeader, check_places, read_header
from closedbook.hub.gguf_reader import read_once
from closedbook.hub.llama import LlamaModel, LlamaReader, check_trial, is_installed
from closedbook.hub.opening import Source, configuration, form_for, library, open_causal, tokenizer_of, vocabulary_of

BLOCK = re.compile(r"(?:^|\.)blk\.(\d+)\.")
MOST_EXPERTS = 4096
SPECIAL = ("bos", "eos", "unknown", "padding")
EMBEDDING = "token_embd.weight"


def open_gguf(path: Path, way: Way) -> CausalModel:
    """The model of a file, ready to be asked.

    Raises:
        UserError: The file is damaged or of a kind that is not known, a package is not installed, or the model is not a
            causal language model.
    """
    header = read_header(path)
    library("gguf", "accelerate")
    from gguf import GGML_QUANT_SIZES

    check_places(header, {kind.value: sizes for kind, sizes in GGML_QUANT_SIZES.items()})
    check_metadata(header)
    source = Source(
        name=f"{GGUF}:{path}",
        format="GGUF",
        path=path,
        directory=path.parent,
        weights_sha256=sha256(path),
        values=sum(info.elements for info in header.tensors),
        options={"gguf_file": path.name},
    )
    with read_once(header):
        return _open_llama(source, way) if way.backend == "llama.cpp" else open_causal(source, way)


def _open_llama(source: Source, way: Way) -> LlamaModel:
    """The model, computed by llama.cpp."""
    if not is_installed():
        raise UserError("--backend llama.cpp needs llama-cpp-python; install it with pip install llama-cpp-python.")
    if way.precision is not None:
        raise UserError("--precision has no effect on llama.cpp, which computes in the file's quantisation.")
    config = configuration(source)
    vocabulary = vocabulary_of(source, config, tokenizer_of(source, config))
    form = form_for(source, vocabulary, way)
    check_trial(str(source.path))
    return LlamaModel(
        name=source.name,
        kind=f"a causal language model in {source.format}, by llama.cpp",
        weights_sha256=source.weights_sha256,
        model=LlamaReader(str(source.path), torch.get_num_threads()),
        vocabulary=vocabulary,
        form=form,
    )


def check_metadata(header: GgufHeader) -> None:
    """Looks whether what the metadata say of the model fits its tensors.

    Raises:
        UserError: It does not, or the file is a part of a model.
    """
    if not header.architecture:
        raise UserError(f"{header.path}: names no architecture, so not a language model.")
    if (parts := header.number("split.count") or 1) > 1:
        raise UserError(
            f"{header.path}: is one of {parts:,} parts; put them together with llama-gguf-split --merge and name the "
            "whole."
        )
    blocks = {match.group() for info in header.tensors if (match := BLOCK.search(info.name))}
    for name, most in {"block_count": len(blocks), "expert_count": MOST_EXPERTS}.items():
        number = header.number(f"{header.architecture}.{name}")
        if number is not None and not 0 <= number <= most:
            raise UserError(
                f"{header.path}: damaged, its {name} is {number:,} and its tensors are of {len(blocks):,} blocks."
            )
    _check_vocabulary(header)


def _check_vocabulary(header: GgufHeader) -> None:
    if not header.tokens:
        raise UserError(f"{header.path}: holds no vocabulary, so not a language model.")
    rows = next((info.shape[0] for info in header.tensors if info.name == EMBEDDING), None)
    size = header.number(f"{header.architecture}.vocab_size") or header.tokens
    if rows is not None and (header.tokens > rows or size != rows):
        raise UserError(
            f"{header.path}: its vocabulary has {max(header.tokens, size):,} tokens and its embedding {rows:,}; "
            "they do not belong together."
        )
    for name in SPECIAL:
        token = header.number(f"tokenizer.ggml.{name}_token_id")
        if token is not None and not 0 <= token < header.tokens:
            raise UserError(f"{header.path}: damaged, its {name}_token_id is {token:,} of {header.tokens:,} tokens.")
