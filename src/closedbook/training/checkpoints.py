"""Checkpoints: weights, optimizer state and position, written by renaming, so that the newest one is always whole."""

import json
import shutil
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from closedbook.files import new_directory
from closedbook.model.gpt import GPT
from closedbook.training.loop import TrainingState

KEPT = 2
COUNTERS = ("step", "tokens", "positions", "seconds")


def save_checkpoint(directory: Path, model: GPT, state: TrainingState) -> None:
    """Writes `directory/step-N` and removes all but the newest two.

    Raises:
        UserError: The disk is full; earlier checkpoints stay as they are.
    """
    tensors: dict[str, torch.Tensor] = {}
    numbers = {name: getattr(state, name) for name in COUNTERS}
    for index, optimizer in enumerate(state.optimizers):
        for parameter, values in optimizer.state_dict()["state"].items():
            for key, value in values.items():
                tensors[f"{index}.{parameter}.{key}"] = value.contiguous()
    path = directory / f"step-{state.step:08d}"
    with new_directory(path) as partial:
        write_tensors(partial / "model.safetensors", weights(model))
        write_tensors(partial / "optimizers.safetensors", tensors)
        (partial / "state.json").write_text(json.dumps(numbers), encoding="utf-8")
    for old in _steps(directory)[:-KEPT]:
        shutil.rmtree(old)


def resume(directory: Path, model: GPT, state: TrainingState) -> bool:
    """Puts model and state back to the newest readable checkpoint, and removes newer ones; False if there is none."""
    for path in reversed(_steps(directory)):
        try:
            numbers = json.loads((path / "state.json").read_text(encoding="utf-8"))
            tensors = load_file(path / "optimizers.safetensors")
            load_weights(model, path / "model.safetensors")
        except (OSError, ValueError, SafetensorError):  # torn by a power cut or a full disk
            shutil.rmtree(path, ignore_errors=True)
            continue
        for name in COUNTERS:
            setattr(state, name, numbers[name])
        for index, optimizer in enumerate(state.optimizers):
            kept: dict[int, dict[str, torch.Tensor]] = {}
            for name, value in tensors.items():
                owner, parameter, key = name.split(".")
                if int(owner) == index:
                    kept.setdefault(int(parameter), {})[key] = value
            optimizer.load_state_dict({"state": kept, "param_groups": optimizer.state_dict()["param_groups"]})
        return True
    return False


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
    """Reads what `weights` gave into a model of the same architecture.

    Raises:
        RuntimeError: Names or shapes do not match.
    """
    tensors = load_file(path, device=str(model.device))
    if model.config.tied_embeddings and "token_embedding.weight" in tensors:
        tensors["head.weight"] = tensors["token_embedding.weight"]
    model.load_state_dict(tensors)


def _steps(directory: Path) -> list[Path]:
    return sorted(directory.glob("step-[0-9]*"))
