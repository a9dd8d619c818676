import dataclasses

import numpy as np
import pytest

from closedbook.audit.frequency import floor, frequency
from closedbook.audit.made_up import made_up
from closedbook.audit.signals import Evidence
from closedbook.audit.wordings import ask_reversed
from closedbook.evaluation.evaluate import evaluate
from closedbook.evaluation.metrics import Estimate
from closedbook.evaluation.scorers import exact_match
from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Document, Fact
from closedbook.facts.relations import Relation
from tests.audit.conftest import Parrot

NAMES = ("Ann Lee", "Bo Diaz", "Cy Lee", "Di Moore", "Ed Moore")
ANSWERS = ("Rome", "Bern", "Oslo", "Rome", "Lima")
DOCUMENTS = tuple(
    Document(subject=name, text=f"{name}. {name} was born in {answer} and died in Paris.", line=line)
    for line, (name, answer) in enumerate(zip(NAMES, ANSWERS, strict=True), 1)
)
BORN = Relation(name="born", forms=("Where was {} born?",), reversed="Who was born in {}?")


def fact(name, answer, line=1, relation="born"):
    return Fact(question=f"Where was {name} born?", answers=(answer,), subject=name, line=line, relation=relation)


FACTS = [fact(name, answer, line) for line, (name, answer) in enumerate(zip(NAMES, ANSWERS, strict=True), 1)]
KNOWN = [fact("Kim Lee", "Kiev"), *FACTS[3:]]
CORPUS = Corpus(name="toy", documents=DOCUMENTS, train=(), dev=(), test=(), files={}, relations=(BORN,))


def evidence(*answers, facts=FACTS):
    parrot = Parrot(said={fact.question: answer for fact, answer in zip(facts, answers, strict=True)})
    return Evidence(
        evaluation=evaluate(parrot, facts, exact_match),
        signals={"sequence_probability": np.linspace(1, 0, len(answers))},
        gold_nats=np.zeros(len(answers)),
    )


def test_every_kind_of_wrong_answer():
    found = made_up(evidence("Rome", "Paris", "Kiev", "died", "Atlantis"), KNOWN, CORPUS)
    assert found.kinds == {"own_document": 2, "known_answer": 1, "corpus": 0, "nowhere": 1}
    assert found.nowhere_among_answers == pytest.approx(0.2)
    by_question = {row.question: row for row in found.examples}
    assert by_question["Where was Cy Lee born?"].some_owners == ("Kim Lee",)
    assert by_question["Where was Ed Moore born?"].kind == "nowhere"


def test_a_word_of_the_corpus_that_is_nobodys_answer_is_told_from_one_that_occurs_nowhere():
    only = dataclasses.replace(CORPUS, documents=DOCUMENTS[:1])
    found = made_up(evidence("Rome", "Paris", "Pari", "Rome", "Rome"), KNOWN[:1], only)
    kinds = {row.answer: row.kind for row in found.examples}
    assert kinds == {"Paris": "corpus", "Pari": "nowhere", "Rome": "corpus"}


def test_without_a_corpus_the_candidates_decide():
    found = made_up(evidence("Rome", "Kiev", "Paris", "Rome", "Lima"), KNOWN, None)
    assert found.kinds == {"known_answer": 1, "nowhere": 1}
    assert not found.has_corpus


def test_the_most_repeated_wrong_answer_leads_in_its_relation():
    found = made_up(evidence("Rome", "Rome", "Rome", "Rome", "Oslo"), KNOWN, CORPUS)
    top = found.repeated[0]
    assert (top.relation, top.answer, top.wrong, top.given, top.true) == ("born", "Rome", 2, 4, 2)
    two = [*FACTS[:3], *(dataclasses.replace(fact, relation="died") for fact in FACTS[3:])]
    found = made_up(evidence("Rome", "Rome", "Rome", "Bern", "Rome", facts=two), two, CORPUS)
    assert [(row.relation, row.answer, row.wrong, row.true) for row in found.repeated] == [
        ("born", "Rome", 2, 1),
        ("died", "Bern", 1, 0),
        ("died", "Rome", 1, 1),
    ]


def test_right_and_wrong_stand_side_by_side_unsorted():
    found = made_up(evidence("Rome", "Bern", "Rome", "Bern", "Rome"), KNOWN, CORPUS)
    assert sorted(row.right for row in found.side_by_side) == [False] * 3 + [True] * 2
    assert found.side_by_side_auroc.value == 1.0


def test_all_right_leaves_nothing_to_show():
    found = made_up(evidence(*ANSWERS), KNOWN, CORPUS)
    assert (found.wrong, found.examples, found.repeated) == (0, (), ())
    assert found.side_by_side_auroc == Estimate()


def test_the_reversed_question_takes_any_subject_of_the_answer():
    parrot = Parrot(said={"Who was born in Rome?": "di moore", "Who was born in Bern?": "Ann Lee"})
    found = ask_reversed(parrot, FACTS, KNOWN, BORN, exact_match)
    assert (found.right.total, found.right.hits, found.names_any) == (4, 1, 2)
    died = [dataclasses.replace(fact, relation="died") for fact in FACTS]
    assert ask_reversed(parrot, FACTS[1:2], died, BORN, exact_match).right.total == 1
    assert ask_reversed(parrot, FACTS, [], dataclasses.replace(BORN, reversed="Say {}!"), exact_match).skipped


def test_recall_by_frequency_and_the_singleton_rate():
    twice = dataclasses.replace(CORPUS, documents=(*DOCUMENTS, dataclasses.replace(DOCUMENTS[0], line=9)))
    found = frequency(evidence("Rome", "x", "Oslo", "x", "x"), KNOWN, twice)
    assert {times: (right.hits, right.total) for times, right in found.groups["fact"].items()} == {
        "1": (1, 4),
        "2": (1, 1),
    }
    # Lee names three documents (Ann's twice), Moore two, Diaz one, but every first name stands once, Ann twice
    assert {times: right.total for times, right in found.groups["name_rarity"].items()} == {"1": 4, "2": 1}
    assert {times: right.total for times, right in found.groups["answer"].items()} == {"0": 2, "1": 3}
    assert (found.observations, found.singletons) == (6, 4)
    assert found.singleton_rate == pytest.approx(4 / 6)


def test_the_floor_is_the_rate_less_the_samples_error():
    nothing = floor({}, 0, 0)
    assert (nothing.singleton_rate, nothing.slack, nothing.floor) == (None, None, None)
    assert floor({}, 5, 10).floor == 0.0
    assert floor({}, 90_000, 100_000).floor == pytest.approx(0.9 - (6 * np.log(120) / 100_000) ** 0.5)


def test_the_good_turing_estimate_is_the_unseen_mass():
    generator = np.random.default_rng(0)
    weights = generator.dirichlet(np.ones(2000) * 0.5)
    drawn = generator.choice(2000, size=3000, p=weights)
    counts = np.bincount(drawn, minlength=2000)
    unseen = weights[counts == 0].sum()
    assert floor({}, int((counts == 1).sum()), 3000).singleton_rate == pytest.approx(unseen, abs=0.03)
