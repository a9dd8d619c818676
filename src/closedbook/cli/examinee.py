"""What `audit`, `ask` and `predict` share: a run of ours or a model in Hugging Face format, and its threshold."""

from pathlib import Path
from typing import TYPE_CHECKING

from closedbook.errors import UserError

if TYPE_CHECKING:
    import torch

    from closedbook.audit.abstention import Abstention
    from closedbook.audit.examinee import Examinee

MODEL_HELP = "a run directory, or hf:PATH, a causal language model in Hugging Face format on this disk"


def model_directory(model: str) -> Path:
    """Where the model lies."""
    from closedbook.hub.causal import PREFIX

    return Path(model.removeprefix(PREFIX))


def is_foreign(model: str) -> bool:
    """Whether the name means a model in Hugging Face format."""
    from closedbook.hub.causal import PREFIX

    return model.startswith(PREFIX)


def open_examinee(model: str, device: "torch.device", template: str | None = None) -> "Examinee":
    """The model of that name, ready to be asked.

    Raises:
        UserError: It cannot be loaded, or a template is given for a run of ours, which has its own.
    """
    if is_foreign(model):
        from closedbook.hub.causal import TEMPLATE, CausalExaminee

        return CausalExaminee(model_directory(model), TEMPLATE if template is None else template, device)
    if template is not None:
        raise UserError("--template has no effect on a run of ours, which was trained with its own prompt.")
    from closedbook.audit.examinee import RunExaminee
    from closedbook.runs import load

    return RunExaminee(load(model, device))


def weights_hash(model: str) -> str:
    """SHA-256 of the model's weights."""
    from closedbook.facts.corpus import sha256
    from closedbook.hub.causal import weights_sha256

    path = model_directory(model)
    return weights_sha256(path) if is_foreign(model) else sha256(path / "model.safetensors")


def threshold_of(model: str, template: str | None = None) -> "Abstention | None":
    """The threshold that an audit saved with the model, None without one.

    Raises:
        UserError: It is damaged, or was chosen for other weights or another template than is asked for.
    """
    from closedbook.audit.abstention import FILE, load_abstention

    directory = model_directory(model)
    if not (directory / FILE).is_file():
        return None
    found = load_abstention(directory)
    if found.weights_sha256 != weights_hash(model):
        raise UserError(f"{directory / FILE}: was chosen for other weights; audit the model again with --calibration.")
    if template is not None and template != found.template:
        raise UserError(
            f"{directory / FILE}: was chosen with --template {found.template!r}; ask with that, or --always."
        )
    return found
