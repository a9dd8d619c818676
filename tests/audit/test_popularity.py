import numpy as np
import pytest
from scipy.stats import spearmanr

from closedbook.audit.popularity import popularity, quantile_bins, rank_correlation
from closedbook.audit.signals import Evidence
from closedbook.evaluation.evaluate import Evaluation
from closedbook.evaluation.language_model import Prompt, Response
from closedbook.evaluation.scorers import exact_match
from closedbook.facts.records import Fact
from closedbook.report.audit_figures import popularity_figure


def evidence(popularities, right, confidence=None):
    """What came of asking facts of such popularity."""
    facts = tuple(
        Fact(question=f"Q{line}?", answers=("A",), subject="", line=line, popularity=value)
        for line, value in enumerate(popularities, 1)
    )
    said = ["A" if hit else "B" for hit in right]
    evaluation = Evaluation(
        model="toy",
        scorer=exact_match,
        facts=facts,
        prompts=tuple(Prompt(question=fact.question, ids=(), text=fact.question) for fact in facts),
        responses=tuple(Response(text=text, ids=(), token_nats=None, closed=True) for text in said),
        scores=tuple(exact_match(text, fact) for text, fact in zip(said, facts, strict=True)),
    )
    signals = {} if confidence is None else {"sequence_probability": np.array(confidence, dtype=np.float64)}
    return Evidence(evaluation=evaluation, signals=signals, gold_nats=np.full(len(facts), np.nan))


def test_the_popular_is_known():
    values = [10.0**i for i in range(5) for _ in range(20)]
    right = [number % 20 < 4 * i for i in range(5) for number in range(20)]
    sure = np.repeat([0.1, 0.3, 0.5, 0.7, 0.9], 20)
    found = popularity(evidence(values, right, sure))
    assert [(one.low, one.middle, one.high) for one in found.bins] == [(10.0**i,) * 3 for i in range(5)]
    assert [one.right.hits for one in found.bins] == [0, 4, 8, 12, 16]
    assert [one.confidence for one in found.bins] == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])
    assert found.with_right.value == pytest.approx(spearmanr(values, right).statistic)
    assert 0 < found.with_right.low < found.with_right.value < found.with_right.high < 1
    assert found.with_confidence.value == pytest.approx(1.0)
    assert (found.facts, found.signal) == (100, "sequence_probability")


def test_facts_without_one_are_left_out_and_nine_say_nothing():
    values = [None] * 30 + [float(i) for i in range(10)]
    assert popularity(evidence(values[:-1], [True] * 39)) is None
    found = popularity(evidence(values, [True] * 35 + [False] * 5, [0.5] * 30 + [np.nan] * 10))
    assert found.facts == sum(one.right.total for one in found.bins) == 10
    assert [one.right.total for one in found.bins] == [2] * 5
    assert found.with_right.value < -0.8
    assert found.with_confidence.value is None
    assert {one.confidence for one in found.bins} == {None}


def test_what_does_not_vary_has_no_correlation():
    found = popularity(evidence([7.0] * 12, [True, False] * 6))
    (one,) = found.bins
    assert (one.low, one.high, one.right.total) == (7.0, 7.0, 12)
    assert (found.with_right.value, found.with_confidence.value, found.signal) == (None, None, None)
    assert popularity(evidence([float(i) for i in range(12)], [True] * 12)).with_right.value is None


@pytest.mark.parametrize("seed", range(5))
def test_ties_stand_in_one_bin(seed):
    values = np.random.default_rng(seed).integers(0, 8, 50).astype(float)
    numbers = quantile_bins(values)
    for value in set(values):
        assert len(set(numbers[values == value])) == 1
    assert (np.diff(numbers[np.argsort(values, kind="stable")]) >= 0).all()
    assert len(set(numbers)) <= 5
    distinct = quantile_bins(np.random.default_rng(seed).permutation(50).astype(float))
    assert sorted(np.bincount(distinct)) == [10] * 5


def test_the_interval_holds_the_correlation_of_the_population():
    held = 0
    for seed in range(40):
        draws = np.random.default_rng(seed)
        first = draws.normal(size=80)
        second = 0.6 * first + 0.8 * draws.normal(size=80)
        found = rank_correlation(first, second, seed=seed)
        held += found.low < 6 / np.pi * np.arcsin(0.6 / 2) < found.high
    assert held >= 33


@pytest.mark.parametrize(
    ("first", "factor", "scale"), [(1.0, 10.0, "log"), (0.0, 10.0, "symlog"), (50.0, 1.0, "linear")]
)
def test_the_axis_is_logarithmic_where_the_range_is_wide(first, factor, scale):
    values = [first] * 4 + [20.0 * factor**i for i in range(4) for _ in range(4)]
    found = popularity(evidence(values, [True, False] * 10, [0.5] * 20))
    (axis,) = popularity_figure(found).axes
    assert axis.get_xscale() == scale
    bars, confidence = axis.lines[0], axis.lines[-1]
    assert list(bars.get_ydata()) == [100 * one.right.value for one in found.bins]
    assert list(confidence.get_ydata()) == [50.0] * len(found.bins)


def test_the_figure_needs_no_confidence():
    figure = popularity_figure(popularity(evidence(range(1, 13), [True] * 12)))
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["right, with 95 % interval"]
