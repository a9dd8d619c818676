"""The plan of an epoch: which examples share a batch, how wide it is, and in which order the batches come.

`by_length` sorts the epoch's examples by length, equal lengths in random order, and cuts the row of them into
micro-batches of a constant number of tokens, each as wide as its longest example: padding is what neighbours in the
sorted row differ by. The micro-batches are shuffled, and a step takes several, so that its gradient sees examples of
several lengths. `in_order` keeps file order and counts the padding to the block, as the course's code does, but works
on no more padding than its micro-batches need. Both are pure functions of (lengths, seed, epoch).
"""

import dataclasses
import itertools
import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int64
from torch import Tensor

from closedbook.config import RunConfig, TrainingConfig
from closedbook.draws import random_bits
from closedbook.errors import UserError
from closedbook.objectives.mixture import Mixture
from closedbook.objectives.segments import Batch, render


@dataclass(frozen=True)
class MicroBatch:
    """Rows of the epoch's examples, and the tokens that each takes before the shift."""

    rows_B: Int64[Tensor, "batch"]
    width: int


def in_order(lengths_R: Int64[Tensor, "rows"], batch_rows: int, micro_batches: int) -> list[list[MicroBatch]]:
    """Steps of `batch_rows` rows in file order (the last is what is left), in about `micro_batches` parts each."""
    steps: list[list[MicroBatch]] = []
    if not len(lengths_R):
        return steps
    for rows_B in torch.arange(len(lengths_R), device=lengths_R.device).split(batch_rows):
        order_B = lengths_R[rows_B].argsort(descending=True, stable=True)
        size = math.ceil(int(lengths_R[rows_B].sum()) / micro_batches)
        steps.append(_cut(rows_B[order_B], lengths_R, size) if micro_batches > 1 else _whole(rows_B, lengths_R))
    return steps


def by_length(
    lengths_R: Int64[Tensor, "rows"], batch_tokens: int, micro_batches: int, seed: int, epoch: int
) -> list[list[MicroBatch]]:
    """Steps of at most `batch_tokens` tokens in `micro_batches` parts of neighbours in length, in random order."""
    parts = _cut(_longest_first(lengths_R, seed, epoch), lengths_R, batch_tokens // micro_batches)
    shuffled = _shuffled(parts, seed, epoch)
    return [shuffled[first : first + micro_batches] for first in range(0, len(shuffled), micro_batches)]


def in_steps(
    lengths_R: Int64[Tensor, "rows"], steps: int, micro_batches: int, seed: int, epoch: int
) -> list[list[MicroBatch]]:
    """The same in that many steps, of as few tokens each as that takes.

    Args:
        lengths_R: Tokens of every example, of which there are at least as many as steps.
        steps: How many.
        micro_batches: Parts of a step at the most.
        seed: Of the draws, with the epoch.
        epoch: Counted from 0.
    """
    order_R = _longest_first(lengths_R, seed, epoch)
    least, enough = 1, int(lengths_R.sum()) + len(lengths_R)
    while least < enough:  # the fewest tokens of a part with which there are not too many parts
        tokens = (least + enough) // 2
        if len(_cut(order_R, lengths_R, tokens)) <= steps * micro_batches:
            enough = tokens
        else:
            least = tokens + 1
    parts = _shuffled(_at_least(steps, _cut(order_R, lengths_R, enough)), seed, epoch)
    edges = [number * len(parts) // steps for number in range(steps + 1)]
    return [parts[first:last] for first, last in itertools.pairwise(edges)]


def _at_least(count: int, parts: list[MicroBatch]) -> list[MicroBatch]:
    """The parts, the largest in halves until there are so many, as far as there are rows."""
    while len(parts) < count:
        place = max(range(len(parts)), key=lambda place: len(parts[place].rows_B))
        if len(parts[place].rows_B) < 2:
            break
        parts[place : place + 1] = [MicroBatch(rows_B, parts[place].width) for rows_B in parts[place].rows_B.chunk(2)]
    return parts


def _longest_first(lengths_R: Int64[Tensor, "rows"], seed: int, epoch: int) -> Int64[Tensor, "rows"]:
    """The rows by length, equal lengths in random order."""
    rows_R = torch.arange(len(lengths_R), device=lengths_R.device)
    shuffled_R = random_bits(seed, epoch, 0, rows_R).argsort(stable=True)
    return shuffled_R[lengths_R[shuffled_R].argsort(descending=True, stable=True)]


def _shuffled(parts: list[MicroBatch], seed: int, epoch: int) -> list[MicroBatch]:
    order = random_bits(seed, epoch, 1, torch.arange(len(parts))).argsort(stable=True).tolist()
    return [parts[index] for index in order]


def _cut(order_R: Tensor, lengths_R: Tensor, tokens: int) -> list[MicroBatch]:
    """Rows, the longest first, in parts of at most so many tokens, padding included, or of one row."""
    parts, first, sorted_lengths = [], 0, lengths_R[order_R].tolist()
    while first < len(sorted_lengths):
        width = max(sorted_lengths[first], 2)  # one input and one target at least
        size = max(tokens // width, 1)
        parts.append(MicroBatch(order_R[first : first + size], width))
        first += size
    return parts


def _whole(rows_B: Tensor, lengths_R: Tensor) -> list[MicroBatch]:
    return [MicroBatch(rows_B, max(int(lengths_R[rows_B].max()), 2))]


def dealt(parts: Sequence[MicroBatch], rank: int, ranks: int) -> list[MicroBatch]:
    """The rows of a step that are a process's own: of all, one micro-batch after the other, every `ranks`-th.

    They stay at the width that they have among the others; micro-batches of which it has none are left out.
    """
    own, before = list[MicroBatch](), 0
    for part in parts:
        rows_B = part.rows_B[(rank - before) % ranks :: ranks]
        before += len(part.rows_B)
        if len(rows_B):
            own.append(MicroBatch(rows_B, part.width))
    return own


SETTLED = 8  # times that the passes of a training are looked at until they are settled


class Epochs:
    """How the steps of a training fall into epochs: as many as the recipe says, and more up to its least steps.

    Args:
        training: The recipe's.
        relations: Of the training facts.
        steps_of: The steps of an epoch, asked in order.
    """

    def __init__(self, training: TrainingConfig, relations: int, steps_of: Callable[[int], int]) -> None:
        self.starts = [0]
        while len(self.starts) <= training.passes(relations) or self.starts[-1] < (training.least_steps or 0):
            self.starts.append(self.starts[-1] + steps_of(len(self.starts) - 1))

    @property
    def count(self) -> int:
        """Passes over the mixture."""
        return len(self.starts) - 1

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole training."""
        return self.starts[-1]

    def place(self, step: int) -> tuple[int, int]:
        """A step's epoch, and its number there."""
        epoch = bisect_right(self.starts, step) - 1
        return epoch, step - self.starts[epoch]


class Batches:
    """The batches of a run: `step(n)` is a pure function of (corpus, recipe, n).

    Only the current epoch's plan is kept, so asking for steps in order costs one plan an epoch. `positions` counts the
    input positions of the whole training, padding included; `mixture` is settled for its passes.

    Args:
        mixture: The examples.
        config: The run's.
        rank: Of several processes that work on the same batches, the number of this one, whose rows a step has.
        ranks: How many processes there are.

    Raises:
        UserError: No epoch draws an example.
    """

    def __init__(self, mixture: Mixture, config: RunConfig, *, rank: int = 0, ranks: int = 1) -> None:
        self.mixture, self._config, self._rank, self._ranks = mixture, config, rank, ranks
        self._counted = config.model.context if config.training.plan == "in_order" else None
        self._opened: int | None = None  # the epoch that is planned
        self._open(0)
        passes = 0
        for _ in range(SETTLED):  # shares that make passes shorter make more of them
            expected = config.training.expected_passes(mixture.relations, len(self._plan))
            if expected == passes:
                break
            passes = expected
            self.mixture, self._opened = mixture.settled(passes, config.training.epochs), None
            self._open(0)
        self.positions: int = 0

        def steps_of(epoch: int) -> int:
            self._open(epoch)  # epochs differ in their batches: random lengths, objectives that come and go
            self.positions += sum(
                len(part.rows_B) * (self._counted or part.width - 1) for step in self._plan for part in step
            )
            return len(self._plan)

        plan = Epochs(config.training, mixture.relations, steps_of)
        self.place, self.epochs, self.steps = plan.place, plan.count, plan.steps
        self.all_joined = config.all_joined
        if not self.steps:
            raise UserError(
                f"None of the {self.epochs} epochs draws an example: what the documents can be asked for is like few "
                "training answers, and so is drawn rarely; raise training.epochs or set training.least_steps."
            )

    def step(self, step: int) -> list[Batch]:
        """The micro-batches of a step, or this process's rows of them."""
        epoch, within = self.place(step)
        self._open(epoch)
        return [
            dataclasses.replace(
                render(self.mixture.tokens_N, self._segments, part.rows_B, part.width), counted=self._counted
            )
            for part in dealt(self._plan[within], self._rank, self._ranks)
        ]

    def _open(self, epoch: int) -> None:
        if self._opened == epoch:
            return
        training = self._config.training
        self._opened, self._segments = epoch, self.mixture.epoch(epoch)
        lengths_R = self._segments.lengths()
        if training.plan == "by_length":
            size, parts = training.batch_tokens or 0, training.micro_batches or 0
            self._plan = by_length(lengths_R, size, parts, training.seed, epoch)
        else:
            parts = (training.micro_batches or 1) if lengths_R.device.type == "cpu" else 1
            self._plan = in_order(lengths_R, training.batch_rows or 0, parts)
