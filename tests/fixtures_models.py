"""A corpus and a run that has learned its training questions by heart, trained once a session for all who ask it."""

import dataclasses

import pytest
import torch

from closedbook.config import PeopleConfig
from closedbook.experiments.train import train_run
from closedbook.facts.corpus import Corpus
from closedbook.facts.people import people_corpus
from closedbook.runs import Run
from tests.conftest import tiny_config


@pytest.fixture(scope="session")
def learned_corpus() -> Corpus:
    return people_corpus(PeopleConfig(count=80, seed=5, train=0.5, dev=0.3, test=0.1, unseen=0.1))


@pytest.fixture(scope="session")
def learned_run(learned_corpus, tmp_path_factory) -> Run:
    config = tiny_config("scratch", epochs=40, learning_rate=5e-3)
    config = dataclasses.replace(config, model=dataclasses.replace(config.model, width=64))
    return train_run(config, learned_corpus, tmp_path_factory.mktemp("learned") / "run", device=torch.device("cpu"))
