"""Calls of functions elsewhere: what is asked for, what comes of it, and the one place where an engine is chosen."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal, Protocol, runtime_checkable

from closedbook.errors import UserError

Fate = Literal["done", "refused", "stopped", "lost"]
MODULE = "ray"
MOST_LOST = 5  # times that a process is lost before it is the work that is suspected


@dataclass(frozen=True, kw_only=True)
class Request:
    """Where calls go.

    Args:
        workers: How many go on at a time; None for as many as the cluster has room for.
        address: `HOST:PORT` of a cluster that is up, `auto` for the one that this machine is part of; None for
            processes on this machine alone.
        cpus: Processors that a call takes; on this machine alone they are not counted.
        gpus: GPUs that a call takes, or a share of one.
    """

    workers: int | None = None
    address: str | None = None
    cpus: int = 1
    gpus: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """What came of a call.

    Args:
        name: The call's.
        fate: It is done; bad input was refused; it was asked to stop, and did; or its process or machine was lost.
        value: What the function returned, or the sentence that says what was refused or lost.
    """

    name: str
    fate: Fate
    value: Any


@runtime_checkable
class Pool(Protocol):
    """Processes that call functions of modules with what can be pickled."""

    def free(self) -> bool:
        """Whether a call can begin now, or would wait for another."""

    def begin(self, name: str, function: Callable[..., Any], *arguments: Any) -> None:
        """Calls a function elsewhere; arguments that several calls share are sent once."""

    def ended(self, seconds: float) -> list[Outcome]:
        """The calls that have ended since the last time, waiting so long for the first."""

    def stop(self, names: Iterable[str]) -> None:
        """Asks calls to stop, as Ctrl-C would; each comes out of `ended`."""

    def on_each_machine(self, function: Callable[..., Any], *arguments: Any) -> dict[str, Outcome]:
        """What comes of a function on every machine, by address."""

    def replicas(self, make: Callable[[], Callable[[Any], Any]]) -> "Replicas":
        """Processes that each make a function at their first call and keep it.

        Args:
            make: Makes it there.
        """


@runtime_checkable
class Replicas(Protocol):
    """Processes that keep what they have made."""

    @property
    def count(self) -> int:
        """How many there are room for."""

    def each(self, items: Sequence[Any]) -> Iterator[Any]:
        """What the function makes of each item, in their order, all processes at it.

        Raises:
            UserError: It refuses one, no process can be started, or processes were lost time and again.
        """


@runtime_checkable
class Halving(Protocol):
    """Successive halving that waits for nobody (ASHA; Li et al. 2020, MLSys, section 3)."""

    def goes_on(self, name: str, percent: int, value: float) -> bool:
        """Whether a training that has come so far with that value is worth going on with."""


@contextlib.contextmanager
def opened(request: Request) -> Iterator[Pool]:
    """The processes that are asked for, which end with the block if it has started them.

    Raises:
        UserError: Ray is not installed, or there is no such cluster.
    """
    require_engine(request)
    from closedbook.cluster.on_ray import RayPool

    pool = RayPool(request)
    try:
        yield pool
    finally:
        pool.close()


def halving() -> Halving:
    """Which of several trainings side by side are worth going on with."""
    require_engine(Request())
    import closedbook.cluster.on_ray  # noqa: F401 - its settings come first
    from closedbook.cluster.halving import RayHalving

    return RayHalving()


def require_engine(request: Request) -> None:
    """Raises a `UserError` that names the option where Ray is not installed."""
    if find_spec(MODULE) is None:
        option = "workers" if request.address is None else "address"
        raise UserError(f"--{option}: Ray is not installed; pip install 'closedbook[cluster]' brings it.")
