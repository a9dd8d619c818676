"""The door to models, whoever trained them: a run directory, or `hf:PATH`, a model in Hugging Face format on this disk.

What a kind needs is imported when one is opened.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from closedbook.errors import UserError

if TYPE_CHECKING:
    import torch

    from closedbook.evaluation.language_model import LanguageModel

    Opener = Callable[[str, torch.device | str, str | None], LanguageModel]

HUGGING_FACE = "hf"
"""The prefix of the models in that format."""


def open_model(name: str, device: "torch.device | str" = "cpu", template: str | None = None) -> "LanguageModel":
    """The model of that name, ready to be asked.

    Args:
        name: A run directory, or a prefix of `OPENERS`, a colon and what it opens.
        device: Where it computes.
        template: How it is asked, with `{}` for the question; None for its own way.

    Raises:
        UserError: It cannot be loaded, or a template is given for a run of ours, which has its own.
    """
    prefix, rest = _split(name)
    return OPENERS[prefix](rest, device, template)


def is_foreign(name: str) -> bool:
    """Whether the name means a model that is not a run of ours."""
    return bool(_split(name)[0])


def model_directory(name: str) -> Path:
    """Where the model lies."""
    return Path(_split(name)[1])


def fingerprint(name: str) -> str:
    """SHA-256 of the model's weights, without loading them.

    Raises:
        UserError: They are not there.
    """
    from closedbook.facts.corpus import sha256
    from closedbook.hub.directory import weights_sha256

    path = model_directory(name)
    if is_foreign(name):
        return weights_sha256(path)
    if not (path / "model.safetensors").is_file():
        raise UserError(f"{path}: no such run.")
    return sha256(path / "model.safetensors")


def _split(name: str) -> tuple[str, str]:
    """The prefix, "" for a run, and what follows it."""
    prefix, colon, rest = name.partition(":")
    return (prefix, rest) if colon and prefix in OPENERS else ("", name)


def _open_run(path: str, device: "torch.device | str", template: str | None) -> "LanguageModel":
    from closedbook.runs import load

    if template is not None:
        raise UserError("--template has no effect on a run of ours, which was trained with its own prompt.")
    return load(path, device)


def _open_causal(path: str, device: "torch.device | str", template: str | None) -> "LanguageModel":
    from closedbook.hub.causal import CausalModel
    from closedbook.hub.template import TEMPLATE

    return CausalModel(Path(path), TEMPLATE if template is None else template, device)


OPENERS: "dict[str, Opener]" = {"": _open_run, HUGGING_FACE: _open_causal}
"""By prefix."""
