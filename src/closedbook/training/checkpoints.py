"""Checkpoints: weights, optimizer state, position and logs, sealed and renamed, so that the newest is always whole."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from closedbook.files import filled, remove
from closedbook.manifest import check_all, seal
from closedbook.model.gpt import GPT
from closedbook.training.loop import TrainingState

KEPT = 2
COUNTERS = ("step", "tokens", "positions", "seconds", "epoch_loss")


@dataclass(frozen=True)
class Position:
    """Where a training is, beside its weights.

    Args:
        counters: What it has taken, by name.
        optimizers: The optimizers' state, by optimizer, parameter and key.
    """

    counters: dict[str, int | float]
    optimizers: dict[str, torch.Tensor]


def save_checkpoint(directory: Path, model: GPT, state: TrainingState, notes: Mapping[str, Any] | None = None) -> None:
    """Writes `directory/step-N` and removes all but the newest two.

    Args:
        directory: Of nothing but the checkpoints of one training.
        model: Whose weights are kept.
        state: What else the training needs to go on.
        notes: What the caller wants back from `resume` (JSON-ready).

    Raises:
        UserError: The disk is full; earlier checkpoints stay as they are.
    """
    position = position_of(state)
    partial = directory / ".partial"
    with filled(directory / f"step-{state.step:08d}", partial):
        write_tensors(partial / "model.safetensors", weights(model))
        write_tensors(partial / "optimizers.safetensors", position.optimizers)
        noted = {**position.counters, "notes": notes or {}}
        (partial / "state.json").write_text(json.dumps(noted), encoding="utf-8")
        seal(partial)
    for old in _steps(directory)[:-KEPT]:
        remove(old)


def resume(
    directory: Path, model: GPT, state: TrainingState, announce: Callable[[str], None] = lambda line: None
) -> dict[str, Any] | None:
    """Puts model and state back to the newest whole checkpoint, and removes those that are damaged.

    Args:
        directory: Where `save_checkpoint` has written.
        model: Of the same architecture.
        state: Whose optimizers are of the same kind.
        announce: Hears of damaged ones.

    Returns:
        The notes that were kept with it; None if there is none.
    """
    for path in reversed(_steps(directory)):
        try:
            check_all(path)
            numbers = json.loads((path / "state.json").read_text(encoding="utf-8"))
            tensors = load_file(path / "optimizers.safetensors")
            load_weights(model, path / "model.safetensors")
        except (OSError, ValueError, SafetensorError) as error:  # a disk that forgets, or half removed
            announce(f"left out a checkpoint: {error}")
            remove(path)
            continue
        put_back(state, Position({name: numbers[name] for name in COUNTERS}, tensors))
        notes: dict[str, Any] = numbers["notes"]
        return notes
    return None


def position_of(state: TrainingState) -> Position:
    """Where a training is."""
    tensors: dict[str, torch.Tensor] = {}
    for index, optimizer in enumerate(state.optimizers):
        for parameter, values in optimizer.state_dict()["state"].items():
            for key, value in values.items():
                tensors[f"{index}.{parameter}.{key}"] = value.cpu().contiguous()
    return Position({name: getattr(state, name) for name in COUNTERS}, tensors)


def put_back(state: TrainingState, position: Position) -> None:
    """Puts a training whose optimizers are of the same kind where another was."""
    for name, number in position.counters.items():
        setattr(state, name, number)
    for index, optimizer in enumerate(state.optimizers):
        kept: dict[int, dict[str, torch.Tensor]] = {}
        for name, value in position.optimizers.items():
            owner, parameter, key = name.split(".")
            if int(owner) == index:
                kept.setdefault(int(parameter), {})[key] = value
        optimizer.load_state_dict({"state": kept, "param_groups": optimizer.state_dict()["param_groups"]})


def write_tensors(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    """A safetensors file, written by ordinary means, so that a full disk is an ordinary `OSError`."""
    path.write_bytes(save(tensors))


def weights(model: GPT) -> dict[str, torch.Tensor]:
    """The parameters by name, a tied head left out."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    if model.config.tied_embeddings:
        del tensors["head.weight"]
    return tensors


def load_weights(model: GPT, path: Path) -> None:
    """Reads what `weights` gave, from a file, into a model of the same architecture; see `take_weights`."""
    take_weights(model, load_file(path, device=str(model.device)))


def take_weights(model: GPT, tensors: dict[str, torch.Tensor]) -> None:
    """Puts what `weights` gave into a model of the same architecture.

    Raises:
        RuntimeError: Names or shapes do not match.
    """
    if model.config.tied_embeddings and "token_embedding.weight" in tensors:
        tensors["head.weight"] = tensors["token_embedding.weight"]
    model.load_state_dict(tensors)


def _steps(directory: Path) -> list[Path]:
    return sorted(directory.glob("step-[0-9]*"))
