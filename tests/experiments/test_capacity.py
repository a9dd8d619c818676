import contextlib
import math

import pytest
import torch

from closedbook.experiments.capacity import QUESTIONS, capacity_config, measure_capacity, taught_people
from closedbook.facts import people_data as data
from closedbook.facts.people import attribute_bits


def test_the_probabilities_of_an_attribute_add_up_to_one():
    assert sum(2 ** -attribute_bits("birth_place", place) for place in data.PLACES) == pytest.approx(1.0)
    assert attribute_bits("university", data.UNIVERSITIES[0]) == pytest.approx(math.log2(len(data.UNIVERSITIES)))
    assert attribute_bits("birth_place", data.PLACES[0]) < attribute_bits("birth_place", data.PLACES[-1])


def test_every_attribute_of_everyone_is_taught():
    corpus, bits = taught_people(30, seed=0)
    assert len(corpus.train) == len(bits) == 30 * len(QUESTIONS)
    assert len({fact.question for fact in corpus.train}) == len(corpus.train)


def test_more_exposures_hold_more_bits(tmp_path):
    held = []
    for epochs in (1, 150):
        config = capacity_config(width=32, layers=1, epochs=epochs, seed=0)
        report = measure_capacity(
            config,
            [12],
            tmp_path / str(epochs),
            torch.device("cpu"),
            lambda line: None,
            lambda title: contextlib.nullcontext(lambda record: None),
        )
        held.append(report["rows"][0]["bits_held"])
    assert held[0] < held[1] <= report["rows"][0]["bits_taught"]
