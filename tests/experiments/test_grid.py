import contextlib
import dataclasses
import json
import pickle
import re
import shutil

import pytest

from closedbook import machine
from closedbook.config import QuestionAnswering, ReaderConfig, StudyCards
from closedbook.errors import UserError
from closedbook.experiments import capacity, compare, reproduce, train, unknowns
from closedbook.experiments import grid as room
from closedbook.experiments.comparing import Scored, measure_exact
from closedbook.experiments.grid import Cell, seeded
from closedbook.recipes import with_seed, with_training
from closedbook.selfstudy.study import study
from tests.experiments.conftest import Listening, grid_at


class KilledError(Exception):
    pass


@dataclasses.dataclass(frozen=True, kw_only=True)
class Killing(Listening):
    """A reporter that kills one training."""

    title: str

    def progress(self, title):
        def callback(record):
            if title == self.title:
                raise KilledError

        return contextlib.nullcontext(callback)


@pytest.fixture(scope="module")
def cells(corpus, recipe):
    two = (recipe.pretrain, recipe.finetune)
    first = seeded("first", two, 0, corpus)
    return [first, Cell(name="second", stages=(recipe.finetune,), corpus=corpus, start=first.name)]


@pytest.fixture(scope="module")
def done(cells, tmp_path_factory):
    grid = grid_at(tmp_path_factory.mktemp("grid") / "out")
    grid.open("toy", {"what": 1})
    return grid, results_of(grid, cells)


def results_of(grid, cells):
    return grid.run({"toy": cells}, measure_exact, Scored)["toy"]


def written(grid):
    return {path.relative_to(grid.out): path.stat().st_mtime_ns for path in grid.out.glob("runs/*/model.safetensors")}


def test_every_cell_leaves_its_runs_and_one_result(done, cells):
    grid, results = done
    assert [path.name for path in grid.paths("first-seed-0")] == ["first-seed-0-pretrain", "first-seed-0-finetune"]
    assert len(results[0].exact) == len(cells[0].corpus.dev)
    assert results[0].tokens > results[1].tokens > 0  # of all stages
    start = json.loads((grid.out / "runs" / "second-finetune" / "environment.json").read_text())["start"]
    assert start.endswith("first-seed-0-finetune")


def test_what_is_finished_is_kept_and_read_back_as_it_was(done, cells):
    grid, results = done
    before = written(grid)
    again = dataclasses.replace(grid, reporter=Listening())
    assert results_of(again, cells) == results
    assert again.reporter.count("finished before, kept") == 2
    assert written(grid) == before


def test_how_long_it_will_take_is_said_of_what_is_not_finished(done, cells, tmp_path):
    grid, _ = done
    assert grid.reporter.count("of training on this machine") == 1
    again = dataclasses.replace(grid, reporter=Listening())
    results_of(again, cells)
    assert again.reporter.count("of training on this machine") == 0


def test_a_killed_grid_goes_on_where_it_was(done, cells, tmp_path):
    _, results = done
    grid = grid_at(tmp_path / "out")
    killed = dataclasses.replace(grid, reporter=Killing(title="second, finetune"))
    with pytest.raises(KilledError):
        results_of(killed, cells)
    before = written(grid)
    assert len(before) == 2
    again = results_of(grid, cells)
    assert [result.exact for result in again] == [result.exact for result in results]
    assert {path: written(grid)[path] for path in before} == before
    assert grid.reporter.count("finished before, kept") == 1


def test_runs_without_a_result_are_measured_again(done, cells, tmp_path):
    grid, results = done
    copy = grid_at(shutil.copytree(grid.out, tmp_path / "out"))
    shutil.rmtree(copy.out / "results")
    before = written(copy)
    assert results_of(copy, cells[:1])[0].exact == results[0].exact
    assert written(copy) == before


def test_a_run_whose_dropout_was_left_to_the_training_is_kept(recipe, corpus, tmp_path):
    grid = grid_at(tmp_path / "out")
    model = dataclasses.replace(recipe.scratch.model, dropout=None)
    cell = seeded("open", (dataclasses.replace(recipe.scratch, model=model),), 0, corpus)
    first = grid.trained(cell)
    assert first.run.config.model.dropout == 0.0
    assert grid.trained(cell).run.config == first.run.config


def test_seeds_of_a_grid_share_the_reader_that_studied(recipe, corpus, tmp_path, monkeypatch):
    learned = []
    monkeypatch.setattr(train, "study", lambda *asked: learned.append(asked) or study(*asked))
    mixture = (QuestionAnswering(), StudyCards())
    config = dataclasses.replace(recipe.pretrain, mixture=mixture, reader=ReaderConfig(rounds=1))
    grid = grid_at(tmp_path / "out")
    for seed in (0, 1):
        grid.trained(seeded("studying", (config,), seed, corpus))
    assert len(learned) == 1
    assert grid.reporter.count("the open-book reader wrote") == 2


def test_runs_that_were_trained_otherwise_are_refused(done, cells, tmp_path):
    grid, _ = done
    copy = grid_at(shutil.copytree(grid.out, tmp_path / "out"))
    shutil.rmtree(copy.out / "results")
    other = dataclasses.replace(cells[0], stages=tuple(with_seed(config, 7) for config in cells[0].stages))
    with pytest.raises(UserError, match="first-seed-0-pretrain: was trained with other settings or on another device"):
        results_of(copy, [other])


def test_results_of_another_configuration_or_form_are_refused(done, cells, tmp_path):
    grid, _ = done
    copy = grid_at(shutil.copytree(grid.out, tmp_path / "out"))
    path = copy.out / "results" / "second.json"
    other = dataclasses.replace(cells[1], stages=(with_seed(cells[1].stages[0], 7),))
    with pytest.raises(UserError, match=f"{re.escape(str(path))}: was made with another configuration"):
        results_of(copy, [other])
    whole = json.loads(path.read_text())
    for change, sentence in (
        ({"schema": 99}, "has version 99 of its form, this closedbook reads 1"),
        ({"seconds": "long"}, r"damaged \(seconds: "),
    ):
        path.write_text(json.dumps(whole | {"result": whole["result"] | change}))
        with pytest.raises(UserError, match=sentence):
            results_of(copy, [cells[1]])


def test_results_of_another_device_or_precision_are_refused(corpus, recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(room, "resolve_precision", lambda config, device: "fp32")
    cell = seeded("auto", (with_training(recipe.scratch, precision="auto"),), 0, corpus)
    grid = grid_at(tmp_path / "out", keep_runs=False)
    found = results_of(grid, [cell])
    assert results_of(grid, [cell]) == found
    for place, name, other in ((machine, "device_name", "another GPU"), (room, "resolve_precision", "bf16")):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, lambda *_, other=other: other)
            with pytest.raises(UserError, match="was made with another configuration or on another device"):
                results_of(grid, [cell])


def test_runs_are_dropped_where_they_are_not_kept(cells, recipe, tmp_path):
    grid = grid_at(tmp_path / "out", keep_runs=False)
    cell = dataclasses.replace(cells[1], stages=(recipe.scratch,), start=None)
    results_of(grid, [cell])
    assert not any((grid.out / "runs").iterdir())
    (grid.out / "runs" / "second-scratch").mkdir()  # as if killed between the result and the dropping
    results_of(grid, [cell])
    assert not any((grid.out / "runs").iterdir())


def test_an_output_of_something_else_is_refused(done, tmp_path):
    grid, _ = done
    grid.open("toy", {"what": 1})
    with pytest.raises(UserError, match="holds an output of closedbook experiment toy with other settings or data"):
        grid.open("toy", {"what": 2})
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(UserError, match="does not hold an output of closedbook experiment toy"):
        grid_at(tmp_path).open("toy", {})
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_cells_and_measurements_can_be_sent_elsewhere(cells):
    assert pickle.loads(pickle.dumps(cells)) == cells
    for measure in (measure_exact, compare.measure, reproduce.measure, unknowns.measure, capacity.measure):
        assert pickle.loads(pickle.dumps(measure)) is measure
