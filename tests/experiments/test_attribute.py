import contextlib
import dataclasses
import json

import pytest
import torch

from closedbook.config import PeopleConfig, SourceConfig
from closedbook.errors import UserError
from closedbook.experiments.attribute import Attribution, attribute, halves, without_documents
from closedbook.experiments.unknowns import Unknowns, diets, measure_unknowns
from closedbook.facts.people import people_corpus
from closedbook.facts.records import Fact
from closedbook.recipes import open_track
from closedbook.report.audit_console import say_attribution, say_unknowns
from tests.experiments.test_reproduce import tiny_recipe


def quiet(title):
    return contextlib.nullcontext(lambda record: None)


@pytest.fixture(scope="module")
def people():
    return people_corpus(PeopleConfig(count=80, seed=3))


def test_halves_are_random_even_and_keep_people_together(people):
    asked = [*people.dev, *people.train]
    side = halves(people, asked, 0)
    assert abs(sum(side) - len(side) / 2) <= 1
    assert side == halves(people, asked, 0)
    assert side != halves(people, asked, 1)
    twice = halves(people, [*asked, *asked], 2)
    assert twice[: len(asked)] == twice[len(asked) :]
    with pytest.raises(UserError, match="cannot be divided"):
        halves(people, asked[:1] * 3, 0)


def test_left_out_lines_are_gone_and_no_others(people):
    left_out = people.dev[:3]
    reduced = without_documents(people, left_out)
    names = {fact.subject for fact in left_out}
    assert {document.subject for document in people.documents} - {d.subject for d in reduced.documents} == names
    assert not any(reduced.candidates(fact) for fact in left_out)
    with pytest.raises(UserError, match="leaves no document"):
        without_documents(
            people, [dataclasses.replace(left_out[0], subject=document.subject) for document in people.documents]
        )


def test_an_attribution_compares_both_halves_and_is_taken_up_again(people, tmp_path, capsys):
    job = Attribution(tiny_recipe(), 1, tmp_path / "out", torch.device("cpu"))
    said = []
    report = attribute(job, people, said.append, quiet)
    assert report["people"] == len(people.dev)
    assert set(report["recall"]) == {"read", "left_out", "not_pretrained"}
    assert report["knowledge"]["value"] == pytest.approx(
        report["recall"]["read"]["value"] - report["recall"]["left_out"]["value"]
    )
    sizes = [
        json.loads(path.read_text())["documents"] for path in sorted((tmp_path / "out" / "results").glob("without*"))
    ]
    assert all(size < len(people.documents) for size in sizes)
    assert sum(sizes) == 2 * len(people.documents) - len(people.dev) * len(people.documents) // len(people.by_subject)
    say_attribution(report)
    assert "difference: knowledge" in capsys.readouterr().out
    said.clear()
    again = attribute(job, people, said.append, quiet)
    assert sum("finished before" in line for line in said) == 3
    assert again["recall"] == report["recall"]
    with pytest.raises(UserError, match="closedbook attribute with other settings"):
        attribute(job, dataclasses.replace(people, files={}), said.append, quiet)


def test_diets_are_equally_large_and_half_unknown():
    facts = [Fact(question=f"q{i}", answers=("a",), subject=f"s{i}", line=i) for i in range(20)]
    known = [index < 12 for index in range(20)]
    found = diets(facts, known, 0)
    assert len(found["known"]) == len(found["half unknown"]) == 12
    assert sum(known[fact.line] for fact in found["half unknown"]) == 6
    assert all(known[fact.line] for fact in found["known"])
    assert found["all"] == facts
    assert len(diets(facts, [index < 18 for index in range(20)], 0)["known"]) == 4
    with pytest.raises(UserError, match="20 training facts are known and 0 are not"):
        diets(facts, [True] * 20, 0)


def test_unknown_facts_are_told_apart_and_diets_compared(people, tmp_path, capsys, monkeypatch):
    recipe = tiny_recipe()
    mixture = (SourceConfig(objective="outlines"), SourceConfig(objective="question_answering"))
    recipe = dataclasses.replace(recipe, pretrain=dataclasses.replace(recipe.pretrain, mixture=mixture))
    # a toy completes nothing: let it know every other person
    monkeypatch.setattr(
        "closedbook.experiments.unknowns.completes",
        lambda examinee, corpus, facts: [index % 2 == 0 for index in range(len(facts))],
    )
    job = Unknowns(recipe, 1, 2, tmp_path / "out", torch.device("cpu"))
    report = measure_unknowns(job, people, lambda line: None, quiet)
    assert [row["diet"] for row in report["rows"]] == ["known", "half unknown", "all"]
    assert report["rows"][0]["more_wrong_than_known"] == 0
    assert report["known_train_facts"][0] + report["unknown_train_facts"][0] == len(people.train)
    say_unknowns(report)
    assert "hallucination" in capsys.readouterr().out


def test_self_study_has_no_pretraining_on_documents_alone():
    with pytest.raises(UserError, match="open: has no pretraining on documents alone"):
        _ = Unknowns(open_track(), 1, 1, None, torch.device("cpu")).pretraining
