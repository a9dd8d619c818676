"""The adapter for Ray; beside it `halving` alone imports it.

A call is a task that Ray does not repeat by itself: what was lost comes back as an outcome, and whoever called decides.
Stopping is Ray's `cancel`, which a task feels as Ctrl-C; so a training saves first.
"""

import logging
import os
import signal
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from closedbook.cluster.pool import MOST_LOST, Outcome, Request
from closedbook.errors import UserError

SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent to anybody
    "RAY_worker_niceness": "0",  # a training beside others is worth no less
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # the default of the next version; else Ray warns
    "MALLOC_ARENA_MAX": "2",  # beside Ray's own threads every training would fill another of glibc's, a GB each
}
for setting, said in SETTINGS.items():
    os.environ.setdefault(setting, said)

import ray  # noqa: E402 - it reads its settings when it is imported
from ray.exceptions import RayError, RayTaskError, TaskCancelledError  # noqa: E402
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: E402

REACHED_WITHIN = 10.0  # seconds
STARTS = 3
BEGUN_WITHIN = 300.0  # seconds, for a process where nothing else answers


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

    def replicas(self, make: Callable[[], Callable[[Any], Any]]) -> "RayReplicas":
        room = self._room()
        actor = ray.remote(_Replica).options(**self._resources)
        count = min(self._request.workers or room, room)
        return RayReplicas(lambda: actor.remote(make, os.getcwd()), count)

    @property
    def _resources(self) -> dict[str, float]:
        """What a call takes; on this machine alone processors are not counted."""
        return {"num_cpus": self._request.cpus if self._request.address else 1, "num_gpus": self._request.gpus}

    def _room(self) -> int:
        """Processes that the machines have room for at a time."""
        wanted = dict(zip(("CPU", "GPU"), self._resources.values(), strict=True))
        rooms = (
            int(min(node["Resources"].get(kind, 0) / number for kind, number in wanted.items() if number) + 1e-6)
            for node in _machines()
        )
        return max(sum(rooms), 1)

    def _task(self, function: Callable[..., Any]) -> Any:
        return ray.remote(function).options(**self._resources, max_retries=0)

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
                f"GPUs for one process (their CPUs: {have}); take fewer --threads."
            )


class RayReplicas:
    """Actors on Ray; what one was at that is lost is given to another. See `closedbook.cluster.pool.Replicas`."""

    def __init__(self, start: Callable[[], Any], count: int) -> None:
        self._start, self.count = start, count
        self._idle = list[Any]()
        self._starting: dict[Any, Any] = {}  # by what Ray calls the word that they have begun
        self._lost = 0
        for _ in range(count):
            self._begin()

    def _begin(self) -> None:
        actor = self._start()
        self._starting[actor.begun.remote()] = actor

    def each(self, items: Sequence[Any]) -> Iterator[Any]:
        left = deque(enumerate(items))
        under_way: dict[Any, tuple[Any, int, Any]] = {}
        early, turn = dict[int, Any](), 0
        try:
            while left or under_way:
                while left and self._idle:
                    number, item = left.popleft()
                    actor = self._idle.pop()
                    under_way[actor.answer.remote(item)] = (actor, number, item)
                for answer in self._ended(under_way):
                    if answer in self._starting:
                        self._begun(answer)
                        continue
                    actor, number, item = under_way.pop(answer)
                    try:
                        well, value = ray.get(answer)
                    except RayTaskError:  # what we broke ourselves
                        raise
                    except RayError as error:
                        left.appendleft((number, item))
                        self._replace(error)
                        continue
                    self._idle.append(actor)
                    if not well:
                        raise UserError(value)
                    early[number] = value
                while turn in early:
                    yield early.pop(turn)
                    turn += 1
        finally:
            self._idle += [actor for actor, _, _ in under_way.values()]

    def _ended(self, under_way: Iterable[Any]) -> list[Any]:
        """The first of what is under way that ends, or of the actors that begin.

        Raises:
            UserError: Nothing is under way and no actor begins.
        """
        busy = list(under_way)
        ended, _ = ray.wait([*busy, *self._starting], num_returns=1, timeout=None if busy else BEGUN_WITHIN)
        if not ended:
            raise UserError(f"No process could be started within {BEGUN_WITHIN:.0f} s: is the cluster in use?")
        return list(ended)

    def _begun(self, word: Any) -> None:
        actor = self._starting.pop(word)
        try:
            ray.get(word)
        except RayError as error:
            self._replace(error)
        else:
            self._idle.append(actor)

    def _replace(self, error: RayError) -> None:
        """Starts another for one that was lost.

        Raises:
            UserError: Too many were.
        """
        self._lost += 1
        if self._lost >= MOST_LOST:
            raise UserError(
                f"Processes that answer were lost {self._lost} times, the last so: {_first(error)}"
            ) from None
        self._begin()


class _Replica:
    """Runs elsewhere: makes a function at its first call and keeps it."""

    def __init__(self, make: Callable[[], Callable[[Any], Any]], folder: str) -> None:
        self._make, self._folder = make, folder
        self._function: Callable[[Any], Any] | None = None

    def begun(self) -> None:
        """Says that it is there."""

    def answer(self, item: Any) -> tuple[bool, Any]:
        """Whether it went well, and the value or the sentence."""
        try:
            if self._function is None:
                os.chdir(self._folder)
                self._function = self._make()
            return True, self._function(item)
        except UserError as error:
            return False, str(error)
        except FileNotFoundError as error:
            return False, f"{error.filename}: is not on {socket.gethostname()}; all machines must have it."


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
