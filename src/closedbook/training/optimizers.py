"""Optimizers as a recipe names them: AdamW with the usual two groups, or Muon on the hidden matrices beside it."""

import torch
from torch import nn

from closedbook.config import TrainingConfig
from closedbook.model.gpt import GPT
from closedbook.training.muon import Muon


def make_optimizers(model: GPT, config: TrainingConfig) -> list[torch.optim.Optimizer]:
    """The optimizers whose union covers every parameter once; each group remembers its peak rate as `peak`.

    Muon (Jordan et al. 2024) takes the matrices of the linear layers inside the blocks: not the
    embeddings, the head, the positions or the Synthesizer's shared w2, whose rows and columns are not features.
    """
    hidden = hidden_matrices(model) if config.optimizer == "muon" else {}
    rest = {name: parameter for name, parameter in model.named_parameters() if name not in hidden}
    decayed: list[nn.Parameter] = []
    kept: list[nn.Parameter] = []
    for name, parameter in rest.items():
        decays = parameter.ndim >= 2 if config.decay == "matrices" else "bias" not in name
        (decayed if decays else kept).append(parameter)
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": kept, "weight_decay": 0.0}]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(groups, lr=config.learning_rate, betas=(config.beta_1, config.beta_2), fused=True)
    ]
    if hidden:
        optimizers.append(
            Muon(
                hidden.values(),
                lr=config.matrix_learning_rate or 0.0,
                weight_decay=config.weight_decay,
                dtype=torch.bfloat16 if config.precision == "bf16" else torch.float32,
            )
        )
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return optimizers


def hidden_matrices(model: GPT) -> dict[str, nn.Parameter]:
    """The weights of the linear layers inside the blocks, by name."""
    return {
        f"blocks.{name}.weight": module.get_parameter("weight")
        for name, module in model.blocks.named_modules()
        if isinstance(module, nn.Linear)
    }
