"""The power is cut at moments that nobody chose, on a real file system: what had not reached the disk is lost."""

import os
import posix
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.faults.conftest import contents, goes_on
from tests.faults.disk import begun, in_a_fork

MEBIBYTE = 2**20
SIZE = 96 * MEBIBYTE
CAREFUL = "data=ordered"
CARELESS = "data=writeback,noauto_da_alloc,commit=300"  # names before what they hold, neither before somebody syncs


class Machine:
    """A file system in a file, where what stands in the file is what a power cut leaves.

    Args:
        root: Where the file and the place that it is mounted at are.
        options: Of the file system.

    Raises:
        Skipped: It cannot be made here.
    """

    def __init__(self, root: Path, options: str) -> None:
        self._disk, self._mounted, self._options = root / "disk", root / "mounted", options
        self._mounted.mkdir()
        if os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
            pytest.skip("only root can mount a file system, and mkfs.ext4 makes it")
        with self._disk.open("wb") as file:
            file.truncate(SIZE)
        subprocess.run(["mkfs.ext4", "-q", self._disk], check=True)
        self.start()
        self.work = self._mounted / "work"
        self.work.mkdir()
        os.sync()

    def start(self, left: Path | None = None) -> None:
        """Starts, with what a power cut has left if so asked."""
        if left is not None:
            shutil.move(left, self._disk)
        command = ["mount", "-o", f"loop,{self._options}", self._disk, self._mounted]
        tried = subprocess.run(command, capture_output=True, text=True)
        if tried.returncode != 0:
            pytest.skip(f"no file system can be mounted here ({tried.stderr.strip()})")

    def shut_down(self) -> None:
        subprocess.run(["umount", self._mounted], check=True)

    def cut(self, number: int) -> Path:
        """A copy of what a power cut would leave now."""
        left = self._disk.with_name(f"left-{number}")
        subprocess.run(["cp", "--sparse=always", self._disk, left], check=True)
        return left


def synced(command, out: Path) -> None:
    """Runs a command in a process of its own, where syncing means syncing."""
    os.fsync = posix.fsync
    command(out)


def cuts(machine: Machine, command, moments) -> list[Path]:
    """What power cuts at those moments, in seconds, leave of a command that knows nothing of them."""
    child = begun(lambda: synced(command, machine.work / "out"))
    left, began = [], time.monotonic()
    for number, moment in enumerate(sorted(moments)):
        time.sleep(max(began + moment - time.monotonic(), 0.0))
        stopped = time.monotonic()
        os.kill(child, signal.SIGSTOP)
        _, status = os.waitpid(child, os.WUNTRACED)  # what it was writing is written
        if os.WIFEXITED(status):
            break
        try:
            left.append(machine.cut(number))
        finally:
            os.kill(child, signal.SIGCONT)
        began += time.monotonic() - stopped
    else:
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    return left


@pytest.fixture(params=["training", "reproduction", "building"])
def command(request):
    return request.getfixturevalue(request.param)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("options", [CAREFUL, CARELESS])
def test_what_a_power_cut_leaves_goes_on(command, options, tmp_path, every):
    machine = Machine(tmp_path, options)
    try:
        began = time.monotonic()
        assert in_a_fork(lambda: synced(command, machine.work / "out")) == 0
        seconds, expected = time.monotonic() - began, contents(machine.work)
        draw, left = random.Random(0), []
        while not left:  # the first time takes longer, for reading what the second finds read
            shutil.rmtree(machine.work / "out")
            os.sync()
            left = cuts(machine, command, [draw.uniform(0, 0.9 * seconds) for _ in range(-(-20 // every))])
            seconds /= 2
    finally:
        machine.shut_down()
    for one in left:
        machine.start(one)
        try:
            there = sorted(path.name for path in machine.work.iterdir())
            assert in_a_fork(lambda: goes_on(command, machine.work, expected)) == 0, f"{one.name}: {there}"
            assert contents(machine.work) == expected, one.name
        finally:
            machine.shut_down()
