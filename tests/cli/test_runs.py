"""`closedbook runs` as it is called."""

import json
import os
import shutil

import pytest

from tests.cli.test_commands import call, refused
from tests.toys import resealed


@pytest.fixture
def folder(toy, tmp_path):
    for seed in (0, 1):
        run = shutil.copytree(toy.run, tmp_path / f"seed-{seed}")
        config = json.loads((run / "config.json").read_text())
        config["training"]["seed"] = seed
        (run / "config.json").write_text(json.dumps(config))
        resealed(run)
    return tmp_path


def test_runs_are_listed_filtered_and_sorted(folder, capsys):
    code, out, _ = call(capsys, "runs", folder)
    assert code == 0
    assert out.index("seed-0") < out.index("seed-1")
    assert "finished" in out
    _, out, _ = call(capsys, "runs", folder, "--sort", "seed")
    assert out.index("seed-1") < out.index("seed-0")
    _, out, _ = call(capsys, "runs", folder, "--where", "seed=1")
    assert "seed-0" not in out
    assert call(capsys, "runs", folder, "--where", "seed=7")[1] == f"{folder}: none of 2 runs.\n"


def test_names_that_are_not_utf8_are_spelled(folder, capsys):
    (folder / "seed-0").rename(folder / os.fsdecode(b"seed-\xff"))
    _, out, _ = call(capsys, "runs", folder, "--json")
    out.encode()
    assert {run["name"] for run in json.loads(out)} == {"seed-1", "seed-\udcff"}
    assert r"seed-\udcff" in call(capsys, "runs", folder)[1]
    none = folder / os.fsdecode(b"no\xff")
    none.mkdir()
    assert call(capsys, "runs", none)[1] == f"{folder}/no\\udcff: no runs.\n"


def test_runs_are_compared(folder, capsys):
    _, out, _ = call(capsys, "runs", folder, "--compare")
    assert "what differs in configuration" in out
    assert "training.seed" in out
    assert "what differs in figures" not in out
    shutil.rmtree(folder / "seed-1")
    shutil.copytree(folder / "seed-0", folder / "seed-1")
    assert call(capsys, "runs", folder, "--compare")[1] == "nothing differs\n"
    assert "takes two runs or more" in refused(capsys, "runs", folder, "--compare", "--where", "name=seed-1")


def test_json_has_everything(folder, capsys):
    listed = json.loads(call(capsys, "runs", folder, "--json")[1])
    assert [run["settings"]["training.seed"] for run in listed] == [0, 1]
    compared = json.loads(call(capsys, "runs", folder, "--json", "--compare")[1])
    assert compared["settings"] == {"training.seed": [0, 1]}


def test_a_run_and_an_empty_folder_can_be_listed_and_a_missing_one_is_refused(folder, capsys):
    assert "seed-0" in call(capsys, "runs", folder / "seed-0")[1]
    (folder / "empty").mkdir()
    assert call(capsys, "runs", folder / "empty")[1] == f"{folder / 'empty'}: no runs.\n"
    assert "no such directory" in refused(capsys, "runs", folder / "nowhere")
    assert "did you mean 'seconds'" in refused(capsys, "runs", folder, "--sort", "second")
    assert "--reverse: has no effect without --sort" in refused(capsys, "runs", folder, "--reverse")
    (folder / "seed-1" / "config.json").write_text("[]")
    code, out, _ = call(capsys, "runs", folder)
    assert code == 0
    assert "config.json: damaged (not a JSON object)." in out


@pytest.mark.parametrize("part", ["model.safetensors", "metrics.jsonl"])
def test_a_run_with_a_part_that_was_cut_is_damaged(folder, capsys, part):
    path = folder / "seed-0" / part
    path.write_bytes(path.read_bytes()[:100])
    code, out, _ = call(capsys, "runs", folder)
    assert code == 0
    assert f"{path}: damaged, it has 100 bytes instead of" in out
    assert "seed-0" not in call(capsys, "runs", folder, "--where", "state!=damaged")[1]
