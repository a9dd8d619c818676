import contextlib
import dataclasses

import pytest
import torch

from closedbook.config import QuestionAnswering, TrainingConfig
from closedbook.experiments.train import initial_model, make_tokenizer
from closedbook.objectives.mixture import build_mixture
from closedbook.objectives.plan import Batches
from closedbook.objectives.segments import Batch
from closedbook.training.checkpoints import resume, save_checkpoint
from closedbook.training.gradients import backward
from closedbook.training.loop import NonFiniteLoss, TrainingState, train
from closedbook.training.optimizers import make_optimizers
from closedbook.training.parallel import Workers, workers_for
from tests.model.test_gpt import toy
from tests.toys import tiny_config

CPU = torch.device("cpu")
MUON = {"optimizer": "muon", "matrix_learning_rate": 0.02}


def prepared(people, **training):
    config = tiny_config(precision="fp32", **training)
    config = dataclasses.replace(config, model=dataclasses.replace(config.model, dropout=0.1))
    tokenizer = make_tokenizer(config, people)
    batches = Batches(build_mixture(config, people, tokenizer, CPU), config)
    return config.training, batches, initial_model(config, tokenizer, CPU)


OPTIMIZERS = pytest.mark.parametrize(
    "optimizer", [pytest.param({}, id="adamw", marks=pytest.mark.slow), pytest.param(MUON, id="muon")]
)


def gradients(model):
    values = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    return values


def test_micro_batches_add_up_to_the_gradient_of_the_whole():
    model = toy()
    inputs = torch.randint(2, 30, (8, 12))
    targets = torch.where(torch.rand(8, 12) < 0.4, 0, torch.randint(2, 30, (8, 12)))
    whole_loss = backward(model, [Batch(inputs, targets)], "fp32")
    whole = gradients(model)
    parts_loss = backward(model, [Batch(inputs[:3], targets[:3]), Batch(inputs[3:], targets[3:])], "fp32")
    assert float(whole_loss) == pytest.approx(float(parts_loss), abs=1e-6)
    for expected, got in zip(whole, gradients(model), strict=True):
        assert torch.allclose(expected, got, atol=1e-6)


def test_workers_add_up_to_the_same_gradient():
    model = toy()
    inputs, targets = torch.randint(2, 30, (8, 12)), torch.randint(2, 30, (8, 12))
    parts = [Batch(inputs[:3], targets[:3]), Batch(inputs[3:], targets[3:])]
    loss = backward(model, parts, "fp32")
    expected = gradients(model)
    with Workers(2) as workers:
        for _ in range(5):
            assert float(backward(model, parts, "fp32", workers)) == pytest.approx(float(loss), abs=1e-6)
            for before, after in zip(expected, gradients(model), strict=True):
                assert torch.allclose(before, after, atol=1e-6)


def test_an_error_in_a_worker_reaches_the_caller():
    inputs = torch.full((2, 5), 10_000)  # outside the vocabulary
    with Workers(2) as workers, pytest.raises(IndexError):
        backward(toy(), [Batch(inputs, inputs)], "fp32", workers)


def test_micro_batches_are_worked_on_one_after_the_other_where_threads_would_not_help(monkeypatch):
    training = TrainingConfig(batch_tokens=64, micro_batches=4, warmup_steps=1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert workers_for(training, CPU) == 2
    assert workers_for(dataclasses.replace(training, micro_batches=1), CPU) == 1
    assert workers_for(dataclasses.replace(training, compile=True), CPU) == 1
    assert workers_for(training, torch.device("cuda")) == 1


def test_padding_changes_neither_loss_nor_gradient():
    model = toy()
    inputs, targets = torch.randint(2, 30, (4, 9)), torch.randint(2, 30, (4, 9))
    loss = backward(model, [Batch(inputs, targets)], "fp32")
    expected = gradients(model)
    padded = [torch.nn.functional.pad(values, (0, 6)) for values in (inputs, targets)]
    assert float(backward(model, [Batch(*padded)], "fp32")) == pytest.approx(float(loss), abs=1e-6)
    for before, after in zip(expected, gradients(model), strict=True):
        assert torch.allclose(before, after, atol=1e-6)


@OPTIMIZERS
def test_the_same_seed_gives_the_same_bits_and_learns(people, optimizer):
    ends, losses = [], []
    for _ in range(2):
        config, batches, model = prepared(people, epochs=4, **optimizer)
        train(model, batches, config, corpus_positions=1, callbacks=(lambda record: losses.append(record.loss),))
        ends.append(model.state_dict())
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
    assert losses[len(losses) // 2 - 1] < losses[0]


def test_training_leaves_the_global_generator_alone(people):
    config, batches, model = prepared(people)
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    train(model, batches, config, corpus_positions=1)
    assert torch.equal(torch.rand(1), expected)
    assert not model.training


class KilledError(Exception):
    pass


@OPTIMIZERS
def test_resuming_at_a_checkpoint_is_bit_exact(people, tmp_path, optimizer):
    """Killed after the first step, in the middle of an epoch and near the end, each time taken up from the disk."""
    config, batches, model = prepared(people, epochs=3, **optimizer)
    assert batches.steps > 12
    train(model, batches, config, corpus_positions=1)
    expected, reached = model.state_dict(), 0
    for stop in (1, 6, 11, batches.steps + 1):
        _, batches, model = prepared(people, epochs=3, **optimizer)
        state = TrainingState(make_optimizers(model, config))
        assert resume(tmp_path / "checkpoints", model, state) == ({"last": reached} if reached else None)
        assert state.step == reached

        def kill(record, model=model, state=state, stop=stop):
            save_checkpoint(tmp_path / "checkpoints", model, state, {"last": record.step})
            if record.step == stop:
                raise KilledError

        with contextlib.suppress(KilledError):
            train(model, batches, config, corpus_positions=1, callbacks=(kill,), state=state)
        reached = stop
        assert len(list((tmp_path / "checkpoints").iterdir())) <= 2
    assert state.step == batches.steps
    assert all(torch.equal(expected[name], value) for name, value in model.state_dict().items())


def test_a_training_ends_with_the_first_epoch_whose_loss_says_that_all_is_learned(people, tmp_path):
    config, batches, model = prepared(people, epochs=4)
    losses, weights = {}, {}

    def listen(record):
        losses.setdefault(batches.place(record.step - 1)[0], []).append(record.loss)
        weights[record.step] = {name: value.clone() for name, value in model.state_dict().items()}

    train(model, batches, config, corpus_positions=1, callbacks=(listen,))
    means = [sum(of_epoch) / len(of_epoch) for of_epoch in losses.values()]
    assert means == sorted(means, reverse=True)
    two = len(losses[0]) + len(losses[1])

    config, batches, model = prepared(people, epochs=4, stop_at_loss=(means[0] + means[1]) / 2)
    records = []
    state = train(model, batches, config, corpus_positions=1, callbacks=(records.append,))
    assert state.step == len(records) == two
    assert [record.steps for record in records] == [batches.steps] * (len(records) - 1) + [len(records)]
    assert all(torch.equal(weights[two][name], value) for name, value in model.state_dict().items())
    save_checkpoint(tmp_path, model, state)  # as on a signal in its last step
    again = TrainingState(make_optimizers(model, config))
    resume(tmp_path, model, again)
    train(model, batches, config, corpus_positions=1, callbacks=(records.append,), state=again)
    assert again.step == len(records), "a training that has ended goes on where it is taken up again"


def test_nothing_is_learned_before_all_questions_have_joined(people):
    config = tiny_config("finetune", precision="fp32", epochs=4, stop_at_loss=100.0)
    config = dataclasses.replace(config, mixture=(QuestionAnswering(joining=3),))
    tokenizer = make_tokenizer(config, people)
    batches = Batches(build_mixture(config, people, tokenizer, CPU), config)
    state = train(initial_model(config, tokenizer, CPU), batches, config.training, corpus_positions=1)
    assert batches.place(state.step) == (3, 0)


def test_without_a_checkpoint_there_is_nothing_to_resume(people, tmp_path):
    config, _, model = prepared(people)
    assert resume(tmp_path, model, TrainingState(make_optimizers(model, config))) is None


def test_a_loss_that_is_not_finite_stops_before_the_update(people):
    config, batches, model = prepared(people)
    with torch.no_grad():
        model.final_norm.weight[0] = float("nan")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(NonFiniteLoss, match="loss of batch 1 is not finite"):
        train(model, batches, config, corpus_positions=1)
    for name, value in model.state_dict().items():
        assert torch.equal(before[name].nan_to_num(), value.nan_to_num())
