"""Claim e, learned rather than constructed: gradient descent on Q, K, V, and on what may be added to x_2.

Tokens are written in the orthonormal basis u_a, u_b, u_c, u_d over beta; all matrices act on the span of the four.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor

from closedbook.attention_lab.setting import attend
from closedbook.training.parallel import one_thread

A, B, C, D = range(4)


def tokens(beta: float, added_to_x2: Float64[Tensor, "4"] | None = None) -> Float64[Tensor, "3 4"]:
    """x_1 = u_d + u_b, x_2 = u_a, x_3 = u_c + u_b in the basis u / beta."""
    x = torch.zeros(3, 4, dtype=torch.float64)
    x[0, D] = x[0, B] = x[1, A] = x[2, C] = x[2, B] = beta
    if added_to_x2 is not None:
        x = x.clone()
        x[1] = x[1] + beta * added_to_x2
    return x


def goals(beta: float) -> Float64[Tensor, "2 4"]:
    """c_1 = u_b - u_c and c_2 = u_b."""
    c = torch.zeros(2, 4, dtype=torch.float64)
    c[0, B], c[0, C], c[1, B] = beta, -beta, beta
    return c


def self_attend(
    x: Float64[Tensor, "3 4"], query: Tensor | None = None, key: Tensor | None = None, value: Tensor | None = None
) -> tuple[Float64[Tensor, "3 3"], Float64[Tensor, "3 4"]]:
    """Weights and outputs of all three tokens; a matrix that is not given is the identity."""
    q, k, v = (x if matrix is None else x @ matrix.T for matrix in (query, key, value))
    return attend(q, k.expand(3, 3, 4), v.expand(3, 3, 4))


def constructed(printed: bool) -> dict[str, Float64[Tensor, "4 4"]]:
    """The assignment's Q, K, V in the basis u / beta: Q as derived, or as printed at the end."""
    query, value = (torch.zeros(4, 4, dtype=torch.float64) for _ in range(2))
    value[B, B], value[C, C] = 1.0, -1.0
    for left, right in [(D, D), (C, C)] if printed else [(D, A), (C, D)]:
        query[left, right] = 1.0
    return {"query": query, "key": torch.eye(4, dtype=torch.float64), "value": value}


def relative_errors(beta: float, matrices: dict[str, Tensor]) -> tuple[float, float]:
    """Errors of c_1 and c_2 over the norms of their goals."""
    _, c = self_attend(tokens(beta), **matrices)
    aim = goals(beta)
    errors = (c[:2] - aim).norm(dim=1) / aim.norm(dim=1)
    return float(errors[0]), float(errors[1])


@dataclass(frozen=True)
class Descent:
    """One gradient descent from random Q, K, V.

    Args:
        seed: Of the initial matrices.
        losses: Squared error over beta^2, every tenth step.
        score_table: u_i' K' Q u_j / beta^2: how a key part u_i answers a query part u_j, rows i, columns j in a..d.
        value_table: u_i' V u_j / beta^2.
        attention: The weights of x_1 and x_2 on x_1, x_2, x_3.
        errors: Of c_1 and c_2 over the norms of their goals.
        structure: Whether x_1 looks at x_3 and x_2 at x_1, each with more than nine tenths, and V turns x_1 and x_3
            into u_b and u_b - u_c within a tenth: what the derivation's Q, K, V do to the tokens.
    """

    seed: int
    losses: list[float]
    score_table: list[list[float]]
    value_table: list[list[float]]
    attention: list[list[float]]
    errors: tuple[float, float]
    structure: bool


@one_thread()
def descend(beta: float, seed: int, steps: int = 1500, rate: float = 0.02) -> Descent:
    """Adam on Q, K and V, from N(0, 0.3) entries."""
    source = torch.Generator().manual_seed(seed)
    names = ("query", "key", "value")
    matrices = {
        name: (0.3 * torch.randn(4, 4, dtype=torch.float64, generator=source)).requires_grad_() for name in names
    }
    optimizer = torch.optim.Adam(matrices.values(), lr=rate)
    x, aim, losses = tokens(beta), goals(beta), []
    for step in range(steps):
        _, c = self_attend(x, **matrices)
        loss = (c[:2] - aim).square().sum() / beta**2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 10 == 0:
            losses.append(loss.item())
    learned = {name: matrix.detach() for name, matrix in matrices.items()}
    weight, _ = self_attend(x, **learned)
    values = x @ learned["value"].T / beta
    aimed = (float((values[0] - goals(1.0)[1]).norm()), float((values[2] - goals(1.0)[0]).norm()))
    return Descent(
        seed=seed,
        losses=losses,
        score_table=(learned["key"].T @ learned["query"]).tolist(),
        value_table=learned["value"].tolist(),
        attention=weight[:2].tolist(),
        errors=relative_errors(beta, learned),
        structure=float(weight[0, 2]) > 0.9 and float(weight[1, 0]) > 0.9 and max(aimed) < 0.1,
    )


@dataclass(frozen=True)
class Search:
    """The best addition to x_2 without Q, K, V.

    Args:
        added: Its coefficients on u_a, u_b, u_c, u_d.
        distance: norm(c_2 - u_b) / beta.
        weights: The weights of x_2 on x_1, x_2, x_3.
    """

    added: list[float]
    distance: float
    weights: list[float]


def search(beta: float, free: tuple[int, ...], seed: int, starts: int = 8) -> Search:
    """Minimises norm(c_2 - u_b) over the coefficients in `free`, by L-BFGS from random starts."""
    source = torch.Generator().manual_seed(seed)
    reached = [
        _search_from(1.5 * torch.randn(len(free), dtype=torch.float64, generator=source), beta, free)
        for _ in range(starts)
    ]
    return min((end for end in reached if math.isfinite(end.distance)), key=lambda end: end.distance)


def _search_from(start: Tensor, beta: float, free: tuple[int, ...]) -> Search:
    coefficients = start.requires_grad_()
    optimizer = torch.optim.LBFGS([coefficients], max_iter=200, line_search_fn="strong_wolfe")

    def output(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        added = torch.zeros(4, dtype=torch.float64).index_put((torch.tensor(free),), values)
        weight, c = self_attend(tokens(beta, added))
        return added, weight[1], (c[1] - goals(beta)[1]).norm() / beta

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = output(coefficients)[2]
        loss.backward()
        return loss

    optimizer.step(closure)
    added, weight, distance = output(coefficients.detach())
    return Search(added.tolist(), float(distance), weight.tolist())
