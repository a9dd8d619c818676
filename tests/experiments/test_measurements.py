"""What each experiment measures, on one model that has learned its training questions by heart."""

import dataclasses
import json
import math

import numpy as np
import pytest

from closedbook.evaluation.knowledge import GROUPINGS
from closedbook.experiments import capacity, compare, extraction, reproduce, unknowns
from closedbook.experiments.benchmark import benchmark, kept_bytes
from closedbook.experiments.comparing import measure_exact
from closedbook.facts.built_in import attribute_bits
from closedbook.facts.people_data import RELATIONS
from closedbook.objectives.segments import Batch

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def share(learned):
    """How much of what it was taught the model answers."""
    exact = measure_exact(learned).exact
    assert np.mean(exact) > 0.6
    return float(np.mean(exact))


def test_a_cells_figures_add_up_over_its_stages(learned):
    figures = measure_exact(learned)
    seconds = [json.loads((path / "environment.json").read_text())["seconds"] for path in learned.paths]
    assert len(seconds) == 2
    assert figures.seconds == pytest.approx(sum(seconds), abs=0.01)
    assert figures.parameters == sum(parameter.numel() for parameter in learned.run.model.parameters())
    assert f"{sum(figures.exact)}/{len(figures.exact)} right" in figures.line()


def test_a_systems_run_has_every_answer_and_what_is_known(learned, share):
    run = reproduce.measure(learned)
    asked = learned.asked
    assert run.accuracy == share
    assert run.exact == measure_exact(learned).exact
    assert [text in fact.answers for text, fact in zip(run.dev_answers, asked.dev, strict=True)] == [
        bool(right) for right in run.exact
    ]
    assert run.test_answers == tuple(learned.run.answer([fact.question for fact in asked.test]))
    assert run.knowledge.in_document == sum(
        any(fact.answers[0] in document.text for document in asked.documents_of(fact)) for fact in asked.dev
    )
    for kinds in run.knowledge.recall.values():
        assert sum(kind.hits for kind in kinds.values()) == sum(run.exact)
        assert sum(kind.total for kind in kinds.values()) == len(run.exact)


def test_the_baseline_gives_each_relation_its_most_frequent_answer(learned):
    run = reproduce.measure(dataclasses.replace(learned, last=None))
    asked = learned.asked
    by_relation = {}
    for fact, text in zip(asked.dev, run.dev_answers, strict=True):
        by_relation.setdefault(fact.relation, set()).add(text)
    assert {relation: len(texts) for relation, texts in by_relation.items()} == {"born": 1, "field": 1}
    assert run.parameters == 0
    assert run.attention is run.knowledge is None


def test_a_variants_answers_know_their_kinds_and_nats(learned, share):
    answers = compare.measure(learned)
    assert np.mean(answers.exact) == share
    assert set(answers.knowledge.recall) == set(GROUPINGS)
    prompts = learned.run.prompts([fact.question for fact in learned.asked.dev])
    nats = learned.run.log_probability(prompts, [fact.answers[0] for fact in learned.asked.dev])
    assert answers.knowledge.mean_question_nats == pytest.approx(np.mean(nats), rel=1e-4)
    losses = [json.loads(line)["loss"] for line in (learned.paths[0] / "metrics.jsonl").read_text().splitlines()]
    assert min(losses) <= answers.loss <= max(losses)


def test_finetuning_is_measured_on_what_was_taught_and_on_the_others(learned, share):
    figures = unknowns.measure(learned)  # here the others are the taught
    assert figures.fitted == np.mean(figures.exact) == share
    assert figures.facts == len(learned.cell.corpus.train)
    assert figures.made_up == pytest.approx(1 - share, abs=0.05)


def test_what_is_stored_is_marked_fact_by_fact(learned, monkeypatch):
    marks = {True: True, False: False, None: False}
    for mark, known in marks.items():
        monkeypatch.setattr(unknowns, "stored", lambda model, corpus, facts, mark=mark: [mark] * len(facts))
        assert set(unknowns.measure_stored(learned).known) == {known}


def test_what_is_recalled_stands_beside_what_is_stored(learned):
    found = extraction.measure(learned)
    assert found.exact == measure_exact(learned).exact
    asked = learned.asked
    in_document = [any(fact.answers[0] in one.text for one in asked.documents_of(fact)) for fact in asked.dev]
    assert [mark is not None for mark in found.stored] == in_document


def test_a_model_that_knows_the_answers_holds_their_bits(learned, share):
    row = capacity.measure(learned)
    asked = learned.asked
    taught = sum(attribute_bits(RELATIONS[fact.relation], fact.answers[0]) for fact in asked.dev)
    assert row.bits_taught == pytest.approx(taught)
    assert 0.1 * taught < row.bits_held < taught
    assert row.bits_a_parameter == row.bits_held / row.parameters
    assert row.facts == len(asked.dev)


def test_bits_count_what_is_learned_beyond_the_distribution(learned, monkeypatch):
    facts = learned.asked.dev
    bits = [attribute_bits(RELATIONS[fact.relation], fact.answers[0]) for fact in facts]
    guessing = [-own * math.log(2) for own in bits]
    monkeypatch.setattr(type(learned.run), "log_probability", lambda self, prompts, answers: guessing)
    assert capacity.measure(learned).bits_held == pytest.approx(0.0, abs=1e-6)
    half = [value if index % 2 else None for index, value in enumerate([0.0] * len(facts))]
    monkeypatch.setattr(type(learned.run), "log_probability", lambda self, prompts, answers: half)
    assert capacity.measure(learned).bits_held == pytest.approx(sum(bits[1::2]))


def test_maps_are_mean_patterns_with_shared_tokens(learned):
    maps = compare.learned_maps(learned.run, learned.cell.corpus.dev)
    pattern = np.array(maps.pattern)
    assert pattern.shape == (2, 4, len(maps.labels), len(maps.labels))
    assert np.allclose(pattern.sum(-1), 1, atol=1e-2)
    assert maps.labels[-1] == "mask"
    assert "·" in maps.labels
    assert 0 < maps.prompts <= sum(fact.relation == maps.relation for fact in learned.cell.corpus.dev)


def test_the_benchmark_gives_every_model_the_same_work(learned, recipe, corpus):
    twice = benchmark([learned.run, learned.run], recipe.pretrain, corpus)
    assert twice[0].kept_bytes == twice[1].kept_bytes > 0
    assert twice[0].kept_for_tokens == twice[1].kept_for_tokens
    assert all(min(costs.train_tokens_per_second, costs.questions_per_second) > 0 for costs in twice)
    assert not any(parameter.grad is not None for parameter in learned.run.model.parameters())


def test_what_is_kept_for_the_backward_pass_grows_with_the_tokens(learned):
    sizes = []
    for length in (20, 40):
        tokens = torch.randint(2, 30, (3, length))
        sizes.append(kept_bytes(learned.run, Batch(tokens, tokens), "fp32"))
    assert 1.7 < sizes[1] / sizes[0] < 3
