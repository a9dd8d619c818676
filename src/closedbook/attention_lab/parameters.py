"""What a user of the lab can turn; free of torch."""

import math
from dataclasses import dataclass

from closedbook.errors import UserError

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
