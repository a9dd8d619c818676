"""Runs in a folder: which there are, in which state, what is chosen, and what differs."""

import dataclasses
import json
import shutil

import pytest
import torch

from closedbook.errors import UserError
from closedbook.experiments.listing import by_field, differences, field_named, list_runs
from closedbook.experiments.train import train_run
from closedbook.report.runs_table import runs_table
from tests.toys import resealed, tiny_config


def test_every_run_is_listed_in_its_state(folder):
    runs = {run.name: run for run in list_runs(folder)}
    assert {name: run.state for name, run in runs.items()} == {
        "a": "finished",
        "cut.short": "interrupted",
        "grid/runs/cell-pretrain": "finished",
        "torn": "damaged",
    }
    assert "config.json: damaged" in runs["torn"].problem
    assert runs["a"].settings["training.seed"] == 0
    assert runs["a"].settings["mixture.span_corruption.repeats"] == 1
    assert json.loads(json.dumps(dataclasses.asdict(runs["a"])))["figures"]["parameters"] > 0


def test_figures_come_from_the_runs_own_files(folder):
    runs = {run.name: run.figures for run in list_runs(folder)}
    *_, before, last = map(json.loads, (folder / "a" / "metrics.jsonl").read_text().splitlines())
    assert runs["a"].loss == pytest.approx((before["loss"] + last["loss"]) / 2)  # a twentieth of 39 steps
    assert (runs["a"].step, runs["a"].steps) == (last["step"], last["step"])
    assert runs["a"].probed is not None
    assert runs["a"].recall is None
    assert runs["grid/runs/cell-pretrain"].recall == 0.75
    assert (runs["cut.short"].step, runs["cut.short"].steps) == (9, last["step"])
    assert runs["cut.short"].left > 0


def test_a_column_says_who_taught_where_anybody_was_taught(folder, tmp_path):
    assert "teacher" not in runs_table(list_runs(folder)).texts
    shutil.copytree(folder / "a", tmp_path / "student")
    path = tmp_path / "student" / "environment.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | {"teacher": "ensemble:five"}))
    resealed(path.parent)
    (run,) = list_runs(tmp_path)
    assert run.figures.teacher == "ensemble:five"
    assert "teacher" in runs_table([run, *list_runs(folder)]).texts


def test_what_all_runs_have_stands_above_them(folder):
    runs = [run for run in list_runs(folder) if run.state != "damaged"]
    table = runs_table(runs)
    assert table.title.startswith("all: ")
    shared = [name for name in ("recipe", "stage", "corpus") if len({run.fields.get(name) for run in runs}) == 1]
    assert shared
    assert not [name for name in shared if name in table.texts or f"{name} {runs[0].fields[name]}" not in table.title]
    alone = runs_table(runs[:1])
    assert (alone.title, "recipe" in alone.texts) == ("", True)


def test_a_training_that_is_going_on_is_running(people, tmp_path):
    states = []

    def look(record):
        (run,) = list_runs(tmp_path)
        states.append((run.name, run.state, run.figures.step))

    train_run(tiny_config(epochs=1), people, tmp_path / "now", device=torch.device("cpu"), callbacks=(look,))
    assert states[2] == ("now", "running", 3)
    assert list_runs(tmp_path)[0].state == "finished"


def test_a_torn_last_line_is_passed_over(folder, tmp_path):
    run = shutil.copytree(folder / "cut.short.partial", tmp_path / "b.partial")
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"step": 10, "lo')
    assert list_runs(tmp_path)[0].figures.step == 9


def test_json_of_another_form_is_damage_and_stops_nothing(folder, tmp_path):
    for name in ("x", "y"):
        shutil.copytree(folder / "a", tmp_path / name)
    (tmp_path / "x" / "environment.json").write_text('{"corpus": 3}')
    assert [run.state for run in list_runs(tmp_path)] == ["damaged", "finished"]


def test_figures_sort_the_highest_first_and_what_has_none_comes_last(folder):
    runs = list_runs(folder)
    assert [run.name for run in by_field(runs, "step")][:2] == ["a", "grid/runs/cell-pretrain"]
    assert [run.name for run in by_field(runs, "step", reverse=True)][-1] == "torn"
    assert by_field(runs, "recall")[0].name == "grid/runs/cell-pretrain"
    assert [run.state for run in by_field(runs, "state")] == ["damaged", "finished", "finished", "interrupted"]


def test_what_differs_is_said_and_nothing_else(folder):
    found = differences([run for run in list_runs(folder) if run.state == "finished"])
    assert found.runs == ("a", "grid/runs/cell-pretrain")
    assert found.settings == {"training.seed": (0, 1), "training.epochs": (2, 1)}
    assert found.figures["recall"] == (None, 0.75)
    assert not {"parameters", "corpus", "state"} & set(found.figures)


def test_unknown_and_ambiguous_fields_are_refused(folder):
    runs = list_runs(folder)
    with pytest.raises(UserError, match=r"--sort lossy: no run here has such a field \(did you mean 'loss'\?\)"):
        field_named(runs, "lossy", "--sort")
    with pytest.raises(UserError, match="no such directory"):
        list_runs(folder / "nowhere")
