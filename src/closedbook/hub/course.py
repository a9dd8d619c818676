"""A model of the course's assignment (CS224n assignment 5, names as in minGPT) as a run.

The file holds what `torch.save(model.state_dict(), FILE)` wrote; what else it might hold is not read. The vocabulary is
made as the course makes it, from the characters of the pretraining file. How the model was trained is in neither.
"""

import dataclasses
import re
import warnings
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeGuard

import torch
from torch import Tensor

from closedbook import machine
from closedbook.config import ModelConfig, TokenizerConfig
from closedbook.errors import UserError
from closedbook.facts.corpus import Corpus, find_files, read_directory, sha256
from closedbook.facts.text import shortened
from closedbook.facts.tokenizers import Tokenizer, train_tokenizer
from closedbook.files import new_directory
from closedbook.model.gpt import GPT
from closedbook.recipes import find_recipe
from closedbook.runs import Run, save_run

POINTER = b"version https://git-lfs"
HEADS = 8  # of the assignment; in a file they show with a Synthesizer or rotary positions alone
NAMES = {
    r"tok_emb\.weight": r"token_embedding.weight",
    r"pos_emb": r"position_embedding",
    r"ln_f\.(weight|bias)": r"final_norm.\1",
    r"head\.weight": r"head.weight",
    r"blocks\.(\d+)\.ln([12])\.(weight|bias)": r"blocks.\1.norm_\2.\3",
    r"blocks\.(\d+)\.mlp\.0\.(weight|bias)": r"blocks.\1.mlp.expand.\2",
    r"blocks\.(\d+)\.mlp\.2\.(weight|bias)": r"blocks.\1.mlp.contract.\2",
    r"blocks\.(\d+)\.attn\.value\.(weight|bias)": r"blocks.\1.attention.value.\2",
    r"blocks\.(\d+)\.attn\.proj\.(weight|bias)": r"blocks.\1.attention.projection.\2",
    r"blocks\.(\d+)\.attn\.(key|query)\.(weight|bias)": r"blocks.\1.attention.scores.\2.\3",
    r"blocks\.(\d+)\.attn\.w1\.(weight|bias)": r"blocks.\1.attention.scores.hidden.w1.\2",
    r"blocks\.(\d+)\.attn\.(w2|b2)": r"blocks.\1.attention.scores.\2",
}
"""From the course's names to ours."""
BUFFERS = re.compile(r"blocks\.\d+\.attn\.(mask|rope_cache)")
"""What the course keeps beside the weights and is computed here."""
ROTARY, SYNTHESIZER = "blocks.0.attn.rope_cache", "blocks.0.attn.w2"
SAME_ANGLE = 1e-3  # cosines and sines of angles up to the block's length, in fp32


@dataclass(frozen=True)
class _File:
    """Weights by the course's names, and whose they are."""

    path: Path
    tensors: dict[str, Tensor]

    def shape(self, name: str, axes: int) -> tuple[int, ...]:
        """The shape of a tensor that must be there with so many axes.

        Raises:
            UserError: It is not.
        """
        found = self.tensors.get(name)
        if found is None or found.ndim != axes:
            what = "holds no" if found is None else f"has the shape {tuple(found.shape)} for its"
            raise UserError(f"{self.path}: {what} {name}, so not a model of the course's assignment.")
        return tuple(found.shape)


def import_course(path: Path, corpus: Path, out: Path, heads: int | None = None) -> Run:
    """Writes the run directory and returns the run.

    Args:
        path: The course's file.
        corpus: A corpus directory, whose documents are the file that the model was pretrained on.
        out: The run directory, which must not exist.
        heads: Attention heads, None for what the file shows, else the assignment's.

    Raises:
        UserError: The file holds something else than weights of the assignment's model, they do not fit each other, the
            heads or the corpus's characters, or the disk refuses.
    """
    file = _read(path)
    config = _config(file, heads)
    taught = read_directory(corpus)  # which says what is wrong with its files
    tokenizer = _tokenizer(find_files(corpus)["corpus"], file)
    model = GPT(config, tokenizer.vocabulary_size)
    try:
        model.load_state_dict(_ours(file, config))
    except RuntimeError as error:
        raise UserError(f"{path}: its tensors do not fit each other ({' '.join(str(error).split())}).") from error
    run = _run(out, model.eval(), tokenizer, taught, path)
    with new_directory(out) as partial:
        save_run(partial, run, {})
    return run


def _are_weights(held: Any) -> TypeGuard[dict[Any, Tensor]]:
    """Whether they are tensors by name."""
    return isinstance(held, dict) and bool(held) and all(isinstance(value, Tensor) for value in held.values())


def _why_not(path: Path) -> str:
    """Why a file has no weights that can be read."""
    with path.open("rb") as file:
        begin = file.read(len(POINTER))
    if begin == POINTER:
        return "a pointer of Git LFS, not the file that it stands for; git lfs pull fetches it"
    if begin.startswith(b"PK") and not zipfile.is_zipfile(path):
        return "cut off; copy or download it again"
    return (
        "not weights alone, as torch.save(model.state_dict(), FILE) writes them; nothing else is read, "
        "for it could run code"
    )


def _read(path: Path) -> _File:
    """The tensors of a file; whatever else it holds is not built (`weights_only`)."""
    if not path.is_file():
        raise UserError(f"{path}: no such file.")
    try:
        with warnings.catch_warnings(action="ignore"):  # about the pickle's protocol
            held = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the library raises whatever comes up in a file
        raise UserError(f"{path}: {_why_not(path)}.") from error
    inner = [name for name, value in held.items() if _are_weights(value)] if isinstance(held, dict) else []
    if inner:
        raise UserError(
            f"{path}: holds more than a model.state_dict(); save what it has under {shortened(str(inner[0]))!r} alone."
        )
    if not _are_weights(held):
        raise UserError(f"{path}: holds no model.state_dict(), but something around it or something else.")
    tensors = {str(name).removeprefix("module."): value for name, value in held.items()}  # of a DataParallel
    for name, value in tensors.items():
        if not value.is_floating_point() or value.is_sparse or not torch.isfinite(value).all():
            raise UserError(f"{path}: {name} holds values that are not numbers of a weight.")
    return _File(path, tensors)


def _config(file: _File, heads: int | None) -> ModelConfig:
    """The architecture, as far as shapes show it."""
    _, width = file.shape("tok_emb.weight", 2)
    layers = {int(match[1]) for name in file.tensors if (match := re.match(r"blocks\.(\d+)\.", name))}
    rotary, synthesizer = ROTARY in file.tensors, SYNTHESIZER in file.tensors
    if rotary:
        block, pairs, _ = file.shape(ROTARY, 3)
        head_width = 2 * pairs
    else:
        _, block, _ = file.shape("pos_emb", 3)
        head_width = file.shape(SYNTHESIZER, 2)[0] if synthesizer else width // (heads or HEADS)
    shown = width // max(head_width, 1)
    if heads is not None and heads != shown:
        raise UserError(f"--heads {heads}: {file.path} has {shown}, by the width of its heads.")
    mlp_width, _ = file.shape("blocks.0.mlp.0.weight", 2)
    return ModelConfig(
        attention="dense_synthesizer" if synthesizer else "key_query_value",
        layers=len(layers),
        heads=heads or shown,
        width=width,
        mlp_width=None if mlp_width == 4 * width else mlp_width,
        block=block,
        dropout=0.1,
        tied_embeddings=False,
        positions="rotary" if rotary else "learned",
    )


def _ours(file: _File, config: ModelConfig) -> dict[str, Tensor]:
    """The weights by our names, in our layouts.

    Raises:
        UserError: A name is none of the assignment's.
    """
    state = {}
    for name, value in file.tensors.items():
        if BUFFERS.fullmatch(name):
            continue
        pattern = next((pattern for pattern in NAMES if re.fullmatch(pattern, name)), None)
        if pattern is None:
            raise UserError(f"{file.path}: holds {name}, which the assignment's model does not have.")
        value = value.float()
        if name == "pos_emb":
            value = value[0]
        elif config.positions == "rotary" and re.search(r"\.(key|query)\.", name):
            value = _halves(value, config.heads)
        state[re.sub(pattern, NAMES[pattern], name)] = value
    if config.positions == "rotary":
        _check_angles(file, config)
    return state


def _halves(tensor: Tensor, heads: int) -> Tensor:
    """Rows of queries or keys with a head's pairs as we have them, a feature of either half; the course's adjoin."""
    return tensor.unflatten(0, (heads, -1, 2)).transpose(1, 2).flatten(0, 2)


def _check_angles(file: _File, config: ModelConfig) -> None:
    """Raises a `UserError` if positions are turned by other angles than ours."""
    pair = torch.arange(0, config.head_width, 2, dtype=torch.float64)
    angle = torch.arange(config.block, dtype=torch.float64)[:, None] * 10_000.0 ** (-pair / config.head_width)
    expected = torch.stack([angle.cos(), angle.sin()], dim=-1).float()
    held = file.tensors[ROTARY].float()
    if held.shape != expected.shape or (held - expected).abs().max() > SAME_ANGLE:
        raise UserError(f"{file.path}: turns its positions by other angles than 10000^(-2d/D), so it is not imported.")


def _tokenizer(documents: Path, file: _File) -> Tokenizer:
    """Pad, mask and the sorted characters of the pretraining file."""
    if not documents.is_file():
        raise UserError(f"{documents}: a directory; the course's vocabulary is that of one pretraining file.")
    tokenizer = train_tokenizer(TokenizerConfig(kind="characters"), [documents.read_text(encoding="utf-8")])
    embeddings, _ = file.shape("tok_emb.weight", 2)
    if tokenizer.vocabulary_size != embeddings:
        raise UserError(
            f"{file.path}: has embeddings for {embeddings:,} characters and {documents} makes "
            f"{tokenizer.vocabulary_size:,}; it was pretrained on another file."
        )
    return tokenizer


def _run(out: Path, model: GPT, tokenizer: Tokenizer, corpus: Corpus, file: Path) -> Run:
    """The run, with the assignment's finetuning for what its own training was."""
    letter = find_recipe("faithful").finetune
    run = Run(out, dataclasses.replace(letter, recipe="imported", model=model.config), model, tokenizer, {})
    environment = {
        **machine.describe(model.device),
        "attention": model.config.attention,
        "parameters": run.parameters,
        "vocabulary": tokenizer.vocabulary_size,
        **dict.fromkeys(("steps", "epochs", "positions", "tokens", "seconds", "start")),
        "counts": {},
        "imported": {"file": file.name, "sha256": sha256(file)},
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "corpus": corpus.summary().to_json(),
    }
    return dataclasses.replace(run, environment=environment)
