"""What a language model answers becomes cards for another."""

import contextlib
import dataclasses
import math

import pytest

import closedbook
from closedbook.config import DistillationConfig, QuestionAnswering, ReaderConfig, Rewriting, StudyCards
from closedbook.errors import UserError
from closedbook.evaluation.ensemble import Ensemble
from closedbook.evaluation.language_model import Answers, Response
from closedbook.experiments.teaching import taught_for
from closedbook.facts.corpus import part_of
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
    many = {f"City{number}": 0.005 for number in range(100)}
    card = taught(toy_corpus(), Teacher(**many), DistillationConfig(at_least=0.0)).cards[0]
    assert card.choices == ((card.answer, card.confidence),)


def test_a_text_that_is_written_in_several_ways_counts_once_with_all_of_them():
    class Twice(Teacher):
        def inquire(self, prompts, *, samples=0, alternatives=False, seed=0):
            said = [Response(text=text, ids=(), token_nats=(math.log(share),), closed=True)
                    for text, share in (("Rome", 0.5), ("Oslo", 0.3), ("Rome", 0.1))]  # fmt: skip
            return [Answers(response=said[0], alternatives=tuple(said))] * len(prompts)

    card = taught(toy_corpus(), Twice(), AS_IT_IS).cards[0]
    assert dict(card.choices) == pytest.approx({"Rome": 0.6, "Oslo": 0.3})


def test_a_question_that_it_cannot_be_asked_gets_no_card():
    class Picky(Teacher):
        def prompts(self, questions, *, place="question"):
            if any("Ann45 " in question for question in questions):
                raise UserError("too long")
            return super().prompts(questions, place=place)

    lines = []
    told = taught(toy_corpus(), Picky(Rome=0.6), AS_IT_IS, lines.append)
    assert [card.subject[:5] for card in told.cards] == [f"Ann{number}" for number in range(40, 60) if number != 45]
    assert lines[-1].startswith("the teacher wrote 19 cards, of which it is sure by 0.60 in the mean, and none for 1 ")


def test_where_training_asks_everything_there_is_nothing_to_teach():
    with pytest.raises(UserError, match="toy: training asks about every subject; there is nothing left to teach"):
        taught(toy_corpus(taught=60), Teacher(Rome=0.6), AS_IT_IS)


def test_what_it_doubts_can_be_left_out():
    with pytest.raises(UserError, match="none of 20 questions an answer with a probability of 0"):
        taught(toy_corpus(), Teacher(Rome=0.6, Oslo=0.4), DistillationConfig(sharpening=1.0, at_least=0.7))


def test_who_closes_no_answer_or_does_not_tell_probabilities_cannot_teach():
    with pytest.raises(UserError, match="cannot teach; it gives none"):
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
    assert run.environment["teacher"].startswith("parrot: ")
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
    with pytest.raises(UserError, match="one author: a reader, or distillation"):
        dataclasses.replace(config, reader=ReaderConfig())
    with pytest.raises(UserError, match="need a reader, or distillation"):
        dataclasses.replace(config, distillation=None)
    with pytest.raises(UserError, match="There is distillation, and no objective that studies cards"):
        dataclasses.replace(config, mixture=(QuestionAnswering(),))


@pytest.mark.parametrize("objective", [StudyCards(answers="drawn_or_none"), Rewriting()])
def test_a_teacher_does_not_know_what_the_book_says(objective):
    config = find_recipe("distilled").pretrain
    with pytest.raises(UserError, match="a teacher does not know what the book says"):
        dataclasses.replace(config, mixture=(QuestionAnswering(), objective))


def test_what_the_teacher_was_trained_on_is_not_forgotten(tmp_path):
    whole = dataclasses.replace(toy_corpus(), files={"corpus.txt": "c", "train.tsv": "t", "dev.tsv": "d"})
    split = dataclasses.replace(whole, files={"corpus.txt": "c", "train.tsv": "t2", "dev.tsv": "t"})
    config = dataclasses.replace(small(), mixture=(QuestionAnswering(),), distillation=None)
    teacher, lines = closedbook.train(config, whole, tmp_path / "teacher"), []
    teaching = dataclasses.replace(small(), distillation=DistillationConfig(at_least=0.0))
    told = taught_for(teaching, split, teacher, lines.append)
    assert lines[0] == "the teacher was trained on these dev questions: what is recalled of them will say nothing"
    assert told.files == {**split.files, "teacher": teacher.fingerprint(), "teacher/0/dev.tsv": "d"}
    assert {part_of(name) for name in told.files} == {"corpus", "train", "dev", "teacher"}


def test_one_teacher_of_several_that_knows_more_is_spoken_of(tmp_path):
    corpus = dataclasses.replace(toy_corpus(), files={"corpus.txt": "c", "train.tsv": "t"})
    config = dataclasses.replace(small(), mixture=(QuestionAnswering(),), distillation=None)
    config = dataclasses.replace(config, training=dataclasses.replace(config.training, epochs=1))
    clean = closedbook.train(config, corpus, tmp_path / "clean")
    leaky = closedbook.train(config, dataclasses.replace(corpus, files={"train.tsv": "u"}), tmp_path / "leaky")
    teaching = dataclasses.replace(small(), distillation=DistillationConfig(at_least=0.0))
    for teacher, said in (
        (Ensemble("both", [clean, leaky]), "the teacher was trained on other questions too"),
        (Teacher(Rome=0.6), "what the teacher was trained on is not known"),
        (clean, ""),
    ):
        lines = []
        with contextlib.suppress(UserError):  # an untrained teacher closes no answer
            taught_for(teaching, corpus, teacher, lines.append)
        assert any(said in line for line in lines) if said else not any("was trained on" in line for line in lines)


def test_a_teacher_may_be_named_in_python(tmp_path):
    with pytest.raises(UserError, match="nowhere: no such run"):
        closedbook.train("distilled", toy_corpus(), tmp_path / "run", teacher=str(tmp_path / "nowhere"))
