"""The training loop: take the batch of this step, set the rate, go backward, update, call whoever waits for it."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch

from closedbook.config import TrainingConfig
from closedbook.draws import derive
from closedbook.errors import UserError
from closedbook.model.gpt import GPT
from closedbook.objectives.segments import Batch
from closedbook.training.gradients import RecordedPasses, backward
from closedbook.training.graphs import Recorder
from closedbook.training.muon import Apply, Muon
from closedbook.training.optimizers import make_optimizers
from closedbook.training.parallel import Workers, one_thread, workers_for
from closedbook.training.precision import resolve_precision
from closedbook.training.ranks import ALONE, Ranks
from closedbook.training.schedules import rate

INITIAL_WEIGHTS, DROPOUT = 1, 2  # separate streams of draws


class NonFiniteLoss(UserError):
    """The loss or the gradient of a batch is not finite; the weights are those before the update."""


@dataclass(frozen=True)
class StepRecord:
    """What a step did.

    Args:
        step: Steps taken, this one included.
        steps: Steps of the whole training; where it ends early, the last record's are those that it took.
        loss: Mean cross-entropy over the targets that count, in nats.
        rate: Share of the peak learning rate.
        tokens: Real input tokens of the batch.
        positions: Input positions of the batch, padding included.
        seconds: Training time so far, what came before an interruption included.
    """

    step: int
    steps: int
    loss: float
    rate: float
    tokens: int
    positions: int
    seconds: float


@runtime_checkable
class Plan(Protocol):
    """The batches of a training: `step(n)` is a pure function."""

    @property
    def steps(self) -> int:
        """Steps of the whole training."""

    def place(self, step: int, /) -> tuple[int, int]:
        """The epoch that a step belongs to, and its number there."""

    def all_joined(self, epoch: int, /) -> bool:
        """Whether nothing more joins the examples after that epoch."""

    def step(self, step: int, /) -> list[Batch]:
        """The micro-batches of a step; of several processes' each has its own rows, perhaps none."""


Callback = Callable[[StepRecord], None]
"""Gets every step; may raise to stop the training."""


@dataclass
class TrainingState:
    """What a training needs beside the model to go on: its optimizers, where it is, and what it has taken.

    Args:
        optimizers: With what they remember.
        step: Steps taken.
        tokens: Real input tokens of them.
        positions: Input positions of them, padding included.
        seconds: Training time.
        epoch_loss: The losses of those in the epoch of the last together, in nats.
    """

    optimizers: list[torch.optim.Optimizer]
    step: int = 0
    tokens: int = 0
    positions: int = 0
    seconds: float = 0.0
    epoch_loss: float = 0.0


@contextlib.contextmanager
def seeded(*counters: int) -> Iterator[None]:
    """Seeds torch's global generator, and the GPU's in use, inside the block and puts them back afterwards."""
    with torch.random.fork_rng([torch.cuda.current_device()] if torch.cuda.is_available() else []):
        torch.manual_seed(derive(*counters))
        yield


@contextlib.contextmanager
def applying(optimizers: list[torch.optim.Optimizer], apply: Apply) -> Iterator[None]:
    """Lets Muon work on its matrices by that inside the block."""
    matrices = [optimizer for optimizer in optimizers if isinstance(optimizer, Muon)]
    for optimizer in matrices:
        optimizer.apply = apply
    try:
        yield
    finally:
        for optimizer in matrices:
            optimizer.apply = map


def train(
    model: GPT,
    batches: Plan,
    config: TrainingConfig,
    *,
    corpus_positions: int,
    callbacks: tuple[Callback, ...] = (),
    state: TrainingState | None = None,
    ranks: Ranks = ALONE,
) -> TrainingState:
    """Trains the model in place to the last step of the plan, or until an epoch's loss says that all is learned.

    Args:
        model: On the device of the batches.
        batches: The plan; `step(n)` is a pure function.
        config: The recipe's training; its precision must be resolved.
        corpus_positions: Rows of the pretraining corpus times the block, for the course's schedule.
        callbacks: Called after every step.
        state: Where an earlier, interrupted call stopped.
        ranks: The processes that train it together, each with its own rows of the batches.

    Raises:
        NonFiniteLoss: Before the update that would have used it.
        UserError: The configuration asks to compile where the compiler errs, or where processes would differ.
    """
    state = state or TrainingState(make_optimizers(model, config))
    device = model.device
    if config.compile:
        refuse_bad_compiler(device)
        refuse_dropout_by_the_batch(model, ranks)
        model.compile(dynamic=True)
    precision = resolve_precision(config, device)
    count = workers_for(config, device)
    on_gpu = device.type == "cuda"
    model.train()
    with (
        torch.cuda.device(device) if on_gpu else contextlib.nullcontext(),
        Recorder() if on_gpu and not config.compile else contextlib.nullcontext() as recorder,
        seeded(config.seed, DROPOUT),
        Workers(count) if count > 1 else contextlib.nullcontext() as workers,
        applying(state.optimizers, workers.map if workers else recorder.map if recorder else map),
    ):
        recorded = None if recorder is None else RecordedPasses(model, precision, recorder)
        while state.step < batches.steps and not learned(batches, config, state):
            began = time.perf_counter()
            parts = batches.step(state.step)
            share = rate(
                config,
                step=state.step,
                steps=batches.steps,
                positions=state.positions,
                corpus_positions=corpus_positions,
            )
            counters = config.seed, DROPOUT, state.step
            torch.manual_seed(derive(*counters))  # for compiled models alone
            loss = backward(model, parts, precision, workers, counters, ranks, recorded).item()
            if not math.isfinite(loss):
                raise not_finite(f"loss of batch {state.step + 1} is not finite ({loss})")
            if not update(model, state.optimizers, share, config.clip, workers):
                raise not_finite(f"gradient of batch {state.step + 1} is not finite")
            tokens, positions = ranks.totals(sum(part.tokens for part in parts), sum(part.positions for part in parts))
            first = batches.place(state.step)[1] == 0
            state.epoch_loss = loss if first else state.epoch_loss + loss
            state.step += 1
            state.tokens += tokens
            state.positions += positions
            state.seconds += time.perf_counter() - began  # of the step alone, not of the callbacks
            record = StepRecord(
                step=state.step,
                steps=state.step if learned(batches, config, state) else batches.steps,
                loss=loss,
                rate=share,
                tokens=tokens,
                positions=positions,
                seconds=state.seconds,
            )
            for callback in callbacks:
                callback(record)
    model.eval()
    return state


def learned(batches: Plan, config: TrainingConfig, state: TrainingState) -> bool:
    """Whether an epoch of all examples has just ended whose mean loss says that nothing is left to learn."""
    if config.stop_at_loss is None or not state.step or batches.place(state.step)[1]:
        return False
    return batches.all_joined(batches.place(state.step - 1)[0]) and mean_loss(batches, state) <= config.stop_at_loss


def mean_loss(batches: Plan, state: TrainingState) -> float:
    """Of the steps that have been taken in the epoch of the last, in nats."""
    return state.epoch_loss / (batches.place(state.step - 1)[1] + 1)


def not_finite(what: str) -> NonFiniteLoss:
    """What is raised where a training has left the numbers, before the update that would have used them."""
    advice = "Lower training.learning_rate, or use --training.precision fp32."
    return NonFiniteLoss(f"The {what}; training stopped before the update. {advice}")


def refuse_bad_compiler(device: torch.device) -> None:
    """Refuses to compile for a processor on which the compiled softmax over hidden positions is not a number.

    Raises:
        UserError: It is a CPU without AVX-512 (found with torch 2.13: eight keys in a row at minus infinity give nan).
    """
    if device.type == "cpu" and not torch.backends.cpu.get_cpu_capability().startswith("AVX512"):
        raise UserError("training.compile: torch's compiled attention is wrong on this processor; leave it out.")


def refuse_dropout_by_the_batch(model: GPT, ranks: Ranks) -> None:
    """Refuses to compile a model with dropout for several processes: its draws do not belong to rows.

    Raises:
        UserError: It is such a model, and there are several processes.
    """
    if ranks.count > 1 and model.config.dropout_rate:
        raise UserError(
            "training.compile: a compiled model draws dropout for a batch as a whole, so that several processes would "
            "train otherwise than one; leave it out, or set model.dropout to 0."
        )


def update(
    model: GPT, optimizers: list[torch.optim.Optimizer], share: float, clip: float, workers: Workers | None = None
) -> bool:
    """One step of every optimizer at `share` of its peak rate, on the clipped gradient, which is then dropped.

    Returns:
        Whether the gradient was finite; if not, nothing is changed.
    """
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
    if not math.isfinite(norm.item()):
        return False
    with one_thread() if workers else contextlib.nullcontext():
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * share
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
    return True
