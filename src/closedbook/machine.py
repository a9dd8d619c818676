"""What machine and software a figure was measured with."""

import os
import platform
import resource
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from closedbook.errors import UserError, counted
from closedbook.torchrun import launched
from closedbook.version import commit


def pick_device(name: str) -> torch.device:
    """The device of that name; `auto` is the GPU if there is one, else the CPU.

    Processes that torchrun started take a GPU each.

    Raises:
        UserError: There is no such device here, or fewer GPUs than processes.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and (launch := launched()) is not None:
        if name != "cuda" and launch.count > 1:
            raise UserError(
                f"--device {name}: under torchrun every process takes its own GPU; say cuda, or leave it out."
            )
        if name == "cuda" and launch.local_rank >= torch.cuda.device_count():
            raise UserError(
                f"torchrun started {launch.local_count} processes on a machine with "
                f"{counted(torch.cuda.device_count(), 'GPU')}; "
                "--nproc-per-node says how many, --device cpu trains on the processor."
            )
        name = f"cuda:{launch.local_rank}" if name == "cuda" else name
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"--device {name}: no such device here; use auto or cpu.") from error
    return device


def describe(device: torch.device) -> dict[str, Any]:
    """Versions, processor, threads and, where the source is a git checkout, its commit (JSON-ready)."""
    return {
        "closedbook": version("closedbook"),
        "commit": commit(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": device_name(device),
    }


def device_name(device: torch.device) -> str:
    """What kind of device it is: `cpu`, or the GPU's name."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def peak_memory() -> int:
    """Largest resident set of this process so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
