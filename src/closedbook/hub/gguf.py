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
from closedbook.hub.opening import (
    OwnTokenizer,
    Source,
    configuration,
    form_for,
    library,
    open_causal,
    tokenizer_of,
    vocabulary_of,
)
from closedbook.hub.vocabulary import Vocabulary

BLOCK = re.compile(r"(?:^|\.)blk\.(\d+)\.")
MOST_EXPERTS = 4096
SPECIAL = ("bos", "eos", "eot", "unknown", "padding")
OWN_TOKENIZER = "tokenizer.huggingface.json"
"""Where a file may hold the tokenizer that its vocabulary was made from (ggml's docs/gguf.md)."""
LLAMA_ALONE = ("gptneox",)
"""Architectures, in llama.cpp's naming, that `transformers` does not read from a GGUF file."""
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
    if header.architecture in LLAMA_ALONE and way.backend != "llama.cpp":
        raise UserError(
            f"{path}: holds a {header.architecture}, which transformers does not read from GGUF; --backend llama.cpp "
            "does."
        )
    source = Source(
        name=f"{GGUF}:{path}",
        format="GGUF",
        path=path,
        directory=path.parent,
        weights_sha256=sha256(path),
        values=sum(info.elements for info in header.tensors),
        tokenizer=own_tokenizer(header),
        settings=_gpt2_sizes(header),
        options={"gguf_file": path.name},
    )
    with read_once(header):
        return _open_llama(source, way, header) if way.backend == "llama.cpp" else open_causal(source, way)


def _open_llama(source: Source, way: Way, header: GgufHeader) -> LlamaModel:
    """The model, computed by llama.cpp."""
    if not is_installed():
        raise UserError("--backend llama.cpp needs llama-cpp-python; install it with pip install llama-cpp-python.")
    if way.precision is not None:
        raise UserError("--precision has no effect on llama.cpp, which computes in the file's quantisation.")
    vocabulary = _llama_vocabulary(source, header)
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


def _llama_vocabulary(source: Source, header: GgufHeader) -> Vocabulary:
    """Text to tokens and back: by the tokenizer in the file, or as `transformers` reads the file's vocabulary."""
    if source.tokenizer is None:
        config = configuration(source)
        return vocabulary_of(source, config, tokenizer_of(source, int(config.get_text_config().vocab_size)))
    return Vocabulary(tokenizer_of(source, header.tokens), source.path, header.tokens, source.tokenizer.ends)


def _gpt2_sizes(header: GgufHeader) -> dict[str, int]:
    """A GPT-2's positions and the width of its MLPs, which `transformers` takes to be 1,024 and four widths."""
    sizes = {"n_positions": "context_length", "n_inner": "feed_forward_length"}
    found = {name: header.number(f"gpt2.{key}") for name, key in sizes.items()}
    return {name: size for name, size in found.items() if size is not None}


def own_tokenizer(header: GgufHeader) -> OwnTokenizer | None:
    """The `tokenizer.json` that a file may hold beside its vocabulary."""
    text, chat = (header.values.get(key) for key in (OWN_TOKENIZER, "tokenizer.chat_template"))
    if not isinstance(text, str):
        return None
    ends = tuple(header.number(f"tokenizer.ggml.{name}_token_id") for name in ("eos", "eot"))
    return OwnTokenizer(text=text, chat=chat if isinstance(chat, str) else None, ends=ends)


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
