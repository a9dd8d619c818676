import math
import tracemalloc

import numpy as np
import pytest

from closedbook.audit.signals import CHUNK, NEEDS, ask_at_length, available, check_signal, gather
from closedbook.errors import UserError
from closedbook.evaluation.scorers import exact_match, normalised_match
from closedbook.facts.records import Fact
from closedbook.facts.relations import Relation
from tests.audit.conftest import Parrot, facts, response


def sure(parrot, question, signals):
    return ask_at_length(parrot, parrot.prompts([question]), exact_match, signals)[1]


def born(*wordings):
    return Relation(name="born", forms=("Where was {} born?",), wordings=wordings)


def test_signals_by_hand():
    question = facts(1)[0].question
    others = [response("Rome"), response("Bern", math.log(0.16))]
    parrot = Parrot(others={question: others}, drawn={question: ["rome", "Bern", "Rome", "Paris"]})
    found = sure(parrot, question, list(NEEDS))
    assert found["sequence_probability"][0] == pytest.approx(0.64)
    assert found["token_probability"][0] == pytest.approx(0.8)
    assert found["margin"][0] == pytest.approx(0.64 / (0.64 + 0.16))
    entropy = -0.64 * math.log(0.64) - 0.16 * math.log(0.16) + 0.2 * math.log(1000)
    assert found["certainty"][0] == pytest.approx(math.exp(-entropy))
    assert found["sample_agreement"][0] == 0.5


def test_without_alternatives_it_is_not_sure():
    found = sure(Parrot(), "Where?", ["certainty", "margin"])
    assert found["certainty"][0] == pytest.approx(0.001)
    assert found["margin"][0] > 0.99  # what it says has 0.64, everything else less than 0.001


def test_a_signal_that_needs_more_than_the_question_is_refused():
    with pytest.raises(UserError, match="paraphrase_agreement cannot be computed from a question alone"):
        check_signal(Parrot(), "paraphrase_agreement")


def test_a_model_that_tells_no_probabilities_is_asked_for_samples():
    parrot = Parrot(lacking=("log_probabilities", "given_answers", "alternatives"))
    assert available(parrot) == ["sample_agreement"]
    with pytest.raises(UserError, match="margin: a parrot cannot; take sample_agreement"):
        check_signal(parrot, "margin")
    evidence = gather(parrot, facts(2), exact_match, samples=2)
    assert list(evidence.signals) == ["sample_agreement"]
    assert evidence.leading == "sample_agreement"
    assert np.isnan(evidence.gold_nats).all()


def test_paraphrases_are_compared_and_unusable_ones_skipped():
    wordings = ("Birthplace of {}?", "{}, from where?", "Say {}!")
    parrot = Parrot(said={"Birthplace of P0?": "rome", "P0, from where?": "Bern"})
    evidence = gather(parrot, facts(2), exact_match, relations=[born(*wordings)], samples=2)
    assert list(evidence.signals) == [*NEEDS, "paraphrase_agreement"]
    assert evidence.signals["paraphrase_agreement"].tolist() == [0.5, 1.0]
    assert [row.skipped for row in evidence.wordings] == [None, None, "Say {}!, question 1: no exclamations."]
    assert [(row.right.hits, row.same.hits, row.right.total) for row in evidence.wordings[:2]] == [(1, 2, 2), (1, 1, 2)]
    assert evidence.right.all()


def test_a_relation_is_asked_in_its_own_wordings_alone():
    other = Fact(question="Who is P0?", answers=("Rome",), subject="P0", line=9, relation="who")
    relations = [born("From where is {}?"), Relation(name="who", forms=("Who is {}?",), wordings=("{} is who?",))]
    parrot = Parrot(said={"P0 is who?": "Bern"})
    evidence = gather(parrot, [*facts(2), other], exact_match, relations=relations, samples=2)
    assert [(row.relation, row.right.total, row.right.hits) for row in evidence.wordings] == [
        ("born", 2, 2),
        ("who", 1, 0),
    ]
    assert evidence.signals["paraphrase_agreement"].tolist() == [1.0, 1.0, 0.0]
    assert evidence.of_relation("who").tolist() == [2]


def test_questions_without_a_subject_have_no_paraphrases():
    nameless = [Fact(question="Where?", answers=("Rome",), subject="", line=1, relation="born"), *facts(1)]
    evidence = gather(Parrot(), nameless, exact_match, relations=[born("From where is {}?")], samples=2)
    assert np.isnan(evidence.signals["paraphrase_agreement"]).tolist() == [True, False]


def test_the_scorer_decides_and_admissions_are_no_attempts():
    parrot = Parrot(said={"Where was P0 born?": "rome", "Where was P1 born?": "I don't know."})
    strict, loose = (gather(parrot, facts(3), scorer, samples=1) for scorer in (exact_match, normalised_match))
    assert strict.right.tolist() == [False, False, True]
    assert loose.right.tolist() == [True, False, True]
    assert strict.wrong.tolist() == [True, False, False]
    assert strict.given("margin")[1] == -1.0


@pytest.mark.slow
def test_memory_grows_by_little_a_fact():
    def peak(count):
        many = facts(count)
        tracemalloc.start()
        evidence = gather(Parrot(), many, exact_match, samples=2)
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(evidence) == count
        return highest

    small, large = peak(CHUNK), peak(2 * CHUNK)
    assert (large - small) / CHUNK < 3000  # bytes a fact: its prompt, its answer, some ten numbers


def test_a_runs_signals_lie_between_0_and_1_and_agree_with_its_probabilities(run, corpus):
    evidence = gather(run, corpus.train, exact_match, samples=20)
    for values in evidence.signals.values():
        assert ((values >= 0) & (values <= 1 + 1e-6)).all()
    assert evidence.right.mean() > 0.3  # it was trained on these
    leading = evidence.signals["sequence_probability"]
    right = np.flatnonzero(evidence.right)
    assert np.exp(evidence.gold_nats[right]) == pytest.approx(leading[right], abs=1e-3)
    drawn = evidence.signals["sample_agreement"]
    assert drawn.mean() == pytest.approx(leading.mean(), abs=0.08)  # the expectation of one is the other
