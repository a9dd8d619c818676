"""Uncertainty: intervals for an accuracy and paired tests between two systems."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

CHUNK = 500  # bootstrap draws at a time


def wilson(correct: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval for a proportion (Wilson 1927), through SciPy."""
    from scipy.stats import binomtest

    interval = binomtest(correct, total).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def mcnemar(first: Sequence[bool], second: Sequence[bool]) -> float:
    """Two-sided p-value of McNemar's exact test on the same questions (McNemar 1947): 1 if the systems never differ."""
    from scipy.stats import binomtest

    only_first = sum(bool(a) and not b for a, b in zip(first, second, strict=True))
    only_second = sum(bool(b) and not a for a, b in zip(first, second, strict=True))
    differing = only_first + only_second
    return float(binomtest(only_first, differing).pvalue) if differing else 1.0


def permutation(first_Q: Float[np.ndarray, "questions"], second_Q: Float[np.ndarray, "questions"]) -> float:
    """Two-sided p-value of the mean difference when a question's two values are swapped at random, through SciPy.

    The values are a question's means over the seeds, so the test speaks of other questions, for these seeds.
    """
    from scipy.stats import permutation_test

    if len(first_Q) < 2:
        return 1.0  # one question can be swapped in two ways, which says nothing

    def statistic(first: np.ndarray, second: np.ndarray, axis: int = -1) -> np.ndarray:
        return np.asarray((second - first).mean(axis=axis))

    generator = np.random.default_rng(0)
    options = {"permutation_type": "samples", "vectorized": True, "n_resamples": 9_999, "batch": 500}
    return float(permutation_test((first_Q, second_Q), statistic, rng=generator, **options).pvalue)


def bootstrap(
    values_SQ: Float[np.ndarray, "seeds questions"], *, draws: int = 10_000, confidence: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Percentile interval of the mean when seeds and questions are drawn again, each with replacement.

    The values are 1 and 0 for right and wrong, or the differences of two systems on the same questions. Both factors
    are resampled independently (the pigeonhole bootstrap, Owen 2007), so the interval speaks of other seeds and of
    other questions.
    """
    generator = np.random.default_rng(seed)
    seeds, questions = values_SQ.shape
    means = []
    for first in range(0, draws, CHUNK):  # 100,000 questions fit into memory
        size = min(CHUNK, draws - first)
        weight_DS = generator.multinomial(seeds, np.full(seeds, 1 / seeds), size=size)
        weight_DQ = generator.multinomial(questions, np.full(questions, 1 / questions), size=size)
        means.append(((weight_DS @ values_SQ) * weight_DQ).sum(axis=1) / (seeds * questions))
    means_D = np.concatenate(means)
    tail = (1 - confidence) / 2
    low, high = np.quantile(means_D, [tail, 1 - tail])
    return float(low), float(high)
