"""Popularity: what a model knows of what is much looked up, and of what hardly anyone asks for.

Where facts carry a popularity (PopQA's `s_pop`, page views of the subject in a month; Mallen et al. 2023, arXiv
2212.10511), accuracy is told by bins of it, and by its rank correlation (Spearman 1904) with right answers and with
confidence. A confidence that falls with popularity as accuracy does knows where its knowledge ends.
"""

from dataclasses import dataclass

import numpy as np

from closedbook.audit.reliability import bootstrapped
from closedbook.audit.settings import Signal
from closedbook.audit.signals import Evidence
from closedbook.evaluation.metrics import Estimate, Proportion, proportion

LEAST = 10  # facts with a popularity, to say anything
BINS = 5
DRAWS = 1000


@dataclass(frozen=True, kw_only=True)
class PopularityBin:
    """Facts of like popularity.

    Args:
        low: The least popularity among them.
        middle: The median.
        high: The largest.
        right: Right answers.
        confidence: Mean of the leading signal, None where it is not known.
    """

    low: float
    middle: float
    high: float
    right: Proportion
    confidence: float | None


@dataclass(frozen=True, kw_only=True)
class Popularity:
    """Recall by how popular the subjects are.

    Args:
        facts: Facts that carry a popularity.
        signal: The leading signal, None without any.
        bins: Quantile bins, the least popular first; facts of equal popularity stand in one.
        with_right: Spearman's correlation of popularity with right (1) and wrong (0), with a bootstrap 95 % interval
            over facts; None where one of them does not vary.
        with_confidence: The same with the leading signal.
    """

    facts: int
    signal: Signal | None
    bins: tuple[PopularityBin, ...]
    with_right: Estimate
    with_confidence: Estimate


def popularity(evidence: Evidence, *, seed: int = 0) -> Popularity | None:
    """Accuracy and confidence by popularity, None where fewer than ten facts carry one.

    Args:
        evidence: What asking gave.
        seed: Of the bootstrap.
    """
    known = np.array([fact.popularity is not None for fact in evidence.facts], dtype=bool)
    if known.sum() < LEAST:
        return None
    values = np.array([fact.popularity for fact in evidence.facts if fact.popularity is not None], dtype=np.float64)
    right = evidence.right[known]
    confidence = evidence.sure[known]
    there = ~np.isnan(confidence)
    numbers = quantile_bins(values)
    places = [numbers == number for number in np.unique(numbers)]
    return Popularity(
        facts=len(values),
        signal=evidence.leading,
        bins=tuple(_bin(values[inside], right[inside], confidence[inside]) for inside in places),
        with_right=rank_correlation(values, right.astype(np.float64), seed=seed),
        with_confidence=rank_correlation(values[there], confidence[there], seed=seed),
    )


def quantile_bins(values: np.ndarray, bins: int = BINS) -> np.ndarray:
    """The number of each value's bin: bins hold about as many values each, and equal values stand in one bin."""
    edges = np.quantile(values, np.arange(1, bins) / bins, method="higher")
    return np.searchsorted(np.unique(edges), values, side="right")


def rank_correlation(first: np.ndarray, second: np.ndarray, *, seed: int = 0) -> Estimate:
    """Spearman's rank correlation with a percentile bootstrap 95 % interval over the pairs.

    None where there are fewer than ten pairs, or one of the two does not vary.
    """
    if len(first) < LEAST or np.ptp(first) == 0 or np.ptp(second) == 0:
        return Estimate()
    return bootstrapped(_spearman, first, second, draws=DRAWS, seed=seed)


def _spearman(first: np.ndarray, second: np.ndarray, axis: int = -1) -> np.ndarray:
    """Pearson's correlation of the ranks along an axis, equal values sharing theirs; nan where one does not vary."""
    from scipy.stats import rankdata

    ranks = [rankdata(values, axis=axis) for values in (first, second)]
    one, other = (rank - rank.mean(axis=axis, keepdims=True) for rank in ranks)
    scale = np.sqrt((one**2).sum(axis=axis) * (other**2).sum(axis=axis))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(scale > 0, (one * other).sum(axis=axis) / scale, np.nan))


def _bin(values: np.ndarray, right: np.ndarray, confidence: np.ndarray) -> PopularityBin:
    there = confidence[~np.isnan(confidence)]
    return PopularityBin(
        low=float(values.min()),
        middle=float(np.median(values)),
        high=float(values.max()),
        right=proportion(int(right.sum()), len(right)),
        confidence=float(there.mean()) if len(there) else None,
    )
