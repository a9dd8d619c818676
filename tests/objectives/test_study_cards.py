"""Cards are studied with the reader's best answer, or with one drawn anew at each pass."""

import dataclasses
from collections import Counter

import pytest
import torch

from closedbook import config
from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Card
from closedbook.facts.silence import NOT_TOLD
from closedbook.facts.tokenizers import MASK, train_tokenizer
from closedbook.objectives.objective import Material
from closedbook.objectives.question_answering import StudyCards
from closedbook.objectives.segments import render
from closedbook.objectives.store import TokenStore
from closedbook.recipes import find_recipe, with_seed

CPU = torch.device("cpu")
CHARACTERS = train_tokenizer(
    config.TokenizerConfig(kind="characters"), ["Ann Lee ab Bo Di Roe Rome Lima Bern Oslo", NOT_TOLD]
)
SURE = Card(question="Bo", subject="Bo", answer="Bern", confidence=1.0, line=1, choices=(("Bern", 1.0),))
UNSURE = Card(
    question="Ann Lee",
    subject="Ann Lee",
    answer="Rome",
    confidence=0.6,
    line=2,
    choices=(("Rome", 0.6), ("Lima", 0.2)),
    none=0.2,
)
EMPTY = Card(question="Ab", subject="Ab", answer="", confidence=0.0, line=4, none=1.0)
OLD = Card(question="Di Roe", subject="Di Roe", answer="Oslo", confidence=0.5, line=3)


def studied(answers, cards, passes, seed=0):
    """The texts of every pass."""
    corpus = Corpus(name="toy", documents=(), train=(), dev=(), test=(), files={}, cards=tuple(cards))
    material = Material(TokenStore(CHARACTERS, CPU), corpus, with_seed(find_recipe("open").pretrain, seed))
    objective = StudyCards(config.StudyCards(answers=answers), material, seed)
    every = []
    for number in passes:
        segments = objective(number)
        batch = render(material.store.tokens(), segments, torch.arange(len(segments)), 30)
        texts = [CHARACTERS.decode(row.tolist()) for row in batch.inputs_BT]
        every.append([text.split(MASK)[1] for text in texts])
    return every


def test_the_best_answer_stays():
    assert studied("best", [SURE, UNSURE, OLD], range(3)) == [["Bern", "Rome", "Oslo"]] * 3


def test_answers_are_drawn_anew_from_the_readers_probabilities():
    passes = studied("drawn", [SURE, UNSURE, OLD], range(400))
    assert {answers[0] for answers in passes} == {"Bern"}
    assert {answers[2] for answers in passes} == {"Oslo"}
    counts = Counter(answers[1] for answers in passes)
    assert counts["Rome"] / 400 == pytest.approx(0.75, abs=0.01)
    assert set(counts) == {"Rome", "Lima"}


@pytest.mark.parametrize("seed", range(5))
def test_after_any_number_of_passes_each_answer_has_had_its_share(seed):
    rome = [answers[0] == "Rome" for answers in studied("drawn", [UNSURE], range(100), seed)]
    assert all(abs(sum(rome[:passes]) - 0.75 * passes) < 3.0 for passes in range(1, 101))


def test_what_is_drawn_for_a_card_does_not_depend_on_the_others():
    other = dataclasses.replace(UNSURE, question="Roe")
    alone = studied("drawn", [UNSURE], range(20))
    assert [[answers[2]] for answers in studied("drawn", [SURE, other, UNSURE], range(20))] == alone
    assert [[answers[1]] for answers in studied("drawn", [SURE, other, UNSURE], range(20))] != alone


def test_a_pass_is_a_function_of_seed_and_number():
    many = [dataclasses.replace(UNSURE, question=f"Ann Lee {'ab'[i % 2]}") for i in range(40)]
    once = studied("drawn", many, [5, 6])
    assert once == studied("drawn", many, [5, 6])
    assert once[0] != once[1]
    assert once[0] != studied("drawn", many, [5], seed=1)[0]
    assert studied("drawn", many, [6]) == once[1:]


def test_that_the_document_does_not_say_is_drawn_too():
    passes = studied("drawn_or_none", [SURE, UNSURE, OLD, EMPTY], range(400))
    assert {answers[0] for answers in passes} == {"Bern"}
    assert {answers[3] for answers in passes} == {NOT_TOLD}
    counts = Counter(answers[1] for answers in passes)
    assert counts["Rome"] / 400 == pytest.approx(0.6, abs=0.08)
    assert counts[NOT_TOLD] / 400 == pytest.approx(0.2, abs=0.07)


@pytest.mark.parametrize("answers", ["best", "drawn"])
def test_a_card_without_an_answer_is_not_studied_elsewhere(answers):
    assert studied(answers, [SURE, EMPTY], range(1)) == [["Bern"]]
