"""Every tracker gets what `metrics.jsonl` and `recall.jsonl` hold; each is asked in its own way what it was given."""

import contextlib
import json
import os
import sqlite3
import struct
import warnings

import pytest
import torch

from closedbook.errors import UserError
from closedbook.experiments import tracking
from closedbook.experiments.grid import Cell
from closedbook.experiments.tracking import tracked
from closedbook.experiments.train import train_run
from tests.experiments.conftest import grid_at
from tests.toys import tiny_config

CPU = torch.device("cpu")
WRITTEN = ("loss", "rate", "tokens", "recall")


class KilledError(Exception):
    pass


def kill_at_nine(record):
    if record.step == 9:
        raise KilledError


def train(tracker, people, out, *further):
    """What was said."""
    said = []
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # the trackers' own
        with tracked(tracker, out, said.append) as tracking:
            seen = (*tracking, *further)
            often = {"probe": people.dev[:3], "checkpoint_seconds": 0.0}
            train_run(tiny_config(), people, out, device=CPU, callbacks=seen, announce=said.append, **often)
    return said


def truth(run):
    """Step and value of every figure that the run's own files hold, by name."""
    found = {}
    for name in ("metrics.jsonl", "recall.jsonl"):
        for line in (run / name).read_text(encoding="utf-8").splitlines():
            values = json.loads(line)
            for key in WRITTEN:
                if key in values:
                    found.setdefault(key, {})[values["step"]] = values[key]
    return found


def in_tensorboard(out):
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = reading.EventAccumulator(str(out.with_name(out.name + ".tensorboard"))).Reload()
    assert "config/text_summary" in events.Tags()["tensors"]
    return {key: {event.step: event.value for event in events.Scalars(key)} for key in WRITTEN}


def chunks(file):
    """What a log of LevelDB's form holds, which W&B's files are behind seven bytes: blocks of 32 KiB with records."""
    data, place, parts = file.read_bytes(), 7, b""
    while place + 7 <= len(data):
        _, length, kind = struct.unpack_from("<IHB", data, place)
        if kind:
            parts += data[place + 7 : place + 7 + length]
            if kind in (1, 4):  # whole, or the last part
                yield parts
                parts = b""
        place += 7 + length
        if 32768 - place % 32768 < 7:
            place += 32768 - place % 32768


def in_wandb(out):
    import wandb
    from wandb.proto.wandb_internal_pb2 import Record

    wandb.teardown()  # waits for the process that writes
    newest = sorted((out.with_name(out.name + ".wandb") / "wandb").glob("offline-run-*/*.wandb"), key=os.path.getmtime)
    found = {}
    for chunk in chunks(newest[-1]):
        items = Record.FromString(chunk).history.item
        values = {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in items}
        for key in set(values) & set(WRITTEN):
            found.setdefault(key, {})[values["_step"]] = values[key]
    return found


def in_trackio(out):
    from trackio.utils import TRACKIO_DIR

    found, of_this_run = {}, "run_id = (SELECT run_id FROM configs WHERE run_name = ? ORDER BY id DESC LIMIT 1)"
    with contextlib.closing(sqlite3.connect(TRACKIO_DIR / "closedbook.db")) as base:
        rows = base.execute(f"SELECT step, metrics FROM metrics WHERE {of_this_run}", [out.name]).fetchall()
    for step, metrics in rows:
        values = json.loads(metrics)
        for key in set(values) & set(WRITTEN):
            found.setdefault(key, {})[step] = values[key]
    return found


READ = {"tensorboard": in_tensorboard, "wandb": in_wandb, "trackio": in_trackio}


@pytest.fixture(scope="session")
def of_trackio(tmp_path_factory):
    """Where trackio keeps everything; it asks the environment when it is imported."""
    directory = tmp_path_factory.mktemp("trackio")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACKIO_DIR", str(directory))
        yield directory


@pytest.fixture(params=READ)
def tracker(request, of_trackio, monkeypatch):
    """The name of a tracker that is installed."""
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setenv("WANDB_SILENT", "true")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip(tracking.MODULES[request.param], reason="needs pip install 'closedbook[track]'")
    return request.param


@pytest.fixture
def out(tmp_path):
    return tmp_path / tmp_path.name


def same(theirs, ours):
    return {
        name: {step: pytest.approx(value) for step, value in steps.items()} for name, steps in ours.items()
    } == theirs


def test_a_tracker_holds_what_the_files_hold(tracker, people, out):
    said = train(tracker, people, out)
    assert not any("--track" in line for line in said)
    ours = truth(out)
    assert len(ours["loss"]) > 10
    assert same(READ[tracker](out), ours)


def test_a_training_that_is_taken_up_again_is_tracked_whole(tracker, people, out):
    with pytest.raises(KilledError):
        train(tracker, people, out, kill_at_nine)
    assert any("step 9" in line or "step 8" in line for line in train(tracker, people, out))
    assert same(READ[tracker](out), truth(out))


def test_every_training_of_a_grid_is_tracked(people, tmp_path):
    pytest.importorskip("tensorboard")
    cell = Cell(name="cell", stages=(tiny_config(epochs=1), tiny_config("finetune", epochs=1)), corpus=people)
    paths = grid_at(tmp_path, track="tensorboard").trained(cell).paths
    assert len(paths) == 2
    for path in paths:
        assert list(path.with_name(path.name + ".tensorboard").glob("events.*"))


def test_a_tracker_that_is_not_installed_is_refused_before_anything_is_done(people, tmp_path, monkeypatch):
    monkeypatch.setitem(tracking.MODULES, "wandb", "not_there_at_all")
    with pytest.raises(UserError, match=r"--track wandb: .*not_there_at_all.*closedbook\[track\]"):
        train("wandb", people, tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "where", ["logging", *(pytest.param(where, marks=pytest.mark.slow) for where in ("opening", "closing"))]
)
def test_a_tracker_that_fails_is_left_out_and_said_once(where, people, tmp_path, monkeypatch):
    def failing(at):
        if at == where:
            raise RuntimeError("the tracker's server is gone")

    @tracking.contextlib.contextmanager
    def opened(module, directory, config):
        failing("opening")
        yield lambda values, step: failing("logging")
        failing("closing")

    monkeypatch.setitem(tracking.TRACKERS, "tensorboard", opened)
    monkeypatch.setitem(tracking.MODULES, "tensorboard", "json")
    said = train("tensorboard", people, tmp_path / "run")
    assert [line for line in said if "--track" in line] == [
        "--track tensorboard failed and is left out, the training goes on: the tracker's server is gone"
    ]
    assert (tmp_path / "run" / "model.safetensors").exists()
