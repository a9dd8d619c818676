"""Cells that are handed out: what becomes of them, with processes that are pretended, and with Ray's."""

import dataclasses
import json
import os
import signal
import threading
import time
from importlib.util import find_spec

import pytest
import torch

from closedbook.cluster import pool as engines
from closedbook.cluster.pool import Outcome, Request
from closedbook.errors import UserError
from closedbook.experiments.comparing import Scored, measure_exact
from closedbook.experiments.elsewhere import MOST_LOST, Elsewhere, elsewhere_for, require_shared, versions
from closedbook.experiments.grid import Cell, seeded
from closedbook.experiments.options import Kept
from closedbook.recipes import with_training
from tests.experiments.conftest import Listening, Pretended, grid_at

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed (make .venv/.cluster)")


def elsewhere_at(out, workers=2, **settings):
    place = Elsewhere(request=Request(workers=workers), threads=torch.get_num_threads())
    return grid_at(out, elsewhere=place, **settings)


def results_of(grid, cells, **settings):
    return grid.run({"toy": cells}, measure_exact, Scored, **settings)["toy"]


def figures(results):
    return [(result.exact, result.parameters, result.tokens) for result in results]


@pytest.fixture(scope="module")
def cells(corpus, recipe):
    """The second goes on from the first."""
    first = seeded("first", (recipe.pretrain,), 0, corpus)
    second = Cell(name="second", stages=(recipe.finetune,), corpus=corpus, start=first.name)
    return [first, second, seeded("third", (recipe.scratch,), 1, corpus)]


@pytest.fixture(scope="module")
def here(cells, tmp_path_factory):
    """What one process makes of them."""
    grid = grid_at(tmp_path_factory.mktemp("here") / "out")
    return grid, results_of(grid, cells)


def weights(grid, cell):
    return [(path / "model.safetensors").read_bytes() for path in grid.paths(cell.name)]


def test_results_come_back_in_order_and_are_kept(cells, here, pretend, tmp_path):
    pool = pretend()
    grid = elsewhere_at(tmp_path / "out")
    found = results_of(grid, cells)
    assert figures(found) == figures(here[1])
    assert grid.reporter.count("second, finetune: key_query_value attention") == 1  # what is said there is said here
    again = dataclasses.replace(grid, reporter=Listening())
    assert results_of(again, cells) == found
    assert again.reporter.count("finished before, kept") == 3
    assert set(pool.calls.values()) == {1}


def test_an_arm_is_told_of_when_all_its_cells_are_there(cells, pretend, tmp_path):
    pretend()
    told = []
    arms = {"both": cells[:2], "one": cells[2:]}
    elsewhere_at(tmp_path / "out").run(
        arms, measure_exact, Scored, lambda arm, results: told.append((arm, len(results)))
    )
    assert sorted(told) == [("both", 2), ("one", 1)]


def test_a_cell_waits_for_the_one_that_it_goes_on_from(cells, here, pretend, tmp_path):
    pool = pretend({"first-seed-0": ["lost"]})
    grid = elsewhere_at(tmp_path / "out")
    assert figures(results_of(grid, cells)) == figures(here[1])
    assert pool.calls == {"first-seed-0": 2, "second": 1, "third-seed-1": 1}
    assert grid.reporter.count("first-seed-0: its process was lost; it goes on from its last checkpoint") == 1


def test_a_cell_whose_process_is_always_lost_is_suspected(cells, pretend, tmp_path):
    pretend({"first-seed-0": ["lost"] * MOST_LOST})
    with pytest.raises(UserError, match="first-seed-0: its process was lost 5 times, the last time so: for a reason"):
        results_of(elsewhere_at(tmp_path / "out"), cells[:1])


def test_what_is_refused_there_is_refused_here_and_the_others_are_stopped(cells, pretend, tmp_path):
    pool = pretend({"first-seed-0": ["refused"]})
    with pytest.raises(UserError, match="for a reason"):
        results_of(elsewhere_at(tmp_path / "out"), [cells[0], cells[2]])
    assert pool.stopped == ["third-seed-1"]


def test_what_is_given_up_is_kept_as_given_up(cells, pretend, tmp_path):
    class Never:
        def __init__(self):
            self.seen = []

        def goes_on(self, cell, percent, recall):
            self.seen.append((cell.name, percent))
            return False

        def kept(self, result):
            self.seen.append(result)

        def result(self, cell, curve):
            return Scored(exact=(), parameters=0, tokens=curve[-1][0], seconds=0.0)

    class Slow(Pretended):
        """Trains, and comes out as stopped if it was asked to."""

        def begin(self, name, function, *arguments):
            super().begin(name, function, *arguments)
            self.looked = False

        def ended(self, seconds):
            self.looked = not self.looked
            if self.looked:
                return []
            return [Outcome(outcome.name, "stopped", None) for outcome in super().ended(seconds)]

    pool, early = pretend(pool=Slow()), Never()
    grid = elsewhere_at(tmp_path / "out")
    cell = dataclasses.replace(cells[2], probed=5)
    (found,) = results_of(grid, [cell], early=early)
    assert pool.stopped
    assert set(pool.stopped) == {cell.name}
    assert found.tokens == 100
    assert early.seen[-1] == (cell.name, 100)
    again = Never()
    assert results_of(grid, [cell], early=again) == [found]
    assert again.seen == [found]


def test_machines_must_share_the_folder_and_have_the_same_versions(tmp_path):
    require_shared(Pretended(), tmp_path)
    assert not any(tmp_path.iterdir())
    for told, sentence in (
        (Outcome("", "done", ("", versions())), "is not the same folder on 127.0.0.3; --out must be on a disk"),
        (Outcome("", "done", ("", "closedbook 0.0")), "127.0.0.3 has closedbook 0.0, this machine has closedbook"),
        (Outcome("", "lost", "No module"), r"closedbook cannot be called on 127.0.0.3 \(No module\)"),
    ):
        with pytest.raises(UserError, match=sentence):
            require_shared(Pretended(others={"127.0.0.3": told}), tmp_path)


def test_threads_are_shared_out_unless_they_are_given(monkeypatch):
    cpu = torch.device("cpu")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    assert elsewhere_for(Kept(), cpu) is None
    assert elsewhere_for(Kept(workers=3), cpu).threads == 2
    assert elsewhere_for(Kept(workers=16), cpu).threads == 1
    assert elsewhere_for(Kept(workers=3, threads=4), cpu).threads == 4
    there = elsewhere_for(Kept(address="auto", threads=4), cpu)
    assert (there.request.cpus, there.request.gpus, there.request.workers) == (4, 0.0, None)


def test_without_ray_a_sentence_says_what_to_install(cells, monkeypatch, tmp_path):
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"--workers: Ray is not installed; pip install 'closedbook\[cluster\]' brings"):
        results_of(elsewhere_at(tmp_path / "out"), cells)
    assert not (tmp_path / "out").exists()


@needs_ray
@pytest.mark.slow
@pytest.mark.ray
def test_two_processes_give_what_one_gives_also_where_one_is_killed(corpus, recipe, cells, here, tmp_path):
    """The first is killed once it has a checkpoint, and goes on from there."""
    long = dataclasses.replace(cells[0], stages=(with_training(cells[0].stages[0], epochs=8),), name="long")
    grid = elsewhere_at(tmp_path / "out", checkpoint_seconds=0.2)
    killed = threading.Thread(target=_kill, args=(grid.partials(long)[0],))
    killed.start()
    found = results_of(grid, [long, *cells])
    killed.join()
    assert figures(found[1:]) == figures(here[1])
    assert [weights(grid, cell) for cell in cells] == [weights(here[0], cell) for cell in cells]
    assert grid.reporter.count("long: its process was lost; it goes on from its last checkpoint") == 1
    assert grid.reporter.count("long, pretrain: resumed at step") == 1
    alone = dataclasses.replace(here[0], out=tmp_path / "alone")
    assert figures(results_of(alone, [long])) == figures(found[:1])
    assert weights(alone, long) == weights(grid, long)


def _kill(partial):
    """The process of a training, once it has saved."""
    while not list((partial / "checkpoints").glob("step-*/*")):
        time.sleep(0.02)
    os.kill(json.loads((partial / ".lock").read_text(encoding="utf-8"))["process"], signal.SIGKILL)
