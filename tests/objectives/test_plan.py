import dataclasses
import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import TypeCheckError

from closedbook.config import NameCards, QuestionAnswering
from closedbook.experiments.train import make_tokenizer
from closedbook.facts.tokenizers import PAD_ID
from closedbook.objectives.mixture import build_mixture
from closedbook.objectives.plan import Batches, MicroBatch, by_length, dealt, in_order, in_steps
from closedbook.recipes import find_recipe
from tests.toys import tiny_config

CPU = torch.device("cpu")


@settings(max_examples=50, deadline=None)
@given(
    lengths=st.lists(st.integers(2, 60), min_size=1, max_size=200),
    tokens=st.integers(1, 500),
    parts=st.integers(1, 4),
    epoch=st.integers(0, 5),
)
def test_every_row_comes_once_within_its_width(lengths, tokens, parts, epoch):
    lengths_R = torch.tensor(lengths)
    steps = by_length(lengths_R, tokens, parts, seed=3, epoch=epoch)
    rows = torch.cat([part.rows_B for step in steps for part in step])
    assert sorted(rows.tolist()) == list(range(len(lengths)))
    for part in itertools.chain.from_iterable(steps):
        assert int(lengths_R[part.rows_B].max()) == part.width
        assert len(part.rows_B) == 1 or len(part.rows_B) * part.width <= tokens // parts
    assert all(len(step) == parts for step in steps[:-1])


def test_epochs_differ_and_repeat():
    lengths_R = torch.randint(2, 40, (300,), generator=torch.Generator().manual_seed(0))

    def rows(epoch):
        return [part.rows_B.tolist() for step in by_length(lengths_R, 200, 1, 0, epoch) for part in step]

    assert rows(0) == rows(0)
    assert rows(0) != rows(1)


@pytest.mark.parametrize("micro_batches", [1, 8])
def test_in_order_keeps_file_order_and_the_last_batch_is_what_is_left(micro_batches):
    lengths_R = torch.randint(0, 128, (2938,))
    steps = in_order(lengths_R, 128, micro_batches)
    rows = [sorted(row for part in step for row in part.rows_B.tolist()) for step in steps]
    assert rows == [list(range(first, min(first + 128, 2938))) for first in range(0, 2938, 128)]
    assert all(part.width >= int(lengths_R[part.rows_B].max()) for step in steps for part in step)


def test_in_order_pads_little_and_counts_the_padding_to_the_block(people):
    config = dataclasses.replace(find_recipe("faithful").pretrain, reading="utf8")
    config = dataclasses.replace(config, training=dataclasses.replace(config.training, epochs=1, batch_rows=32))
    plan = Batches(build_mixture(config, people, make_tokenizer(config, people), CPU), config)
    parts = [part for step in range(plan.steps) for part in plan.step(step)]
    rows = sum(len(part.inputs_BT) for part in parts)
    assert sum(part.positions for part in parts) == plan.positions == rows * 127
    assert sum(part.tokens for part in parts) > 0.8 * sum(part.inputs_BT.numel() for part in parts)


@pytest.fixture
def batches(people):
    config = tiny_config(epochs=3)
    questions = QuestionAnswering(repeats=2)
    config = dataclasses.replace(config, mixture=(*config.mixture, questions))
    return Batches(build_mixture(config, people, make_tokenizer(config, people), CPU), config)


def test_a_step_is_the_same_whenever_and_in_whichever_order_it_is_asked_for(batches):
    def everything(step):
        return [part.inputs_BT.tolist() for part in batches.step(step)]

    forwards = [everything(step) for step in range(batches.steps)]
    backwards = [everything(step) for step in reversed(range(batches.steps))]
    assert forwards == backwards[::-1]


@pytest.mark.parametrize("ranks", [1, 2, 3, 4, 50])
def test_every_row_of_a_step_is_dealt_to_one_process_whole_and_to_all_alike(ranks):
    parts = [MicroBatch(torch.arange(0, 7), 9), MicroBatch(torch.arange(7, 8), 30), MicroBatch(torch.arange(8, 21), 5)]
    shares = [dealt(parts, rank, ranks) for rank in range(ranks)]
    rows = [[(row, part.width) for part in share for row in part.rows_B.tolist()] for share in shares]
    assert sorted(itertools.chain(*rows)) == [(row, part.width) for part in parts for row in part.rows_B.tolist()]
    assert max(map(len, rows)) - min(map(len, rows)) <= 1
    assert all(len(part.rows_B) for share in shares for part in share)
    assert ranks > 1 or [part.rows_B.tolist() for part in shares[0]] == [part.rows_B.tolist() for part in parts]


def test_processes_see_the_rows_of_one_batch(people):
    config = tiny_config()
    mixture = build_mixture(config, people, make_tokenizer(config, people), CPU)
    whole = Batches(mixture, config)
    shares = [Batches(mixture, config, rank=rank, ranks=3) for rank in range(3)]

    def rows(batches, step):
        return [
            (row, inputs, targets)
            for part in batches.step(step)
            for row, inputs, targets in zip(
                part.rows_B.tolist(), part.inputs_BT.tolist(), part.targets_BT.tolist(), strict=True
            )
        ]

    for step in range(whole.steps):
        assert sorted(itertools.chain(*(rows(share, step) for share in shares))) == sorted(rows(whole, step))
    assert {share.positions for share in shares} == {whole.positions}


def test_an_epoch_holds_every_source_as_often_as_the_recipe_says(people):
    config = tiny_config("finetune")
    repeated = dataclasses.replace(config, mixture=(dataclasses.replace(config.mixture[0], repeats=3),))
    tokenizer = make_tokenizer(config, people)
    once = build_mixture(config, people, tokenizer, CPU).epoch(0)
    thrice = build_mixture(repeated, people, tokenizer, CPU).epoch(0)
    assert len(once.lengths()) == len(people.train)
    assert len(thrice.lengths()) == 3 * len(people.train)


def test_padding_on_the_course_data_is_under_three_percent(course):
    config = tiny_config("pretrain", batch_tokens=4096, micro_batches=1, epochs=1)
    config = dataclasses.replace(config, model=dataclasses.replace(config.model, block=128))
    plan = Batches(build_mixture(config, course, make_tokenizer(config, course), CPU), config)
    parts = [part for step in range(plan.steps) for part in plan.step(step)]
    positions = sum(part.inputs_BT.numel() for part in parts)
    padding = sum(int((part.inputs_BT == PAD_ID).sum()) for part in parts)
    assert padding / positions < 0.03


def test_a_small_corpus_is_passed_over_until_the_least_steps_are_reached(people):
    config = tiny_config("finetune", epochs=2, least_steps=50)
    mixture = build_mixture(config, people, make_tokenizer(config, people), CPU)
    plan = Batches(mixture, config)
    a_pass = Batches(mixture, tiny_config("finetune", epochs=1)).steps
    assert 50 <= plan.steps < 50 + 2 * a_pass
    assert plan.epochs == -(-50 // a_pass)
    assert plan.positions == sum(part.inputs_BT.numel() for step in range(plan.steps) for part in plan.step(step))
    assert Batches(mixture, tiny_config("finetune", epochs=2, least_steps=1)).epochs == 2


def test_questions_of_a_small_corpus_are_asked_no_more_often_than_the_recipe_says(people):
    config = tiny_config(epochs=2, least_steps=300)

    tokenizer = make_tokenizer(config, people)

    def planned(most):
        limited = dataclasses.replace(config, mixture=(NameCards(), QuestionAnswering(repeats=3, joining=2, most=most)))
        plan = Batches(build_mixture(limited, people, tokenizer, CPU), limited)
        questions = plan.mixture.ingredients[-1]
        asked = sum(len(part) for epoch in range(plan.epochs) for part in questions.examples(epoch))
        return plan.epochs, asked / len(people.train)

    passes, asked = planned(4)
    assert passes > planned(None)[0]
    assert asked == pytest.approx(4, rel=0.3)


def test_further_relations_take_further_passes(people):
    config = tiny_config("finetune", epochs=3, epochs_a_relation=2)
    mixture = build_mixture(config, people, make_tokenizer(config, people), CPU)
    for relations, passes in ((1, 3), (2, 5), (3, 6), (9, 6)):
        assert Batches(dataclasses.replace(mixture, relations=relations), config).epochs == passes


@pytest.mark.parametrize(
    ("lengths", "steps", "micro_batches"), [([5] * 40, 9, 1), ([9, 5, 5, 5, 2] * 7, 17, 2), ([4] * 6, 6, 1)]
)
def test_every_step_of_a_number_that_is_given_has_rows(lengths, steps, micro_batches):
    plan = in_steps(torch.tensor(lengths), steps, micro_batches, 0, 1)
    assert [sum(len(part.rows_B) for part in step) > 0 for step in plan] == [True] * steps
    rows = torch.cat([part.rows_B for step in plan for part in step])
    assert sorted(rows.tolist()) == list(range(len(lengths)))


@pytest.mark.parametrize("lengths", [torch.ones(3), torch.ones(2, 3, dtype=torch.int64)], ids=["type", "shape"])
def test_arrays_of_another_type_or_shape_are_refused_where_the_tests_enforce_them(lengths):
    """Of the tests themselves: annotations of arrays would else hold nothing."""
    with pytest.raises(TypeCheckError):
        in_order(lengths, 2, 1)
