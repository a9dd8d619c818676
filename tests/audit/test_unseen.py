import numpy as np
import pytest

from closedbook.audit.audit import Material, recognised
from closedbook.audit.signals import gather
from closedbook.audit.unseen import Inquiry, agreement, by_origin, invent_names, unseen
from closedbook.evaluation.scorers import exact_match
from closedbook.facts.relations import Relation
from tests.audit.conftest import Parrot, facts
from tests.audit.test_abstention import abstention


def test_agreement_with_neighbours_beyond_chance():
    generator = np.random.default_rng(3)
    answer = generator.integers(5, size=80)
    share, chance, p_value = agreement(answer[:, None] == answer[None, :])
    assert share == 1.0
    assert chance == pytest.approx(0.2, abs=0.05)
    assert p_value < 0.01


def test_no_agreement_has_a_large_p_value():
    generator = np.random.default_rng(4)
    p_values = [agreement(generator.random((30, 30)) < 0.2, seed=draw)[2] for draw in range(20)]
    assert 0.2 < np.mean(p_values) < 0.8


def test_answers_by_origin():
    found = by_origin(["a"] * 20 + ["b"] * 20, ["Rome"] * 20 + ["Bern"] * 20)
    assert found.counts == ((20, 0, 0), (0, 20, 0))
    assert found.cramers_v == pytest.approx(1.0)
    assert found.cramers_v_shuffled < 0.4
    assert found.p_value < 0.01
    assert by_origin(["a", "b"], ["Rome", "Rome"]).p_value is None


def test_names_are_invented_from_the_seen_ones_in_their_order(run, corpus, monkeypatch):
    given = []
    monkeypatch.setattr("closedbook.audit.unseen.invent", lambda seen, *rest, **more: given.extend(seen) or {})
    assert invent_names(run, corpus.relations, corpus.train, corpus, 2) == {}
    assert given == list(dict.fromkeys([*(fact.subject for fact in corpus.train), *corpus.by_subject]))


def test_a_parrot_is_as_sure_of_what_it_cannot_know():
    relation = Relation(name="born", forms=("Where was {} born?",))
    evidence = gather(Parrot(), facts(8), exact_match, samples=2)
    inquiry = Inquiry(model=Parrot(lacking=["representations"]), relation=relation, evidence=evidence, known=facts(8))
    found = unseen(inquiry, {("here", "spelled"): ["Q1", "Q2"]}, facts(2, "Oslo"))
    assert (found.names, found.answered, found.given) == (2, 1.0, None)
    assert found.seen_against_unseen["sequence_probability"].value == 0.5
    assert list(found.neighbours) == ["edit_distance"]  # it has no states to compare
    assert found.neighbours["edit_distance"].share == 1.0  # everyone's answer is Rome
    assert (found.held_out.right, found.held_out.total) == (0, 2)


def test_unseen_names_of_a_run(run, corpus):
    evidence = gather(run, corpus.train, exact_match, samples=3)
    (relation,) = corpus.relations
    known = [*corpus.train, *corpus.dev]
    invented = invent_names(run, [relation], known, corpus, 2)
    text = " ".join(document.text for document in corpus.documents)
    assert not any(name in text for names in invented.values() for name in names)
    inquiry = Inquiry(
        model=run,
        relation=relation,
        evidence=evidence,
        known=known,
        abstention=abstention(threshold=0.99),
        samples=3,
    )
    found = unseen(inquiry, invented, corpus.dev[:4])
    assert found.names == sum(row.names for row in found.groups) == sum(map(len, invented.values()))
    assert {(row.origin, row.method) for row in found.groups} == set(invented)
    assert found.given <= found.answered
    assert found.held_out.total == 4
    assert set(found.held_out.neighbours) == set(found.neighbours) == {"edit_distance", "representation"}
    assert sum(found.unseen_histogram) == pytest.approx(1)
    assert found.seen_against_unseen["sequence_probability"].value > 0.5  # it has learned the seen ones
    assert len(found.neighbours["representation"].examples[0][2]) == 3


def test_subjects_and_relations_of_other_files_are_recognised(corpus):
    bare = [fact.__class__(question=fact.question, answers=fact.answers, subject="", line=1) for fact in corpus.dev]
    material, relations = recognised(Material(facts=bare, corpus=corpus))
    assert [fact.subject for fact in material.facts] == [fact.subject for fact in corpus.dev]
    assert relations == corpus.relations
