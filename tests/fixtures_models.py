"""A corpus and a run that has learned its training questions by heart, trained once a process for all who ask it."""

import dataclasses
from functools import cache

import pytest
import torch

from closedbook.config import PeopleConfig
from closedbook.experiments.train import train_run
from closedbook.facts.built_in import built_in_corpus
from closedbook.facts.corpus import Corpus
from closedbook.runs import Run
from tests.conftest import tiny_config

_learned: list[Run] = []


@cache
def _corpus() -> Corpus:
    return built_in_corpus(PeopleConfig(count=80, seed=5, train=0.5, dev=0.3, test=0.1, unseen=0.1))


@pytest.fixture(scope="session")
def learned_corpus() -> Corpus:
    return _corpus()


@pytest.fixture(scope="session")
def learned_run(tmp_path_factory) -> Run:
    if not _learned:  # once a process, however many modules import this fixture
        config = tiny_config("scratch", epochs=40, learning_rate=5e-3)
        config = dataclasses.replace(config, model=dataclasses.replace(config.model, width=64))
        out = tmp_path_factory.mktemp("learned") / "run"
        _learned.append(train_run(config, _corpus(), out, device=torch.device("cpu")))
    return _learned[0]
