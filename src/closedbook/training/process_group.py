"""Several processes of one training, started by torchrun: gloo between processors, nccl between GPUs.

One all-reduce a step adds up the gradients, laid end to end, with the loss behind them. As every process then takes the
same step with the same numbers, the models stay the same. Small messages go through gloo on any device.

A process that dies is noticed by its neighbour, which waits for a word of it that comes at the end alone: the kernel
closes the connection instead. Who notices ends at once, and so it goes round, whatever else they are doing.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.rendezvous import rendezvous

from closedbook.errors import UserError
from closedbook.torchrun import attempt, speak
from closedbook.training.ranks import Ranks, Value
from closedbook.version import version_line

BACKENDS: Final = {"cpu": "gloo", "cuda": "nccl"}
MEET = timedelta(minutes=10)  # within which all processes must have come
WAIT = timedelta(days=30)  # for one that lives: it may read, study or save; the dead are noticed otherwise
NOTICED = 5.0  # seconds in which a connection that broke is traced to a process that ended
LOST = (
    "closedbook: another process of this training has ended, and so all of them do; the same command, with as many "
    "processes or with others, goes on from the newest checkpoint."
)


@contextlib.contextmanager
def met(device: torch.device) -> Iterator[Ranks]:
    """The processes that torchrun started with this one, until all have ended; see `opened_ranks`."""
    backend = BACKENDS.get(device.type, "")
    if not dist.is_available() or not dist.is_backend_available(backend):
        raise UserError(f"--device {device.type}: this torch has no backend for several processes on it.")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    try:
        store, rank, count = next(rendezvous("env://", timeout=MEET))
        # torchrun keeps one store when it starts all anew, where the processes of before still have their addresses
        store = dist.PrefixStore(f"closedbook/{attempt()}", store)  # type: ignore[attr-defined]
        dist.init_process_group("gloo", store=store, rank=rank, world_size=count, timeout=MEET)
    except dist.DistError as error:
        raise UserError(f"The processes of this training do not find each other ({error}).") from error
    group = Group(rank, count, backend)
    group.same({"version of torch": torch.__version__, "version of closedbook": version_line()})
    yield group  # after an exception the process ends, and the others notice
    group.end()


class Group(Ranks):
    """Processes that have met; the default process group must be there.

    Args:
        rank: This process's number.
        count: How many there are.
        backend: What adds up the gradients.
    """

    def __init__(self, rank: int, count: int, backend: str) -> None:
        self.rank, self.count = rank, count
        self._control = dist.new_group(backend="gloo", timeout=WAIT)
        self._gradients = self._control if backend == "gloo" else dist.new_group(backend=backend, timeout=WAIT)
        self._watched = dist.new_group(backend="gloo", timeout=WAIT)
        self._ending = False
        self._watch = threading.Thread(target=self._wait_for_the_left, daemon=True)
        if count > 1:
            self._watch.start()

    def total(self, number: Tensor) -> Tensor:
        with self._traced():
            dist.all_reduce(number, group=self._gradients)
        return number

    def totals(self, *numbers: int) -> list[int]:
        summed = torch.tensor(numbers)
        with self._traced():
            dist.all_reduce(summed, group=self._control)
        return summed.tolist()

    def add_up(self, parameters: Sequence[nn.Parameter], loss: Tensor) -> Tensor:
        gradients = [
            parameter.new_zeros(()).expand_as(parameter) if parameter.grad is None else parameter.grad
            for parameter in parameters
        ]
        flat = torch.cat([*(gradient.reshape(-1) for gradient in gradients), loss.reshape(1)])
        with self._traced():
            dist.all_reduce(flat, group=self._gradients)
        sizes = [parameter.numel() for parameter in parameters]
        *summed, loss_sum = flat.split([*sizes, 1])
        for parameter, values in zip(parameters, summed, strict=True):
            parameter.grad = values.view_as(parameter)
        return loss_sum[0]

    def largest(self, number: int) -> int:
        found = torch.tensor(number)
        with self._traced():
            dist.all_reduce(found, op=dist.ReduceOp.MAX, group=self._control)
        return int(found)

    def tell(self, value: Value) -> Value:
        told: list[Any] = [value if self.leads else None]
        with self._traced():
            dist.broadcast_object_list(told, src=0, group=self._control)
        return told[0]

    def same(self, values: Mapping[str, Any]) -> None:
        theirs, host = self.tell((dict(values), socket.gethostname()))
        others = next((name for name, value in values.items() if theirs[name] != value), None)
        differs = self.largest(int(others is not None))
        if others is not None:
            here, what = socket.gethostname(), _difference(others, values[others], theirs[others])
            raise UserError(
                f"Process {self.rank} on {here} has another {what} than process 0 on {host}; all of a training "
                "take the same command line, files and versions."
            )
        if differs:
            self._watch.join()  # whoever differs says so and ends, and so does this process

    def end(self) -> None:
        if self._ending:
            return
        with self._traced():
            dist.barrier(self._control)
        self._ending = True  # nobody's connections close before everybody is here
        with contextlib.suppress(RuntimeError):  # all is done: who dies now takes nothing with it
            if self.count > 1:
                dist.send(torch.zeros(1), (self.rank + 1) % self.count, group=self._watched)
                self._watch.join()
            dist.barrier(self._control)
            dist.destroy_process_group()

    def _wait_for_the_left(self) -> None:
        """Waits for the word of the process before this one, which comes at the end; if it dies, ends this one."""
        try:
            dist.recv(torch.zeros(1), (self.rank - 1) % self.count, group=self._watched)
        except RuntimeError:
            if not self._ending:
                speak(LOST)
                os._exit(1)

    @contextlib.contextmanager
    def _traced(self) -> Iterator[None]:
        """Leaves it to the watch to say that a process has ended, if that is why the others cannot be reached."""
        try:
            yield
        except RuntimeError:
            if self._watch.is_alive():
                self._watch.join(NOTICED)
            raise


def _difference(name: str, ours: Any, theirs: Any) -> str:
    """The dotted name of the first value that differs, and where it is a short one what it is here and there."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in {**theirs, **ours}:
            if ours.get(key) != theirs.get(key):
                return _difference(f"{name}.{key}", ours.get(key), theirs.get(key))
    short = all(isinstance(value, str | int | float) for value in (ours, theirs))
    return f"{name} ({ours}, not {theirs})" if short else name
