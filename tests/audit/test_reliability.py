import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import roc_auc_score

from closedbook.audit.reliability import auroc, believe, calibration_error, reliability, risk_coverage, winner
from closedbook.evaluation.metrics import Estimate


@pytest.fixture(scope="module")
def answers():
    generator = np.random.default_rng(1)
    signal = generator.random(400).round(2)  # with equals
    return generator.random(400) < signal, signal


def test_auroc_is_that_of_scikit_learn(answers):
    right, signal = answers
    found = auroc(right, signal)
    assert found.value == pytest.approx(roc_auc_score(right, signal))
    assert found.low < found.value < found.high
    assert found.high - found.low < 0.15


def test_auroc_counts_pairs():
    right, signal = np.array([True, True, False, False]), np.array([0.9, 0.5, 0.5, 0.1])
    assert auroc(right, signal).value == pytest.approx((1 + 1 + 0.5 + 1) / 4)


@pytest.mark.parametrize("right", [np.ones(5, dtype=bool), np.zeros(5, dtype=bool)])
def test_one_sided_answers_have_no_auroc(right):
    assert auroc(right, np.linspace(0, 1, 5)) == Estimate()
    assert believe(right, np.linspace(0, 1, 5)).auroc == Estimate()


def test_nearly_all_right_gives_an_interval_without_warnings():
    right = np.ones(30, dtype=bool)
    right[3] = False
    found = auroc(right, np.linspace(0, 1, 30))
    assert found.value == pytest.approx(26 / 29)
    assert found.low <= found.value <= found.high


def test_the_diagram_is_that_of_scikit_learn(answers):
    right, signal = answers
    assert sum(bar.total for bar in reliability(right, signal)) == len(right)
    inner = slice(0, 5)  # scikit-learn closes its bins on the other side: compare where no value lies on an edge
    off = signal + 0.003
    bins = reliability(right, np.minimum(off, 0.999))
    share, confidence = calibration_curve(right, np.minimum(off, 0.999), n_bins=10)
    assert [bar.right / bar.total for bar in bins][inner] == pytest.approx(share[inner].tolist())
    assert [bar.confidence for bar in bins][inner] == pytest.approx(confidence[inner].tolist())


def test_calibration_error_by_hand():
    right = np.array([True, False, True, True])
    signal = np.array([0.15, 0.15, 0.95, 0.95])
    assert calibration_error(reliability(right, signal)) == pytest.approx(0.5 * 0.35 + 0.5 * 0.05)


def test_a_calibrated_signal_has_a_small_error(answers):
    generator = np.random.default_rng(2)
    signal = generator.random(100_000)
    found = calibration_error(reliability(generator.random(100_000) < signal, signal))
    assert found < 0.01


def test_risk_coverage_against_a_plain_loop(answers):
    right, signal = answers
    signal = signal + np.arange(400) * 1e-6  # without equals
    coverage, risk = risk_coverage(right, signal)
    order = sorted(range(400), key=lambda index: -signal[index])
    for kept in (1, 7, 200, 400):
        assert coverage[kept - 1] == kept / 400
        assert risk[kept - 1] == pytest.approx(sum(not right[index] for index in order[:kept]) / kept)


def test_equals_count_as_a_group_whatever_their_order():
    right = np.array([True, False, True, False])
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        _, risk = risk_coverage(right[order], np.ones(4))
        assert risk.tolist() == [0.5] * 4


def test_questions_without_a_number_are_left_out(answers):
    right, signal = answers
    holes = signal.copy()
    holes[:100] = np.nan
    found = believe(right, holes)
    assert found.questions == 300
    assert found.brier == pytest.approx(np.mean((holes[100:] - right[100:]) ** 2))
    assert believe(right, np.full(400, np.nan)) is None
    assert found.least_possible_area <= found.area_under_risk_coverage


def test_few_without_an_exception_are_not_certain():
    assert auroc(np.array([True, False]), np.array([0.9, 0.1])) == Estimate(value=1.0, low=0.025, high=1.0)
    right = np.arange(50) >= 2
    assert auroc(right, right.astype(float)).low == pytest.approx(0.158, abs=1e-3)
    assert auroc(~right, right.astype(float)).high == pytest.approx(1 - 0.158, abs=1e-3)


def test_the_winner_has_the_largest_auroc(answers):
    right, signal = answers
    assert winner({"margin": believe(right, 1 - signal), "certainty": believe(right, signal)}) == "certainty"
    holes = np.where(np.arange(400) < 100, np.nan, signal)  # better, but on fewer questions
    assert winner({"margin": believe(right, 1 - signal), "certainty": believe(right, holes)}) == "margin"
    assert winner({}) is None
