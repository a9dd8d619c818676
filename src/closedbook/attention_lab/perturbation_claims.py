"""Claims c.ii and d.ii: one key's norm varies, seen by one head and by two; see `perturbed` for the mathematics."""

from typing import Any

import torch

from closedbook.attention_lab import closed_forms, perturbed
from closedbook.attention_lab.claim import Claim, Verdict, evaluate
from closedbook.attention_lab.perturbed import Design
from closedbook.attention_lab.setting import Parameters


def norm_perturbation(parameters: Parameters) -> Claim:
    """Part c.ii: the norm of k_a varies, one head."""
    return _perturbation(
        parameters,
        Design((2,)),
        name="norm_perturbation",
        part="c.ii",
        statement="If k_a varies in norm, eps ~ N(1, 1/2), c of one head moves between v_a and v_b.",
        verdict="right_with_corrections",
        why="The direction is right, the details are not: the weight on v_a is logit-normal and, the larger M, the "
        "closer to a fair coin between v_a and v_b rather than an oscillation; 1/2 is the variance of eps, not its "
        "range: it leaves [0, 2] in 15.7 % of draws and is negative in 7.9 %. Nor is it every single head's fate: "
        "q = -M (sum of the other mu) gives a and b equal weights whatever eps is.",
    )


def two_heads_perturbation(parameters: Parameters) -> Claim:
    """Part d.ii: the same noise, two heads."""
    return _perturbation(
        parameters,
        Design((1, 1)),
        name="two_heads_perturbation",
        part="d.ii",
        statement="With two heads the same noise does less: the variance of c is reduced.",
        verdict="right",
        why="Right, and the figures say by how much; the seed misses that the head of a still fails when eps is small "
        "or negative, with probability Phi((ln(n - 1) / M - 1) sqrt 2), which falls to 7.9 % and no further.",
    )


def _perturbation(
    parameters: Parameters, design: Design, *, name: str, part: str, statement: str, verdict: Verdict, why: str
) -> Claim:
    form = closed_forms.norm_perturbation()["a"] if design.sizes == (2,) else closed_forms.one_target("a")["a"]
    grid = torch.linspace(-1.5, 3.5, 41, dtype=torch.float64)
    share = design.sizes[0] / design.targets
    measured_form = perturbed.head_weights(design, parameters.n, parameters.M, grid)[0][:, 0]
    expected_form = [evaluate(form, parameters, epsilon=float(eps)) for eps in grid]
    drawn = perturbed.sample(design, parameters)
    one, two = (perturbed.total_variance(shape, parameters.n, parameters.M) for shape in (Design((2,)), Design((1, 1))))
    mean, variance = perturbed.logit_moments(design, parameters.n, parameters.M, parameters.alpha)
    return Claim(
        name=name,
        part=part,
        statement=statement,
        construction={
            "eps": "N(1, 1/2)",
            "values": "orthonormal",
            "heads": [f"{size} targets" for size in design.sizes],
            "weight_of_the_head_in_c": share,
        },
        closed_form={
            "weight_on_v_a": str(form),
            "logit_of_it": {"mean": mean, "variance": variance},
            "failure_threshold": perturbed.failure_threshold(design, parameters.n, parameters.M),
            "failure_probability": perturbed.failure_probability(design, parameters.n, parameters.M),
            "total_variance_one_head": one,
            "total_variance_two_heads": two,
            "ratio_of_variances": one / two,
        },
        measured={
            "total_variance": drawn.total_variance,
            "within_a_tenth_of_the_goal": drawn.near,
            "failed": drawn.failed,
            "weight_mean": float(drawn.weight_R.mean()),
            "draws": parameters.draws,
            "alpha": parameters.alpha,
            "heads_and_targets": _designs(parameters),
        },
        deviation=max(abs(a - b) for a, b in zip(measured_form.tolist(), expected_form, strict=True)),
        is_bound=False,
        verdict=verdict,
        why=why,
    )


def _designs(parameters: Parameters) -> list[dict[str, Any]]:
    """The same figures for h heads and m targets, m up to 4 and less than n."""
    rows = []
    for targets in range(2, min(4, parameters.n - 1) + 1):
        for heads in range(1, targets + 1):
            design = Design.of(heads, targets)
            drawn = perturbed.sample(design, parameters)
            rows.append(
                {
                    "heads": heads,
                    "targets": targets,
                    "total_variance": drawn.total_variance,
                    "total_variance_exact": perturbed.total_variance(design, parameters.n, parameters.M),
                    "within_a_tenth_of_the_goal": drawn.near,
                    "failed": drawn.failed,
                    "failure_probability": perturbed.failure_probability(design, parameters.n, parameters.M),
                }
            )
    return rows
