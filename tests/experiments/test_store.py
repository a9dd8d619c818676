"""Training on a store: that of its directory to the last bit where it fits into memory, and learning where not."""

import dataclasses

import pytest
import torch

from closedbook.config import ModelConfig, NameCards, PeopleConfig, QuestionAnswering, TokenizerConfig
from closedbook.errors import UserError
from closedbook.evaluation.evaluate import evaluate
from closedbook.experiments.cost import planned
from closedbook.experiments.train import train_run
from closedbook.facts.building import build_store
from closedbook.facts.built_in import open_corpus, read_corpus, write_built_in
from closedbook.objectives import windows
from closedbook.recipes import find_recipe, with_training
from tests.toys import tiny_config

CPU = torch.device("cpu")
TOKENIZER = TokenizerConfig(vocabulary_size=300)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A directory of built-in people and its store."""
    root = tmp_path_factory.mktemp("stored")
    write_built_in(PeopleConfig(count=100, test=0.0, unseen=0.0), root / "people")
    build_store(root / "people", root / "store", TOKENIZER)
    return root


@pytest.fixture
def large(monkeypatch):
    """Every store is too large for memory, and windows are small."""
    monkeypatch.setattr("closedbook.facts.stored.is_large", lambda documents, facts: True)
    monkeypatch.setattr(windows, "WINDOW", 40)


@pytest.mark.parametrize("recipe", ["standard", "open"])
def test_weights_from_a_small_store_are_those_of_its_directory(stored, tmp_path, recipe):
    config = dataclasses.replace(find_recipe(recipe).pretrain, model=tiny_config().model)
    config = with_training(config, epochs=1, epochs_a_relation=0, least_steps=None, precision="fp32")
    weights = []
    for name in ("people", "store"):
        run = train_run(config, open_corpus(stored / name), tmp_path / name, device=CPU)
        weights.append((run.path / "model.safetensors").read_bytes())
    assert weights[0] == weights[1]


def learning():
    """Cards and questions, so that dev people are known from their documents."""
    muon = {"optimizer": "muon", "matrix_learning_rate": 2e-2, "warmup_steps": 20}
    config = dataclasses.replace(tiny_config(epochs=16, batch_tokens=1024, **muon), tokenizer=TOKENIZER)
    model = ModelConfig(layers=1, heads=2, width=64, block=64, positions="rotary")
    return dataclasses.replace(config, model=model, mixture=(NameCards(), QuestionAnswering(repeats=2)))


@pytest.mark.slow
def test_training_in_windows_learns(stored, tmp_path, large):
    corpus = open_corpus(stored / "store")
    config = with_training(learning(), precision="fp32")
    run = train_run(config, corpus, tmp_path / "whole", device=CPU)
    assert evaluate(run, corpus.train).accuracy.correct.value > 0.5
    assert run.environment["counts"]["windows"] == 3
    assert run.environment["corpus"]["documents"] == len(corpus.documents)


def test_training_in_windows_resumes(stored, tmp_path, large):
    corpus = open_corpus(stored / "store")
    config = with_training(learning(), precision="fp32", epochs=3)
    run = train_run(config, corpus, tmp_path / "whole", device=CPU)

    def stop(record):
        if record.step == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_run(config, corpus, tmp_path / "cut", device=CPU, callbacks=(stop,), checkpoint_seconds=0.0)
    with pytest.raises(UserError, match="other settings or data"):  # whose batches are others
        train_run(config, _in_memory(stored), tmp_path / "cut", device=CPU)
    again = train_run(config, corpus, tmp_path / "cut", device=CPU)
    whole, resumed = ((one.path / "model.safetensors").read_bytes() for one in (run, again))
    assert whole == resumed


def test_the_open_recipe_is_trained_in_windows(stored, tmp_path, large):
    config = dataclasses.replace(find_recipe("open").pretrain, model=tiny_config().model, tokenizer=TOKENIZER)
    config = with_training(config, epochs=1, least_steps=None, precision="fp32")
    corpus = open_corpus(stored / "store")
    run = train_run(config, corpus, tmp_path / "run", device=CPU)
    assert run.environment["steps"] > 0


def test_another_vocabulary_is_refused(stored, tmp_path, large):
    with pytest.raises(
        UserError, match=r"tokenized with 300 tokens \(bpe\), but 2,000 tokens .* build it with --recipe"
    ):
        train_run(find_recipe("standard").pretrain, open_corpus(stored / "store"), tmp_path / "run", device=CPU)


def test_the_time_is_estimated_from_a_part(stored, large):
    config = dataclasses.replace(find_recipe("standard").pretrain, tokenizer=TOKENIZER)
    from_part, from_all = (planned(config, corpus) for corpus in (open_corpus(stored / "store"), _in_memory(stored)))
    assert from_part == pytest.approx(from_all, rel=0.1)


def _in_memory(stored):
    return read_corpus(stored / "people")
