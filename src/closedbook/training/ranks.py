"""The processes of one training as the loop knows them: here one alone, in `process_group.py` several.

Every process (rank) has the whole model and the optimizers, and works on its own rows of every batch. What the loop
asks of the others is in this class; with one process all of it is the identity.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from closedbook.torchrun import launched

Value = TypeVar("Value")


class Ranks:
    """One process alone."""

    rank: int = 0
    count: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes, for all."""
        return self.rank == 0

    def total(self, number: Tensor) -> Tensor:
        """The sum of everyone's number."""
        return number

    def totals(self, *numbers: int) -> list[int]:
        """The sums of everyone's numbers."""
        return list(numbers)

    def add_up(self, parameters: Sequence[nn.Parameter], loss: Tensor) -> Tensor:
        """Puts the sum of everyone's gradients in the place of each, and returns the sum of the losses."""
        return loss

    def largest(self, number: int) -> int:
        """The largest of everyone's numbers."""
        return number

    def tell(self, value: Value) -> Value:
        """What the first process has; what the others give is not looked at."""
        return value

    def same(self, values: Mapping[str, Any]) -> None:
        """Holds what this process has, by what it is called, against the first's.

        Raises:
            UserError: They differ.
        """

    def end(self) -> None:
        """Waits for everyone, after which each is on its own."""


ALONE = Ranks()


@contextlib.contextmanager
def opened_ranks(device: torch.device) -> Iterator[Ranks]:
    """The processes that torchrun started with this one, or this one alone where it was not torchrun's.

    Args:
        device: This process's own.

    Raises:
        UserError: The others do not come, or the device's backend is not part of this torch.
    """
    if launched() is None:
        yield ALONE
        return
    from closedbook.training.process_group import met  # one process alone needs none of it

    with met(device) as ranks:
        yield ranks
