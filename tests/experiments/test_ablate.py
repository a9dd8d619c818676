import contextlib
import dataclasses

import pytest
import torch

from closedbook.config import PeopleConfig, ReaderConfig, SourceConfig
from closedbook.errors import UserError
from closedbook.experiments.ablate import Ablation, ablate, validation_corpus
from closedbook.experiments.variants import BASE, choose, variants
from closedbook.facts.people import people_corpus
from closedbook.recipes import open_track, standard
from tests.conftest import tiny_config


def quiet(title):
    return contextlib.nullcontext(lambda record: None)


@pytest.fixture(scope="module")
def people():
    return people_corpus(PeopleConfig(count=80, seed=3))


def job(out, names=("questions once more",), seeds=1):
    base = dataclasses.replace(tiny_config("pretrain"), mixture=(SourceConfig(objective="question_answering"),))
    return Ablation(choose(variants(base), names), seeds, 10, out, torch.device("cpu"))


def test_variants_change_one_thing():
    for recipe in (standard(), open_track()):
        found = variants(recipe.pretrain)
        assert next(iter(found)) == BASE
        configs = [variant.config for variant in found.values()]
        assert len({str(config) for config in configs}) == len(configs)
    assert "without study_cards" not in variants(standard().pretrain)


def test_an_unknown_variant_is_named():
    with pytest.raises(UserError, match="AdamV: no such variant"):
        choose(variants(standard().pretrain), ["AdamV"])


def test_held_out_people_take_the_place_of_dev(people):
    split = validation_corpus(people, 10)
    assert len(split.dev) >= 10
    assert {fact.subject for fact in split.dev}.isdisjoint(fact.subject for fact in split.train)
    assert {fact.question for fact in people.dev}.isdisjoint(fact.question for fact in split.dev)
    assert split.test == ()


def test_an_ablation_compares_with_the_recipe_and_is_taken_up_again(people, tmp_path):
    out, said = tmp_path / "ablate", []
    report = ablate(job(out), people, said.append, quiet)
    assert [row["variant"] for row in report["rows"]] == [BASE, "questions once more"]
    assert report["rows"][0]["difference"] == 0
    assert all(0 <= row["recall"] <= 1 and row["seconds"] > 0 for row in report["rows"])
    assert not any((out / "runs").iterdir())
    said.clear()
    again = ablate(job(out, seeds=2), people, said.append, quiet)
    assert sum("finished before" in line for line in said) == 2
    assert [len(row["recall_by_seed"]) for row in again["rows"]] == [2, 2]


def test_an_ablation_of_something_else_is_refused(people, tmp_path):
    out = tmp_path / "ablate"
    ablate(job(out, ()), people, lambda line: None, quiet)
    other = dataclasses.replace(job(out, ()), held_out=11)
    with pytest.raises(UserError, match="closedbook ablate with other settings"):
        ablate(other, people, lambda line: None, quiet)


def test_self_study_trains_on_the_readers_cards(people, tmp_path):
    base = dataclasses.replace(
        tiny_config("pretrain"),
        mixture=(SourceConfig(objective="question_answering"), SourceConfig(objective="study_cards")),
        reader=ReaderConfig(rounds=1),
    )
    chosen = choose(variants(base), ["with rewriting"])
    report = ablate(Ablation(chosen, 1, 10, tmp_path / "out", torch.device("cpu")), people, lambda line: None, quiet)
    assert report["rows"][1]["tokens"] > report["rows"][0]["tokens"]
