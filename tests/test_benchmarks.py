import dataclasses

import pytest
import torch
from benchmarks.recall import TARGETS
from benchmarks.speed import answering_config
from benchmarks.store import first_steps

from closedbook.config import PeopleConfig
from closedbook.experiments.train import make_tokenizer
from closedbook.facts.building import build_store
from closedbook.facts.built_in import write_built_in
from closedbook.objectives.mixture import build_mixture
from closedbook.objectives.plan import Batches
from closedbook.recipes import find_recipe
from closedbook.runs import load
from closedbook.selfstudy.study import study

CONFIGS = {
    "open-22": (TARGETS["open-22"].config, 5),
    "open-85": (TARGETS["open-85"].config, 9),
    "standard-40": (TARGETS["standard-40"].config, 8),
    "answering": (answering_config(), 1),
}


@pytest.mark.parametrize(("config", "epochs"), CONFIGS.values(), ids=CONFIGS)
def test_a_benchmark_trains_for_the_epochs_that_were_fixed_whatever_the_corpus(config, epochs, people):
    corpus = study(people, config.reader) if config.reader else people
    mixture = build_mixture(config, corpus, make_tokenizer(config, corpus), torch.device("cpu"))
    for relations in (1, 3):
        assert Batches(dataclasses.replace(mixture, relations=relations), config).epochs == epochs


def test_the_first_steps_of_a_training_through_a_store_leave_a_run(tiny, tmp_path):
    write_built_in(PeopleConfig(count=30), tmp_path / "people")
    build_store(tmp_path / "people", tmp_path / "store", find_recipe("tiny").pretrain.tokenizer)
    first_steps(tmp_path / "store", tmp_path / "run", "tiny", 2)
    assert load(tmp_path / "run").environment["steps"] == 2
