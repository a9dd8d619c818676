import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from closedbook.evaluation.statistics import bootstrap, mcnemar, wilson


@given(total=st.integers(1, 2000), share=st.floats(0, 1))
def test_wilson_is_its_closed_form(total, share):
    correct = round(share * total)
    z, p = 1.959963984540054, correct / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    assert wilson(correct, total) == pytest.approx((max(middle - half, 0), min(middle + half, 1)), abs=1e-9)


def test_wilson_on_the_assignments_figure():
    assert wilson(111, 500) == pytest.approx((0.1878, 0.2604), abs=1e-4)


def test_mcnemar_by_enumeration():
    first = [True] * 8 + [False] * 2 + [True] * 50
    second = [False] * 8 + [True] * 2 + [True] * 50
    tail = sum(math.comb(10, k) for k in (0, 1, 2)) / 2**10
    assert mcnemar(first, second) == pytest.approx(2 * tail)
    assert mcnemar(first, first) == 1.0


def test_the_bootstrap_covers_seeds_and_questions():
    generator = np.random.default_rng(0)
    questions = generator.random((1, 400)) < 0.3
    same = np.repeat(questions, 5, axis=0).astype(float)
    low, high = bootstrap(same)
    expected = 1.96 * math.sqrt(same.mean() * (1 - same.mean()) / 400)
    assert (high - low) / 2 == pytest.approx(expected, rel=0.1)
    different = (generator.random((5, 400)) < np.linspace(0.1, 0.5, 5)[:, None]).astype(float)
    wider = bootstrap(different)
    assert wider[1] - wider[0] > 2 * (high - low)
    assert bootstrap(same) == (low, high)


@pytest.mark.slow
def test_many_questions_fit_into_memory():
    values = np.ones((1, 20_000))
    tracemalloc.start()
    bootstrap(values, draws=1000)
    assert tracemalloc.get_traced_memory()[1] < 400e6
    tracemalloc.stop()


def test_a_single_question_is_enough():
    assert bootstrap(np.ones((1, 1))) == (1.0, 1.0)
