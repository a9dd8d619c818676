"""Killed by the kernel at moments that nobody chose, three times in a row, a command ends as if nothing was."""

import os
import random
import signal
import time

import pytest

from tests.faults.conftest import contents, goes_on
from tests.faults.disk import begun, in_a_fork

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
KILLS = 3


@pytest.fixture(scope="module", params=["reproduction", "building"])
def whole(request, tmp_path_factory):
    """A command, what it leaves, and how long it takes."""
    command, root = request.getfixturevalue(request.param), tmp_path_factory.mktemp("whole")
    began = time.monotonic()
    assert in_a_fork(lambda: command(root / "out")) == 0
    return command, contents(root), time.monotonic() - began


def killed(work, seconds: float) -> bool:
    """Whether a copy of this process that does the work was still at it after so long, and was killed."""
    child = begun(work)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@pytest.mark.parametrize("seed", [*range(2), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 20))])
def test_a_command_goes_on_whenever_it_is_killed(whole, tmp_path, seed):
    command, expected, seconds = whole
    draw = random.Random(seed)
    kills = [killed(lambda: command(tmp_path / "out"), draw.uniform(0, 0.8 * seconds)) for _ in range(KILLS)]
    assert in_a_fork(lambda: goes_on(command, tmp_path, expected)) == 0
    assert contents(tmp_path) == expected
    print(f"{sum(kills)} kills")  # fewer where the machine has become faster meanwhile, or it was over before
