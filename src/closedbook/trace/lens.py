"""The logit lens: what the model would say if it stopped after each layer (nostalgebraist 2020).

Every state of the residual stream is read by the model's own last LayerNorm and head.

Axes: N states (the embedding, then before and after each MLP), T positions, V vocabulary, F facts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64
from matplotlib.figure import Figure

from closedbook.drawing import COLOURS, INK, plain
from closedbook.evaluation.statistics import bootstrap
from closedbook.model.activations import capture
from closedbook.runs import Run
from closedbook.trace.prompts import TracedPrompt, token_text

TOP = 5


@dataclass(frozen=True)
class LogitLens:
    """What every state says at every token of one prompt.

    Args:
        labels: The prompt's tokens.
        states: Names of the states, first to last.
        answer: The first token of the answer, as text.
        answer_NT: Probability of that token.
        rank_NT: How many tokens are likelier.
        likeliest_NTK: The likeliest tokens as text, best first.
        probability_NTK: Their probabilities.
    """

    labels: tuple[str, ...]
    states: tuple[str, ...]
    answer: str
    answer_NT: Float[np.ndarray, "states time"]
    rank_NT: Int64[np.ndarray, "states time"]
    likeliest_NTK: tuple[tuple[tuple[str, ...], ...], ...]
    probability_NTK: Float[np.ndarray, "states time top"]

    def top(self, k: int, position: int = -1) -> list[dict[str, Any]]:
        """For every state the k (at most 5) likeliest tokens at a position, and the answer's probability and rank."""
        return [
            {
                "state": state,
                "tokens": list(self.likeliest_NTK[index][position][:k]),
                "probabilities": self.probability_NTK[index, position, :k].tolist(),
                "answer": float(self.answer_NT[index, position]),
                "rank": int(self.rank_NT[index, position]),
            }
            for index, state in enumerate(self.states)
        ]

    def figure(self) -> Figure:
        """States by tokens: the likeliest token, coloured by the answer's probability."""
        figure = Figure(figsize=(0.6 * len(self.labels) + 1.8, 0.36 * len(self.states) + 1.5), layout="constrained")
        axis = figure.subplots()
        image = axis.imshow(self.answer_NT, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for (state, position), value in np.ndenumerate(self.answer_NT):
            ink = "white" if value > 0.6 else "#202020"
            said = self.likeliest_NTK[state][position][0]
            axis.text(position, state, said, ha="center", va="center", color=ink, fontsize=7)
        axis.set_xticks(range(len(self.labels)), self.labels, rotation=45, ha="right", fontsize="small")
        axis.set_yticks(range(len(self.states)), self.states, fontsize="small")
        plain(figure)
        bar = figure.colorbar(image, ax=axis, shrink=0.9)
        bar.set_label(f"probability of “{self.answer}”", color=INK)
        bar.ax.tick_params(colors=INK)
        return figure


@torch.inference_mode()
def logit_lens(run: Run, prompt: TracedPrompt) -> LogitLens:
    """The lens over one prompt."""
    model = run.model
    names, kept = _states(run, prompt)
    log_NTV = model.head(model.final_norm(kept)).float().log_softmax(dim=-1)
    target = prompt.answer_ids[0]
    answer_NT = log_NTV[..., target]
    best_NTK = log_NTV.topk(TOP, dim=-1)
    said = tuple(
        tuple(tuple(token_text(run, token) for token in tokens) for tokens in row) for row in best_NTK.indices.tolist()
    )
    return LogitLens(
        labels=prompt.labels,
        states=names,
        answer=token_text(run, target),
        answer_NT=answer_NT.exp().cpu().numpy(),
        rank_NT=(log_NTV > answer_NT[..., None]).sum(dim=-1).cpu().numpy(),
        likeliest_NTK=said,
        probability_NTK=best_NTK.values.exp().cpu().numpy(),
    )


def _states(run: Run, prompt: TracedPrompt) -> tuple[tuple[str, ...], torch.Tensor]:
    """Names and residual streams, (N, T, C)."""
    model = run.model
    points = ["blocks.0.hook_resid_pre"]
    names = ["embedding"]
    for layer, block in enumerate(model.blocks):
        if getattr(block, "mlp", None) is not None:
            points.append(f"blocks.{layer}.hook_resid_mid")
            names.append(f"attention {layer}")
        points.append(f"blocks.{layer}.hook_resid_post")
        names.append(f"MLP {layer}" if getattr(block, "mlp", None) is not None else f"attention {layer}")
    with capture(model, *points) as kept:
        model(torch.tensor([prompt.ids], device=model.device))
    return tuple(names), torch.stack([kept[point][0] for point in points])


@dataclass(frozen=True)
class LensAverage:
    """How the answer comes up through the layers, at the mask, for groups of questions.

    Args:
        states: Names of the states.
        groups: By group, mean probability of the first token of the model's own answer with 95 % intervals.
    """

    states: tuple[str, ...]
    groups: dict[str, list[dict[str, Any]]]

    def top(self, k: int) -> list[dict[str, Any]]:
        """The k steps between neighbouring states at which a group's probability rises most."""
        rises = [
            {"group": name, "state": self.states[at], "rise": rows[at]["mean"] - rows[at - 1]["mean"]}
            for name, rows in self.groups.items()
            for at in range(1, len(self.states))
        ]
        return sorted(rises, key=lambda rise: -rise["rise"])[:k]

    def figure(self) -> Figure:
        """A line a group."""
        figure = Figure(figsize=(6.0, 3.0), layout="constrained")
        axis = figure.subplots()
        for (name, rows), colour in zip(self.groups.items(), COLOURS, strict=False):
            mean = [row["mean"] for row in rows]
            errors = [
                [row["mean"] - row["interval"][0] for row in rows],
                [row["interval"][1] - row["mean"] for row in rows],
            ]
            axis.errorbar(range(len(mean)), mean, yerr=errors, color=colour, marker="o", capsize=3, label=name)
        axis.set_xticks(range(len(self.states)), self.states, rotation=20, ha="right")
        axis.set_ylabel("probability of its answer")
        axis.set_ylim(0, 1)
        axis.legend(frameon=False, labelcolor=INK)
        return plain(figure)


def lens_average(run: Run, groups: Mapping[str, Sequence[TracedPrompt]]) -> LensAverage:
    """The lens at the mask, averaged over each group of questions."""
    states: tuple[str, ...] = ()
    found = {}
    for name, group in groups.items():
        lenses = [logit_lens(run, prompt) for prompt in group]
        states = lenses[0].states
        values_FN = np.array([lens.answer_NT[:, -1] for lens in lenses], dtype=np.float64)
        found[name] = [
            {"mean": float(values_F.mean()), "interval": list(bootstrap(values_F[None]))} for values_F in values_FN.T
        ]
    return LensAverage(states, found)
