import json
import os
import subprocess
import sys
import time

import pytest
import torch

from closedbook import cli, recipes
from closedbook.experiments.train import train_run
from tests.conftest import tiny_config
from tests.experiments.test_reproduce import tiny_recipe


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    out = tmp_path_factory.mktemp("cli") / "people"
    assert cli.main(["people", "--count", "60", "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def run(people, tmp_path_factory):
    config = tiny_config("finetune")
    return train_run(
        config.__class__(**{**vars(config), "stage": "scratch"}),
        people,
        tmp_path_factory.mktemp("cli") / "run",
        device=torch.device("cpu"),
    )


@pytest.fixture
def tiny(monkeypatch):
    """A recipe that trains in a second."""
    monkeypatch.setitem(recipes.RECIPES, "tiny", tiny_recipe)


def call(capsys, *arguments):
    """Exit code, standard output and standard error of a command."""
    capsys.readouterr()
    code = cli.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def refused(capsys, *arguments):
    """The one sentence that bad input gets."""
    code, _, error = call(capsys, *arguments)
    assert code == 2
    assert error.startswith("closedbook: ")
    assert error.count("\n") == 1
    return error


def test_help_lists_every_command_and_is_quick():
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "closedbook", "--help"], capture_output=True, text=True, check=True
        )
        best = min(best, time.perf_counter() - began)
    assert all(name in done.stdout for name in cli.COMMANDS)
    assert best < 0.3


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main([command, "--help"])
    assert left.value.code == 0
    assert f"closedbook {command}" in capsys.readouterr().out


def test_version(capsys):
    assert call(capsys, "--version")[1].startswith("closedbook 0.")


def test_recipes_are_listed_and_shown(capsys):
    _, listed, _ = call(capsys, "recipes")
    assert [line.split()[0] for line in listed.splitlines()] == list(recipes.RECIPES)
    _, shown, _ = call(capsys, "recipes", "faithful")
    assert "learning_rate: 0.006" in shown
    assert "already holds more" in shown


def test_pretrain_finetune_evaluate_predict_ask(tiny, data, tmp_path, capsys):
    pretrained, finetuned = tmp_path / "p", tmp_path / "f"
    code, out, _ = call(capsys, "pretrain", "tiny", "--corpus", data, "--out", pretrained, "--training.epochs", "1")
    assert code == 0
    assert "key_query_value attention" in out
    assert "parameters" in out
    code, _, _ = call(capsys, "finetune", "tiny", "--corpus", data, "--start", pretrained, "--out", finetuned)
    assert code == 0
    code, out, _ = call(capsys, "evaluate", finetuned, "--facts", data / "dev.tsv")
    assert code == 0
    assert "95 % interval" in out
    assert "0 of these questions also occur in the run's training questions" in out
    assert "was trained on" in call(capsys, "evaluate", finetuned, "--facts", data / "train.tsv")[1]
    answers = tmp_path / "answers.txt"
    assert call(capsys, "predict", finetuned, "--facts", data / "test.tsv", "--out", answers)[0] == 0
    assert len(answers.read_text().splitlines()) == len((data / "test.tsv").read_text().splitlines())
    code, out, _ = call(capsys, "ask", finetuned, "Where was Ann Lee born?")
    assert code == 0
    assert out.count("\n") == 1


def test_ask_prompts_until_the_input_ends(run, capsys, monkeypatch):
    lines = iter(["Where was Ann Lee born?", "\u2047", "Where was Bo born?"])

    def read(prompt):
        try:
            return next(lines)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", read)
    code, out, error = call(capsys, "ask", run)
    assert code == 0
    assert out.count("\n") == 2
    assert "reserved" in error


def test_fields_can_come_from_a_file_and_the_command_line_wins(tiny, data, tmp_path, capsys):
    (tmp_path / "c.yaml").write_text("training:\n  epochs: 1\n  seed: 3\n")
    options = ["--config", tmp_path / "c.yaml", "--training.seed", "4", "--precision", "fp32", "--threads", "1"]
    assert call(capsys, "finetune", "tiny", "--corpus", data, "--out", tmp_path / "r", *options)[0] == 0
    config = (tmp_path / "r" / "config.json").read_text()
    assert '"epochs": 1' in config
    assert '"seed": 4' in config
    assert '"precision": "fp32"' in config


def test_baseline(data, capsys):
    code, out, _ = call(capsys, "baseline", "--train", data / "train.tsv", "--facts", data / "dev.tsv")
    assert code == 0
    assert "always '" in out


def test_reproduce(tiny, tmp_path, capsys):
    code, out, _ = call(capsys, "reproduce", "--preset", "tiny", "--out", tmp_path / "out")
    assert code == 0
    assert "the seed's" in out
    assert (tmp_path / "out" / "report.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["recieps"], "recieps: no such command (did you mean 'recipes'?)"),
        (["--verison"], "--verison: no such command (did you mean '--version'?)"),
        (["recipes", "standard", "pretran"], "pretran: no such stage (did you mean 'pretrain'?)"),
        (["ask", "nowhere", "--threads", "x"], "--threads x: takes a whole number."),
        (["reproduce", "--precision", "fp8"], "--precision fp8: takes auto or fp32 or bf16"),
        (["reproduce", "--out", "x" * 300], "File name too long"),
        (
            ["pretrain", "tiny", "--corpus", "people", "--out", "x", "--training.batch_rows", "few"],
            "takes a whole number",
        ),
        (["recipes", "faithfull"], "faithfull: no such recipe (did you mean 'faithful'?)"),
        (["reproduce", "--preset", "bset"], "bset: no such preset (did you mean 'best'?)"),
        (["reproduce", "--seeds", "0"], "--seeds 0: takes a whole number from 1."),
        (["reproduce", "--seeds", "many"], "--seeds many: takes a whole number."),
        (["reproduce", "--corpus", "nowhere"], "nowhere: no such directory"),
        (["reproduce", "--device", "cuda:99"], "--device cuda:99: no such device"),
        (["pretrain"], "takes a recipe first"),
        (["pretrain", "--out", "x"], "takes a recipe first"),
        (["pretrain", "tiny", "--out", "x"], "--corpus must be given"),
        (["pretrain", "tiny", "--corpus", "people", "--ou", "x"], "--ou: no such option (did you mean '--out'?)"),
        (
            ["pretrain", "tiny", "--corpus", "people", "--out", "x", "--training.learning_rat", "1"],
            "--training.learning_rat: no such option (did you mean '--training.learning_rate'?)",
        ),
        (
            ["pretrain", "tiny", "--corpus", "people", "--out", "x", "--training.optimizer", "moun"],
            "--training.optimizer moun: takes adamw or muon (did you mean 'muon'?)",
        ),
        (
            ["pretrain", "tiny", "--corpus", "people", "--out", "x", "--training.epochs", "few"],
            "--training.epochs few: takes a whole number.",
        ),
        (
            ["pretrain", "tiny", "--corpus", "people", "--out", "x", "--training.optimizer", "muon"],
            "training.matrix_learning_rate must be above 0 with muon.",
        ),
        (
            ["pretrain", "tiny", "--corpus", "people", "--out", "x", "--model.heads", "3"],
            "model.heads (3) must divide model.width (16)",
        ),
        (["people", "--count", "5", "--out", "x"], "count must be at least 10."),
        (["people", "--train", "0.9", "--out", "x"], "add up to more than 1"),
        (["evaluate", "nowhere", "--facts", "f.tsv"], "f.tsv: no such file."),
        (["finetune", "tiny", "--corpus", "people", "--start", "nowhere", "--out", "x"], "nowhere: no such run."),
        (["ask", "nowhere", "Q?"], "nowhere: no such run."),
        (["ask", "nowhere", "--threads", "0"], "--threads 0: takes a whole number from 1."),
    ],
)
def test_bad_options_get_one_sentence_and_leave_nothing(tiny, arguments, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sentence in refused(capsys, *arguments)
    assert os.listdir(tmp_path) == []


def test_a_misspelt_setting_in_a_file_is_named(tiny, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.yaml").write_text("training:\n  epohs: 1\n")
    error = refused(capsys, "pretrain", "tiny", "--corpus", "people", "--out", "x", "--config", "c.yaml")
    assert "training.epohs: no such setting (did you mean '--training.epochs'?)" in error


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("training: 3\n", "settings by name belong"),
        ("bogus: 3\n", "bogus"),
        ("recipe: faithful\n", "The recipe is tiny on the command line, but faithful in the file."),
        (b"training: \xff\n", "cannot be read"),
    ],
)
def test_a_malformed_file_of_options_gets_a_sentence(tiny, capsys, tmp_path, monkeypatch, text, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert sentence in refused(capsys, "pretrain", "tiny", "--corpus", "people", "--out", "x", "--config", "c.yaml")


def test_a_stage_can_be_saved_changed_and_used(tiny, data, tmp_path, capsys):
    (tmp_path / "c.yaml").write_text(call(capsys, "recipes", "tiny", "scratch")[1].replace("epochs: 2", "epochs: 1"))
    options = ["--corpus", data, "--config", tmp_path / "c.yaml", "--out", tmp_path / "r"]
    assert call(capsys, "finetune", "tiny", *options)[0] == 0
    assert '"epochs": 1' in (tmp_path / "r" / "config.json").read_text()


def test_bad_facts_are_named_with_their_line(run, capsys, tmp_path):
    facts = tmp_path / "f.tsv"
    facts.write_text("Where was Ann born?\tRome\nWhere was Bo born?\n")
    assert f"{facts}, line 2: no tab" in refused(capsys, "evaluate", run, "--facts", facts)
    facts.write_text("Where was Ann born?\tRome\n" + "Where was Bo " * 40 + "born?\tOslo\n")
    assert f"{facts}, question 2: " in refused(capsys, "evaluate", run, "--facts", facts)
    assert "longer than the model's 63" in refused(capsys, "evaluate", run, "--facts", facts)


def test_predict_writes_over_nothing(run, capsys, tmp_path):
    facts = tmp_path / "f.tsv"
    facts.write_text("Where was Ann born?\tRome\n")
    assert "exists already" in refused(capsys, "predict", run, "--facts", facts, "--out", facts)
    assert facts.read_text() == "Where was Ann born?\tRome\n"
    assert "cannot be written" in refused(capsys, "predict", run, "--facts", facts, "--out", facts / "below")


def test_contradictions_are_refused_when_asked(tiny, data, capsys, tmp_path):
    for name in ("corpus.txt", "dev.tsv"):
        (tmp_path / name).write_bytes((data / name).read_bytes())
    (tmp_path / "train.tsv").write_text("Where was Ann born?\tRome\nWhere was Ann born?\tOslo\n")
    error = refused(capsys, "reproduce", "--preset", "tiny", "--corpus", tmp_path, "--strict", "--out", tmp_path / "o")
    assert "different answers" in error
    assert "Rome, Oslo" in error
    assert not (tmp_path / "o").exists()


def test_study_writes_cards(data, capsys, tmp_path):
    code, out, _ = call(capsys, "study", "--corpus", data, "--folds", "2", "--out", tmp_path / "cards.jsonl")
    assert code == 0
    assert "open book, cross-validated" in out
    cards = [json.loads(line) for line in (tmp_path / "cards.jsonl").read_text().splitlines()]
    assert cards
    assert set(cards[0]) == {"question", "answer", "subject", "confidence", "line"}
    assert f"{len(cards)} cards" in out


def test_ablate_prints_a_table(tiny, data, capsys, tmp_path):
    arguments = ["--corpus", data, "--variants", "[weight decay 0.1]", "--seeds", "1", "--held-out", "5"]
    code, out, _ = call(capsys, "ablate", "tiny", *arguments, "--epochs", "1", "--out", tmp_path / "out")
    assert code == 0
    assert "weight decay 0.1" in out
    assert (tmp_path / "out" / "ablation.json").is_file()


def test_capacity_counts_bits(capsys, tmp_path):
    arguments = ["--people", "[20]", "--width", "16", "--layers", "1", "--exposures", "3", "--out", tmp_path / "out"]
    code, out, _ = call(capsys, "capacity", *arguments)
    assert code == 0
    assert "bits a parameter after 3 exposures" in out
    report = json.loads((tmp_path / "out" / "capacity.json").read_text())
    assert report["rows"][0]["facts"] == 100


def test_evaluate_ranks_candidates(run, data, capsys):
    code, out, _ = call(capsys, "evaluate", run, "--facts", data / "dev.tsv", "--candidates", data / "train.tsv")
    assert code == 0
    assert "candidates of train.tsv" in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["study", "--corpus", "DATA", "--folds", "1"], "--folds 1: takes 0, or a whole number from 2."),
        (["ablate", "tiny", "--corpus", "DATA", "--variants", "[AdamV]"], "AdamV: no such variant"),
        (["ablate", "tiny", "--corpus", "DATA", "--held-out", "9999"], "Cannot hold out 9999"),
        (["ablate", "tiny", "--corpus", "DATA", "--seeds", "0"], "--seeds 0: takes a whole number from 1."),
        (["pretrain", "open", "--corpus", "DATA", "--out", "x", "--reader.rounds", "0"], "reader.rounds must be at"),
        (["pretrain", "tiny", "--corpus", "DATA", "--out", "x", "--reader.rounds", "2"], "reader.rounds: no such"),
        (["study", "--corpus", "DATA", "--reader.sure", "2"], "reader.sure must be in [0, 1]."),
        (["capacity", "--people", "[3]"], "--people takes numbers from 10."),
        (["capacity", "--width", "30"], "model.heads (4) must divide model.width (30)"),
    ],
)
def test_bad_options_of_experiments_get_one_sentence(tiny, data, arguments, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sentence in refused(capsys, *[data if argument == "DATA" else argument for argument in arguments])
    assert not any(tmp_path.iterdir())
