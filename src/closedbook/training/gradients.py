"""A step's loss and gradient: the forward and backward passes of its micro-batches, and how they are added up.

Axes: B rows, T time, N positions, V vocabulary.
"""

import contextlib
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from closedbook.draws import derive
from closedbook.facts.tokenizers import PAD_ID
from closedbook.model.dropout import Draws, drawn_at_once, drawn_by_row, dropping
from closedbook.model.gpt import GPT
from closedbook.objectives.segments import IGNORED, Batch
from closedbook.training.graphs import few_shapes
from closedbook.training.parallel import Workers, one_thread
from closedbook.training.precision import Precision
from closedbook.training.ranks import ALONE, Ranks

Shares = tuple[Tensor, ...]
"""A micro-batch's share of the step's loss in nats, then of the gradient of every parameter, in their order."""


def rows_of(part: Batch) -> Tensor:
    """The numbers of a micro-batch's rows, 0, 1, ... where it has none."""
    rows = len(part.inputs_BT)
    return torch.arange(rows, device=part.inputs_BT.device) if part.rows_B is None else part.rows_B


def draws_for(model: GPT, part: Batch, counters: tuple[int, ...]) -> Draws | None:
    """What dropout draws for a micro-batch's rows, which depends on the counters and on each row's number alone."""
    if not model.config.dropout_rate or not counters:
        return None
    rows_B, time = rows_of(part), part.inputs_BT.shape[1]
    if model.device.type == "cuda":
        return drawn_at_once(model.config, rows_B, time, key_of(counters, model.device))
    until_T = torch.arange(1, time + 1, device=part.targets_BT.device)
    lengths_B = ((part.targets_BT != IGNORED) * until_T).amax(dim=1)  # to the last target: what follows has no effect
    return drawn_by_row(model.config, rows_B, lengths_B, time, counters, model.device)


def loss_of(model: GPT, part: Batch, total: Tensor, precision: Precision, draws: Draws | None = None) -> Tensor:
    """A micro-batch's share of the step's mean cross-entropy in nats.

    On a processor the head sees only positions that count. A GPU would be waited for to know which, so there it sees
    all of them.
    """
    targets = part.targets_BT.flatten()
    counts_N = None if targets.is_cuda else (targets != IGNORED).nonzero().flatten()
    half = precision == "bf16"  # without a cache of casts: all threads share it, and each weight is used once
    cast = torch.autocast(model.device.type, dtype=torch.bfloat16, enabled=half, cache_enabled=False)
    with dropping(draws), cast:
        logits_NV = model.head(model(part.inputs_BT, wanted_N=counts_N)).flatten(0, -2)
    targets_N = targets if counts_N is None else targets[counts_N]
    return F.cross_entropy(logits_NV.float(), targets_N, ignore_index=IGNORED, reduction="sum") / total


def shares_of(model: GPT, part: Batch, total: Tensor, precision: Precision, draws: Draws | None = None) -> Shares:
    """Forward and backward pass of one micro-batch of a step that has `total` targets which count."""
    loss = loss_of(model, part, total, precision, draws)
    return loss.detach(), *torch.autograd.grad(loss, list(model.parameters()))


class RecordedPasses:
    """The same as CUDA graphs, of micro-batches that are padded to few shapes.

    Args:
        model: On a GPU, in training mode.
        precision: To compute in.
        recorder: Calls a function, and replays it when it can; see `graphs.Recorder`.
    """

    def __init__(self, model: GPT, precision: Precision, recorder: Callable[..., Shares]) -> None:
        self._model, self._precision, self._recorder = model, precision, recorder

    def __call__(self, part: Batch, total: Tensor, counters: tuple[int, ...]) -> Shares:
        """The shares of one micro-batch, see `shares_of`; counters are those of dropout's draws."""
        rows, time = part.inputs_BT.shape
        more_rows, more_time = few_shapes(rows, time, self._model.context)
        around = (0, more_time - time, 0, more_rows - rows)
        assert counters or not self._model.config.dropout_rate, "what is replayed does not draw from a generator"
        return self._recorder(
            self._passes,
            F.pad(part.inputs_BT, around, value=PAD_ID),
            F.pad(part.targets_BT, around, value=IGNORED),
            F.pad(rows_of(part), (0, more_rows - rows)),
            total,
            key_of(counters, total.device),
        )

    def _passes(self, inputs_BT: Tensor, targets_BT: Tensor, rows_B: Tensor, total: Tensor, key: Tensor) -> Shares:
        model, dropout = self._model, self._model.config.dropout_rate
        draws = drawn_at_once(model.config, rows_B, inputs_BT.shape[1], key) if dropout else None
        return shares_of(model, Batch(inputs_BT, targets_BT, rows_B), total, self._precision, draws)


def key_of(counters: tuple[int, ...], device: torch.device) -> Tensor:
    """What dropout's draws on a GPU are made from: one number of 64 bits."""
    return torch.full((), derive(*counters), dtype=torch.int64, device=device)  # which waits for nothing


def backward(
    model: GPT,
    parts: list[Batch],
    precision: Precision,
    workers: Workers | None = None,
    counters: tuple[int, ...] = (),
    ranks: Ranks = ALONE,
    recorded: RecordedPasses | None = None,
) -> Tensor:
    """Adds the gradient of the step's loss, micro-batch by micro-batch, or several at a time with workers.

    Args:
        model: In training mode.
        parts: The step's micro-batches.
        precision: To compute in.
        workers: Threads to share the micro-batches out among.
        counters: Seed and step for dropout's draws; without them torch's global generator is drawn from.
        ranks: The processes that have the other rows of the step.
        recorded: The passes of this model as CUDA graphs, if they are to be replayed.

    Returns:
        Mean cross-entropy in nats over all targets of the step that count, those of all processes.
    """
    targets = [(part.targets_BT != IGNORED).sum() for part in parts]
    total = ranks.total(torch.stack(targets or [torch.tensor(0, device=model.device)]).sum())
    parameters = list(model.parameters())

    def work(part: Batch) -> Shares:
        if recorded is not None:
            return recorded(part, total, counters)
        return shares_of(model, part, total, precision, draws_for(model, part, counters))

    loss = torch.zeros((), device=model.device)
    with one_thread() if workers else contextlib.nullcontext():
        for share, *gradients in workers.map(work, parts) if workers else map(work, parts):
            loss += share
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)
    if ranks.count > 1 and not total:
        return loss  # a step without examples changes nothing, as in one process
    return ranks.add_up(parameters, loss)
