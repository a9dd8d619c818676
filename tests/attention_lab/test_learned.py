import pytest
import torch

from closedbook.attention_lab.learned import A, B, C, D, descend, search, self_attend, tokens
from closedbook.attention_lab.one_head import best_one_head
from closedbook.attention_lab.perturbed import Design, best_scale, expected_error, repelling_error
from closedbook.attention_lab.setting import Parameters


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_gradient_descent_finds_a_solution(seed):
    found = descend(3.0, seed)
    assert max(found.errors) < 0.05
    assert found.losses[-1] < 1e-3 * found.losses[0]
    assert len(found.score_table) == len(found.score_table[0]) == 4


def test_x2_always_attends_to_itself():
    grid = torch.linspace(-4, 4, 17, dtype=torch.float64)
    for c in grid:
        for d in grid:
            added = torch.tensor([0.0, 0.0, float(c), float(d)], dtype=torch.float64)
            weight, _ = self_attend(tokens(1.5, added))
            assert int(weight[1].argmax()) == 1


def test_adding_u_c_and_u_d_does_not_help_and_the_whole_span_does():
    pair, span = search(3.0, (C, D), 0, starts=6), search(3.0, (A, B, C, D), 0, starts=12)
    assert pair.distance > 1.3
    assert span.distance < 0.2
    assert pair.added[A] == pair.added[B] == 0.0


def test_the_best_single_head():
    found = best_one_head(Parameters())
    grid = [expected_error(Design((2,)), 8, scale) for scale in (0.5, 1, 2, 3, 4, 6, 10)]
    assert found.error <= min(grid) + 1e-9
    assert found.descended_error < 0.01 * found.error
    assert max(found.descended_query[2:]) < min(found.descended_query[:2]) - 2
    assert repelling_error(8, 10.0) < 1e-7
    assert found.two_heads_error < found.error
    assert found.tolerated > 0.5
    at_tolerated = best_scale(Design((1, 1)), 8, found.tolerated)[1]
    assert at_tolerated == pytest.approx(found.error, rel=1e-3)
