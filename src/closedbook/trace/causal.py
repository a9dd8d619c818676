"""Causal tracing (Meng et al. 2022, section 2.1): which states carry the answer from the name to the mask.

The name's token embeddings are corrupted with Gaussian noise; then one state at a time is put back to what it was in
the clean run. A state that brings the answer's probability back carries what is needed. Noise has three times the
standard deviation of the token embeddings, as in the paper; effects are means over several draws of it.

The probability is that of the answer's first token, as in the paper.

Axes: B batch, T positions of the prompt, N states, R roles, S samples, C width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from closedbook.drawing import INK, plain
from closedbook.evaluation.statistics import bootstrap
from closedbook.model.activations import Edit, capture, edit
from closedbook.runs import Run
from closedbook.trace.patterns import heat_map
from closedbook.trace.prompts import ROLES, TracedPrompt

NOISE = 3.0  # in standard deviations of the token embeddings
SAMPLES = 5


@dataclass(frozen=True)
class State:
    """A kind of state in a layer.

    Args:
        label: For readers.
        point: Its activation.
    """

    label: str
    point: str


def states_of(run: Run) -> list[State]:
    """The embeddings, then what every attention and MLP adds and the stream behind each block."""
    found = [State("embedding", "blocks.0.hook_resid_pre")]
    for layer, block in enumerate(run.model.blocks):
        found.append(State(f"attention {layer} adds", f"blocks.{layer}.hook_attn_out"))
        if block.mlp is not None:
            found.append(State(f"MLP {layer} adds", f"blocks.{layer}.hook_mlp_out"))
        found.append(State(f"stream after {layer}", f"blocks.{layer}.hook_resid_post"))
    return found


@dataclass(frozen=True)
class CausalTrace:
    """One question.

    Args:
        labels: The prompt's tokens.
        states: Names of the states.
        clean: The answer's probability undisturbed.
        corrupted: With the name corrupted.
        restored_NT: With one state put back.
    """

    labels: tuple[str, ...]
    states: tuple[str, ...]
    clean: float
    corrupted: float
    restored_NT: Float[np.ndarray, "states time"]

    @property
    def effects(self) -> Float[np.ndarray, "states time"]:
        """What putting a state back adds to the corrupted probability: the indirect effect."""
        return self.restored_NT - self.corrupted

    def top(self, k: int) -> list[dict[str, Any]]:
        """The k states that bring most back: `state`, `token`, `position`, `effect`."""
        order = np.argsort(-self.effects, axis=None, kind="stable")[:k]
        found = (np.unravel_index(index, self.effects.shape) for index in order)
        return [
            {
                "state": self.states[state],
                "token": self.labels[at],
                "position": int(at),
                "effect": float(self.effects[state, at]),
            }
            for state, at in found
        ]

    def figure(self) -> Figure:
        """States by tokens, coloured by the probability with that state put back."""
        figure = Figure(figsize=(0.5 * len(self.labels) + 2.4, 0.34 * len(self.states) + 1.5), layout="constrained")
        axis = figure.subplots()
        image = axis.imshow(self.restored_NT, cmap="Purples", vmin=0, vmax=max(self.clean, 0.01), aspect="auto")
        axis.set_xticks(range(len(self.labels)), self.labels, rotation=45, ha="right", fontsize="small")
        axis.set_yticks(range(len(self.states)), self.states, fontsize="small")
        axis.set_title(f"clean {self.clean:.2f}, name corrupted {self.corrupted:.2f}", fontsize="medium")
        plain(figure)
        bar = figure.colorbar(image, ax=axis, shrink=0.9)
        bar.set_label("probability, one state put back", color=INK)
        bar.ax.tick_params(colors=INK)
        return figure


@torch.inference_mode()
def causal_trace(
    run: Run, prompt: TracedPrompt, *, noise: float = NOISE, samples: int = SAMPLES, seed: int = 0
) -> CausalTrace:
    """Traces the model's own answer to one question: a clean pass, then for each state a row a position and sample.

    Args:
        run: The model.
        prompt: The question.
        noise: Standard deviation, in those of the token embeddings.
        samples: Draws of the noise.
        seed: Of the draws.
    """
    model, device = run.model, run.model.device
    states = states_of(run)
    tokens_T = torch.tensor(prompt.ids, device=device)
    with capture(model, *(state.point for state in states)) as kept:
        clean = _probability(model(tokens_T[None]), run, prompt)
    clean_states = {point: value[0].clone() for point, value in kept.items()}
    corrupt = _corrupt(run, prompt.span, noise, samples, seed)

    def corrupted(rows: int, edits: dict[str, Edit]) -> Float[np.ndarray, "rows"]:
        """Mean probability over the samples, `rows` times."""
        with edit(model, {"hook_embed": corrupt, **edits}):
            disturbed = _probability(model(tokens_T.expand(rows * samples, -1)), run, prompt)
        return disturbed.reshape(rows, samples).mean(dim=1).double().cpu().numpy()

    restored = [
        corrupted(len(prompt.ids), {state.point: _restore(clean_states[state.point], samples)}) for state in states
    ]
    return CausalTrace(
        labels=prompt.labels,
        states=tuple(state.label for state in states),
        clean=float(clean[0]),
        corrupted=float(corrupted(1, {})[0]),
        restored_NT=np.stack(restored),
    )


def _corrupt(run: Run, span: tuple[int, int], noise: float, samples: int, seed: int) -> Edit:
    """Adds noise to the embeddings of the tokens in the span: row b of a batch gets draw b modulo `samples`."""
    model, (start, end) = run.model, span
    source = torch.Generator().manual_seed(seed)
    drawn_SNC = torch.randn(samples, end - start, model.config.width, generator=source)
    drawn_SNC = (drawn_SNC * noise * float(model.token_embedding.weight.std())).to(model.device)

    def change(value_BTC: Tensor) -> Tensor:
        noisy = value_BTC.clone()
        noisy[:, start:end] += drawn_SNC.to(noisy.dtype).repeat(len(noisy) // samples, 1, 1)
        return noisy

    return change


def _restore(clean_TC: Tensor, samples: int) -> Edit:
    """Puts the clean state of position t back into the samples of row t."""

    def change(value_BTC: Tensor) -> Tensor:
        restored = value_BTC.clone()
        for position, clean_C in enumerate(clean_TC):
            restored[position * samples : (position + 1) * samples, position] = clean_C
        return restored

    return change


def _probability(final_BTC: Tensor, run: Run, prompt: TracedPrompt) -> Tensor:
    """Of the first token of the answer, a row."""
    return run.model.head(final_BTC[:, -1]).float().softmax(dim=-1)[:, prompt.answer_ids[0]]


@dataclass(frozen=True)
class AverageTrace:
    """Many questions, positions gathered by their role.

    Args:
        states: Names of the states.
        clean: Mean probability undisturbed.
        corrupted: Mean with the name corrupted.
        effect_NR: Mean indirect effect of putting back the states of a role, averaged over its tokens;
            not-a-number where no question has the role.
        interval_NR2: 95 % intervals, bootstrap over questions.
        questions: How many.
    """

    states: tuple[str, ...]
    clean: float
    corrupted: float
    effect_NR: Float[np.ndarray, "states roles"]
    interval_NR2: Float[np.ndarray, "states roles 2"]
    questions: int

    def top(self, k: int) -> list[dict[str, Any]]:
        """The k states that bring most back: `state`, `role`, `effect`, `interval`, `share` of what was lost."""
        lost = self.clean - self.corrupted
        order = np.argsort(-np.nan_to_num(self.effect_NR, nan=-np.inf), axis=None, kind="stable")
        order = order[: min(k, int(np.isfinite(self.effect_NR).sum()))]
        found = (np.unravel_index(index, self.effect_NR.shape) for index in order)
        return [
            {
                "state": self.states[state],
                "role": ROLES[role],
                "effect": float(self.effect_NR[state, role]),
                "interval": self.interval_NR2[state, role].tolist(),
                "share": float(self.effect_NR[state, role] / lost) if lost > 0 else None,
            }
            for state, role in found
        ]

    def figure(self) -> Figure:
        """States by roles."""
        title = f"effect of putting back (clean {self.clean:.2f}, corrupted {self.corrupted:.2f})"
        top = max(self.clean - self.corrupted, 0.01)
        return heat_map(self.effect_NR, self.states, ROLES, title, top=top)


def average_trace(run: Run, prompts: Sequence[TracedPrompt], *, samples: int = SAMPLES, seed: int = 0) -> AverageTrace:
    """Causal tracing of every question, averaged by the role of the token."""
    traces = [causal_trace(run, prompt, samples=samples, seed=seed + index) for index, prompt in enumerate(prompts)]
    states = traces[0].states
    effect_NR = np.full((len(states), len(ROLES)), np.nan)
    interval_NR2 = np.full((len(states), len(ROLES), 2), np.nan)
    for column, role in enumerate(ROLES):
        of_role = [
            trace.effects[:, [name == role for name in prompt.roles]].mean(axis=1)
            for trace, prompt in zip(traces, prompts, strict=True)
            if role in prompt.roles
        ]
        if of_role:
            values_NF = np.array(of_role).T
            effect_NR[:, column] = values_NF.mean(axis=1)
            interval_NR2[:, column] = [bootstrap(values_F[None], draws=2000) for values_F in values_NF]
    return AverageTrace(
        states=states,
        clean=float(np.mean([trace.clean for trace in traces])),
        corrupted=float(np.mean([trace.corrupted for trace in traces])),
        effect_NR=effect_NR,
        interval_NR2=interval_NR2,
        questions=len(prompts),
    )
