"""Ablation: recall with one head or MLP at a time switched off, over a set of questions.

Switched off is zero, or the mean of the component over all tokens of all prompts, which takes away what it says about
this question but not what it always says (Wang et al. 2022, mean ablation).
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from closedbook.errors import UserError, counted
from closedbook.evaluation.scorers import score_all
from closedbook.evaluation.statistics import bootstrap, mcnemar
from closedbook.facts.records import Fact
from closedbook.model.activations import Edit, capture, edit
from closedbook.runs import Run
from closedbook.trace.attribution import bars
from closedbook.trace.patterns import heat_map
from closedbook.trace.prompts import TracedPrompt

How = Literal["zero", "mean"]


@dataclass(frozen=True, kw_only=True)
class Without:
    """Recall with one component switched off.

    Args:
        component: Its name.
        recall: Without it.
        difference: To the recall with everything on, negative where the component is needed.
        interval: 95 %, of the difference, bootstrap over questions.
        p: McNemar's, of the same questions with and without.
        by_relation: Recall without it of the facts of each relation.
    """

    component: str
    recall: float
    difference: float
    interval: tuple[float, float]
    p: float
    by_relation: dict[str, float]


@dataclass(frozen=True)
class Ablations:
    """Recall without each component.

    Args:
        how: What took the component's place.
        recall: With everything on.
        questions: How many.
        by_relation: Recall of the facts of each relation with everything on.
        rows: A row a component.
    """

    how: How
    recall: float
    questions: int
    by_relation: dict[str, float]
    rows: tuple[Without, ...]

    def costliest(self, k: int) -> list[Without]:
        """The k components whose loss costs most."""
        return sorted(self.rows, key=lambda row: row.difference)[:k]

    def top(self, k: int) -> list[dict[str, Any]]:
        """The same, JSON-ready."""
        return [dataclasses.asdict(row) for row in self.costliest(k)]

    def figure(self) -> Figure:
        """Bars: how many points of recall are lost without each."""
        values = [100 * row.difference for row in self.rows]
        errors = np.maximum(
            [
                [value - 100 * row.interval[0] for value, row in zip(values, self.rows, strict=True)],
                [100 * row.interval[1] - value for value, row in zip(values, self.rows, strict=True)],
            ],
            0,
        )
        title = f"points of {100 * self.recall:.1f} % recall, {self.how} ablation, {self.questions} questions"
        return bars([row.component for row in self.rows], values, title, errors)


@dataclass(frozen=True)
class RelationAblations:
    """The same, relation by relation.

    Args:
        ablations: Of facts of several relations.
    """

    ablations: Ablations

    def top(self, k: int) -> list[dict[str, Any]]:
        """The k pairs of a component and a relation of which most is lost: `component`, `relation`, `recall`, `of`."""
        whole = self.ablations.by_relation
        pairs = [(row, relation) for row in self.ablations.rows for relation in whole]
        pairs.sort(key=lambda pair: pair[0].by_relation[pair[1]] - whole[pair[1]])
        return [
            {
                "component": row.component,
                "relation": relation,
                "recall": row.by_relation[relation],
                "of": whole[relation],
            }
            for row, relation in pairs[:k]
        ]

    def figure(self) -> Figure:
        """Recall in percent, components by relations, with everything on in the first row."""
        relations = list(self.ablations.by_relation)
        recall = [self.ablations.by_relation, *(row.by_relation for row in self.ablations.rows)]
        values = 100 * np.array([[shares[relation] for relation in relations] for shares in recall])
        rows = ["everything on", *(row.component for row in self.ablations.rows)]
        title = f"recall, %, {self.ablations.how} ablation"
        return heat_map(values, rows, relations, title, top=max(float(values[0].max()), 1.0), digits=0)


def components(run: Run) -> Iterator[tuple[str, str, int | None]]:
    """Every component that can be switched off: its name, its activation, and the head if it is one."""
    for layer, block in enumerate(run.model.blocks):
        for head in range(run.config.model.heads):
            yield f"head {layer}.{head}", f"blocks.{layer}.attn.hook_z", head
        yield f"all heads of {layer}", f"blocks.{layer}.attn.hook_z", None
        if block.mlp is not None:
            yield f"MLP {layer}", f"blocks.{layer}.hook_mlp_out", None


def switched_off(
    run: Run, point: str, head: int | None = None, instead: Tensor | None = None
) -> AbstractContextManager[None]:
    """Inside the block an activation, or one head of it, is zero or `instead` at every token.

    Args:
        run: The model.
        point: The activation's name.
        head: Of `hook_z`; None for the whole activation.
        instead: Shape of the activation at one token, or of the head's part of it; None for zero.
    """

    def change(value: Tensor) -> Tensor:
        changed = value.clone()
        part = changed if head is None else changed[:, :, head]
        part[...] = 0.0 if instead is None else instead.to(part.dtype)
        return changed

    change_: Edit = change
    return edit(run.model, {point: change_})


@torch.inference_mode()
def means(run: Run, prompts: Sequence[TracedPrompt], points: Sequence[str]) -> dict[str, Tensor]:
    """Every activation averaged over all tokens of all prompts, shape of one token's."""
    sums: dict[str, Tensor] = {}
    tokens = 0
    with capture(run.model, *points) as kept:
        for prompt in prompts:
            run.model(torch.tensor([prompt.ids], device=run.model.device))
            for point in points:
                total = kept[point][0].sum(dim=0)
                sums[point] = sums[point] + total if point in sums else total
            tokens += len(prompt.ids)
    return {point: total / tokens for point, total in sums.items()}


def ablate_components(
    run: Run,
    prompts: Sequence[TracedPrompt],
    facts: Sequence[Fact],
    how: How = "mean",
    say: Callable[[str], None] = lambda line: None,
) -> Ablations:
    """Recall without each head, each layer's heads together, and each MLP.

    Args:
        run: The model.
        prompts: The facts' questions, from `trace_prompts`.
        facts: With their accepted answers.
        how: What takes a component's place.
        say: Gets a line on the way.

    Raises:
        UserError: There is nothing to ask.
    """
    if not facts:
        raise UserError("There are no facts to ask about.")
    questions = run.prompts([fact.question for fact in facts])
    whole = _right([prompt.answer for prompt in prompts], facts)
    parts = list(components(run))
    mean = means(run, prompts, sorted({point for _, point, _ in parts})) if how == "mean" else {}
    say(f"switching {counted(len(parts), 'part')} off, one at a time")
    rows = []
    for name, point, head in parts:
        instead = mean.get(point)
        if instead is not None and head is not None:
            instead = instead[head]
        with switched_off(run, point, head, instead):
            without = _right([response.text for response in run.respond(questions)], facts)
        rows.append(_row(name, whole, without, facts))
    return Ablations(how, float(whole.mean()), len(facts), _recalls(whole, facts), tuple(rows))


def _right(answers: Sequence[str], facts: Sequence[Fact]) -> np.ndarray:
    """Whether each answer is right."""
    return np.array([score.correct for score in score_all(answers, facts)])


def _recalls(right: np.ndarray, facts: Sequence[Fact]) -> dict[str, float]:
    """Recall of each relation, in the order in which the facts come upon them."""
    relations = [fact.relation for fact in facts]
    return {name: float(right[[other == name for other in relations]].mean()) for name in dict.fromkeys(relations)}


def _row(name: str, whole: np.ndarray, without: np.ndarray, facts: Sequence[Fact]) -> Without:
    """Recall without a component against recall with all, both right or wrong by question."""
    difference = without.astype(np.float64) - whole
    return Without(
        component=name,
        recall=float(without.mean()),
        difference=float(difference.mean()),
        interval=bootstrap(difference[None]),
        p=mcnemar(whole.tolist(), without.tolist()),
        by_relation=_recalls(without, facts),
    )
