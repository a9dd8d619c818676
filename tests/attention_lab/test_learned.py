import pytest
import torch

from closedbook.attention_lab.learned import A, B, self_attend, tokens
from closedbook.attention_lab.perturbed import Design, best_scale, expected_error, repelling_error


def test_gradient_descent_finds_solutions(descents):
    for descent in descents:
        assert max(descent.errors) < 0.05
        assert descent.losses[-1] < 1e-3 * descent.losses[0]
        assert len(descent.score_table) == len(descent.score_table[0]) == 4


def test_x2_always_attends_to_itself():
    grid = torch.linspace(-4, 4, 9, dtype=torch.float64)
    for c in grid:
        for d in grid:
            added = torch.tensor([0.0, 0.0, float(c), float(d)], dtype=torch.float64)
            weight, _ = self_attend(tokens(1.5, added))
            assert int(weight[1].argmax()) == 1


def test_adding_u_c_and_u_d_does_not_help_and_the_whole_span_does(claims):
    pair, span = claims["self_attention"].rows
    assert pair.distance > 1.3
    assert span.distance < 1e-6
    assert pair.added[A] == pair.added[B] == 0.0


def test_the_best_single_head(one_head):
    grid = [expected_error(Design((2,)), 8, scale) for scale in (0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 10.0)]
    assert one_head.error <= min(grid) + 1e-9
    assert one_head.descended_error < 0.01 * one_head.error
    assert max(one_head.descended_query[2:]) < min(one_head.descended_query[:2]) - 2
    assert repelling_error(8, 10.0) < 1e-7
    assert one_head.two_heads_error < one_head.error
    assert one_head.tolerated > 0.5
    at_tolerated = best_scale(Design((1, 1)), 8, one_head.tolerated)[1]
    assert at_tolerated == pytest.approx(one_head.error, rel=1e-3)
