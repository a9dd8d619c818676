"""The verdict in SimpleQA's terms (Wei et al. 2024, section 3): correct, wrong, not attempted, and what follows.

With c, w and n the shares of the three: *correct given attempted* is c / (c + w); the *F-score* is the harmonic mean of
c and that; the *score under a confidence target t* gives 1 for a correct answer, 0 for "I don't know" and -t / (1 - t)
for a wrong one, so that answering pays where one is right with a probability above t (Kalai et al. 2025, section 4).

All of them are functions of the three shares, so an interval comes from drawing the shares from their posterior under
Jeffreys' prior, a Dirichlet distribution with the counts plus one half: unlike the bootstrap it has a width where all
answers are right. An interval always includes the value itself.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from closedbook.evaluation.metrics import Estimate, Proportion, proportion

TARGETS = (0.5, 0.75, 0.9)
DRAWS = 10_000


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Counts, shares and scores."""

    total: int  # questions
    correct: int  # right answers
    wrong: int  # wrong answers
    not_attempted: int  # neither
    correct_share: Proportion  # of all questions
    correct_given_attempted: Proportion  # of the answers
    f_score: Estimate  # harmonic mean of the two
    score_under_target: dict[str, Estimate]  # by target, as text


def verdict(right: np.ndarray, attempted: np.ndarray, *, seed: int = 0) -> Verdict:
    """Counts, shares and scores, each score with a 95 % interval.

    Args:
        right: Whether each answer is an accepted one.
        attempted: Whether it is given at all; an answer that is not is not right either.
        seed: Of the draws.
    """
    total, correct, wrong = len(right), int((right & attempted).sum()), int((attempted & ~right).sum())
    counts = np.array([correct, wrong, total - correct - wrong], dtype=np.float64)
    draws_D3 = np.random.default_rng(seed).dirichlet(counts + 0.5, size=DRAWS) * total

    def scored(score: Callable[[np.ndarray], np.ndarray]) -> Estimate:
        value = float(score(counts[None])[0])
        low, high = np.quantile(score(draws_D3), [0.025, 0.975])
        return Estimate(value=value, low=min(float(low), value), high=max(float(high), value))

    return Verdict(
        total=total,
        correct=correct,
        wrong=wrong,
        not_attempted=total - correct - wrong,
        correct_share=proportion(correct, total),
        correct_given_attempted=proportion(correct, correct + wrong),
        f_score=scored(f_score),
        score_under_target={str(target): scored(target_score(target)) for target in TARGETS},
    )


def f_score(counts_D3: np.ndarray) -> np.ndarray:
    """Harmonic mean of correct and correct given attempted: 2 c / (2 c + 2 w + n) in counts."""
    correct, wrong, none = counts_D3[:, 0], counts_D3[:, 1], counts_D3[:, 2]
    return 2 * correct / np.maximum(2 * correct + 2 * wrong + none, 1)


def target_score(target: float) -> Callable[[np.ndarray], np.ndarray]:
    """Mean of 1 for correct, -t / (1 - t) for wrong, 0 for not attempted."""

    def score(counts_D3: np.ndarray) -> np.ndarray:
        return (counts_D3[:, 0] - target / (1 - target) * counts_D3[:, 1]) / counts_D3.sum(axis=1)

    return score
