import dataclasses

import numpy as np
import pytest

from closedbook.audit.frequency import floor, frequency
from closedbook.audit.made_up import made_up
from closedbook.audit.signals import Evidence
from closedbook.audit.stored import other_wordings, reversed_recall, stored
from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Document, Fact
from tests.audit.test_signals import Parrot

NAMES = ("Ann Lee", "Bo Diaz", "Cy Lee", "Di Moore", "Ed Moore")
PLACES = ("Rome", "Bern", "Oslo", "Rome", "Lima")
DOCUMENTS = tuple(
    Document(subject=name, text=f"{name}. {name} was born in {place} and died in Paris.", line=line)
    for line, (name, place) in enumerate(zip(NAMES, PLACES, strict=True), 1)
)
FACTS = [
    Fact(question=f"Where was {name} born?", answers=(place,), subject=name, line=line)
    for line, (name, place) in enumerate(zip(NAMES, PLACES, strict=True), 1)
]
KNOWN = [Fact(question="Where was Kim Lee born?", answers=("Kiev",), subject="Kim Lee", line=1), *FACTS[3:]]
CORPUS = Corpus(name="toy", documents=DOCUMENTS, train=(), dev=(), test=(), files={})


def evidence(*answers):
    distinct = sorted(set(answers))
    count = len(answers)
    return Evidence(
        answers=distinct,
        answer=np.array([distinct.index(answer) for answer in answers]),
        right=np.array([answer in fact.answers for answer, fact in zip(answers, FACTS, strict=False)]),
        attempted=np.array([answer != "" for answer in answers]),
        signals={"sequence_probability": np.linspace(1, 0, count)},
        gold_nats=np.zeros(count),
    )


def test_every_kind_of_wrong_answer():
    found = made_up(FACTS, evidence("Rome", "Paris", "Kiev", "died", "Atlantis"), KNOWN, CORPUS)
    assert found["kinds"] == {"own_document": 2, "known_answer": 1, "corpus": 0, "nowhere": 1}
    assert found["nowhere_among_answers"] == pytest.approx(0.2)
    by_question = {row["question"]: row for row in found["examples"]}
    assert by_question["Where was Cy Lee born?"]["whose"] == ["Kim Lee"]
    assert by_question["Where was Ed Moore born?"]["kind"] == "nowhere"


def test_a_word_of_the_corpus_that_is_nobodys_answer_is_told_from_one_that_occurs_nowhere():
    only = dataclasses.replace(CORPUS, documents=DOCUMENTS[:1])
    found = made_up(FACTS, evidence("Rome", "Paris", "Pari", "Rome", "Rome"), KNOWN[:1], only)
    kinds = {row["answer"]: row["kind"] for row in found["examples"]}
    assert kinds == {"Paris": "corpus", "Pari": "nowhere", "Rome": "corpus"}


def test_without_a_corpus_the_candidates_decide():
    found = made_up(FACTS, evidence("Rome", "Kiev", "Paris", "Rome", "Lima"), KNOWN, None)
    assert found["kinds"] == {"known_answer": 1, "nowhere": 1}
    assert not found["has_corpus"]


def test_the_most_repeated_wrong_answer_leads():
    found = made_up(FACTS, evidence("Rome", "Rome", "Rome", "Rome", "Oslo"), KNOWN, CORPUS)
    assert found["repeated"][0] == {"answer": "Rome", "wrong": 2, "given": 4, "true": 2}


def test_right_and_wrong_stand_side_by_side_unsorted():
    found = made_up(FACTS, evidence("Rome", "Bern", "Rome", "Bern", "Rome"), KNOWN, CORPUS)["side_by_side"]
    assert sorted(row["right"] for row in found["rows"]) == [False] * 3 + [True] * 2
    assert found["auroc"]["value"] == 1.0


def test_all_right_leaves_nothing_to_show():
    found = made_up(FACTS, evidence(*PLACES), KNOWN, CORPUS)
    assert (found["wrong"], found["examples"], found["repeated"]) == (0, [], [])
    assert found["side_by_side"]["auroc"]["value"] is None


class Reader(Parrot):
    """Completes the lines it was told."""

    def complete(self, subjects, before):
        assert all(text.endswith("was born in ") for text in before)
        return ["Rome and more" if subject in ("Ann Lee", "Bo Diaz") else "Oslofjord" for subject in subjects]


def test_stored_against_extracted():
    found = stored(Reader(), FACTS, evidence("Rome", "Bern", "x", "Rome", ""), CORPUS)
    assert found == {
        "in_document": 5,
        "stored": 1,
        "stored_and_extracted": 1,
        "stored_alone": 0,
        "extracted_alone": 2,
        "neither": 2,
    }


def test_documents_without_the_answer_are_not_counted():
    none = dataclasses.replace(CORPUS, documents=())
    assert stored(Reader(), FACTS, evidence(*PLACES), none)["in_document"] == 0


def test_wordings_say_what_was_right_and_what_stayed_the_same():
    asked = evidence("Rome", "Bern", "x", "Rome", "")
    asked.wordings = {"Birthplace of {}?": np.array([asked.answers.index("Rome"), -1, asked.answers.index("x"), 1, 1])}
    asked.skipped = {"Say {}!": "no"}
    rows = other_wordings(FACTS, asked, exact=True)
    assert rows[0]["total"] == 4
    assert rows[1] == {"wording": "Say {}!", "skipped": "no"}


def test_the_reversed_question_takes_any_person_of_the_place():
    parrot = Parrot(said={"Who was born in Rome?": "di moore", "Who was born in Bern?": "Ann Lee"})
    found = reversed_recall(parrot, FACTS, KNOWN, "Who was born in {}?")
    assert (found["asked"], found["right"], found["names_someone"]) == (4, 1, 2)


def test_recall_by_frequency_and_the_singleton_rate():
    twice = dataclasses.replace(CORPUS, documents=(*DOCUMENTS, dataclasses.replace(DOCUMENTS[0], line=9)))
    found = frequency(FACTS, evidence("Rome", "x", "Oslo", "x", "x"), KNOWN, twice)
    rows = {
        row["times"]: (row["right"], row["total"])
        for row in found["groups"]["documents about the person with the answer"]
    }
    assert rows == {"1": (1, 4), "2": (1, 1)}
    assert (found["observations"], found["singletons"]) == (6, 4)
    assert found["singleton_rate"] == pytest.approx(4 / 6)


def test_the_floor_is_the_rate_less_the_samples_error():
    assert floor(0, 0) == {"singleton_rate": None, "slack": None, "floor": None}
    assert floor(5, 10)["floor"] == 0.0
    many = floor(90_000, 100_000)
    assert many["floor"] == pytest.approx(0.9 - (6 * np.log(120) / 100_000) ** 0.5)


def test_the_good_turing_estimate_is_the_unseen_mass():
    generator = np.random.default_rng(0)
    weights = generator.dirichlet(np.ones(2000) * 0.5)
    drawn = generator.choice(2000, size=3000, p=weights)
    counts = np.bincount(drawn, minlength=2000)
    unseen = weights[counts == 0].sum()
    assert floor(int((counts == 1).sum()), 3000)["singleton_rate"] == pytest.approx(unseen, abs=0.03)
