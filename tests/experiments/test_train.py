import dataclasses
import json
import resource

import pytest
import torch

import closedbook
from closedbook.config import ReaderConfig, TokenizerConfig, run_config, to_dict
from closedbook.errors import UserError
from closedbook.evaluation.decoding import MOST_NEW_TOKENS, longest_written
from closedbook.experiments import callbacks
from closedbook.experiments import train as module
from closedbook.experiments.asked import longest_answer, too_long_to_write
from closedbook.experiments.train import train_run
from closedbook.facts.records import Fact
from closedbook.facts.tokenizers import train_tokenizer
from closedbook.recipes import with_training
from tests.toys import resealed, tiny_config

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def pretrained(people, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "pretrained"
    return train_run(tiny_config(), people, out, device=CPU).path


def test_a_run_explains_itself(pretrained):
    names = {path.name for path in pretrained.iterdir()}
    assert names == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "metrics.jsonl",
        "environment.json",
        "manifest.json",
    }
    environment = json.loads((pretrained / "environment.json").read_text())
    assert environment["attention"] == "key_query_value"
    assert environment["parameters"] > 0
    assert environment["tokens"] <= environment["positions"]
    assert environment["corpus"]["files"]["corpus.txt"]["sha256"]
    config = json.loads((pretrained / "config.json").read_text())
    assert config["training"]["precision"] in ("fp32", "bf16")
    assert to_dict(run_config(config)) == config
    lines = [json.loads(line) for line in (pretrained / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == environment["steps"]


def test_load_needs_nothing_else(pretrained):
    run = closedbook.load(pretrained)
    assert isinstance(run.ask("Where was Ann born?"), str)
    assert run.answer(["Where was Ann born?"] * 3) == [run.ask("Where was Ann born?")] * 3


def test_how_long_answers_are_written_follows_what_is_taught(people):
    tokenizer = train_tokenizer(TokenizerConfig(kind="characters"), ["a"])
    long, short = (dataclasses.replace(people.train[0], answers=("a" * length,)) for length in (MOST_NEW_TOKENS, 3))
    corpus = dataclasses.replace(people, train=(short, short), dev=(long, short))
    assert longest_answer(corpus, tokenizer) == 3
    assert too_long_to_write(corpus, tokenizer, 3) == {"answers_too_long_to_write": 1}
    corpus = dataclasses.replace(people, train=(long, short), dev=(long,))
    assert longest_answer(corpus, tokenizer) == MOST_NEW_TOKENS
    assert too_long_to_write(corpus, tokenizer, MOST_NEW_TOKENS) == {}
    assert longest_written(MOST_NEW_TOKENS) > MOST_NEW_TOKENS == longest_written(3)
    assert longest_answer(dataclasses.replace(people, train=()), tokenizer) == 0


def test_finetuning_goes_on_from_a_run(pretrained, people, tmp_path):
    out = train_run(tiny_config("finetune"), people, tmp_path / "f", device=CPU, start=pretrained).path
    environment = json.loads((out / "environment.json").read_text())
    assert environment["start"] == str(pretrained)
    assert closedbook.load(out).tokenizer.vocabulary_size == closedbook.load(pretrained).tokenizer.vocabulary_size


def test_another_attention_class_is_refused(pretrained, people, tmp_path):
    with pytest.raises(UserError, match="trained with key_query_value attention, but dense_synthesizer is asked for"):
        train_run(tiny_config("finetune", "dense_synthesizer"), people, tmp_path / "f", device=CPU, start=pretrained)
    assert list(tmp_path.iterdir()) == []


def test_another_architecture_is_refused(pretrained, people, tmp_path):
    config = tiny_config("finetune")
    config = dataclasses.replace(config, model=dataclasses.replace(config.model, layers=3))
    with pytest.raises(UserError, match=r"has model.layers 2, but 3 is asked for"):
        train_run(config, people, tmp_path / "f", device=CPU, start=pretrained)


def test_an_existing_directory_is_refused(people, tmp_path):
    with pytest.raises(UserError, match="exists already"):
        train_run(tiny_config(), people, tmp_path, device=CPU)


def test_finetuning_without_a_start_is_refused(people, tmp_path):
    with pytest.raises(UserError, match="starts from a pretrained run"):
        train_run(tiny_config("finetune"), people, tmp_path / "f", device=CPU)


class KilledError(Exception):
    pass


ALWAYS = {"device": CPU, "checkpoint_seconds": 0.0}
"""A checkpoint after every step."""


def kill_at_nine(record):
    if record.step == 9:
        raise KilledError


def test_a_killed_run_goes_on_where_it_was(pretrained, people, tmp_path):
    said = []
    settings = {**ALWAYS, "announce": said.append}
    with pytest.raises(KilledError):
        train_run(tiny_config(), people, tmp_path / "r", callbacks=(kill_at_nine,), **settings)
    with pytest.raises(UserError, match="was interrupted"):
        closedbook.load(tmp_path / "r")
    train_run(tiny_config(), people, tmp_path / "r", **settings)
    assert "resumed at step 9" in said
    for name in ("model.safetensors", "config.json"):
        assert (tmp_path / "r" / name).read_bytes() == (pretrained / name).read_bytes()
    steps = [json.loads(line)["step"] for line in (tmp_path / "r" / "metrics.jsonl").read_text().splitlines()]
    assert steps == sorted(set(steps))
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


@pytest.mark.slow
def test_logs_are_the_same_however_often_a_training_goes_on(people, tmp_path, monkeypatch):
    """Lines are means of several steps, and the training stops between them."""
    monkeypatch.setattr(callbacks, "LOGGED_POINTS", 5)
    monkeypatch.setattr(callbacks, "PROBES", 3)
    settings = {**ALWAYS, "probe": people.dev[:4]}
    train_run(tiny_config(), people, tmp_path / "whole", **settings)
    steps = json.loads((tmp_path / "whole" / "environment.json").read_text())["steps"]

    def kill(record):
        if record.step % 3 == 1:
            raise KilledError

    for _ in range(1, steps + 1, 3):
        with pytest.raises(KilledError):
            train_run(tiny_config(), people, tmp_path / "r", callbacks=(kill,), **settings)
    train_run(tiny_config(), people, tmp_path / "r", **settings)
    for name in ("metrics.jsonl", "recall.jsonl"):
        whole, again = ((tmp_path / run / name).read_text().splitlines() for run in ("whole", "r"))
        assert 3 <= len(whole) < steps
        timeless = [[{**json.loads(line), "seconds": 0} for line in lines] for lines in (whole, again)]
        assert timeless[0] == timeless[1]


def test_a_training_that_learned_early_says_so_and_ends_the_same_however_often_it_goes_on(people, tmp_path):
    config = with_training(tiny_config(), epochs=4, stop_at_loss=100.0)
    lines = []
    whole = train_run(config, people, tmp_path / "whole", announce=lines.append, **ALWAYS)
    assert "1 of 4 epochs: the mean loss of the last was" in lines[-1]
    assert whole.environment["epochs"] == 1
    steps = whole.environment["steps"]
    last = json.loads((tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["step"] == last["steps"] == steps

    def kill(record):
        raise KilledError

    for _ in range(steps):
        with pytest.raises(KilledError):
            train_run(config, people, tmp_path / "r", callbacks=(kill,), **ALWAYS)
    again = train_run(config, people, tmp_path / "r", **ALWAYS)
    assert again.environment["steps"] == steps
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[name])


def test_an_unfinished_run_of_other_settings_is_refused(people, tmp_path):
    def kill(record):
        raise KilledError

    with pytest.raises(KilledError):
        train_run(tiny_config(), people, tmp_path / "r", **ALWAYS, callbacks=(kill,))
    with pytest.raises(UserError, match="unfinished training with other settings"):
        train_run(tiny_config(seed=1), people, tmp_path / "r", device=CPU)


def test_somebody_elses_partial_directory_is_left_alone(people, tmp_path):
    (tmp_path / "thesis.partial").mkdir()
    (tmp_path / "thesis.partial" / "chapter.txt").write_text("mine")
    with pytest.raises(UserError, match="does not hold an unfinished training"):
        train_run(tiny_config(), people, tmp_path / "thesis", device=CPU)
    assert (tmp_path / "thesis.partial" / "chapter.txt").read_text() == "mine"


def test_a_torn_line_and_a_torn_checkpoint_do_not_stop_resuming(pretrained, people, tmp_path):
    said = []
    settings = {**ALWAYS, "announce": said.append}
    with pytest.raises(KilledError):
        train_run(tiny_config(), people, tmp_path / "r", callbacks=(kill_at_nine,), **settings)
    partial = tmp_path / "r.partial"
    newest = sorted((partial / "checkpoints").iterdir())[-1] / "model.safetensors"
    newest.write_bytes(newest.read_bytes()[:-100])
    with (partial / "metrics.jsonl").open("a") as file:
        file.write('{"step": 1')
    train_run(tiny_config(), people, tmp_path / "r", **settings)
    assert "resumed at step 8" in said
    assert any(line.startswith("left out a checkpoint: ") and str(newest) in line for line in said)
    assert (tmp_path / "r" / "model.safetensors").read_bytes() == (pretrained / "model.safetensors").read_bytes()
    counts = [json.loads((path / "environment.json").read_text()) for path in (pretrained, tmp_path / "r")]
    assert all(counts[0][key] == counts[1][key] for key in ("tokens", "positions", "steps"))


def test_a_full_disk_leaves_no_run(people, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, hard))
    try:
        with pytest.raises(UserError, match="the disk is full"):
            train_run(tiny_config(), people, tmp_path / "r", device=CPU)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("part", ["dev", "test"])
def test_questions_that_cannot_be_answered_are_refused_before_training(people, tmp_path, part):
    long = Fact(question="Where was Ann " * 30 + "born?", answers=("Rome",), subject="", line=1)
    corpus = dataclasses.replace(people, **{part: (long,)})
    with pytest.raises(UserError, match=f"{part} question 1: "):
        train_run(tiny_config(), corpus, tmp_path / "r", device=CPU)
    assert list(tmp_path.iterdir()) == []


def test_dropout_of_the_finetuning_recipe_takes_effect(pretrained, people, tmp_path):
    runs = []
    for dropout in (0.0, 0.5):
        config = tiny_config("finetune")
        config = dataclasses.replace(config, model=dataclasses.replace(config.model, dropout=dropout))
        runs.append(train_run(config, people, tmp_path / f"{dropout}", device=CPU, start=pretrained).path)
    assert runs[0].joinpath("model.safetensors").read_bytes() != runs[1].joinpath("model.safetensors").read_bytes()


@pytest.mark.parametrize("part", ["config.json", "model.safetensors", "tokenizer.json", "environment.json"])
@pytest.mark.parametrize("harm", ["missing", "cut"])
def test_a_half_written_run_is_refused(pretrained, tmp_path, part, harm):
    broken = tmp_path / "r"
    broken.mkdir()
    for path in pretrained.iterdir():
        if path.is_file():
            (broken / path.name).write_bytes(path.read_bytes())
    if harm == "missing":
        (broken / part).unlink()
    else:
        data = (broken / part).read_bytes()
        (broken / part).write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match=part.replace(".", r"\.")):
        closedbook.load(broken)


def test_weights_of_another_attention_class_are_refused(pretrained, tmp_path):
    broken = tmp_path / "r"
    broken.mkdir()
    for path in pretrained.iterdir():
        if path.is_file():
            (broken / path.name).write_bytes(path.read_bytes())
    config = json.loads((broken / "config.json").read_text())
    config["model"]["attention"] = "dense_synthesizer"
    (broken / "config.json").write_text(json.dumps(config))
    resealed(broken)
    with pytest.raises(UserError, match=r"does not fit config.json, which says dense_synthesizer attention"):
        closedbook.load(broken)


def test_unknown_settings_in_a_run_are_refused(pretrained):
    config = json.loads((pretrained / "config.json").read_text())
    config["model"]["rotary"] = True
    with pytest.raises(UserError, match="rotary"):
        run_config(config)


def test_initial_weights_do_not_depend_on_what_was_drawn_before(people):
    config = tiny_config()
    tokenizer = module.make_tokenizer(config, people)
    torch.manual_seed(1)
    first = module.initial_model(config, tokenizer, CPU).state_dict()
    torch.manual_seed(2)
    second = module.initial_model(config, tokenizer, CPU).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_reader_is_learned_once_for_each_corpus_and_its_settings_in_a_row(people, monkeypatch):
    learned = []
    monkeypatch.setattr(module, "study", lambda corpus, reader: learned.append((corpus, reader)) or corpus)
    study, (first, second) = module.LastStudy(), (ReaderConfig(), ReaderConfig(rounds=1))
    for reader in (first, first, second, second, first):
        assert study(dataclasses.replace(people), reader) == people  # equal corpora are one
    assert [reader for _, reader in learned] == [first, second, first]
    study(dataclasses.replace(people, train=people.train[1:]), first)
    assert len(learned) == 4


@pytest.mark.parametrize(
    ("dropout", "epochs", "expected"), [(None, 8, 0.0), (None, 40, 0.1), (0.3, 8, 0.3), (0.0, 40, 0.0)]
)
def test_dropout_that_is_left_open_follows_the_passes(people, tmp_path, dropout, epochs, expected):
    config = tiny_config("scratch", epochs=epochs)
    config = dataclasses.replace(config, model=dataclasses.replace(config.model, dropout=dropout))
    prepared = module.prepare(config, people, tmp_path / "r", device=CPU)
    assert prepared.run.model.config.dropout == prepared.run.config.model.dropout == expected
