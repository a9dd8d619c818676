"""The adapter for Ray; nothing else imports it.

A call is a task that Ray does not repeat by itself: what was lost comes back as an outcome, and whoever called decides.
Stopping is Ray's `cancel`, which a task feels as Ctrl-C; so a training saves first.
"""

import logging
import os
import signal
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from closedbook.cluster.pool import MOST_LOST, Outcome, Request
from closedbook.errors import UserError

SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent to anybody
    "RAY_worker_niceness": "0",  # a training beside others is worth no less
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # the default of the next version; else Ray warns
}
for setting, said in SETTINGS.items():
    os.environ.setdefault(setting, said)

import ray  # noqa: E402 - it reads its settings when it is imported
from ray.exceptions import RayError, RayTaskError, TaskCancelledError  # noqa: E402
from ray.tune.schedulers import ASHAScheduler, TrialScheduler  # noqa: E402
from ray.util import ActorPool  # noqa: E402
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: E402

REACHED_WITHIN = 10.0  # seconds
STARTS = 3
FIRST_RUNG, REDUCTION = 11, 3  # percent of a training: decided at 11, 33 and 99


class RayPool:
    """Tasks on Ray, one for each call; see `closedbook.cluster.pool.Pool`."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._names: dict[Any, str] = {}  # by what Ray calls a result that is to come
        self._sent: dict[int, tuple[Any, Any]] = {}  # arguments that are shared, kept so that their ids stay theirs
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
        if request.address is None:
            _start(num_cpus=request.workers or 1, **quiet)
        else:
            _reach(request.address)
            try:
                ray.init(address=request.address, **quiet)
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise UserError(
                    f"--address {request.address}: no Ray cluster answers; is the token its own? ({_first(error)})"
                ) from None
            self._refuse_what_fits_nowhere()

    def close(self) -> None:
        ray.shutdown()

    def free(self) -> bool:
        if self._request.workers is not None:
            return len(self._names) < self._request.workers
        return True

    def begin(self, name: str, function: Callable[..., Any], *arguments: Any) -> None:
        task = self._task(_call).remote(function, os.getcwd(), *map(self._shared, arguments))
        self._names[task] = name

    def ended(self, seconds: float) -> list[Outcome]:
        if not self._names:
            return []
        ready, _ = ray.wait(list(self._names), num_returns=1, timeout=seconds)
        return [_outcome(self._names.pop(task), task) for task in ready]

    def stop(self, names: Iterable[str]) -> None:
        chosen = set(names)
        for task, name in self._names.items():
            if name in chosen:
                ray.cancel(task)

    def on_each_machine(self, function: Callable[..., Any], *arguments: Any) -> dict[str, Outcome]:
        tasks = {}
        for node in _machines():
            there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            task = ray.remote(_call).options(num_cpus=0, max_retries=0, scheduling_strategy=there)
            tasks[node["NodeManagerAddress"]] = task.remote(function, None, *arguments)
        outcomes = {}
        for address, task in tasks.items():
            try:
                outcomes[address] = _outcome(address, task)
            except RayTaskError as error:  # such as a package that is not installed there
                outcomes[address] = Outcome(address, "lost", str(error).strip().splitlines()[-1])
        return outcomes

    def hands(self, make: Callable[[], Callable[[Any], Any]]) -> "RayHands":
        count = self._request.workers or self._room()
        actor = ray.remote(_Hand).options(
            num_cpus=self._request.cpus if self._request.address else 1,
            num_gpus=self._request.gpus,
            max_restarts=MOST_LOST,
            max_task_retries=MOST_LOST,
        )
        return RayHands([actor.remote(make, os.getcwd()) for _ in range(count)])

    def _room(self) -> int:
        """Processes that the whole cluster has room for at a time."""
        there, wanted = ray.cluster_resources(), {"CPU": self._request.cpus, "GPU": self._request.gpus}
        return max(int(min(there.get(kind, 0) // number for kind, number in wanted.items() if number)), 1)

    def _task(self, function: Callable[..., Any]) -> Any:
        return ray.remote(function).options(
            num_cpus=self._request.cpus if self._request.address else 1, num_gpus=self._request.gpus, max_retries=0
        )

    def _shared(self, argument: Any) -> Any:
        """A reference to what was sent before, or is large enough that sending it again would matter."""
        if argument is None or isinstance(argument, str | int | float | Path):
            return argument
        if id(argument) not in self._sent:
            self._sent[id(argument)] = (argument, ray.put(argument))
        return self._sent[id(argument)][1]

    def _refuse_what_fits_nowhere(self) -> None:
        wanted = {"CPU": self._request.cpus, "GPU": self._request.gpus}
        if not any(
            all(node["Resources"].get(kind, 0) >= most for kind, most in wanted.items()) for node in _machines()
        ):
            have = ", ".join(f"{node['Resources'].get('CPU', 0):.0f}" for node in _machines())
            raise UserError(
                f"--address {self._request.address}: no machine there has {wanted['CPU']} CPUs and {wanted['GPU']:g} "
                f"GPUs for one training (their CPUs: {have}); take fewer --threads."
            )


class RayHands:
    """Actors on Ray, made anew where they are lost and asked again; see `closedbook.cluster.pool.Hands`."""

    def __init__(self, actors: Sequence[Any]) -> None:
        self._actors = actors

    @property
    def count(self) -> int:
        return len(self._actors)

    def each(self, items: Sequence[Any]) -> Iterator[Any]:
        answers = ActorPool(self._actors).map_unordered(
            lambda actor, numbered: actor.answer.remote(*numbered), enumerate(items)
        )
        early, turn = dict[int, Any](), 0
        try:
            for number, well, value in answers:
                if not well:
                    raise UserError(value)
                early[number] = value
                while turn in early:
                    yield early.pop(turn)
                    turn += 1
        except RayTaskError:  # what we broke ourselves
            raise
        except RayError as error:
            raise UserError(f"A process that answered was lost time and again ({_first(error)}).") from None


class RayHalving:
    """Ray Tune's ASHA; see `closedbook.cluster.pool.Halving`."""

    def __init__(self) -> None:
        self._scheduler: Any = ASHAScheduler(  # of what its methods take it uses a name and two figures
            time_attr="percent",
            metric="value",
            mode="max",
            max_t=100,
            grace_period=FIRST_RUNG,
            reduction_factor=REDUCTION,
        )
        self._trials: dict[str, _Trial] = {}

    def goes_on(self, name: str, percent: int, value: float) -> bool:
        if name not in self._trials:
            self._trials[name] = _Trial(name)
            self._scheduler.on_trial_add(None, self._trials[name])
        decided = self._scheduler.on_trial_result(None, self._trials[name], {"percent": percent, "value": value})
        return percent >= 100 or decided != TrialScheduler.STOP


@dataclass(frozen=True)
class _Trial:
    """What a scheduler wants to know of a training."""

    trial_id: str


class _Hand:
    """Runs elsewhere: keeps what was made there."""

    def __init__(self, make: Callable[[], Callable[[Any], Any]], folder: str) -> None:
        os.chdir(folder)
        self._function: Callable[[Any], Any] | None = None
        self._make = make

    def answer(self, number: int, item: Any) -> tuple[int, bool, Any]:
        """The item's number, whether it went well, and the value or the sentence."""
        try:
            if self._function is None:
                self._function = self._make()
            return number, True, self._function(item)
        except UserError as error:
            return number, False, str(error)


def _call(function: Callable[..., Any], folder: str | None, *arguments: Any) -> tuple[bool, Any]:
    """Runs elsewhere, in the caller's folder where one is named: whether it went well, and the value or sentence."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # Ray's processes are deaf to it
    if folder is not None:
        os.chdir(folder)
    try:
        return True, function(*arguments)
    except UserError as error:
        return False, str(error)


def _outcome(name: str, task: Any) -> Outcome:
    try:
        well, value = ray.get(task)
    except TaskCancelledError:
        return Outcome(name, "stopped", None)
    except RayTaskError:  # what we broke ourselves
        raise
    except RayError as error:
        return Outcome(name, "lost", _first(error))
    return Outcome(name, "done" if well else "refused", value)


def _start(**settings: Any) -> None:
    """Starts Ray on this machine; where that is very busy it can miss its own deadline of half a minute.

    Raises:
        UserError: It has missed it several times.
    """
    for attempt in range(1, STARTS + 1):
        try:
            ray.init(address="local", include_dashboard=False, **settings)
        except Exception as error:  # Ray raises nothing narrower
            ray.shutdown()
            if attempt == STARTS:
                raise UserError(f"--workers: Ray does not start on this machine ({_first(error)}).") from None
        else:
            return


def _machines() -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def _reach(address: str) -> None:
    """Refuses an address at which nothing listens, which Ray would wait for and then end the process.

    Raises:
        UserError: Nothing does.
    """
    host, _, port = address.rpartition(":")
    if address == "auto":
        return
    if not host or not port.isdecimal():
        raise UserError(f"--address {address}: takes HOST:PORT of a Ray cluster, or auto.")
    try:
        socket.create_connection((host, int(port)), REACHED_WITHIN).close()
    except OSError as error:
        raise UserError(f"--address {address}: no Ray cluster is reached ({error.strerror or error}).") from None


def _first(error: BaseException) -> str:
    """The first line of what Ray says."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
