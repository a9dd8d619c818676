"""Nearest names: what the model takes a subject for, by its own representation of the name.

The representation is the residual stream at the last token of the name, after a block.

Axes: Q questions, C width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from closedbook.errors import UserError
from closedbook.evaluation.likelihood import last_states
from closedbook.facts.forms import SLOT
from closedbook.runs import Run
from closedbook.trace.attribution import bars


def _fits(run: Run, question: str) -> bool:
    """Whether the question can be spelled and is short enough."""
    try:
        run.prompts([question])
    except UserError:
        return False
    return True


@dataclass(frozen=True)
class NearestNames:
    """Names by their likeness to one.

    Args:
        name: The one.
        layer: After which block.
        names: The others, most alike first.
        cosine_Q: Cosine similarity of the representations, their mean over all names taken off.
    """

    name: str
    layer: int
    names: tuple[str, ...]
    cosine_Q: Float[np.ndarray, "questions"]

    def top(self, k: int) -> list[dict[str, Any]]:
        """The k nearest: `name`, `cosine`."""
        pairs = zip(self.names[:k], self.cosine_Q[:k].tolist(), strict=True)
        return [{"name": name, "cosine": cosine} for name, cosine in pairs]

    def figure(self) -> Figure:
        """The twelve nearest."""
        return bars(self.names[:12], self.cosine_Q[:12].tolist(), f"cosine to {self.name} after block {self.layer}")


def nearest_names(run: Run, form: str, name: str, names: Sequence[str], layer: int) -> NearestNames:
    """The names nearest to one, all put into the same question.

    Args:
        run: The model.
        form: The question, with `{}` for the name.
        name: The one.
        names: The others; left out are the name itself and what the model cannot spell or hold.
        layer: After which block.
    """
    others = [other for other in dict.fromkeys(names) if other != name and _fits(run, form.replace(SLOT, other))]
    everyone = [name, *others]
    starts = [form.partition(SLOT)[0] + other for other in everyone]
    states_QC = last_states(run.model, run.tokenizer.encode(starts), layer)
    states_QC = states_QC - states_QC.mean(axis=0)
    states_QC /= np.maximum(np.linalg.norm(states_QC, axis=1, keepdims=True), 1e-12)
    cosine_Q = states_QC[1:] @ states_QC[0]
    order = np.argsort(-cosine_Q, kind="stable")
    return NearestNames(name, layer, tuple(others[index] for index in order), cosine_Q[order])
