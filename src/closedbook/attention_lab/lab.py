"""The whole lab: chosen claims, the best single head, what gradient descent finds, the two tasks, and their files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from closedbook.attention_lab import figures
from closedbook.attention_lab.claim import ClaimResult
from closedbook.attention_lab.claims import run_claim
from closedbook.attention_lab.learned import Descent, descend
from closedbook.attention_lab.one_head import OneHead, best_one_head
from closedbook.attention_lab.parameters import Parameters
from closedbook.attention_lab.tasks import CHANCE_IN_CONTEXT, TASKS, TaskResult, solve
from closedbook.config import ATTENTIONS
from closedbook.drawing import save
from closedbook.files import new_directory, write_json, write_text

SCHEMA = 2
DESCENTS = 4
TASK_SEEDS = 5
PERTURBED = {"norm_perturbation", "two_heads_perturbation"}


@dataclass(frozen=True)
class Lab:
    """Everything that was measured.

    Args:
        parameters: What the user turned.
        claims: Those that were run, by name.
        one_head: The best single head, None if the perturbed key was not among the claims.
        descents: Gradient descents of claim e.ii, none without it.
        tasks: Results of the two tasks, none if they were not trained.
    """

    parameters: Parameters
    claims: dict[str, ClaimResult[Any]]
    one_head: OneHead | None = None
    descents: tuple[Descent, ...] = ()
    tasks: tuple[TaskResult, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The contents of `claims.json`."""
        return {
            "schema": SCHEMA,
            "parameters": asdict(self.parameters),
            "claims": {name: claim.to_json() for name, claim in self.claims.items()},
            "one_head": asdict(self.one_head) if self.one_head else None,
            "descents": [asdict(descent) for descent in self.descents],
            "chance": CHANCE_IN_CONTEXT,
            "tasks": [{**asdict(result), "accuracy": result.accuracy} for result in self.tasks],
        }


def run_lab(
    names: Sequence[str], parameters: Parameters, say: Callable[[str], None] = lambda _: None, *, tasks: bool = True
) -> Lab:
    """Runs claims, and what belongs to them.

    Args:
        names: Keys of `CLAIMS`.
        parameters: What the user turned.
        say: Gets a line before each part.
        tasks: Whether to train on the two tasks (part 2, g.ii), a minute or so.
    """
    claims = {}
    for name in names:
        say(f"claim {name}")
        claims[name] = run_claim(name, parameters)
    one_head = None
    if PERTURBED & set(names):
        say("the best that one head can do")
        one_head = best_one_head(parameters)
    descents = []
    if "key_query_value" in names:
        say("gradient descent from random Q, K, V")
        descents = [descend(parameters.beta, parameters.seed + index) for index in range(DESCENTS)]
    results = []
    for task in TASKS if tasks else ():
        for attention in ATTENTIONS:
            say(f"task {task}, {attention}")
            results += [solve(task, attention, parameters.seed + index) for index in range(TASK_SEEDS)]
    return Lab(parameters, claims, one_head, tuple(descents), tuple(results))


def drawings(lab: Lab) -> dict[str, Callable[[], Figure]]:
    """The figures that the lab allows, by file name, not drawn yet."""
    draws: dict[str, Callable[[], Figure]] = {}
    for name, claim, draw in (
        ("copy_bound", "copy", figures.copy_bound),
        ("noise_boundary", "noisy_keys", figures.noise_boundary),
        ("construction_errors", "key_query_value", figures.construction_errors),
    ):
        if claim in lab.claims:
            draws[name] = partial(draw, lab.claims[claim])
    if PERTURBED & set(lab.claims):
        for draw_parameters in (figures.weight_density, figures.variance_against_m, figures.price_of_robustness):
            draws[draw_parameters.__name__] = partial(draw_parameters, lab.parameters)
    if lab.descents:
        draws["learned_solutions"] = partial(figures.learned_solutions, lab.descents)
    if lab.tasks:
        draws["task_accuracy"] = partial(figures.task_accuracy, lab.tasks)
    return draws


def write_lab(lab: Lab, out: Path, page: Callable[[Lab, Mapping[str, str]], str]) -> list[str]:
    """Writes `claims.json`, every figure as PNG and SVG, and `report.html`.

    Args:
        lab: From `run_lab`.
        out: The directory; must not exist.
        page: Makes the page from the lab and its figures' SVG by name.

    Returns:
        The files' names.

    Raises:
        UserError: The directory exists or cannot be written.
    """
    with new_directory(out) as partial_out:
        write_json(partial_out / "claims.json", lab.to_json())
        svgs = {name: save(draw(), partial_out / name, name.replace("_", " ")) for name, draw in drawings(lab).items()}
        write_text(partial_out / "report.html", page(lab, svgs))
        return sorted(path.name for path in partial_out.iterdir())
