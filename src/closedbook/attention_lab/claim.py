"""What is known of a claim: what was built, what algebra says, what attention gives, and a verdict.

Texts hold formulas between backticks, in the notation that `notation` typesets. A deviation is the largest absolute
difference between what is measured and what algebra (SymPy, in `closed_forms`) says; for a bound it is how far the
measured value exceeds it, at most 0 (up to rounding) where the bound holds.
"""

from dataclasses import asdict, dataclass, field
from typing import Any, Generic, Literal, TypeVar

import sympy as sp
import torch

from closedbook.attention_lab.parameters import Parameters
from closedbook.attention_lab.setting import generator, orthonormal

Verdict = Literal["right", "right_with_corrections", "wrong"]
Value = float | tuple[float, ...]
Matrix = list[list[float]]
Row = TypeVar("Row")
ROUNDING = 1e-12  # a measured value may exceed its bound by this


@dataclass(frozen=True)
class Quantity:
    """One thing that is measured, beside its formula.

    Args:
        name: As in `claims.json`.
        text: For readers, formulas between backticks.
        form: The closed form or bound, in the notation; empty where there is none.
        expected: Its value at the parameters.
        measured: What attention gives, in float64.
    """

    name: str
    text: str
    form: str = ""
    expected: Value | None = None
    measured: Value | None = None


@dataclass(frozen=True, kw_only=True)
class ClaimResult(Generic[Row]):
    """The result of one claim.

    Args:
        name: As on the command line.
        part: Of the assignment's part 1.
        statement: What is claimed, in a sentence.
        construction: The query, or what else is built, in a sentence.
        matrices: All vectors and matrices, so that a user can change them.
        quantities: What is measured at the parameters.
        rows: What is measured along a grid.
        deviation: The largest deviation of measured values.
        is_bound: Whether the closed forms are bounds.
        verdict: On the solved assignment.
        why: A sentence for the verdict.
    """

    name: str
    part: str
    statement: str
    construction: str
    matrices: dict[str, Matrix] = field(default_factory=dict)
    quantities: tuple[Quantity, ...]
    rows: tuple[Row, ...] = ()
    deviation: float
    is_bound: bool = False
    verdict: Verdict
    why: str

    @property
    def agreement(self) -> str:
        """The deviation in words or digits."""
        if not self.is_bound:
            return f"{self.deviation:.1e}"
        return "within the bound" if self.deviation < ROUNDING else f"bound + {self.deviation:.1e}"

    def quantity(self, name: str) -> Quantity:
        """The quantity of that name."""
        return next(quantity for quantity in self.quantities if quantity.name == name)

    def to_json(self) -> dict[str, Any]:
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
