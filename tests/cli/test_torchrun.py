"""One training under torchrun, as a user meets it: real processes on one machine."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from safetensors.torch import load_file
from torch.distributed.run import parse_args

from closedbook import cli
from closedbook.cli import train
from closedbook.cli.options import parser_of
from closedbook.errors import UserError
from closedbook.machine import pick_device
from closedbook.torchrun import Launch, command, launched
from tests.cli.conftest import write_corpus

pytestmark = pytest.mark.skipif(not dist.is_gloo_available(), reason="this torch has no gloo; runs wherever it has")
SMALL = "--tokenizer.vocabulary_size 301 --model.layers 1 --model.width 32 --model.block 64 --model.dropout 0.1".split()
SHORT = "--training.epochs 1 --training.least_steps 150 --training.batch_tokens 256 --training.precision fp32".split()
OFTEN = "--checkpoint-seconds 0.2 --probe 3".split()
PLACE = {"RANK": "1", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "x"}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("torchrun") / "mine")


def arguments(corpus: Path, out: Path) -> list[str]:
    """Of the recipe whose first process studies for all."""
    return ["train", "open", "--corpus", str(corpus), "--out", str(out), *SMALL, *SHORT, *OFTEN]


def torchrun(count: int, words: list[str], *, restarts: int = 0) -> subprocess.Popen:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
    launcher += ["--max-restarts", str(restarts)]
    return subprocess.Popen(
        [*launcher, "-m", "closedbook", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def in_the_middle(process: subprocess.Popen, partial: Path) -> int:
    """The process that leads, once there is something to go on from."""
    while not any((partial / "checkpoints").glob("step-*")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    return json.loads((partial / ".lock").read_text(encoding="utf-8"))["process"]


def lines(run: Path, name: str = "metrics.jsonl") -> list[dict]:
    return [json.loads(line) for line in (run / name).read_text(encoding="utf-8").splitlines()]


def assert_alike(run: Path, whole: Path) -> None:
    """The same batches to the token, and the same losses and weights up to rounding."""
    for name in ("config.json", "tokenizer.json"):
        assert (run / name).read_bytes() == (whole / name).read_bytes()
    mine, other = lines(run), lines(whole)
    assert [(line["step"], line["tokens"]) for line in mine] == [(line["step"], line["tokens"]) for line in other]
    assert [line["loss"] for line in mine] == pytest.approx([line["loss"] for line in other], abs=1e-2)
    asked = [[line["step"] for line in lines(one, "recall.jsonl")] for one in (run, whole)]
    assert asked[0] == asked[1]
    weights = load_file(whole / "model.safetensors")
    assert all(
        torch.allclose(value, weights[name], atol=2e-2) for name, value in load_file(run / "model.safetensors").items()
    )
    assert not run.with_name(f"{run.name}.partial").exists()


@pytest.fixture(scope="module")
def whole(corpus):
    """The run that one process leaves."""
    out = corpus.parent / "whole"
    assert cli.main([*arguments(corpus, out), "--threads", "1"]) == 0
    return out


@pytest.mark.slow
def test_two_processes_train_what_one_does_and_one_speaks(corpus, whole, tmp_path):
    process = torchrun(2, arguments(corpus, tmp_path / "run"))
    printed, errors = process.communicate()
    assert process.returncode == 0, errors
    assert_alike(tmp_path / "run", whole)
    environment = json.loads((tmp_path / "run" / "environment.json").read_text(encoding="utf-8"))
    assert environment["processes"] == 2
    assert printed.count("run: ") == printed.count("the open-book reader wrote ") == 1
    assert "closedbook" not in errors


@pytest.mark.slow
def test_killed_with_two_processes_a_training_goes_on_with_one(corpus, whole, tmp_path):
    process = torchrun(2, arguments(corpus, tmp_path / "run"))
    os.kill(in_the_middle(process, tmp_path / "run.partial"), signal.SIGKILL)
    _, errors = process.communicate()
    assert process.returncode == 1
    assert errors.count("another process of this training has ended") == 1
    assert cli.main([*arguments(corpus, tmp_path / "run"), "--threads", "1"]) == 0
    assert_alike(tmp_path / "run", whole)


@pytest.mark.slow
def test_torchrun_may_start_all_anew(corpus, whole, tmp_path):
    process = torchrun(2, arguments(corpus, tmp_path / "run"), restarts=1)
    os.kill(in_the_middle(process, tmp_path / "run.partial"), signal.SIGKILL)
    printed, errors = process.communicate()
    assert process.returncode == 0, errors
    assert "resumed at step " in printed
    assert_alike(tmp_path / "run", whole)


@pytest.mark.slow
def test_asked_to_stop_all_stop_after_one_step_and_three_go_on(corpus, whole, tmp_path):
    process = torchrun(2, arguments(corpus, tmp_path / "run"))
    os.kill(in_the_middle(process, tmp_path / "run.partial"), signal.SIGTERM)
    printed, errors = process.communicate()
    newest = max((tmp_path / "run.partial" / "checkpoints").iterdir())
    assert printed.count(f"saved at step {int(newest.name.removeprefix('step-')):,} of ") == 1
    command = f"torchrun --standalone --nproc-per-node 2 -m closedbook train open --corpus {corpus}"
    assert errors.count(f"closedbook: stopped. This goes on from what was saved: {command}") == 1
    assert "(exitcode: 143)" in errors
    assert not (tmp_path / "run.partial" / ".lock").exists()
    process = torchrun(3, arguments(corpus, tmp_path / "run"))
    printed, errors = process.communicate()
    assert process.returncode == 0, errors
    assert f"resumed at step {int(newest.name.removeprefix('step-')):,}" in printed
    assert_alike(tmp_path / "run", whole)


@pytest.mark.slow
def test_bad_input_is_said_once_and_nothing_is_left(tmp_path):
    process = torchrun(3, arguments(tmp_path / "nowhere", tmp_path / "run"))
    printed, errors = process.communicate()
    assert (process.returncode, printed) == (1, "")
    assert errors.count("closedbook: ") == errors.count("nowhere: no such directory") == 1
    assert "(exitcode: 2)" in errors
    assert list(tmp_path.iterdir()) == []


def test_the_place_of_a_process_is_what_torchrun_says():
    assert launched({}) is None
    assert launched({name: value for name, value in PLACE.items() if name != "TORCHELASTIC_RUN_ID"}) is None
    assert launched(PLACE) == Launch(rank=1, count=4, local_rank=1, local_count=2)


@pytest.fixture
def as_launched(monkeypatch):
    """This process as if torchrun had started it, with what it shares with the others out of reach."""

    def settle(**changes):
        for name, value in {**PLACE, **changes}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("MASTER_ADDR", raising=False)

    return settle


@pytest.mark.parametrize("verb", ["reproduce", "experiment", "evaluate"])
def test_other_verbs_run_in_one_process(as_launched, verb, capsys):
    as_launched(RANK="0", LOCAL_RANK="0")
    assert cli.main([verb]) == 2
    assert capsys.readouterr().err.startswith(f"closedbook: {verb}: runs in one process; start it without torchrun")
    as_launched()
    assert cli.main([verb]) == 2
    assert capsys.readouterr().err == ""


def test_torchrun_hands_on_every_option_of_train():
    """As documented: all as they are, and `--start`, which it would take for the beginning of its own, behind `--`."""
    parser, _ = parser_of("closedbook train", train.Options, train.SETTINGS)
    options = [name for action in parser._actions for name in action.option_strings if name.startswith("--")]
    assert "--start" in options
    for option in options:
        apart = ["--"] if option == "--start" else []
        given = parse_args(["--standalone", "--nproc-per-node", "2", "-m", *apart, "closedbook", "train", option, "x"])
        assert (given.training_script, given.training_script_args) == ("closedbook", ["train", option, "x"])


def test_the_command_that_goes_on_is_one_that_torchrun_takes(as_launched):
    as_launched()
    assert command(["train", "open"])[:5] == ["torchrun", "--standalone", "--nproc-per-node", "2", "-m"]
    for words in (["train", "open"], ["train", "open", "--start", "x"]):
        given = parse_args(command(words)[1:])
        assert [given.training_script, *given.training_script_args] == ["closedbook", *words]


def test_every_process_takes_a_gpu_of_its_own(as_launched, monkeypatch):
    as_launched()
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UserError, match="torchrun started 2 processes on a machine with 1 GPU;"):
        pick_device("cuda")
    with pytest.raises(UserError, match="--device cuda:0: under torchrun every process takes its own GPU"):
        pick_device("cuda:0")
    assert pick_device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    taken = []
    monkeypatch.setattr(torch, "empty", lambda *shape, device: taken.append(device))
    assert pick_device("cuda") == torch.device("cuda:1")
    assert taken == [torch.device("cuda:1")]
