import dataclasses
import itertools

import pytest
import torch

from closedbook.config import QuestionAnswering as QuestionAnsweringConfig
from closedbook.config import TokenizerConfig
from closedbook.errors import UserError
from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Fact
from closedbook.facts.tokenizers import MASK, MASK_ID, train_tokenizer
from closedbook.objectives.objective import Material
from closedbook.objectives.question_answering import QuestionAnswering, pairs
from closedbook.objectives.segments import render
from closedbook.objectives.store import TokenStore, add_questions
from closedbook.recipes import find_recipe
from tests.facts.test_tokenizers import CHARACTERS

CPU = torch.device("cpu")
FACTS = [
    Fact(question="Ann Lee", answers=("Rome",), subject="", line=4),
    Fact(question="Bo", answers=("São",), subject="", line=5),
]


def test_loss_is_on_the_first_mask_the_answer_and_the_closing_mask():
    store = TokenStore(CHARACTERS, CPU)
    questions = add_questions(store, FACTS, block=20, reading="utf8")
    segments = pairs(questions.question, questions.answer)
    batch = render(store.tokens(), segments, torch.arange(2), 20)
    assert CHARACTERS.decode(batch.inputs_BT[0].tolist()).startswith(f"Ann Lee{MASK}Rome{MASK}")
    assert CHARACTERS.decode([t for t in batch.targets_BT[0].tolist() if t]) == f"{MASK}Rome{MASK}"
    first = (batch.targets_BT[0] != 0).nonzero()[0].item()
    assert first == len("Ann Lee") - 1  # predicted from the question's last character
    assert batch.targets_BT[0, first] == MASK_ID
    assert CHARACTERS.decode([t for t in batch.targets_BT[1].tolist() if t]) == f"{MASK}São{MASK}"


def test_the_course_reading_drops_what_is_not_ascii():
    store = TokenStore(CHARACTERS, CPU)
    questions = add_questions(store, FACTS, block=20, reading="course")
    assert questions.answer.length_R.tolist() == [4, 2]


def test_a_fact_longer_than_the_block_is_named():
    long = dataclasses.replace(FACTS[0], question="Ann Lee" * 3)
    with pytest.raises(UserError, match=r"on line 4 \('Ann LeeAnn.*longer than the block of 20"):
        add_questions(TokenStore(CHARACTERS, CPU), [FACTS[1], long], block=20, reading="utf8")


def test_a_question_that_cannot_be_spelled_is_named():
    odd = dataclasses.replace(FACTS[0], question="Q%")
    with pytest.raises(UserError, match="training question 1: character 'Q'"):
        add_questions(TokenStore(CHARACTERS, CPU), [odd], block=20, reading="utf8")


@pytest.mark.parametrize("first", [0, 3])
def test_questions_join_a_part_an_epoch_and_stay(first):
    facts = tuple(Fact(question=f"Q{number}", answers=("Rome",), subject="", line=number + 1) for number in range(40))
    corpus = Corpus(name="toy", documents=(), train=facts, dev=(), test=(), files={})
    tokenizer = train_tokenizer(TokenizerConfig(kind="characters"), [f"{fact.question} Rome" for fact in facts])
    settings = QuestionAnsweringConfig(repeats=2, joining=4, first_epoch=first)
    material = Material(TokenStore(tokenizer, CPU), corpus, find_recipe("standard").pretrain)
    objective = QuestionAnswering(settings, material, 0)
    passes = [set(objective(2 * first + number).start_RK[:, 0].tolist()) for number in range(12)]
    counts = [len(rows) for rows in passes]
    assert counts[::2] == counts[1::2]
    assert counts[6:] == [40] * 6
    assert 0 < counts[0] < counts[4] < 40
    assert all(earlier <= later for earlier, later in itertools.pairwise(passes))
