"""Claims c.ii and d.ii: one key's norm varies, seen by one head and by two; see `perturbed` for the mathematics."""

from dataclasses import dataclass

import sympy as sp
import torch

from closedbook.attention_lab import closed_forms, perturbed
from closedbook.attention_lab.claim import ClaimResult, Quantity, evaluate
from closedbook.attention_lab.parameters import Parameters
from closedbook.attention_lab.perturbed import Design, Sample

ONE_HEAD, TWO_HEADS = Design((2,)), Design((1, 1))


@dataclass(frozen=True)
class Shared:
    """So many targets shared out over so many heads; variances are of the whole output."""

    heads: int
    targets: int
    total_variance: float
    total_variance_measured: float
    near_the_goal: float
    failure_probability: float
    failed: float


def norm_perturbation(parameters: Parameters) -> ClaimResult[None]:
    """Part c.ii: the norm of k_a varies, one head."""
    quantities, deviation = _measure(ONE_HEAD, parameters)
    return ClaimResult(
        name="norm_perturbation",
        part="c.ii",
        statement="If `k_a` varies in norm, `k_a = epsilon mu_a` with `epsilon ~ N(1, 1/2)`, `c` of one head moves "
        "between `v_a` and `v_b`.",
        construction="Orthonormal means and values, one head with `q = M (mu_a + mu_b)`.",
        quantities=quantities,
        deviation=deviation,
        verdict="right_with_corrections",
        why="The direction is right, the details are not: the weight on `v_a` is logit-normal and, the larger `M`, the "
        "closer to a fair coin between `v_a` and `v_b` rather than an oscillation; 1/2 is the variance of `epsilon`, "
        "not its range: it leaves [0, 2] in 15.7 % of draws and is negative in 7.9 %. Nor is it every single head's "
        "fate: `q = -M (mu_3 + ... + mu_n)`, all but `a` and `b`, gives these two equal weights whatever `epsilon` is.",
    )


def two_heads_perturbation(parameters: Parameters) -> ClaimResult[Shared]:
    """Part d.ii: the same noise, two heads."""
    quantities, deviation = _measure(TWO_HEADS, parameters)
    return ClaimResult(
        name="two_heads_perturbation",
        part="d.ii",
        statement="With two heads the same noise does less: the variance of `c` is reduced.",
        construction="Orthonormal means and values, `q_1 = M mu_a`, `q_2 = M mu_b`, `c = (c_1 + c_2)/2`.",
        quantities=quantities,
        rows=_shared(parameters),
        deviation=deviation,
        verdict="right",
        why="Right, and the figures say by how much; the assignment misses that the head of `a` still fails when "
        "`epsilon` is small or negative, with probability `Phi(sqrt(2) (ln(n - 1)/M - 1))`, which falls to 7.9 % and "
        "no further.",
    )


def _measure(design: Design, parameters: Parameters) -> tuple[tuple[Quantity, ...], float]:
    """Everything about the head that looks at a, and the deviation from the derived weight over a grid of eps."""
    n, M = parameters.n, parameters.M
    form = closed_forms.norm_perturbation()["a"] if design == ONE_HEAD else closed_forms.one_target("a")["a"]
    logit = closed_forms.logit(form)
    threshold = closed_forms.where_logit_is(logit, -sp.log(2 * design.sizes[0] - 1))
    grid = torch.linspace(-1.5, 3.5, 41, dtype=torch.float64)
    weight_R = perturbed.head_weights(design, n, M, grid)[0][:, 0]
    deviation = max(
        abs(weight - evaluate(form, parameters, epsilon=eps))
        for weight, eps in zip(weight_R.tolist(), grid.tolist(), strict=True)
    )
    drawn = perturbed.sample(design, parameters)
    quantities = (
        Quantity("weight", "weight on `v_a` in the head of `a`", str(form), measured=float(drawn.weight_R.mean())),
        Quantity(
            "logit_mean", "mean of its logit", str(logit.subs(closed_forms.eps, 1)), _logit(design, parameters)[0]
        ),
        Quantity("logit_variance", "variance of its logit", *_logit_variance(design, parameters)),
        Quantity(
            "failure_threshold",
            "`epsilon` below which it fails",
            str(threshold),
            perturbed.failure_threshold(design, n, M),
        ),
        Quantity(
            "failure_probability",
            "share of draws in which it fails",
            f"Phi(sqrt(2) ({threshold} - 1))",
            perturbed.failure_probability(design, n, M),
            drawn.failed,
        ),
        *_variances(design, parameters, drawn),
    )
    return quantities, deviation


def _logit(design: Design, parameters: Parameters) -> tuple[float, float]:
    return perturbed.logit_moments(design, parameters.n, parameters.M, parameters.alpha)


def _logit_variance(design: Design, parameters: Parameters) -> tuple[str, float]:
    noise = {ONE_HEAD: " + 4 M^2 alpha", TWO_HEADS: " + 2 M^2 alpha"}[design] if parameters.alpha else ""
    return f"M^2/2{noise}", _logit(design, parameters)[1]


def _variances(design: Design, parameters: Parameters, drawn: Sample) -> tuple[Quantity, ...]:
    one, two = (perturbed.total_variance(shape, parameters.n, parameters.M) for shape in (ONE_HEAD, TWO_HEADS))
    here = one if design == ONE_HEAD else two
    return (
        Quantity("total_variance", "total variance of `c`", "", here, drawn.total_variance),
        Quantity("ratio_of_variances", "that of one head over that of two", "", one / two),
        Quantity("near_the_goal", "draws within `norm(v_a - v_b)/10` of the goal", "", None, drawn.near),
    )


def _shared(parameters: Parameters) -> tuple[Shared, ...]:
    """The same figures for h heads and m targets, m up to 4 and less than n."""
    rows = []
    for targets in range(2, min(4, parameters.n - 1) + 1):
        for heads in range(1, targets + 1):
            design = Design.of(heads, targets)
            drawn = perturbed.sample(design, parameters)
            rows.append(
                Shared(
                    heads=heads,
                    targets=targets,
                    total_variance=perturbed.total_variance(design, parameters.n, parameters.M),
                    total_variance_measured=drawn.total_variance,
                    near_the_goal=drawn.near,
                    failure_probability=perturbed.failure_probability(design, parameters.n, parameters.M),
                    failed=drawn.failed,
                )
            )
    return tuple(rows)
