"""A run that has learned a few facts, for the audit to ask."""

import dataclasses

import pytest
import torch

from closedbook.audit.examinee import RunExaminee
from closedbook.config import PeopleConfig
from closedbook.experiments.train import train_run
from closedbook.facts.people import people_corpus
from closedbook.runs import load
from tests.conftest import tiny_config


@pytest.fixture(scope="package")
def corpus():
    return people_corpus(PeopleConfig(count=80, seed=5, train=0.5, dev=0.3, test=0.1, unseen=0.1))


@pytest.fixture(scope="package")
def run(corpus, tmp_path_factory):
    config = tiny_config("finetune", epochs=60, learning_rate=5e-3)
    model = dataclasses.replace(config.model, width=64)
    config = dataclasses.replace(config, stage="scratch", model=model)
    return load(train_run(config, corpus, tmp_path_factory.mktemp("audit") / "run", device=torch.device("cpu")))


@pytest.fixture(scope="package")
def examinee(run):
    return RunExaminee(run)
