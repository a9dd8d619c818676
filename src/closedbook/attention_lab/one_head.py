"""The best that one head can do against the perturbed key, and what two heads buy (parts c.ii and d.ii).

Within the assignment's form of the query, M (mu_a + mu_b), one head is fragile at every M. Descent over the query
itself finds another form that is not: it does not attract a and b but repels the others.

All at alpha = 0, by quadrature over eps; values orthonormal; the goal is the mean of v_a and v_b.
"""

from dataclasses import dataclass

import torch

from closedbook.attention_lab import perturbed
from closedbook.attention_lab.parameters import Parameters
from closedbook.attention_lab.perturbed import Design
from closedbook.attention_lab.setting import weights
from closedbook.training.parallel import one_thread


@dataclass(frozen=True)
class OneHead:
    """What the best single head reaches.

    Args:
        scale: The M of q = M (mu_a + mu_b) that minimises E norm(c - goal)^2.
        error: That minimum.
        descended_query: Coefficients of the best q on mu_1, ..., mu_n, by gradient descent over all of them.
        descended_error: Its error.
        repelling_error: Error of q = -M (mu_3 + ... + mu_n) at the parameters' M, the form that descent finds.
        two_heads_scale: The best M of q_1 = M mu_a, q_2 = M mu_b.
        two_heads_error: Its error.
        tolerated: Variance of eps at which two heads make the error that the best single head makes at 1/2.
    """

    scale: float
    error: float
    descended_query: list[float]
    descended_error: float
    repelling_error: float
    two_heads_scale: float
    two_heads_error: float
    tolerated: float


@one_thread()
def best_one_head(parameters: Parameters, steps: int = 800) -> OneHead:
    """Minimises over M, and, as a check that needs no form of q, over q itself by Adam."""
    one, two = Design((2,)), Design((1, 1))
    scale, error = perturbed.best_scale(one, parameters.n)
    eps_R, mass_R = perturbed.quadrature()
    aim_N = perturbed.goal(one, parameters.n)
    generator = torch.Generator().manual_seed(parameters.seed)
    query_N = torch.randn(parameters.n, dtype=torch.float64, generator=generator).requires_grad_()
    optimizer = torch.optim.Adam([query_N], lr=0.05)

    def expected() -> torch.Tensor:
        factor_RN = torch.ones(len(eps_R), parameters.n, dtype=torch.float64)
        factor_RN[:, 0] = eps_R
        return (mass_R * (weights(factor_RN * query_N) - aim_N).square().sum(dim=1)).sum()

    for _ in range(steps):
        optimizer.zero_grad()
        loss = expected()
        loss.backward()
        optimizer.step()
    two_scale, two_error = perturbed.best_scale(two, parameters.n)
    return OneHead(
        scale=scale,
        error=error,
        descended_query=query_N.detach().tolist(),
        descended_error=float(expected().detach()),
        repelling_error=perturbed.repelling_error(parameters.n, parameters.M),
        two_heads_scale=two_scale,
        two_heads_error=two_error,
        tolerated=perturbed.tolerated_variance(two, parameters.n, error),
    )
