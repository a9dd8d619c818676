"""What a claim is, and how closed forms are evaluated.

A deviation is the largest absolute difference between the measured value and what algebra (SymPy, in `closed_forms`) or
a bound says; for a bound it is how far the measured value exceeds it, at most 0 (up to rounding) if the bound holds.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import sympy as sp
import torch

from closedbook.attention_lab.setting import Parameters, generator, orthonormal

Verdict = Literal["right", "right_with_corrections", "wrong"]


@dataclass(frozen=True)
class Claim:
    """The result of one claim.

    Args:
        name: As on the command line.
        part: Of the seed's part 1.
        statement: What is claimed, in a sentence.
        construction: The vectors and matrices as data, so that a user can change them.
        closed_form: The formula or bound, and its value at the parameters.
        measured: What attention gives, in float64.
        deviation: The largest deviation between the two.
        is_bound: Whether the closed form is a bound.
        verdict: On the seed.
        why: A sentence for the verdict.
    """

    name: str
    part: str
    statement: str
    construction: dict[str, Any]
    closed_form: dict[str, Any]
    measured: dict[str, Any]
    deviation: float
    is_bound: bool
    verdict: Verdict
    why: str

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def evaluate(expression: sp.Expr, parameters: Parameters, **more: float) -> float:
    """A closed form at the parameters, in 50 digits: exp(M) at M = 1e4 is far outside float64, its ratios are not."""
    values = {"M": parameters.M, "n": parameters.n, "beta": parameters.beta, **more}
    rational = {symbol: sp.Rational(str(values[symbol.name])) for symbol in expression.free_symbols}
    return float(sp.N(expression.subs(rational), 50))


def orthonormal_setting(parameters: Parameters) -> tuple[torch.Tensor, torch.Tensor]:
    """Orthonormal keys (the first is a, the second b) and orthonormal values."""
    source = generator(parameters)
    return orthonormal(parameters.n, parameters.d, source), orthonormal(parameters.n, parameters.d, source)
