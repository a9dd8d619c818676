"""How figures are written."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from closedbook.errors import interval

if TYPE_CHECKING:
    from closedbook.evaluation.metrics import Estimate, Proportion


def percents(shares: Sequence[float]) -> str:
    """`22.2 23.4`."""
    return " ".join(f"{100 * share:.1f}" for share in shares)


def shares(estimate: "Estimate | Proportion") -> str:
    """The interval of a share, `18.8 to 26.0 %`, or a dash."""
    return "-" if estimate.low is None or estimate.high is None else interval((estimate.low, estimate.high))


def bounds(estimate: "Estimate", form: str = ".3f") -> str:
    """The interval of another number, `0.188 to 0.260`, or a dash."""
    known = estimate.low is not None and estimate.high is not None
    return f"{estimate.low:{form}} to {estimate.high:{form}}" if known else "-"


def points(difference: float) -> str:
    """`+1.2`: a difference in points."""
    return f"{100 * difference:+.1f}"


def points_interval(bounds: tuple[float, float]) -> str:
    """`-0.3 to +2.7`."""
    return f"{points(bounds[0])} to {points(bounds[1])}"


def p_value(value: float) -> str:
    """`0.012`, or `< 0.001`."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def p_values(values: Sequence[float]) -> str:
    """`0.012 < 0.001`."""
    return " ".join(map(p_value, values))


def thousands(value: float) -> str:
    """`12,345`."""
    return f"{value:,.0f}"


def mebibytes(size: int) -> str:
    """`12.3 MiB`."""
    return f"{size / 2**20:.1f} MiB"


def decimals(value: float | None, digits: int = 2) -> str:
    """`1.23`, or a dash for None."""
    return "-" if value is None else f"{value:.{digits}f}"


def mean(counts: Sequence[int]) -> str:
    """`1,110`; the mean of several, with one decimal where it is not whole."""
    value = sum(counts) / len(counts)
    return f"{value:,.{0 if value == int(value) else 1}f}"


def mean_correct(correct: Sequence[int], total: int) -> str:
    """`111/500`, the mean over the seeds."""
    return f"{mean(correct)}/{total:,}"
