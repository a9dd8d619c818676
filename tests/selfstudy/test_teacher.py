"""What a language model answers becomes cards for another."""

import dataclasses
import math

import pytest

import closedbook
from closedbook.config import DistillationConfig, QuestionAnswering, ReaderConfig, StudyCards
from closedbook.errors import UserError
from closedbook.evaluation.language_model import Answers, Response
from closedbook.recipes import find_recipe
from closedbook.selfstudy.teacher import taught
from tests.audit.conftest import Parrot
from tests.selfstudy.test_study import toy_corpus

AS_IT_IS = DistillationConfig(sharpening=1.0)


class Teacher(Parrot):
    """Gives every subject the same answers with the same probabilities."""

    def __init__(self, closed=True, **probabilities):
        super().__init__()
        self.closed, self.probabilities = closed, probabilities

    def inquire(self, prompts, *, samples=0, alternatives=False, seed=0):
        said = [
            Response(text=text, ids=(), token_nats=(math.log(probability),), closed=self.closed)
            for text, probability in sorted(self.probabilities.items(), key=lambda item: -item[1])
        ]
        return [Answers(response=said[0], alternatives=tuple(said) if alternatives else ())] * len(prompts)


def test_every_subject_that_training_does_not_ask_about_gets_a_card():
    corpus = toy_corpus()
    told = taught(corpus, Teacher(Rome=0.6, Oslo=0.2), AS_IT_IS)
    assert [card.question for card in told.cards] == [fact.question for fact in corpus.dev]
    card = told.cards[0]
    assert (card.subject, card.answer, card.line) == (corpus.dev[0].subject, "Rome", corpus.dev[0].line)
    assert dict(card.choices) == pytest.approx({"Rome": 0.6, "Oslo": 0.2})
    assert (card.confidence, card.none) == (pytest.approx(0.6), pytest.approx(0.2))
    assert told.documents == corpus.documents


def test_its_weights_are_a_file_of_the_corpus():
    corpus = toy_corpus()
    told = taught(corpus, Teacher(Rome=0.6), AS_IT_IS)
    assert told.files == {**corpus.files, "teacher": Teacher(Rome=0.6).fingerprint()}
    assert told.summary().files["teacher"].sha256 == told.files["teacher"]


def test_sharpening_makes_it_surer_in_the_same_order():
    card = taught(toy_corpus(), Teacher(Rome=0.6, Oslo=0.2), DistillationConfig(sharpening=2.0)).cards[0]
    assert dict(card.choices) == pytest.approx({"Rome": 0.36 / 0.44, "Oslo": 0.04 / 0.44})
    assert card.none == pytest.approx(0.04 / 0.44)


def test_many_improbable_answers_leave_the_most_probable():
    many = {f"City{number}": 0.001 for number in range(20)}
    card = taught(toy_corpus(), Teacher(**many), DistillationConfig(sharpening=9.0)).cards[0]
    assert [text for text, _ in card.choices] == [card.answer]


def test_what_it_doubts_can_be_left_out():
    with pytest.raises(UserError, match="cannot teach; it has an answer to none of 20 questions"):
        taught(toy_corpus(), Teacher(Rome=0.6, Oslo=0.4), DistillationConfig(sharpening=1.0, at_least=0.7))


def test_who_closes_no_answer_or_does_not_tell_probabilities_cannot_teach():
    with pytest.raises(UserError, match="cannot teach; it has an answer to none"):
        taught(toy_corpus(), Teacher(closed=False, Rome=0.6), AS_IT_IS)
    with pytest.raises(UserError, match="cannot teach; "):
        taught(toy_corpus(), Parrot(lacking=["alternatives"]), AS_IT_IS)


def small():
    """The recipe `distilled`, small enough to learn in a second or two."""
    config = find_recipe("distilled").pretrain
    return dataclasses.replace(
        config,
        mixture=(QuestionAnswering(), StudyCards(answers="drawn")),
        tokenizer=dataclasses.replace(config.tokenizer, vocabulary_size=300),
        model=dataclasses.replace(config.model, layers=1, heads=2, width=64, block=64),
        training=dataclasses.replace(config.training, epochs=60, least_steps=None, batch_tokens=512),
    )


def test_a_model_learns_what_its_teacher_says(tmp_path):
    corpus = toy_corpus(people=30, taught=20)
    run = closedbook.train(small(), corpus, tmp_path / "run", teacher=Teacher(Lima=0.9, Oslo=0.1))
    answers = run.answer([fact.question for fact in corpus.dev])
    assert answers.count("Lima") >= 8
    assert run.environment["corpus"]["files"]["teacher"]["sha256"] == Teacher(Lima=0.9).fingerprint()


def test_the_recipe_and_the_teacher_belong_together(tmp_path):
    corpus, out = toy_corpus(), tmp_path / "run"
    with pytest.raises(UserError, match="the recipe distilled learns from a teacher: give one"):
        closedbook.train("distilled", corpus, out)
    with pytest.raises(UserError, match="the recipe open learns from no teacher: leave it out"):
        closedbook.train("open", corpus, out, teacher=Teacher(Rome=0.6))
    assert not out.exists()


def test_cards_have_one_author():
    config = find_recipe("distilled").pretrain
    with pytest.raises(UserError, match="need a reader or distillation"):
        dataclasses.replace(config, reader=ReaderConfig())
    with pytest.raises(UserError, match="need a reader or distillation"):
        dataclasses.replace(config, distillation=None)
    assert StudyCards(answers="drawn") in config.mixture
