import math
import tracemalloc

import numpy as np
import pytest

from closedbook.audit.examinee import Answer
from closedbook.audit.signals import CHUNK, FROM_QUESTION, LABELS, ask, confidence, is_attempt, is_right
from closedbook.errors import UserError
from closedbook.facts.records import Fact


class Parrot:
    """Says what it is told to, at once: an examinee without a model."""

    name, kind, parameters = "parrot", "a parrot", 0

    def __init__(self, said=None, others=None, drawn=None):
        self.said, self.others, self.drawn = said or {}, others or {}, drawn or {}

    def check(self, questions, answers, place):
        if any("!" in question for question in questions):
            raise UserError(f"{place}: no exclamations.")

    def answer(self, questions):
        return [Answer(self.said.get(question, "Rome"), math.log(0.64), 2) for question in questions]

    def sample(self, questions, count, seed):
        return [self.drawn.get(question, ["Rome"] * count) for question in questions]

    def alternatives(self, questions):
        return [self.others.get(question, []) for question in questions]

    def log_probability(self, questions, answers):
        return [-1.0] * len(questions)


def facts(count=3, answer="Rome"):
    return [
        Fact(question=f"Where was P{i} born?", answers=(answer,), subject=f"P{i}", line=i + 1) for i in range(count)
    ]


def test_signals_by_hand():
    question = facts(1)[0].question
    others = [Answer("Rome", math.log(0.64), 2), Answer("Bern", math.log(0.16), 2)]
    parrot = Parrot(others={question: others}, drawn={question: ["rome", "Bern", "Rome", "Paris"]})
    given, found = confidence(parrot, [question], FROM_QUESTION)
    assert given[0].text == "Rome"
    assert found["sequence_probability"][0] == pytest.approx(0.64)
    assert found["token_probability"][0] == pytest.approx(0.8)
    assert found["margin"][0] == pytest.approx(0.64 / (0.64 + 0.16))
    entropy = -0.64 * math.log(0.64) - 0.16 * math.log(0.16) + 0.2 * math.log(1000)
    assert found["certainty"][0] == pytest.approx(math.exp(-entropy))
    assert found["sample_agreement"][0] == 0.5


def test_without_alternatives_it_is_not_sure():
    _, found = confidence(Parrot(), ["Where?"], ["certainty", "margin"])
    assert found["certainty"][0] == pytest.approx(0.001)
    assert found["margin"][0] > 0.99  # what it says has 0.64, everything else less than 0.001


def test_a_signal_that_needs_more_than_the_question_is_refused():
    with pytest.raises(UserError, match="paraphrase_agreement cannot be computed from a question alone"):
        confidence(Parrot(), ["Where?"], ["paraphrase_agreement"])


def test_paraphrases_are_compared_and_unusable_ones_skipped():
    wordings = ("Birthplace of {}?", "{}, from where?", "Say {}!")
    parrot = Parrot(said={"Birthplace of P0?": "rome", "P0, from where?": "Bern"})
    evidence = ask(parrot, facts(2), exact=True, wordings=wordings, samples=2)
    assert list(evidence.signals) == list(LABELS)
    assert evidence.signals["paraphrase_agreement"].tolist() == [0.5, 1.0]
    assert evidence.skipped == {"Say {}!": "Say {}!: no exclamations."}
    assert evidence.right.all()


def test_questions_without_a_subject_have_no_paraphrases():
    nameless = [Fact(question="Where?", answers=("Rome",), subject="", line=1), *facts(1)]
    evidence = ask(Parrot(), nameless, exact=True, wordings=("From where is {}?",), samples=2)
    assert np.isnan(evidence.signals["paraphrase_agreement"]).tolist() == [True, False]


@pytest.mark.parametrize(("text", "attempt"), [("Rome", True), ("", False), ("I don't know.", False), (" ", False)])
def test_admissions_are_no_attempts(text, attempt):
    assert is_attempt(text) == attempt


def test_exact_and_normalised_match():
    fact = facts(1, answer="São Paulo")[0]
    assert not is_right("sao paulo", fact, exact=True)
    assert is_right("sao paulo", fact, exact=False)


def test_memory_grows_by_a_few_numbers_a_fact():
    def peak(count):
        many = facts(count)
        tracemalloc.start()
        evidence = ask(Parrot(), many, exact=True, samples=2)
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(evidence) == count
        return highest

    small, large = peak(4 * CHUNK), peak(24 * CHUNK)
    assert (large - small) / (20 * CHUNK) < 300  # bytes a fact: some ten numbers, twice while they are put together


def test_a_runs_signals_lie_between_0_and_1_and_agree_with_its_probabilities(examinee, corpus):
    evidence = ask(examinee, corpus.train, exact=True, samples=20)
    for values in evidence.signals.values():
        assert ((values >= 0) & (values <= 1 + 1e-6)).all()
    assert evidence.right.mean() > 0.3  # it was trained on these
    sure = evidence.signals["sequence_probability"]
    assert np.nanmean(sure) > 0.1
    right = np.flatnonzero(evidence.right)
    assert np.exp(evidence.gold_nats[right]) == pytest.approx(sure[right], abs=1e-3)
    drawn = evidence.signals["sample_agreement"]
    assert drawn.mean() == pytest.approx(sure.mean(), abs=0.08)  # the expectation of one is the other
