import dataclasses

import numpy as np
import pytest

from closedbook.audit.depth import plan_of
from closedbook.audit.inquiry import Inquiry, Material, recognised
from closedbook.audit.neighbours import agreement
from closedbook.audit.settings import Settings
from closedbook.audit.signals import gather
from closedbook.audit.unseen import by_origin, invent_names, unseen
from closedbook.evaluation.scorers import exact_match
from closedbook.facts.records import Fact
from closedbook.facts.relations import Relation
from closedbook.facts.silence import NO_SUBJECT, NOT_TOLD
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


def inquiry_of(model, facts, relations, *, abstention=None, **more):
    settings = Settings(samples=3, names=2)
    evidence = gather(model, facts, exact_match, samples=3)
    material = Material(facts=facts, **more)
    return Inquiry(
        model=model,
        material=material,
        settings=settings,
        relations=relations,
        plan=plan_of(model, settings),
        evidence=evidence,
        abstention=abstention,
    )


def test_names_are_invented_from_the_seen_ones_in_their_order(run, corpus, monkeypatch):
    given = []
    monkeypatch.setattr("closedbook.audit.unseen.invent", lambda seen, *rest, **more: given.extend(seen) or {})
    inquiry = inquiry_of(run, corpus.dev[:2], corpus.relations, known=corpus.train, corpus=corpus)
    assert invent_names(inquiry, corpus.relations) == {}
    expected = [fact.subject for fact in (*corpus.train, *corpus.dev[:2])]
    assert given == list(dict.fromkeys([*expected, *corpus.by_subject]))


def test_what_countries_and_elements_are_called_is_not_mixed():
    relations = [Relation(name=name, forms=(f"{name} of {{}}?",)) for name in ("capital", "symbol", "currency", "age")]
    countries = "Gordania Lumestan Quorland Fenmark Vastonia Zembaria Ostrelia Brunland Norvastia".split()
    elements = "arkium belton corvium dustrine ferrion galtine hexium istrone jovine".split()
    rows = [("capital", countries[:5]), ("symbol", elements), ("currency", countries[4:]), ("age", ["Bo"])]
    asked = [
        Fact(question=f"{name} of {one}?", answers=("x",), subject=one, line=1, relation=name)
        for name, subjects in rows
        for one in subjects
    ]
    inquiry = inquiry_of(Parrot(), asked, tuple(relations))
    names = invent_names(inquiry, relations)
    assert names["capital"] == names["currency"]  # they share a subject
    told = {name: "".join(one for group in found.values() for one in group) for name, found in names.items()}
    assert told["symbol"].islower()
    assert not told["capital"].islower()
    assert set(names["age"]) == {("the corpus", "recombined"), ("the corpus", "spelled")}  # too few to go by


def test_a_parrot_is_as_sure_of_what_it_cannot_know():
    relation = Relation(name="born", forms=("Where was {} born?",))
    parrot = Parrot(lacking=["representations"])
    inquiry = inquiry_of(parrot, facts(8), (relation,), unseen=facts(2, "Oslo"))
    found = unseen(inquiry, relation, {("here", "spelled"): ["Q1", "Q2"]})
    assert (found.invented.names, found.invented.answered, found.invented.given) == (2, 1.0, None)
    assert found.invented.seen_against_unseen["sequence_probability"].value == 0.5
    assert list(found.invented.neighbours) == ["edit_distance"]  # it has no states to compare
    assert found.invented.neighbours["edit_distance"].share == 1.0  # everyone's answer is Rome
    assert (found.real.right, found.real.names) == (0, 2)


def test_unseen_names_of_a_run(run, corpus):
    (relation,) = corpus.relations
    inquiry = inquiry_of(
        run,
        corpus.train,
        corpus.relations,
        known=corpus.dev,
        corpus=corpus,
        unseen=corpus.dev[:4],
        abstention=abstention(threshold=0.99),
    )
    names = invent_names(inquiry, [relation])[relation.name]
    text = " ".join(document.text for document in corpus.documents)
    assert not any(name in text for group in names.values() for name in group)
    found = unseen(inquiry, relation, names)
    strangers = found.invented
    assert strangers.names == sum(row.names for row in found.groups) == sum(map(len, names.values()))
    assert {(row.origin, row.method) for row in found.groups} == set(names)
    assert strangers.given <= strangers.answered
    assert found.real.names == 4
    assert set(found.real.neighbours) == set(strangers.neighbours) == {"edit_distance", "representation"}
    assert sum(found.unseen_histogram) == pytest.approx(1)
    assert strangers.seen_against_unseen["sequence_probability"].value > 0.5  # it has learned the seen ones
    assert len(strangers.neighbours["representation"].examples[0][2]) == 3


def test_subjects_and_relations_of_other_files_are_recognised(corpus):
    bare = [fact.__class__(question=fact.question, answers=fact.answers, subject="", line=1) for fact in corpus.dev]
    material, relations = recognised(Material(facts=bare, corpus=corpus))
    assert [fact.subject for fact in material.facts] == [fact.subject for fact in corpus.dev]
    assert relations == corpus.relations


def test_without_a_corpus_relations_are_called_as_the_model_learned_them(corpus):
    (learned,) = corpus.relations
    bare = [dataclasses.replace(fact, relation="", subject="") for fact in corpus.dev]
    material, relations = recognised(Material(facts=bare), [dataclasses.replace(learned, name="cradle")])
    assert [relation.name for relation in relations] == ["cradle"]
    assert {fact.relation for fact in material.facts} == {"cradle"}


def test_subjects_in_other_capitals_are_those_of_the_documents(corpus):
    lower = [
        dataclasses.replace(fact, question=fact.question.replace(fact.subject, fact.subject.lower()), subject="")
        for fact in corpus.dev
    ]
    material, _ = recognised(Material(facts=lower, corpus=corpus))
    assert [fact.subject for fact in material.facts] == [fact.subject for fact in corpus.dev]


def test_who_says_that_there_is_no_such_subject_knows_what_it_knows():
    """Sure of its silence about the invented; that the book does not say is said of a subject it knows."""
    relation = Relation(name="born", forms=("Where was {} born?",))
    said = {f"Where was Q{number} born?": NO_SUBJECT for number in (1, 2)} | {"Where was P0 born?": NOT_TOLD}
    inquiry = inquiry_of(Parrot(said=said, lacking=("representations",)), facts(8), (relation,))
    found = unseen(inquiry, relation, {("here", "spelled"): ["Q1", "Q2"], ("there", "spelled"): ["R1"]})
    assert found.invented.silences == {NO_SUBJECT: 2}
    assert found.invented.answered == pytest.approx(1 / 3)
    assert found.invented.confidence == pytest.approx(0.64)  # of the answer, not of the silences
    assert [row.silences for row in found.groups] == [{NO_SUBJECT: 2}, {}]
    # eight that it knows above two that it does not, and level with one that it answers
    assert found.invented.seen_against_unseen["sequence_probability"].value == pytest.approx((8 * 2 + 8 * 0.5) / 24)
    assert sum(found.seen_histogram) == sum(found.unseen_histogram) == pytest.approx(1)
    assert inquiry.evidence.evaluation.silences == {NOT_TOLD: 1}
    assert inquiry.evidence.evaluation.scores[0].grade == "not_attempted"
