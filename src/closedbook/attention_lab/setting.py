"""The setting that the claims share: parameters, orthonormal keys and values, and attention over them in float64.

Axes: N keys, D dimensions, R draws, H heads.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor

from closedbook.errors import UserError
from closedbook.model.attention import hide

LARGEST = 1e4  # of M, and of beta squared: beyond it the weights are 0 and 1 in float64 anyway


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """What a user can turn.

    Args:
        n: Number of keys, at least 3 (a, b and another).
        d: Dimensions; orthonormal keys need at least n.
        M: Size of the query.
        beta: Norm of u_a, ..., u_d in the self-attention claims.
        alpha: Variance of the isotropic noise on the keys.
        draws: Monte-Carlo draws.
        seed: Of all draws.
    """

    n: int = 8
    d: int = 16
    M: float = 10.0
    beta: float = 3.0
    alpha: float = 0.0
    draws: int = 100_000
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("M", "beta", "alpha"):
            if not math.isfinite(getattr(self, name)):
                raise UserError(f"--{name} must be a finite number.")
        checks = {
            f"--n {self.n}: needs at least 3 keys, a, b and another.": self.n >= 3,
            f"--d {self.d}: {self.n} orthonormal keys need at least {self.n} dimensions.": self.d >= self.n,
            f"--M {self.M:g}: must be above 0 and at most {LARGEST:g}.": 0 < self.M <= LARGEST,
            f"--beta {self.beta:g}: must be above 0 and at most {math.sqrt(LARGEST):g}.": 0 < self.beta**2 <= LARGEST,
            f"--alpha {self.alpha:g}: a variance cannot be negative.": self.alpha >= 0,
            f"--draws {self.draws}: needs at least 100.": self.draws >= 100,
            f"--seed {self.seed}: must not be negative.": self.seed >= 0,
        }
        for sentence, holds in checks.items():
            if not holds:
                raise UserError(sentence)


@contextmanager
def one_thread() -> Iterator[None]:
    """What runs inside, or in a function that is decorated with it, has one thread.

    Tensors as small as the lab's gain nothing from more, and beside another busy program threads that wait for each
    other lose much (measured on 2 busy cores: 300 steps of a task take 1.1 s with one thread and 21 to 60 s with two).
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def generator(parameters: Parameters) -> torch.Generator:
    """A generator seeded by the parameters."""
    return torch.Generator().manual_seed(parameters.seed)


def orthonormal(rows: int, dimensions: int, source: torch.Generator) -> Float64[Tensor, "rows dimensions"]:
    """Random orthonormal rows."""
    gauss = torch.randn(dimensions, rows, dtype=torch.float64, generator=source)
    return torch.linalg.qr(gauss).Q.T


def weights(scores: Float64[Tensor, "*batch keys"]) -> Float64[Tensor, "*batch keys"]:
    """Softmax of the scores: the function that the models' attention uses, with nothing hidden."""
    return hide(scores, torch.zeros((), dtype=torch.bool)).softmax(dim=-1)


def attend(
    query_D: Float64[Tensor, "*batch dimensions"],
    keys_ND: Float64[Tensor, "*batch keys dimensions"],
    values_NV: Float64[Tensor, "*batch keys values"],
) -> tuple[Float64[Tensor, "*batch keys"], Float64[Tensor, "*batch values"]]:
    """Alpha = softmax(K q) and c = sum alpha_i v_i."""
    alpha_N = weights((keys_ND @ query_D[..., None])[..., 0])
    return alpha_N, (alpha_N[..., None, :] @ values_NV)[..., 0, :]
