"""Abstention with a guarantee: below which confidence a model should say "I don't know".

Answering above a threshold s has the selective risk R(s) = P(wrong | confidence >= s). The threshold is chosen by
learn-then-test (Angelopoulos et al. 2021, arXiv 2110.01052) with fixed-sequence testing: for thresholds s_1 > s_2 > ..,
fixed before a calibration answer is looked at, test H_j: R(s_j) > 1 - target. Of n_j calibration answers above s_j the
wrong ones are binomial with R(s_j), so H_j is rejected where the one-sided Clopper-Pearson upper bound (1934) of the
error is at most 1 - target. Testing stops at the first that is not rejected; the last rejected threshold is taken.

Where the error is flat among the surest answers a strict start stops on too few answers; where it rises a loose one
fails at once. So three sequences start at different places, each at level delta / 3 (Bonferroni), and the loosest
threshold that any of them certifies is taken. The chance that its risk exceeds 1 - target is at most delta,
whatever the model and its confidence, if calibration subjects and subjects asked about later are drawn alike.

The thresholds are quantiles of the confidence of *other* questions, of which no answers are needed: those that are
audited. The strictest start keeps four times as many calibration facts as certify anything without a wrong answer, or
half of them if those are fewer; the others keep a half and three quarters of what is left.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le
from jaxtyping import Float, Int64

from closedbook.audit.settings import QuestionSignal
from closedbook.config.validation import configuration, from_json
from closedbook.errors import UserError
from closedbook.evaluation.form import Form
from closedbook.evaluation.metrics import Estimate
from closedbook.evaluation.scorers import Match
from closedbook.facts.forms import slot_of
from closedbook.files import json_text, read_bytes, write_text
from closedbook.manifest import add, check_added, is_sealed

DELTA = 0.05
STEPS = 60
START = 4  # times the fewest answers that certify anything
FURTHER = (0.0, 0.5, 0.75)  # of the way from the strictest start to answering always, where a sequence starts
NOISE = 2e-6  # by which the same confidence may differ from batch to batch, as a share of it
MOST_BYTES = 2**20  # of the file
MOST_SAMPLES = 10_000


@configuration
class Abstention:
    """A threshold with what it was certified by."""

    signal: QuestionSignal  # the confidence that is compared
    threshold: float | None  # least confidence of an answer that is given, None where no threshold could be certified
    target: float  # share of given answers that are to be right
    delta: float  # probability with which the guarantee may fail
    samples: Annotated[
        int, Ge(0), Le(MOST_SAMPLES)
    ]  # answers sampled for `sample_agreement`, which depends on their number
    calibration_facts: int  # how many facts it was calibrated on
    answered: int  # how many of them are answered
    wrong: int  # how many of those answers are wrong
    bound: float  # Clopper-Pearson upper bound of the error among given answers, at the level of its sequence
    made: str = ""  # when
    forms: tuple[str, ...] = ()  # the forms of the calibration questions; none where they have none
    form: Form | None = None  # how a model that is not ours was asked, None for a run
    kind: str = ""  # what the model was, with its precision; "" for a run
    match: Match = "exact"  # the scorer, which says where in a response the answer stands
    calibration_sha256: str = ""  # of the calibration file
    weights_sha256: str = ""  # of the model's weights

    @property
    def level(self) -> float:
        """The probability with which each of the sequences may fail."""
        return self.delta / len(FURTHER)

    def answers(self, confidence: float) -> bool:
        """Whether an answer of that confidence is given."""
        return self.threshold is not None and bool(confidence >= self.threshold)

    def covers(self, question: str) -> bool:
        """Whether a question has a form of those that it was calibrated on."""
        return not self.forms or any(slot_of(question, form) is not None for form in self.forms)

    def why(self, confidence: float) -> str:
        """The reason for "I don't know"."""
        if self.threshold is None:
            return (
                f"no threshold could be certified for {100 * self.target:.4g} % right answers with "
                f"{self.calibration_facts} calibration facts"
            )
        return (
            f"{self.signal.replace('_', ' ')} {confidence:.6g} is below {self.threshold:.6g}, the threshold for "
            f"{100 * self.target:.4g} % right answers"
        )


def upper_bound(
    wrong: Int64[np.ndarray, "thresholds"], answered: Int64[np.ndarray, "thresholds"], delta: float = DELTA
) -> Float[np.ndarray, "thresholds"]:
    """One-sided Clopper-Pearson upper bounds of error rates at level 1 - delta; 1 where all are wrong or none is there.

    It is the quantile of a beta distribution with wrong + 1 and answered - wrong.
    """
    from scipy.stats import beta

    bounded = beta.ppf(1 - delta, wrong + 1, np.maximum(answered - wrong, 1))
    return np.where(answered > wrong, bounded, 1.0)


def fewest_answers(target: float, delta: float = DELTA) -> int:
    """Answers, none of them wrong, that certify the target: the least n with target^n <= delta."""
    return math.ceil(math.log(delta) / math.log(target))


def sequences(
    other_confidence: np.ndarray, calibration_facts: int, target: float, delta: float = DELTA
) -> list[np.ndarray]:
    """The thresholds to test on so many facts, from the strictest: quantiles of the confidence of other questions."""
    fewest = fewest_answers(target, delta / len(FURTHER))
    strictest = min(min(START * fewest, max(calibration_facts / 2, fewest)) / calibration_facts, 1.0)
    chains = []
    for way in FURTHER:
        coverages = np.linspace(strictest + way * (1 - strictest), 1.0, STEPS)
        quantiles = np.quantile(other_confidence, 1 - coverages, method="lower").clip(min=0.0)
        chains.append(np.unique(np.append(_between(quantiles, other_confidence), 0.0))[::-1])
    return chains


def _between(quantiles: np.ndarray, others: np.ndarray) -> np.ndarray:
    """For each quantile, the middle of the first gap below it that is wider than batches differ.

    A question on the edge would be answered in one batch and not in another, whose last bits differ.
    """
    known = np.append(0.0, np.unique(others[others > 0]))
    wide = np.append(False, np.diff(known) > NOISE * known[1:])  # the gap below each
    last = np.maximum.accumulate(np.where(wide, np.arange(len(known)), 0))[np.searchsorted(known, quantiles)]
    return np.where(last > 0, (known[last] + known[last - 1]) / 2, 0.0)


def certify(
    right: np.ndarray,
    confidence: np.ndarray,
    thresholds: Sequence[np.ndarray],
    target: float,
    delta: float = DELTA,
) -> tuple[float | None, int, int]:
    """The loosest of the thresholds whose error on calibration answers is certified, with what it lets through.

    Each of the sequences is tested at its share of delta.

    Returns:
        The threshold, None where none is certified; the answers and the wrong answers above it.
    """
    order = np.argsort(confidence)
    sure, wrong_below = confidence[order], np.concatenate([[0], np.cumsum(~right[order])])
    loosest: tuple[float | None, int, int] = (None, 0, 0)
    for chain in thresholds:
        below = np.searchsorted(sure, chain, side="left")
        answered, wrong = len(sure) - below, wrong_below[-1] - wrong_below[below]
        certified = upper_bound(wrong, answered, delta / len(thresholds)) <= 1 - target
        last = int(np.argmin(np.append(certified, False))) - 1  # before the first that is not
        if last >= 0 and answered[last] >= loosest[1]:
            loosest = (float(chain[last]), int(answered[last]), int(wrong[last]))
    return loosest


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """What a threshold does on facts that took no part in choosing it."""

    total: int  # facts
    answered: int  # those that are answered
    wrong: int  # wrong answers among these
    coverage: float  # share that is answered
    error: Estimate  # share of wrong answers, with a Clopper-Pearson 95 % interval
    wrong_without_abstention: int  # wrong answers if all were given


def held_out(
    abstention: Abstention, right: np.ndarray, confidence: np.ndarray, attempted: np.ndarray | None = None
) -> HeldOut:
    """Coverage and error of the threshold on other facts; all count as attempted where that is not said."""
    from scipy.stats import binomtest

    given = confidence >= (math.inf if abstention.threshold is None else abstention.threshold)
    answered, wrong = int(given.sum()), int((given & ~right).sum())
    error = Estimate()
    if answered:
        interval = binomtest(wrong, answered).proportion_ci(0.95, method="exact")
        error = Estimate(value=wrong / answered, low=float(interval.low), high=float(interval.high))
    return HeldOut(
        total=len(right),
        answered=answered,
        wrong=wrong,
        coverage=answered / len(right),
        error=error,
        wrong_without_abstention=int((~right & (True if attempted is None else attempted)).sum()),
    )


def save(abstention: Abstention, path: Path) -> None:
    """Writes the threshold, beside the model as `closedbook.hub.threshold_file` says; a run's manifest knows of it."""
    text = json_text(asdict(abstention))
    if is_sealed(path.parent):
        add(path.parent, path.name, text)
    else:
        write_text(path, text)


def threshold_in(path: Path | None, weights_sha256: Callable[[], str], form: Form | None = None) -> Abstention | None:
    """The threshold that an audit saved in a file, None without one.

    Raises:
        UserError: It is damaged, or was chosen for other weights or another form than is asked for.
    """
    if path is None or not path.is_file():
        return None
    check_added(path)
    try:
        abstention = from_json(Abstention, read_bytes(path, MOST_BYTES))
    except UserError as error:
        raise UserError(f"{path}: damaged ({error}).") from None
    if abstention.weights_sha256 != weights_sha256():
        raise UserError(f"{path}: was chosen for other weights; audit the model again with --calibration.")
    if form is not None and abstention.form not in (None, form):  # a run refuses any
        raise UserError(
            f"{path}: was chosen for questions asked as {abstention.form.described()!r}; ask so, or --always."
        )
    return abstention
