import numpy as np
import pytest
from sklearn.metrics import fbeta_score

from closedbook.audit.verdict import f_score, target_score, verdict
from closedbook.evaluation.metrics import proportion


def test_counts_and_scores():
    right = np.array([True] * 6 + [False] * 4)
    attempted = np.array([True] * 8 + [False] * 2)
    found = verdict(right, attempted)
    assert (found.correct, found.wrong, found.not_attempted) == (6, 2, 2)
    assert found.correct_given_attempted.value == pytest.approx(0.75)
    assert found.f_score.value == pytest.approx(2 * 0.6 * 0.75 / (0.6 + 0.75))
    scores = found.score_under_target
    assert scores["0.5"].value == pytest.approx((6 - 2) / 10)
    assert scores["0.9"].value == pytest.approx((6 - 9 * 2) / 10)
    for score in [*scores.values(), found.f_score, found.correct_share]:
        assert score.low <= score.value <= score.high


def test_the_f_score_is_that_of_precision_and_recall():
    # every question has an answer to be found; an attempt claims to have found it
    correct, wrong, none = 7, 5, 3
    truth = [1] * (correct + none) + [0] * wrong + [1] * wrong
    claim = [1] * correct + [0] * none + [1] * wrong + [0] * wrong
    expected = fbeta_score(truth, claim, beta=1)
    assert f_score(np.array([[correct, wrong, none]]))[0] == pytest.approx(expected)


def test_nothing_attempted_is_not_wrong():
    found = verdict(np.zeros(4, dtype=bool), np.zeros(4, dtype=bool))
    assert found.correct_given_attempted == proportion(0, 0)
    assert found.f_score.value == 0
    assert found.score_under_target["0.9"].value == 0


def test_a_right_answer_that_is_no_attempt_does_not_count():
    assert verdict(np.array([True]), np.array([False])).correct == 0


def test_at_its_target_a_guess_is_worth_nothing():
    assert target_score(0.75)(np.array([[3, 1, 0]]))[0] == pytest.approx(0)


def test_intervals_cover_the_truth_as_often_as_they_say():
    generator = np.random.default_rng(0)
    truth = target_score(0.75)(np.array([[70, 20, 10]]))[0]
    inside = 0
    for draw in range(200):
        kind = generator.choice(3, size=150, p=[0.7, 0.2, 0.1])
        score = verdict(kind == 0, kind < 2, seed=draw).score_under_target["0.75"]
        inside += score.low <= truth <= score.high
    assert inside / 200 == pytest.approx(0.95, abs=0.05)
