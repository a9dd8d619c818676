"""Attention patterns: which token every head looks at.

Axes: L layers, H heads, T query positions, S key positions, F facts, R roles.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.figure import Figure

from closedbook.drawing import INK, plain
from closedbook.model.activations import capture
from closedbook.runs import Run
from closedbook.trace.prompts import ROLES, TracedPrompt


@dataclass(frozen=True)
class Patterns:
    """Attention of every head over one prompt.

    Args:
        labels: The prompt's tokens.
        pattern_LHTS: Weights; a row sums to one.
    """

    labels: tuple[str, ...]
    pattern_LHTS: Float[np.ndarray, "layers heads time keys"]

    def top(self, k: int, position: int = -1) -> list[dict[str, Any]]:
        """The k largest weights of the token at a position: `head` ("layer.head"), `token`, `position`, `weight`."""
        weights_LHS = self.pattern_LHTS[:, :, position]
        order = np.argsort(-weights_LHS, axis=None, kind="stable")[:k]
        found = (np.unravel_index(index, weights_LHS.shape) for index in order)
        return [
            {
                "head": f"{layer}.{head}",
                "token": self.labels[at],
                "position": int(at),
                "weight": float(weights_LHS[layer, head, at]),
            }
            for layer, head, at in found
        ]

    def figure(self) -> Figure:
        """A panel a head, layers below each other; a row of a panel is the token that looks."""
        return head_panels(self.pattern_LHTS, self.labels)


def head_panels(
    pattern_LHTS: Float[np.ndarray, "layers heads time keys"], labels: Sequence[str], top: float = 1.0
) -> Figure:
    """Small heat maps of attention up to a weight of `top`, a row a layer, a column a head."""
    layers, heads = pattern_LHTS.shape[:2]
    size = min(max(1.3, 0.13 * len(labels)), 3.0)
    figure = Figure(figsize=(size * heads + 1.0, 1.1 * size * layers + 0.7), layout="constrained")
    axes = figure.subplots(layers, heads, squeeze=False, sharex=True, sharey=True)
    for (layer, head), axis in np.ndenumerate(axes):
        image = axis.imshow(pattern_LHTS[layer, head], cmap="Blues", vmin=0, vmax=top, aspect="auto")
        axis.set_title(f"{layer}.{head}", fontsize="small")
        axis.set_xticks(range(len(labels)), labels, rotation=90, fontsize=6)
        axis.set_yticks(range(len(labels)), labels, fontsize=6)
    plain(figure)
    bar = figure.colorbar(image, ax=axes, shrink=0.7)
    bar.ax.tick_params(colors=INK)
    return figure


@torch.inference_mode()
def patterns(run: Run, prompt: TracedPrompt) -> Patterns:
    """The patterns of one prompt."""
    with capture(run.model, "blocks.*.attn.hook_pattern") as kept:
        run.model(torch.tensor([prompt.ids], device=run.model.device))
    return Patterns(prompt.labels, np.stack([pattern[0].float().cpu().numpy() for pattern in kept.values()]))


@dataclass(frozen=True)
class Looks:
    """Where the heads look from the mask, at which the answer is written, averaged over questions.

    Args:
        weight_LHR: Mean weight on all tokens of a role together.
        questions: How many.
    """

    weight_LHR: Float[np.ndarray, "layers heads roles"]
    questions: int

    def top(self, k: int) -> list[dict[str, Any]]:
        """The k heads that look at the name most: `head`, `name` (weight on all its tokens), and every role."""
        name_LH = self.weight_LHR[..., 1:4].sum(-1)
        order = np.argsort(-name_LH, axis=None, kind="stable")[:k]
        found = []
        for layer, head in (np.unravel_index(index, name_LH.shape) for index in order):
            roles = dict(zip(ROLES, self.weight_LHR[layer, head].tolist(), strict=True))
            found.append({"head": f"{layer}.{head}", "name": float(name_LH[layer, head]), "roles": roles})
        return found

    def figure(self) -> Figure:
        """A heat map: heads by roles."""
        layers, heads, _ = self.weight_LHR.shape
        names = [f"{layer}.{head}" for layer in range(layers) for head in range(heads)]
        return heat_map(self.weight_LHR.reshape(layers * heads, -1), names, ROLES, "weight from the mask", top=1.0)


def heat_map(
    values: Float[np.ndarray, "rows columns"],
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    *,
    top: float,
    digits: int = 2,
) -> Figure:
    """Numbers with so many digits and their colour, from 0 to `top`; not-a-number stays empty."""
    figure = Figure(figsize=(0.72 * len(columns) + 1.9, 0.27 * len(rows) + 1.5), layout="constrained")
    axis = figure.subplots()
    axis.imshow(values, cmap="Blues", vmin=0, vmax=top, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            ink = "white" if value > 0.6 * top else "#202020"
            number = f"{value:.{digits}f}".replace("-0.00", "0.00")
            axis.text(column, row, number, ha="center", va="center", color=ink, fontsize=7)
    axis.set_xticks(range(len(columns)), columns, rotation=40, ha="right", fontsize="small")
    axis.set_yticks(range(len(rows)), rows, fontsize="small")
    axis.set_title(title, fontsize="medium")
    return plain(figure)


def looks(run: Run, prompts: Sequence[TracedPrompt]) -> Looks:
    """Mean attention from the mask by role."""
    rows = []
    for prompt in prompts:
        last_LHS = patterns(run, prompt).pattern_LHTS[:, :, -1]
        of_role = np.array([[role == wanted for role in prompt.roles] for wanted in ROLES])
        rows.append(last_LHS @ of_role.T)
    return Looks(np.mean(rows, axis=0), len(prompts))
