"""Claims c.ii and d.ii: k_a = eps mu_a with eps ~ N(1, 1/2), seen by one head, two heads, h heads.

A head looks at a group G of g of the m targets, with q = M sum_{t in G} mu_t, and c is the mean of its heads, each
weighted by its share of the targets: the aim is the mean of the m target values. Values are orthonormal, so that c is
the vector of weights and variances and errors are sums over keys.

At alpha = 0 everything depends on eps alone: the weight on v_a in the head that looks at a has the logit
eps M - ln((g - 1) e^M + n - g), which is normal (for g = 2: mean M - ln(e^M + n - 2), variance M^2 / 2).

Axes: R draws or quadrature nodes, N keys, H heads.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from jaxtyping import Float64
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import norm
from torch import Tensor

from closedbook.attention_lab.parameters import Parameters
from closedbook.attention_lab.setting import generator, weights

EPS_MEAN, EPS_VARIANCE = 1.0, 0.5
NODES = 4001  # of the quadrature, over eight standard deviations either way


@dataclass(frozen=True)
class Design:
    """How targets are shared out: `sizes[0]` targets, a among them, to the first head, and so on."""

    sizes: tuple[int, ...]

    @property
    def targets(self) -> int:
        return sum(self.sizes)

    @classmethod
    def of(cls, heads: int, targets: int) -> "Design":
        """`targets` shared out over `heads` as evenly as can be."""
        return cls(tuple(targets // heads + (head < targets % heads) for head in range(heads)))


def logit_moments(design: Design, n: int, M: float, alpha: float = 0.0) -> tuple[float, float]:
    """Mean and variance of the logit of the weight on v_a in the head that looks at a.

    Exact at alpha = 0; otherwise the variance adds 2 g M^2 alpha, right for two keys that share the weight.
    """
    g = design.sizes[0]
    rest = np.logaddexp(math.log(g - 1) + M if g > 1 else -math.inf, math.log(n - g))
    return EPS_MEAN * M - float(rest), EPS_VARIANCE * M * M + 2 * g * M * M * alpha


def failure_threshold(design: Design, n: int, M: float) -> float:
    """The eps below which the head that looks at a gives it less than half of its due, 1 / (2 g)."""
    g = design.sizes[0]
    rest = np.logaddexp(math.log(g - 1) + M if g > 1 else -math.inf, math.log(n - g))
    return float(rest - math.log(2 * g - 1)) / M


def failure_probability(design: Design, n: int, M: float) -> float:
    """P(eps < threshold); for one target ln(n - 1) / M."""
    return float(norm.cdf(failure_threshold(design, n, M), EPS_MEAN, math.sqrt(EPS_VARIANCE)))


def head_weights(
    design: Design,
    n: int,
    M: float,
    eps_R: Float64[Tensor, "draws"],
    *,
    alpha: float = 0.0,
    source: torch.Generator | None = None,
) -> list[Float64[Tensor, "draws keys"]]:
    """Every head's weights on the n keys for every eps; the targets come first, a is key 0.

    With alpha > 0 every score of a head gets its own noise: (k_i - its mean) . q is N(0, alpha norm(q)^2), independent
    between keys, and between heads because their queries are orthogonal.
    """
    heads = []
    first = 0
    for size in design.sizes:
        scores_RN = torch.zeros(len(eps_R), n, dtype=torch.float64)
        scores_RN[:, first : first + size] = M
        if first == 0:
            scores_RN[:, 0] = M * eps_R
        if alpha > 0:
            noise_RN = torch.randn(scores_RN.shape, dtype=torch.float64, generator=source)
            scores_RN += M * math.sqrt(size * alpha) * noise_RN
        heads.append(weights(scores_RN))
        first += size
    return heads


def combine(design: Design, heads: list[Float64[Tensor, "draws keys"]]) -> Float64[Tensor, "draws keys"]:
    """The output c on orthonormal values: the heads' weights, each by its share of the targets."""
    total_RN = torch.zeros_like(heads[0])
    for size, weight_RN in zip(design.sizes, heads, strict=True):
        total_RN += weight_RN * (size / design.targets)
    return total_RN


@dataclass(frozen=True)
class Sample:
    """Monte-Carlo draws of one design.

    Args:
        eps_R: The factors of the norm of k_a.
        weight_R: The weight on v_a in the head that looks at a.
        total_variance: Trace of the covariance of c.
        near: Share of draws within 0.1 norm(v_a - v_b) of the goal.
        failed: Share of draws in which the head that looks at a fails.
    """

    eps_R: Float64[Tensor, "draws"]
    weight_R: Float64[Tensor, "draws"]
    total_variance: float
    near: float
    failed: float


def sample(design: Design, parameters: Parameters) -> Sample:
    """Draws eps and, with alpha > 0, the keys' noise."""
    source = generator(parameters)
    n, M, alpha = parameters.n, parameters.M, parameters.alpha
    normal_R = torch.randn(parameters.draws, dtype=torch.float64, generator=source)
    eps_R = EPS_MEAN + math.sqrt(EPS_VARIANCE) * normal_R
    heads = head_weights(design, n, M, eps_R, alpha=alpha, source=source)
    c_RN, weight_R = combine(design, heads), heads[0][:, 0]
    distance_R = (c_RN - goal(design, n)).norm(dim=1)
    return Sample(
        eps_R=eps_R,
        weight_R=weight_R,
        total_variance=float(c_RN.var(dim=0, correction=0).sum()),
        near=float((distance_R <= 0.1 * math.sqrt(2)).double().mean()),
        failed=float((weight_R < 1 / (2 * design.sizes[0])).double().mean()),
    )


def goal(design: Design, n: int) -> Float64[Tensor, "keys"]:
    """The mean of the target values."""
    c_N = torch.zeros(n, dtype=torch.float64)
    c_N[: design.targets] = 1 / design.targets
    return c_N


def quadrature(variance: float = EPS_VARIANCE) -> tuple[Float64[Tensor, "nodes"], Float64[Tensor, "nodes"]]:
    """Nodes and weights (summing to 1) for expectations over eps ~ N(1, variance), by the trapezoidal rule.

    On a smooth function that dies out at both ends the rule converges exponentially.
    """
    z_R = torch.linspace(-8.0, 8.0, NODES, dtype=torch.float64)
    mass_R = torch.exp(-z_R.square() / 2)
    return EPS_MEAN + math.sqrt(variance) * z_R, mass_R / mass_R.sum()


def expected_error(design: Design, n: int, M: float, variance: float = EPS_VARIANCE) -> float:
    """E norm(c - goal)^2 at alpha = 0, by quadrature."""
    eps_R, mass_R = quadrature(variance)
    error_R = (combine(design, head_weights(design, n, M, eps_R)) - goal(design, n)).square().sum(dim=1)
    return float((mass_R * error_R).sum())


def repelling_error(n: int, M: float) -> float:
    """norm(c - goal)^2 of one head that pushes the others away, q = -M (mu_3 + ... + mu_n): whatever eps is.

    k_a . q = eps mu_a . q = 0 = k_b . q, so the norm of k_a does not matter.
    """
    scores_N = torch.full((n,), -M, dtype=torch.float64)
    scores_N[:2] = 0.0
    return float((weights(scores_N) - goal(Design((2,)), n)).square().sum())


def total_variance(design: Design, n: int, M: float) -> float:
    """Trace of the covariance of c at alpha = 0, by quadrature."""
    eps_R, mass_R = quadrature()
    c_RN = combine(design, head_weights(design, n, M, eps_R))
    mean_N = mass_R @ c_RN
    return float((mass_R @ (c_RN - mean_N).square()).sum())


@cache
def best_scale(design: Design, n: int, variance: float = EPS_VARIANCE) -> tuple[float, float]:
    """The M that minimises the expected squared error, and that error."""
    grid = np.geomspace(0.05, 100.0, 40)  # brackets the minimum
    errors = [expected_error(design, n, float(M), variance) for M in grid]
    index = int(np.argmin(errors))
    low, high = grid[max(index - 1, 0)], grid[min(index + 1, len(grid) - 1)]
    found = minimize_scalar(lambda M: expected_error(design, n, M, variance), bounds=(low, high), method="bounded")
    return float(found.x), float(found.fun)


def tolerated_variance(design: Design, n: int, error: float) -> float:
    """The variance of eps at which the design, at its best M, makes that error."""

    def excess(logarithm: float) -> float:
        return math.log(best_scale(design, n, math.exp(logarithm))[1] / error)

    low, high = math.log(1e-3), math.log(1e3)
    if excess(low) > 0 or excess(high) < 0:
        return math.exp(low if excess(low) > 0 else high)
    return math.exp(float(brentq(excess, low, high, xtol=1e-9)))
