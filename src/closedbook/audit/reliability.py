"""How far a confidence can be believed: whether it tells right from wrong, and whether it is a probability.

- *AUROC*: probability that a right answer has more confidence than a wrong one.
- *Expected calibration error*: mean distance between confidence and share of right answers over equally wide bins,
  weighted by their size (Naeini et al. 2015; Guo et al. 2017, section 2).
- *Brier score*: mean squared distance between confidence and outcome (Brier 1950).
- *Risk-coverage curve*: error among the answers that are left when the least sure are dropped (El-Yaniv and Wiener
  2010); its area is the mean error over all coverages. Answers of equal confidence count as one group.
"""

import dataclasses
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from closedbook.audit.settings import Signal
from closedbook.evaluation.metrics import Estimate

BINS = 10
DRAWS = 500
POINTS = 101  # of a curve that is kept


@dataclass(frozen=True, kw_only=True)
class Bin:
    """A bar of a reliability diagram: answers with a confidence in [low, high)."""

    low: float
    high: float
    confidence: float
    right: int
    total: int


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """How far one signal can be believed."""

    questions: int  # for which it is a number
    mean: float  # of it
    auroc: Estimate  # whether it tells right from wrong
    calibration_error: float  # expected calibration error
    brier: float  # Brier score
    bins: tuple[Bin, ...]  # of the reliability diagram
    area_under_risk_coverage: float  # mean error over all coverages
    least_possible_area: float  # the same for a signal that ranks every right answer above every wrong one
    curve: tuple[tuple[float, float], ...]  # coverage and error, some hundred points


def auroc(right: np.ndarray, signal: np.ndarray, *, seed: int = 0) -> Estimate:
    """AUROC with a 95 % interval, None where all answers are right or all wrong.

    The interval is a bootstrap over questions. Where the signal parts right from wrong without an exception, no draw
    has one either; then the bound is what as many successes in a row as there are answers of the rarer kind say of
    their probability (Clopper and Pearson 1934).
    """
    if right.all() or not right.any():
        return Estimate()
    found = bootstrapped(mann_whitney, right, signal, draws=DRAWS, seed=seed)
    assert found.value is not None
    bound = 0.025 ** (1 / min(int(right.sum()), int((~right).sum())))
    if found.value == 1:
        return dataclasses.replace(found, low=bound)
    return dataclasses.replace(found, high=1 - bound) if found.value == 0 else found


def bootstrapped(
    statistic: Callable[..., np.ndarray], first: np.ndarray, second: np.ndarray, *, draws: int, seed: int
) -> Estimate:
    """A statistic of pairs with a 95 % bootstrap interval over them."""
    from scipy.stats import DegenerateDataWarning, bootstrap

    with warnings.catch_warnings():
        # a resample may hold one value alone where nearly all are equal: it gives nan, left out below
        warnings.simplefilter("ignore", DegenerateDataWarning)
        resampled = bootstrap(
            (first, second),
            statistic,
            paired=True,
            vectorized=True,
            n_resamples=draws,
            batch=max(2_000_000 // len(first), 1),
            method="percentile",
            rng=np.random.default_rng(seed),
        )
    low, high = np.nanquantile(resampled.bootstrap_distribution, [0.025, 0.975])
    return Estimate(value=float(statistic(first, second)), low=float(low), high=float(high))


def mann_whitney(right: np.ndarray, signal: np.ndarray, axis: int = -1) -> np.ndarray:
    """The Mann-Whitney statistic over the number of pairs, along an axis; nan where one side is empty."""
    from scipy.stats import rankdata

    ranks = rankdata(signal, axis=axis)
    positive = right.sum(axis=axis)
    pairs = positive * (right.shape[axis] - positive)
    above = (ranks * right).sum(axis=axis) - positive * (positive + 1) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(pairs > 0, above / pairs, np.nan))


def reliability(right: np.ndarray, signal: np.ndarray, bins: int = BINS) -> tuple[Bin, ...]:
    """The bins of a reliability diagram that hold answers."""
    number = np.minimum((signal * bins).astype(int), bins - 1)
    return tuple(
        Bin(
            low=index / bins,
            high=(index + 1) / bins,
            confidence=float(signal[inside].mean()),
            right=int(right[inside].sum()),
            total=int(inside.sum()),
        )
        for index in range(bins)
        if (inside := number == index).any()
    )


def calibration_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error of a reliability diagram."""
    total = sum(bar.total for bar in bins)
    return float(sum(abs(bar.right - bar.confidence * bar.total) for bar in bins) / total)


def risk_coverage(right: np.ndarray, signal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coverages 1/n, ..., 1 and the error among the answers kept at each, surest first."""
    order = np.argsort(-signal, kind="stable")
    wrong, sure = (~right)[order].astype(float), signal[order]
    _, group, sizes = np.unique(-sure, return_inverse=True, return_counts=True)
    wrong = (np.bincount(group, weights=wrong) / sizes)[group]  # inside a group of equals the order is not known
    kept = np.arange(1, len(right) + 1)
    return kept / len(right), np.cumsum(wrong) / kept


def believe(right: np.ndarray, signal: np.ndarray, *, seed: int = 0) -> Reliability | None:
    """All of the above for one signal; questions for which it is not a number are left out, None if all are."""
    from sklearn.metrics import brier_score_loss

    there = ~np.isnan(signal)
    right, signal = right[there], signal[there]
    if not len(right):
        return None
    bins = reliability(right, signal)
    coverage, risk = risk_coverage(right, signal)
    ideal = np.sort(~right)
    shown = np.unique(np.linspace(0, len(right) - 1, POINTS).astype(int))
    return Reliability(
        questions=len(right),
        mean=float(signal.mean()),
        auroc=auroc(right, signal, seed=seed),
        calibration_error=calibration_error(bins),
        brier=float(brier_score_loss(right, signal)),
        bins=bins,
        area_under_risk_coverage=float(risk.mean()),
        least_possible_area=float((np.cumsum(ideal) / np.arange(1, len(ideal) + 1)).mean()),
        curve=tuple((float(coverage[index]), float(risk[index])) for index in shown),
    )


def winner(signals: Mapping[Signal, Reliability]) -> Signal | None:
    """The signal with the largest AUROC, None where none has one."""
    most = max((signal.questions for signal in signals.values()), default=0)  # compared on the same questions
    scored = {name: signal.auroc.value for name, signal in signals.items() if signal.questions == most}
    known = {name: value for name, value in scored.items() if value is not None}
    return max(known.items(), key=lambda pair: pair[1])[0] if known else None
