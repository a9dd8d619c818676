"""An epoch of a corpus larger than memory: every document once, in windows, each batch a function of its step."""

import dataclasses
from collections import Counter

import pytest
import torch

from closedbook.config import NameCards, Outlines, PeopleConfig, QuestionAnswering, TokenizerConfig
from closedbook.errors import UserError
from closedbook.experiments.train import window_batches
from closedbook.facts.building import build_store
from closedbook.facts.built_in import write_built_in
from closedbook.objectives import windows as module
from closedbook.objectives.windows import WindowBatches, Windows
from closedbook.recipes import find_recipe
from tests.toys import tiny_config

CPU = torch.device("cpu")
CONFIG = dataclasses.replace(
    tiny_config(epochs=2), mixture=(NameCards(), Outlines(first_epoch=1), QuestionAnswering(repeats=2))
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp("store")
    write_built_in(PeopleConfig(count=150, test=0.0, unseen=0.0), root / "people")
    return build_store(root / "people", root / "store", TokenizerConfig(vocabulary_size=300))


@pytest.fixture(autouse=True)
def small_windows(monkeypatch):
    monkeypatch.setattr(module, "WINDOW", 40)


def batches(store, config=CONFIG):
    return window_batches(config, store, store.tokenizer(), CPU)


def texts(store, step):
    """The examples of a step, from its inputs and the target that follows them."""
    tokenizer = store.tokenizer()
    return [
        tokenizer.decode([*inputs.tolist(), *targets[-1:].tolist()]).rstrip("\u25a1")
        for part in step
        for inputs, targets in zip(part.inputs_BT, part.targets_BT, strict=True)
    ]


def test_every_document_and_fact_comes_once_an_epoch_in_another_order(store):
    windows = Windows(store, CONFIG, store.tokenizer(), CPU)
    assert len(windows) == 4
    orders = []
    for epoch in (0, 1):
        documents, facts = [], []
        for number in range(len(windows)):
            documents.append(windows._rows(len(store.documents), module.DOCUMENTS, epoch, number))
            facts.append(windows._rows(len(store.train), module.FACTS, epoch, number))
        for size, parts in ((len(store.documents), documents), (len(store.train), facts)):
            assert sorted(row for part in parts for row in part) == list(range(size))
            assert max(map(len, parts)) - min(map(len, parts)) <= 1
        orders.append(documents)
    assert orders[0] != orders[1]


def test_an_epoch_asks_every_question_and_every_name(store):
    plan = batches(store)
    first = [text for step in range(plan.steps) if plan.place(step)[0] == 0 for text in texts(store, plan.step(step))]
    asked = Counter(text.split("\u2047")[0] for text in first)
    assert all(asked[fact.question] == 2 for fact in store.train)
    assert all(asked[document.subject] > 0 for document in store.documents)


def test_questions_that_have_joined_stay(store):
    plan = batches(store, dataclasses.replace(CONFIG, mixture=(NameCards(), QuestionAnswering(joining=2))))
    asked = (set(), set())
    for step in range(plan.steps):
        asked[plan.place(step)[0]].update(text.split("\u2047")[0] for text in texts(store, plan.step(step)))
    questions = {fact.question for fact in store.train}
    first, second = (some & questions for some in asked)
    assert set() < first < second == questions


def test_a_step_does_not_depend_on_those_before_it(store):
    in_order, anew = batches(store), batches(store)
    steps = [in_order.step(number) for number in range(in_order.steps)]
    for number in (in_order.steps - 1, 0, in_order.steps // 2, 1):
        for one, other in zip(steps[number], anew.step(number), strict=True):
            assert torch.equal(one.inputs_BT, other.inputs_BT)
            assert torch.equal(one.targets_BT, other.targets_BT)


def test_steps_are_of_the_size_that_the_recipe_says(store):
    plan = batches(store)
    assert plan.epochs == 2
    epochs = Counter(plan.place(number)[0] for number in range(plan.steps))
    assert epochs[1] > epochs[0]  # more is asked in the second epoch
    assert [plan.all_joined(epoch) for epoch in epochs] == [False, True]
    sizes = [sum(part.inputs_BT.numel() for part in plan.step(number)) for number in range(plan.steps)]
    assert all(300 < size < 600 for size in sizes)  # of 512
    assert all(len(plan.step(number)) <= 2 for number in range(plan.steps))
    padding = [
        (part.inputs_BT == 0).float().mean().item() for number in range(plan.steps) for part in plan.step(number)
    ]
    assert sum(padding) / len(padding) < 0.05


def test_least_steps_are_taken(store):
    training = dataclasses.replace(CONFIG.training, least_steps=100)
    assert batches(store, dataclasses.replace(CONFIG, training=training)).steps >= 100


def test_invented_names_are_in_no_document_of_the_whole(store):
    config = dataclasses.replace(find_recipe("open").pretrain, tokenizer=CONFIG.tokenizer)
    plan = batches(store, config)
    questions = [text for number in range(8) for text in texts(store, plan.step(number)) if "no such subject" in text]
    names = {document.subject for document in store.documents}
    assert questions
    assert not [question for question in questions if any(name in question for name in names)]


def test_recipes_that_keep_the_order_of_the_file_are_refused(store):
    with pytest.raises(UserError, match="faithful reads the corpus in the order of its file"):
        WindowBatches(Windows(store, CONFIG, store.tokenizer(), CPU), find_recipe("faithful").pretrain, 1)


@pytest.mark.parametrize("ranks", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_processes_share_out_the_rows_of_every_step(store, ranks):
    def dealt(rank, count):
        windows = Windows(store, CONFIG, store.tokenizer(), CPU)
        return WindowBatches(windows, CONFIG, 1, rank=rank, ranks=count)

    together, shares = dealt(0, 1), [dealt(rank, ranks) for rank in range(ranks)]
    for number in range(0, together.steps, 3):
        own = [texts(store, share.step(number)) for share in shares]
        assert sorted(text for some in own for text in some) == sorted(texts(store, together.step(number)))
        assert max(map(len, own)) - min(map(len, own)) <= 1


def test_windows_without_a_training_question_ask_nothing_of_invented_subjects(store):
    config = dataclasses.replace(find_recipe("open").pretrain, tokenizer=CONFIG.tokenizer)
    windows = Windows(store, config, store.tokenizer(), CPU, lambda window: dataclasses.replace(window, train=()))
    mixture = windows.mixture(0, 1)
    assert "invented_subjects" not in {ingredient.settings.name for ingredient in mixture.ingredients}


def test_documents_that_draw_no_example_are_nothing_to_train_on(store):
    config = dataclasses.replace(CONFIG, mixture=(NameCards(),))
    windows = Windows(store, config, store.tokenizer(), CPU, lambda window: dataclasses.replace(window, documents=()))
    with pytest.raises(UserError, match="Nothing to train on"):
        WindowBatches(windows, config, 1)
