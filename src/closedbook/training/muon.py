"""Muon: momentum whose matrix is made orthogonal before it is applied (Jordan et al. 2024), batched over one shape.

With gradient G_t and momentum B_t = mu B_{t-1} + (1 - mu) G_t, the step is along the orthogonal factor of
mu B_t + (1 - mu) G_t, found by five rounds of X <- a X + (b A + c A A) X, A = X X', from X of Frobenius norm 1. The
rounds do not converge to singular values of one but spread them over about 0.7 to 1.2, which is enough. Same steps and
constants as `torch.optim.Muon`, which takes one matrix at a time and always in bf16: a processor without bf16 takes
thirty times as long for that as in fp32.

Axes: N matrices of one shape, R rows, C columns, R <= C.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

A, B, C = 3.4445, -4.7750, 2.0315
ROUNDS = 5
MOMENTUM = 0.95
SMALLEST = 1e-7  # norm of a gradient that is scaled up no further
BATCH = 4  # matrices of one shape that are worked on together; the rest goes to the next worker

Apply = Callable[[Callable[[Tensor], Tensor], Iterable[Tensor]], Iterator[Tensor]]
"""As `map`: applies a function to every item, in order."""


def orthogonalise(x_NRC: Float[Tensor, "matrices rows columns"]) -> Float[Tensor, "matrices rows columns"]:
    """Every matrix with its singular values near one, in the precision it comes in; rows must not outnumber columns."""
    x_NRC = x_NRC / x_NRC.norm(dim=(-2, -1), keepdim=True).clamp(min=SMALLEST)
    for _ in range(ROUNDS):
        gram_NRR = x_NRC @ x_NRC.mT
        x_NRC = torch.baddbmm(x_NRC, torch.baddbmm(gram_NRR, gram_NRR, gram_NRR, beta=B, alpha=C), x_NRC, beta=A)
    return x_NRC


class Muon(torch.optim.Optimizer):
    """Muon for matrices; the rate of an R x C matrix is scaled by sqrt(max(1, R / C)), as in the original.

    Args:
        matrices: Parameters of two dimensions.
        lr: Rate.
        weight_decay: Decoupled, by `lr` times this.
        dtype: Precision of the rounds: bf16 where the processor computes it natively, else fp32.
    """

    def __init__(
        self,
        matrices: Iterable[nn.Parameter],
        *,
        lr: float,
        weight_decay: float = 0.0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(matrices, {"lr": lr, "weight_decay": weight_decay})
        self.dtype = dtype
        self.apply: Apply = map

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update of every matrix that has a gradient."""
        assert closure is None, "Muon evaluates no closure"
        for group in self.param_groups:
            matrices = [matrix for matrix in group["params"] if matrix.grad is not None]
            for matrix, update in zip(matrices, self._updates(matrices), strict=True):
                if group["weight_decay"]:
                    matrix.mul_(1 - group["lr"] * group["weight_decay"])
                matrix.add_(update, alpha=-group["lr"] * math.sqrt(max(1, matrix.shape[0] / matrix.shape[1])))

    def _updates(self, matrices: Sequence[nn.Parameter]) -> list[Tensor]:
        """The orthogonal step of every matrix, those of one shape together, tall ones lying on their side."""
        alike = defaultdict[tuple[int, int], list[int]](list)
        steps = []
        for index, (matrix, momentum) in enumerate(zip(matrices, self._momenta(matrices), strict=True)):
            rows, columns = matrix.shape
            step = momentum.to(self.dtype)
            steps.append(step.mT if rows > columns else step)
            alike[min(rows, columns), max(rows, columns)].append(index)
        batches = [found[first : first + BATCH] for found in alike.values() for first in range(0, len(found), BATCH)]
        stacked = (torch.stack([steps[index] for index in batch]) for batch in batches)
        for batch, done_NRC in zip(batches, self.apply(orthogonalise, stacked), strict=True):
            for index, done in zip(batch, done_NRC, strict=True):
                steps[index] = done.mT if matrices[index].shape[0] > matrices[index].shape[1] else done
        return steps

    def _momenta(self, matrices: Sequence[nn.Parameter]) -> Sequence[Tensor]:
        """Mu B_t + (1 - mu) G_t of every matrix, after its gradient has been taken into B_t."""
        gradients = [matrix.grad for matrix in matrices if matrix.grad is not None]
        if not gradients:
            return []
        for matrix in matrices:
            if "momentum_buffer" not in self.state[matrix]:
                self.state[matrix]["momentum_buffer"] = torch.zeros_like(matrix)
        kept = [self.state[matrix]["momentum_buffer"] for matrix in matrices]
        torch._foreach_lerp_(kept, gradients, 1 - MOMENTUM)
        return torch._foreach_lerp(gradients, kept, MOMENTUM)
