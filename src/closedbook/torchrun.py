"""What torchrun tells a process that it starts, and which of its processes speaks for all; free of torch until then."""

import os
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

_STORE_SECONDS = 10.0  # to reach what the processes share
_speaking = threading.Lock()


@dataclass(frozen=True)
class Launch:
    """A process's place among those that torchrun started.

    Args:
        rank: Its number among all.
        count: How many there are, on all machines.
        local_rank: Its number among those of this machine.
        local_count: How many are on this machine.
    """

    rank: int
    count: int
    local_rank: int
    local_count: int


def launched(environment: Mapping[str, str] = os.environ) -> Launch | None:
    """The place of this process; None where torchrun has not started it."""
    if "TORCHELASTIC_RUN_ID" not in environment:
        return None
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    return Launch(*(int(environment[name]) for name in names))


def attempt() -> int:
    """How often torchrun has started all processes anew."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))


def speak(sentence: str) -> None:
    """Prints a sentence on standard error, unless another process that torchrun started with this one has said one."""
    with _speaking:  # whoever ends the process must let the sentence out
        launch = launched()
        if launch is None or _is_first(launch):
            print(sentence, file=sys.stderr, flush=True)


def command(arguments: Sequence[str]) -> list[str]:
    """The words that start a verb again on this machine; `--start` torchrun would take for the start of its own."""
    launch = launched()
    if launch is None:
        return [sys.executable, "-m", "closedbook", *arguments]
    apart = ["--"] if "--start" in arguments else []
    launcher = ["torchrun", "--standalone", "--nproc-per-node", str(launch.local_count), "-m"]
    return [*launcher, *apart, "closedbook", *arguments]


def _is_first(launch: Launch) -> bool:
    """Whether no other process has asked before; where they cannot be reached, one of each machine is."""
    try:
        from torch.distributed import TCPStore  # type: ignore[attr-defined]

        address = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        store = TCPStore(*address, is_master=False, timeout=timedelta(seconds=_STORE_SECONDS))
        said = store.add(f"closedbook/said/{attempt()}", 1)
    except (ImportError, KeyError, ValueError, RuntimeError):
        return launch.local_rank == 0
    return said == 1
