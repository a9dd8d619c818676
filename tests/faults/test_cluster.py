"""Many trainings through faults, on the command line: stopped, killed with their driver, a machine lost."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from closedbook import cli

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed (make .venv/.cluster)"),
]
TOY = ["experiment", "capacity", "--counts", "40", "60", "--exposures", "60", "--threads", "1"]
TINY = "model.layers=1 training.epochs=3 training.least_steps=100 tokenizer.vocabulary_size=300".split()
SWEEP = [*"experiment sweep default --seeds 2 --threads 1 --workers 2 --over model.width=16,32".split(), *TINY]
TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef" * 4, "RAY_USAGE_STATS_ENABLED": "0"}
PORT = 6_391  # below those that Ray gives to workers


def command(out, *more, toy=TOY):
    return [*toy, "--checkpoint-seconds", "0.2", "--out", str(out), *more]


def start(out, *more, toy=TOY, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "closedbook", *command(out, *more, toy=toy)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def wait_until_both_are_saved(out, process):
    while len({path.parents[1] for path in out.glob("runs/*.partial/checkpoints/step-*/manifest.json")}) < 2:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def figures(out):
    """What cells came to, times apart."""
    results = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((out / "results").iterdir())]
    return [{**result, "result": {**result["result"], "seconds": 0}} for result in results]


def weights(out):
    return [path.read_bytes() for path in sorted(out.glob("runs/*/model.safetensors"))]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    out = tmp_path_factory.mktemp("alone") / "out"
    assert cli.main(command(out)) == 0
    return out


def test_stopped_by_ctrl_c_and_killed_with_its_driver_it_goes_on(alone, tmp_path):
    out = tmp_path / "out"
    process = start(out, "--workers", "2")
    wait_until_both_are_saved(out, process)
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate()
    assert process.returncode == 130
    assert "trainings being stopped and saved" in printed
    assert f"--out {out} --workers 2" in printed
    process = start(out, "--workers", "2")
    time.sleep(10.0)  # it is on its way, wherever
    process.kill()
    process.communicate()
    process = start(out, "--workers", "2")
    printed, _ = process.communicate()
    assert process.returncode == 0, printed
    assert figures(out) == figures(alone)
    assert weights(out) == weights(alone)
    assert not list(out.glob("runs/*.partial"))


def results(out):
    """What came of each setting and seed of a sweep, times apart."""
    read = [json.loads(path.read_text(encoding="utf-8"))["result"] for path in (out / "results").iterdir()]
    return {one["name"]: one | {"seconds": 0} for one in read}


def alike(one, two):
    """Whether they agree on what was trained to its end; what is given up depends on who is first."""
    whole = [name for name in one.keys() & two.keys() if one[name]["percent"] == two[name]["percent"] == 100]
    return any(whole) and all(one[name] == two[name] for name in whole)


def test_a_sweep_goes_on_whenever_its_driver_is_killed(sources, tmp_path, every):
    toy = [*SWEEP, "--corpus", str(sources / "0")]
    began = time.monotonic()
    assert cli.main(command(tmp_path / "whole", toy=toy)) == 0
    seconds, kills = time.monotonic() - began, 0
    for seed in range(0, 7, every):
        draw, out = random.Random(seed), tmp_path / str(seed)
        for latest in (0.4, 0.6, 0.9):  # the first early, as it may be quicker than the whole one was
            process = start(out, toy=toy)
            time.sleep(draw.uniform(0.1, latest) * seconds)
            kills += process.poll() is None
            process.kill()
            process.communicate()
        process = start(out, toy=toy)
        printed, _ = process.communicate()
        assert process.returncode == 0, printed
        assert alike(results(out), results(tmp_path / "whole"))
        assert not list(out.glob("runs/*"))
    assert kills > 0
    print(f"{kills} kills")


@pytest.fixture
def nodes(tmp_path):
    """Two machines of a cluster, each with one processor, that only who knows the token may use."""
    head = ["--head", "--node-ip-address", "127.0.0.2", "--port", str(PORT), "--include-dashboard", "false"]
    other = ["--address", f"127.0.0.2:{PORT}", "--node-ip-address", "127.0.0.3"]
    started = []
    try:
        for words in (head, other):
            while not is_up(node := start_node(words, tmp_path / "log")):  # a busy machine misses Ray's own deadline
                lose(node)
            started.append(node)
        yield started
    finally:
        for node in started:
            lose(node)


def start_node(words, log):
    common = ["--block", "--num-cpus", "1", "--disable-usage-stats"]
    with log.open("w") as file:
        node = subprocess.Popen(
            [Path(sys.executable).with_name("ray"), "start", *common, *words],
            env=os.environ | TOKEN,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    node.log = log
    return node


def is_up(node):
    while "Ray runtime started" not in node.log.read_text(encoding="utf-8"):
        if node.poll() is not None:
            return False
        time.sleep(0.2)
    return True


def lose(node):
    """Ends a machine with all that runs on it, at once."""
    found = subprocess.run(["pgrep", "--session", str(node.pid)], capture_output=True, text=True).stdout
    for number in map(int, found.split()):
        os.kill(number, signal.SIGKILL)
    node.wait()


def test_a_machine_that_is_lost_costs_no_training(alone, nodes, tmp_path):
    out = tmp_path / "out"
    process = start(out, "--address", f"127.0.0.2:{PORT}", **TOKEN)
    wait_until_both_are_saved(out, process)
    lose(nodes[1])
    printed, _ = process.communicate()
    assert process.returncode == 0, printed
    assert printed.count("its process was lost; it goes on from its last checkpoint") == 1
    assert printed.count("resumed at step") == 1
    assert figures(out) == figures(alone)
    assert weights(out) == weights(alone)
