"""Direct logit attribution: how much each head and MLP adds to the answer's logit, as a sum that is exact.

The final state is LayerNorm(sum of what all components wrote). With the LayerNorm's scale s frozen at what it was, the
logit of token a is linear in every component c: W_a . ((c - mean(c)) / s * w), plus W_a . b for the LayerNorm's own
bias (Elhage et al. 2021, "direct path"; without LayerNorm simply W_a . c). Biases are components of their own.

Axes: L layers, H heads, S key positions, T positions, C width, D width of a head, N components.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor, nn

from closedbook.drawing import COLOURS, INK, plain
from closedbook.errors import UserError
from closedbook.evaluation.statistics import bootstrap
from closedbook.model.activations import capture
from closedbook.model.attention import Attention
from closedbook.model.gpt import GPT, Block
from closedbook.model.scores import spread
from closedbook.runs import Run
from closedbook.trace.prompts import TracedPrompt, token_text


@dataclass(frozen=True)
class Attribution:
    """What every component adds to one logit, or to the difference of two.

    Args:
        target: The token, or "a - b" for a difference.
        logit: The model's own value.
        components: Names: "embedding", "positions", "head 0.3", "attention bias 0", "MLP 0", "last norm".
        value_N: Contributions; they sum to the logit.
        labels: The prompt's tokens.
        by_source_LHS: What each head adds by the token that it takes it from; sums over S to the head's contribution.
    """

    target: str
    logit: float
    components: tuple[str, ...]
    value_N: Float[np.ndarray, "components"]
    labels: tuple[str, ...]
    by_source_LHS: Float[np.ndarray, "layers heads keys"]

    def top(self, k: int) -> list[dict[str, Any]]:
        """The k components that matter most: `component`, `value`, `from`, the token that a head takes it from."""
        order = np.argsort(-np.abs(self.value_N), kind="stable")[: max(k, 0)]
        return [self._entry(int(index)) for index in order]

    def _entry(self, index: int) -> dict[str, Any]:
        name = self.components[index]
        entry: dict[str, Any] = {"component": name, "value": float(self.value_N[index]), "from": None}
        if name.startswith("head "):
            layer, head = map(int, name.removeprefix("head ").split("."))
            source_S = self.by_source_LHS[layer, head]
            entry["from"] = self.labels[int(np.abs(source_S).argmax())]
        return entry

    def figure(self) -> Figure:
        """Bars: what adds to the answer's logit and what takes from it."""
        return bars(self.components, self.value_N.tolist(), f"logit of “{self.target}” ({self.logit:.2f} in all)")


def bars(names: Sequence[str], values: Sequence[float], title: str, errors: Any = None) -> Figure:
    """Horizontal bars around zero, with intervals if given as (below, above)."""
    figure = Figure(figsize=(6.6, 0.24 * len(names) + 1.0), layout="constrained")
    axis = figure.subplots()
    colours = [COLOURS[0] if value >= 0 else COLOURS[1] for value in values]
    axis.barh(range(len(names)), values, color=colours, height=0.7)
    if errors is not None:
        axis.errorbar(values, range(len(names)), xerr=errors, color=INK, linestyle="none", capsize=2)
    axis.axvline(0, color=INK, linewidth=0.8)
    axis.set_yticks(range(len(names)), names, fontsize="small")
    axis.invert_yaxis()
    axis.set_xlabel(title)
    return plain(figure)


@torch.inference_mode()
def attribute_tokens(model: GPT, prompt: Sequence[int], direction_C: Tensor) -> tuple[dict[str, float], Tensor, float]:
    """Every component's contribution at the prompt's last position, those of heads by source, and their true sum.

    Args:
        model: Any of ours.
        prompt: Token ids.
        direction_C: A row of the head's weight, or a difference of two.
    """
    with capture(model, "*") as kept:
        final_C = model(torch.tensor([prompt], device=model.device))[0, -1]
    stream_C = kept[f"blocks.{len(model.blocks) - 1}.hook_resid_post"][0, -1].double()
    direction_C = direction_C.double()
    norm = model.final_norm
    if isinstance(norm, nn.LayerNorm):
        scale = (stream_C.var(correction=0) + norm.eps).sqrt()
        read_C = direction_C * norm.weight.double() / scale
        read_C = read_C - read_C.mean()  # centring the state is centring what reads it
    else:
        read_C = direction_C
    parts: dict[str, float] = {"embedding": float(kept["hook_embed"][0, -1].double() @ read_C)}
    if "hook_pos_embed" in kept:
        parts["positions"] = float(kept["hook_pos_embed"][0, -1].double() @ read_C)
    by_source = []
    for layer, block in enumerate(model.blocks):
        assert isinstance(block, Block)
        source_HS = _heads_by_source(block.attention, kept, layer, read_C)
        by_source.append(source_HS)
        parts |= {f"head {layer}.{head}": float(source_S.sum()) for head, source_S in enumerate(source_HS)}
        parts[f"attention bias {layer}"] = float(block.attention.projection.bias.double() @ read_C)
        if block.mlp is not None:
            parts[f"MLP {layer}"] = float(kept[f"blocks.{layer}.hook_mlp_out"][0, -1].double() @ read_C)
    if isinstance(norm, nn.LayerNorm):
        parts["last norm"] = float(direction_C @ norm.bias.double())
    return parts, torch.stack(by_source), float(final_C.double() @ direction_C)


def _heads_by_source(attention: Attention, kept: dict[str, Tensor], layer: int, read_C: Tensor) -> Tensor:
    """(H, S): pattern from the last position to s, times the value at s through the head's part of the projection."""
    heads = attention.heads
    pattern_HS = kept[f"blocks.{layer}.attn.hook_pattern"][0, :, -1].double()
    value_HSD = spread(kept[f"blocks.{layer}.attn.hook_v"].transpose(1, 2), heads)[0].double()
    read_HD = (read_C @ attention.projection.weight.double()).unflatten(0, (heads, -1))
    return pattern_HS * torch.einsum("hsd,hd->hs", value_HSD, read_HD)


def attribute(run: Run, prompt: TracedPrompt, against: str | None = None) -> Attribution:
    """What brings the logit of the answer's first token about.

    Args:
        run: The model.
        prompt: The question.
        against: Another answer; then the difference to the logit of its first token.

    Raises:
        UserError: The other answer begins with the same token, or cannot be spelled.
    """
    model, tokenizer = run.model, run.tokenizer
    weight_VC = model.head.weight.detach()
    first = prompt.answer_ids[0]
    target, direction_C = token_text(run, first), weight_VC[first]
    if against is not None:
        tokenizer.spell(against, "--against")
        ids = tokenizer.encode([against])[0]
        if not ids:
            raise UserError("--against is empty.")
        if ids[0] == first:
            raise UserError(f"--against {against!r}: begins with the same token as the answer {prompt.answer!r}.")
        target += f" - {token_text(run, ids[0])}"
        direction_C = direction_C - weight_VC[ids[0]]
    parts, by_source, logit = attribute_tokens(model, prompt.ids, direction_C)
    return Attribution(
        target=target,
        logit=logit,
        components=tuple(parts),
        value_N=np.array(list(parts.values())),
        labels=prompt.labels,
        by_source_LHS=by_source.cpu().numpy(),
    )


@dataclass(frozen=True)
class AverageAttribution:
    """Contributions to the logit of the model's own answer, averaged over questions.

    Args:
        components: Names.
        mean_N: Means.
        interval_N2: 95 % intervals, bootstrap over questions.
        from_name_N: For heads the mean part that they take from the tokens of the name; not-a-number for the others.
        questions: How many.
    """

    components: tuple[str, ...]
    mean_N: Float[np.ndarray, "components"]
    interval_N2: Float[np.ndarray, "components 2"]
    from_name_N: Float[np.ndarray, "components"]
    questions: int

    def top(self, k: int) -> list[dict[str, Any]]:
        """The k components that matter most, by the size of the mean."""
        order = np.argsort(-np.abs(self.mean_N), kind="stable")[: max(k, 0)]
        return [
            {
                "component": self.components[index],
                "mean": float(self.mean_N[index]),
                "interval": self.interval_N2[index].tolist(),
                "from_name": None if np.isnan(self.from_name_N[index]) else float(self.from_name_N[index]),
            }
            for index in order.tolist()
        ]

    def figure(self) -> Figure:
        """Bars with intervals."""
        errors = np.maximum([self.mean_N - self.interval_N2[:, 0], self.interval_N2[:, 1] - self.mean_N], 0)
        title = f"mean contribution to the answer's logit, {self.questions} questions"
        return bars(self.components, self.mean_N.tolist(), title, errors)


def average_attribution(run: Run, prompts: Sequence[TracedPrompt]) -> AverageAttribution:
    """The attribution of every question's own answer, relative to the mean logit of the vocabulary, averaged.

    Relative to the mean, because adding a number to all logits changes nothing.
    """
    weight_VC = run.model.head.weight.detach()
    mean_C = weight_VC.mean(dim=0)
    rows, from_name = [], []
    parts: dict[str, float] = {}
    for prompt in prompts:
        parts, by_source, _ = attribute_tokens(run.model, prompt.ids, weight_VC[prompt.answer_ids[0]] - mean_C)
        rows.append(list(parts.values()))
        from_name.append(by_source[..., prompt.span[0] : prompt.span[1]].sum(-1).flatten().tolist())
    values_FN = np.array(rows)
    heads = [index for index, name in enumerate(parts) if name.startswith("head ")]
    from_name_N = np.full(len(parts), np.nan)
    from_name_N[heads] = np.mean(from_name, axis=0)
    return AverageAttribution(
        components=tuple(parts),
        mean_N=values_FN.mean(axis=0),
        interval_N2=np.array([bootstrap(values_F[None]) for values_F in values_FN.T]),
        from_name_N=from_name_N,
        questions=len(prompts),
    )
