import pytest
import torch
from torch import nn

from closedbook.training.muon import BATCH, Muon, orthogonalise

SHAPES = [(6, 10)] * (BATCH + 1) + [(10, 6), (8, 8)]


def matrices(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]


def test_the_batched_steps_are_torchs_in_its_own_precision():
    ours, theirs = matrices(), matrices()
    one = Muon(ours, lr=0.02, weight_decay=0.1, dtype=torch.bfloat16)
    other = torch.optim.Muon(theirs, lr=0.02, weight_decay=0.1)
    for step in range(3):
        for mine, other_one, gradient in zip(ours, theirs, matrices(step + 1), strict=True):
            mine.grad, other_one.grad = gradient.detach().clone(), gradient.detach().clone()
        one.step()
        other.step()
    for mine, other_one in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other_one, atol=2e-3, rtol=0)  # a few roundings of bf16 at a rate of 0.02


def test_singular_values_come_near_one_and_directions_stay():
    gradient = torch.randn(3, 12, 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    done = orthogonalise(gradient)
    values = torch.linalg.svdvals(done)
    assert values.min() > 0.5
    assert values.max() < 1.3
    u, _, v = torch.linalg.svd(gradient, full_matrices=False)
    diagonal = u.mT @ done @ v.mT
    off = diagonal - torch.diag_embed(diagonal.diagonal(dim1=-2, dim2=-1))
    assert off.abs().max() < 1e-9  # U S' V': the same singular vectors


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_zero_gradient_moves_nothing(dtype):
    matrix = nn.Parameter(torch.ones(4, 6))
    matrix.grad = torch.zeros(4, 6)
    Muon([matrix], lr=0.1, dtype=dtype).step()
    assert torch.equal(matrix, torch.ones(4, 6))


def test_matrices_may_be_shared_out():
    alone, shared = matrices(), matrices()
    for one, two in zip(alone, shared, strict=True):
        one.grad, two.grad = one.detach() + 1, two.detach() + 1
    optimizer = Muon(shared, lr=0.02)
    seen = []

    def apply(function, items):
        for item in list(items):
            seen.append(len(item))
            yield function(item)

    optimizer.apply = apply
    optimizer.step()
    Muon(alone, lr=0.02).step()
    assert seen == [BATCH, 2, 1]
    assert all(torch.equal(one, two) for one, two in zip(alone, shared, strict=True))
