"""The figures of the Lab, from `closedbook.attention_lab`.

Axes: R draws, D coefficients of u_a, ..., u_d.
"""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import sympy as sp
import torch

from closedbook.attention_lab import closed_forms, learned, perturbed
from closedbook.attention_lab.claim import evaluate
from closedbook.attention_lab.notation import mathml
from closedbook.attention_lab.parameters import Parameters
from closedbook.attention_lab.perturbation_claims import ONE_HEAD, TWO_HEADS
from closedbook.errors import UserError
from closedbook.serve.page.lab import Construction, Design, LabShown, Pairs

DRAWS, SHOWN = 4000, 240  # those that figures are of, and those that are drawn
EPSILON = (-1.5, 3.5)
BETAS = tuple(np.linspace(0.5, 5.0, 46).tolist())


def figures(M: float, epsilon: float, beta: float, alpha: float) -> LabShown:
    """Everything at these values.

    Raises:
        UserError: One of them is out of range.
    """
    if not math.isfinite(epsilon) or abs(epsilon) > 100:
        raise UserError("epsilon: must be a number between -100 and 100.")
    parameters = Parameters(M=M, beta=beta, alpha=alpha, draws=DRAWS)
    return LabShown(
        one=_design(ONE_HEAD, parameters, epsilon),
        two=_design(TWO_HEADS, parameters, epsilon),
        derived=_construction(parameters, printed=False),
        printed=_construction(parameters, printed=True),
    )


def _form(design: perturbed.Design) -> sp.Expr:
    return closed_forms.norm_perturbation()["a"] if design == ONE_HEAD else closed_forms.one_target("a")["a"]


def _design(design: perturbed.Design, parameters: Parameters, epsilon: float) -> Design:
    n, M = parameters.n, parameters.M
    grid = torch.linspace(*EPSILON, 121, dtype=torch.float64)
    at = torch.tensor([epsilon], dtype=torch.float64)
    weight_R = perturbed.head_weights(design, n, M, grid)[0][:, 0]
    mean, variance = perturbed.logit_moments(design, n, M, parameters.alpha)
    drawn = perturbed.sample(design, parameters)
    return Design(
        weight=evaluate(_form(design), parameters, epsilon=epsilon),
        computed=float(perturbed.head_weights(design, n, M, at)[0][0, 0]),
        logit_mean=mean,
        logit_variance=variance,
        fails=perturbed.failure_probability(design, n, M),
        failed=drawn.failed,
        variance=perturbed.total_variance(design, n, M),
        drawn_variance=drawn.total_variance,
        near=drawn.near,
        curve=_pairs(grid.tolist(), weight_R.tolist()),
        draws=_pairs(drawn.eps_R[:SHOWN].tolist(), drawn.weight_R[:SHOWN].tolist()),
    )


def _construction(parameters: Parameters, *, printed: bool) -> Construction:
    beta, matrices = parameters.beta, learned.constructed(printed)
    weight, c_3D = learned.self_attend(learned.tokens(beta), **matrices)
    forms = closed_forms.constructed(printed)[:2]
    errors = _errors(printed)
    return Construction(
        query=matrices["query"].tolist(),
        attention=weight[:2].tolist(),
        outputs=(c_3D[:2] / beta).tolist(),
        derived=[[evaluate(sp.sympify(form.get(u, 0)), parameters) / beta for u in "abcd"] for form in forms],
        errors=learned.relative_errors(beta, matrices),
        curves=(_pairs(BETAS, [pair[0] for pair in errors]), _pairs(BETAS, [pair[1] for pair in errors])),
    )


@cache
def _errors(printed: bool) -> list[tuple[float, float]]:
    return [learned.relative_errors(beta, learned.constructed(printed)) for beta in BETAS]


def _pairs(x: Sequence[float], y: Sequence[float]) -> Pairs:
    return list(zip(x, y, strict=True))


def formulas() -> dict[str, str]:
    """The closed forms as MathML."""
    forms = {"one": f"alpha_a = {_form(ONE_HEAD)}", "two": f"alpha_a = {_form(TWO_HEADS)}"}
    for kind in ("derived", "printed"):
        for index, form in enumerate(closed_forms.constructed(kind == "printed")[:2], 1):
            forms[f"{kind}-{index}"] = f"c_{index} = {closed_forms.combination(form)}"
    forms["derived-query"] = "Q = (u_d u_a' + u_c u_d') / beta^2"
    forms["printed-query"] = "Q = (u_d u_d' + u_c u_c') / beta^2"
    return {name: mathml(form, display=True) for name, form in forms.items()}
