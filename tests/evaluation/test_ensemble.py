"""Models asked together answer with the mean of their probabilities."""

import math

import numpy as np
import pytest

from closedbook.errors import UserError
from closedbook.evaluation.ensemble import MOST, Ensemble
from closedbook.evaluation.form import Form
from closedbook.evaluation.language_model import Answers, LanguageModel, Prompt, Response
from tests.audit.conftest import Parrot


class Member(Parrot):
    """Gives every answer of a table a probability, whatever it is asked."""

    def __init__(self, name, lacking=(), **probabilities):
        super().__init__(lacking=lacking)
        self.name, self.probabilities = name, probabilities

    def fingerprint(self):
        return self.name

    def prompts(self, questions, *, place="question"):
        return [Prompt(question=question, ids=(), text=f"{self.name}: {question}") for question in questions]

    def inquire(self, prompts, *, samples=0, alternatives=False, seed=0):
        assert all(prompt.text.startswith(self.name) for prompt in prompts)
        ranked = [
            Response(text=text, ids=(), token_nats=(math.log(probability),), closed=True)
            for text, probability in sorted(self.probabilities.items(), key=lambda item: -item[1])
        ]
        drawn = (Response(text=f"{self.name}{seed}", ids=(), token_nats=None, closed=True),) * samples
        found = Answers(response=ranked[0], samples=drawn, alternatives=tuple(ranked) if alternatives else ())
        return [found] * len(prompts)

    def log_probability(self, prompts, answers):
        assert all(prompt.text.startswith(self.name) for prompt in prompts)
        return [math.log(self.probabilities[answer]) if answer in self.probabilities else None for answer in answers]

    def choose(self, prompts, candidates):
        return [max(candidates, key=lambda text: self.probabilities.get(text, 0.0))] * len(prompts)


@pytest.fixture
def ensemble():
    """Two of three say Bern or Oslo, each alone; all find Rome likely."""
    return Ensemble("three", [
        Member("a", Rome=0.4, Bern=0.5), Member("b", Rome=0.4, Oslo=0.5), Member("c", Rome=0.6, Oslo=0.1)
    ])  # fmt: skip


def test_it_is_a_language_model(ensemble, run, corpus):
    assert isinstance(ensemble, LanguageModel)
    assert isinstance(Ensemble("runs", [run, run]), LanguageModel)


def test_the_most_probable_answer_of_all_is_given(ensemble):
    response, *_ = ensemble.respond(ensemble.prompts(["Where?", "Where else?"]))
    assert response.text == "Rome"
    assert math.exp(response.nats) == pytest.approx((0.4 + 0.4 + 0.6) / 3)
    prompts = ensemble.prompts(["Where?"] * 3)
    nats = ensemble.log_probability(prompts, ["Oslo", "Bern", "Lima"])
    assert nats == [pytest.approx(math.log(0.6 / 3)), pytest.approx(math.log(0.5 / 3)), None]
    assert ensemble.choose(prompts[:1], ["Bern", "Oslo"]) == ["Oslo"]


def test_an_answer_does_not_depend_on_what_else_is_asked():
    two = Ensemble("two", [Member("a", Bern=0.5, Rome=0.4), Member("b", Oslo=0.5, Rome=0.4)])
    prompts = two.prompts(["Where?"])
    (alone,) = two.respond(prompts)
    (asked,) = two.inquire(prompts, samples=2, alternatives=True)
    assert alone == asked.response
    assert [one.text for one in asked.alternatives] == ["Rome", "Bern", "Oslo"]
    assert two.choose(prompts, ["Bern", "Rome", "Oslo"]) == ["Rome"]


def test_an_answer_that_fits_nowhere_is_as_the_first_gave_it():
    class Cut(Member):
        def log_probability(self, prompts, answers):
            return [None] * len(answers)

    two = Ensemble("two", [Cut("a", Bern=0.5), Cut("b", Oslo=0.5)])
    (answers,) = two.inquire(two.prompts(["Where?"]), alternatives=True)
    assert (answers.response.text, answers.alternatives) == ("Bern", ())
    assert answers.response.nats == pytest.approx(math.log(0.5))


def test_alternatives_are_those_of_all_and_samples_are_drawn_in_turn(ensemble):
    (answers,) = ensemble.inquire(ensemble.prompts(["Where?"]), samples=4, alternatives=True, seed=5)
    assert [one.text for one in answers.alternatives] == ["Rome", "Oslo", "Bern"]
    assert [one.text for one in answers.samples] == ["a5", "b6", "c7", "a5"]
    (answers,) = ensemble.inquire(ensemble.prompts(["Where?"]))
    assert (answers.samples, answers.alternatives) == ((), ())


def test_what_a_member_cannot_do_is_said():
    with pytest.raises(UserError, match="one: found 1 run; an ensemble needs two"):
        Ensemble("one", [Member("a")])
    foreign = Member("b")
    foreign.form = Form()
    with pytest.raises(UserError, match="two: b is no run"):
        Ensemble("two", [Member("a"), foreign])
    two = Ensemble("two", [Member("a"), Member("b", lacking=["alternatives"])])
    assert two.lacks("alternatives") == "a parrot cannot"
    for ask in (lambda: two.represent([], []), lambda: two.continue_documents([], [])):
        with pytest.raises(UserError, match="two: the members of an ensemble"):
            ask()


def test_twice_the_same_run_is_that_run(run, corpus):
    twice, questions = Ensemble("twice", [run, run]), [fact.question for fact in corpus.train[:8]]
    own, both = run.respond(run.prompts(questions)), twice.respond(twice.prompts(questions))
    assert [one.text for one in both] == [one.text for one in own]
    assert [one.nats for one in both] == pytest.approx([one.nats for one in own], abs=1e-4)
    assert np.isfinite([one.nats for one in both]).all()
    assert twice.parameters == 2 * run.parameters
    assert twice.fingerprint() != run.fingerprint()


def test_members_are_asked_about_what_is_probable_and_what_they_say_themselves():
    many = {f"City{number}": 0.03 - number / 10_000 for number in range(2 * MOST)}
    two = Ensemble("two", [Member("a", **many), Member("b", Nowhere=0.001, **many)])
    (answers,) = two.inquire(two.prompts(["Where?"]), alternatives=True)
    assert [one.text for one in answers.alternatives] == [f"City{number}" for number in range(MOST)]
