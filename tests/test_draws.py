import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from closedbook.draws import derive, permuted, random_below, random_bits

counters = st.integers(0, 2**40)


@given(seed=counters, step=counters, draw=st.integers(0, 9))
def test_numpy_and_torch_draw_the_same_integers(seed, step, draw):
    rows = np.arange(50, dtype=np.int64)
    assert random_bits(seed, step, draw, rows).tolist() == random_bits(seed, step, draw, torch.arange(50)).tolist()


@given(seed=counters, bound=st.integers(1, 2**31 - 1))
def test_draws_stay_below_their_bound(seed, bound):
    values = random_below(torch.full((200,), bound), seed, 3, 1, torch.arange(200))
    assert int(values.min()) >= 0
    assert int(values.max()) < bound


def test_a_bound_of_zero_gives_zero():
    assert random_below(torch.zeros(5, dtype=torch.int64), 0, 0, 0, torch.arange(5)).tolist() == [0] * 5


def test_draws_are_uniform_and_differ_between_counters():
    rows = torch.arange(40_000)
    values = random_below(torch.full_like(rows, 10), 1, 2, 3, rows)
    counts = torch.bincount(values, minlength=10).double()
    chi_squared = float(((counts - 4000) ** 2 / 4000).sum())
    assert chi_squared < 27.9  # 99.9 % quantile with 9 degrees of freedom
    for other in ((2, 2, 3), (1, 3, 3), (1, 2, 4)):
        same = (random_below(torch.full_like(rows, 10), *other, rows) == values).double().mean()
        assert abs(float(same) - 0.1) < 0.01


def test_derive_is_positive_and_depends_on_order():
    assert derive(1, 2) != derive(2, 1)
    assert 0 <= derive(2**70, -5) < 2**63


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 65, 1000, 4097])
def test_a_keyed_bijection_takes_every_place_once(size):
    rows = np.arange(size, dtype=np.int64)
    places = permuted(rows, size, 1, 2)
    assert sorted(places.tolist()) == rows.tolist()
    assert np.array_equal(permuted(rows[3:5], size, 1, 2), places[3:5])
    assert np.array_equal(permuted(torch.from_numpy(rows), size, 1, 2).numpy(), places)
    if size > 60:
        assert not np.array_equal(places, permuted(rows, size, 1, 3))
        apart = np.abs(np.diff(places)).mean() / size
        assert 0.25 < apart < 0.42  # neighbours are as far apart as strangers: a third
