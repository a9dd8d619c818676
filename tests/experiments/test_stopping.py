"""Signals, locks and checkpoints, as a user meets them: from another process, on the command line."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from closedbook.cli import main
from closedbook.errors import Stopped, UserError
from closedbook.experiments.callbacks import agreed
from closedbook.experiments.registry import find_experiment
from closedbook.experiments.signals import Pending, waiting_signals
from closedbook.locks import locked
from closedbook.training.ranks import Ranks
from tests.cli.conftest import write_corpus
from tests.experiments.conftest import Listening

SMALL = "--stage scratch --tokenizer.vocabulary_size 300 --model.layers 1 --model.width 16 --model.block 64".split()
LONG = [*SMALL, "--training.epochs", "400", "--training.batch_tokens", "512", "--training.precision", "fp32"]


@pytest.fixture
def corpus(tmp_path):
    return write_corpus(tmp_path / "mine")


def train(corpus: Path, out: Path, *more: str) -> list[str]:
    return ["train", "default", "--corpus", str(corpus), "--out", str(out), "--threads", "1", *LONG, *more]


def started(arguments: list[str]) -> subprocess.Popen:
    """A process that Ctrl-C stops, as at a terminal, also where the tests run in the background, deaf to it."""
    return subprocess.Popen(
        [sys.executable, "-m", "closedbook", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def wait_for(there, process: subprocess.Popen) -> None:
    """Until something is there, or the process has ended, which it should not have."""
    while not there():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)]
)
def test_a_training_that_is_asked_to_stop_saves_where_it_is(corpus, tmp_path, number, code):
    arguments = train(corpus, tmp_path / "run")
    process = started(arguments)
    log = tmp_path / "run.partial" / "metrics.jsonl"
    wait_for(log.exists, process)
    process.send_signal(number)
    printed, errors = process.communicate()
    assert process.returncode == code
    (checkpoint,) = (tmp_path / "run.partial" / "checkpoints").iterdir()
    step = int(checkpoint.name.removeprefix("step-"))
    assert f"saved at step {step:,} of " in printed
    command = errors.strip().removeprefix("closedbook: stopped. This goes on from what was saved: ")
    assert command == f"{sys.executable} -m closedbook {' '.join(arguments)}"
    assert not (tmp_path / "run.partial" / ".lock").exists()


def test_what_is_stopped_before_anything_was_saved_says_so(tmp_path, monkeypatch, capsys):
    def stop(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("closedbook.cli.train.run", stop)
    for out, how in ((tmp_path, "This goes on from what was saved"), (tmp_path / "x", "Nothing was saved yet")):
        assert main(["train", "standard", "--out", str(out)]) == 130
        assert f"stopped. {how}" in capsys.readouterr().err


def test_two_processes_do_not_write_one_directory(corpus, tmp_path, capsys):
    process = started(train(corpus, tmp_path / "run"))
    lock = tmp_path / "run.partial" / ".lock"
    wait_for((tmp_path / "run.partial" / "metrics.jsonl").exists, process)
    noted = json.loads(lock.read_text(encoding="utf-8"))
    assert noted["process"] == process.pid
    assert main(train(corpus, tmp_path / "run")) == 2
    errors = capsys.readouterr().err
    sentence = f"run.partial: process {process.pid} on {noted['host']} (since {noted['since']}) is writing it"
    assert sentence in errors
    assert len(errors.strip().splitlines()) == 1
    process.kill()  # a lock of the dead does not block
    process.communicate()
    assert lock.exists()
    with locked(tmp_path / "run.partial"):
        assert json.loads(lock.read_text(encoding="utf-8"))["process"] == os.getpid()


def test_the_output_of_an_experiment_is_locked(tmp_path):
    experiment = find_experiment("capacity")
    with locked(tmp_path / "out"), pytest.raises(UserError, match=rf"out: process {os.getpid()} on .* is writing it"):
        experiment.run(experiment.options(out=tmp_path / "out"), Listening())
    assert not (tmp_path / "out").exists()


def raised_in_a_block(*numbers: signal.Signals, patient: bool = False) -> list[int | None]:
    """What waits after each signal, as far as the block goes."""
    waiting = []
    with contextlib.suppress(KeyboardInterrupt, Stopped), waiting_signals(patient=patient) as pending:
        for number in numbers:
            signal.raise_signal(number)
            waiting.append(pending.number)
    return waiting


def test_a_second_signal_comes_through_at_once_and_ignored_ones_stay_so():
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    hangup = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert raised_in_a_block(signal.SIGHUP, signal.SIGINT, signal.SIGINT) == [None, signal.SIGINT]
        assert signal.getsignal(signal.SIGINT) == signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, usual)
        signal.signal(signal.SIGHUP, hangup)


def test_one_of_several_processes_does_not_lose_patience_and_then_is_deaf():
    handlers = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        waiting = raised_in_a_block(signal.SIGTERM, signal.SIGTERM, signal.SIGINT, patient=True)
        assert waiting == [signal.SIGTERM] * 3
        assert {signal.getsignal(number) for number in handlers} == {signal.SIG_IGN}
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def test_a_signal_that_comes_while_the_processes_agree_waits_for_the_next_step():
    pending = Pending()

    class Slow(Ranks):
        def largest(self, number):
            pending.number = signal.SIGTERM  # as its handler does, when the others have already answered
            return number

    assert not agreed(pending, Slow())
    assert pending.number == signal.SIGTERM
    assert agreed(pending, Slow())


def test_a_signal_that_waits_comes_with_the_end_of_the_block():
    came = []
    usual = signal.signal(signal.SIGTERM, lambda number, frame: came.append(number))
    try:
        with waiting_signals():
            signal.raise_signal(signal.SIGTERM)
            assert came == []
        assert came == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, usual)
