"""Passes as CUDA graphs: what they pad to anywhere, what they compute where there is a GPU."""

import contextlib
import dataclasses
from unittest.mock import Mock

import pytest
import torch

from closedbook.experiments.train import initial_model, make_tokenizer
from closedbook.model.scores import SCORES
from closedbook.objectives.mixture import build_mixture
from closedbook.objectives.plan import Batches
from closedbook.training import gradients
from closedbook.training.checkpoints import resume, save_checkpoint
from closedbook.training.gradients import RecordedPasses, backward
from closedbook.training.graphs import Recorder, few_shapes
from closedbook.training.loop import TrainingState, train
from closedbook.training.muon import orthogonalise
from closedbook.training.optimizers import make_optimizers
from tests.toys import tiny_config

CPU = torch.device("cpu")
on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU; runs wherever there is one")
MUON = {"optimizer": "muon", "matrix_learning_rate": 0.02}


def test_shapes_are_few_and_hold_what_they_are_for():
    shapes = set()
    for rows in range(1, 300):
        for time in range(1, 128):
            more_rows, more_time = few_shapes(rows, time, 127)
            assert rows <= more_rows <= rows * 1.25 or rows == more_rows
            assert time <= more_time <= min(time + (3 if time <= 32 else 15), 127)
            shapes.add((more_rows, more_time))
    assert len(shapes) < 500
    assert few_shapes(128, 127, 127) == (128, 127)


def prepared(people, device, dropout=0.0, attention="key_query_value", **training):
    config = tiny_config(attention=attention, **{"precision": "fp32", **training})
    config = dataclasses.replace(config, model=dataclasses.replace(config.model, dropout=dropout))
    tokenizer = make_tokenizer(config, people)
    batches = Batches(build_mixture(config, people, tokenizer, device), config)
    return config.training, batches, initial_model(config, tokenizer, device)


def called(function, *tensors):
    """A recorder that records nothing."""
    return function(*tensors)


@pytest.mark.parametrize("attention", sorted(SCORES))
def test_padding_to_few_shapes_changes_no_gradient(people, attention, monkeypatch):
    _, batches, model = prepared(people, CPU, dropout=0.2, attention=attention)
    model.train()
    passes = RecordedPasses(model, "fp32", called)
    found = []
    for shape in (few_shapes, lambda rows, time, longest: (rows, time)):
        monkeypatch.setattr(gradients, "few_shapes", shape)
        model.zero_grad()
        losses = [float(backward(model, batches.step(n), "fp32", counters=(0, n), recorded=passes)) for n in range(4)]
        found.append((losses, [parameter.grad for parameter in model.parameters()]))
    (losses, expected), (padded, theirs) = found
    assert losses == pytest.approx(padded, abs=1e-5)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(expected, theirs, strict=True))


class FakeGraph:
    """What a test can do of a CUDA graph without a GPU: it knows the call that it recorded, and calls it again."""

    __class__ = torch.cuda.CUDAGraph  # as far as array types are enforced
    call = None  # function, its inputs, and where its results go

    def capture_begin(self, pool, capture_error_mode):
        assert pool == "pool"

    def capture_end(self):
        self.recorded = FakeGraph.call

    def replay(self):
        function, inputs, results = self.recorded
        torch._foreach_copy_(results, function(*inputs))


@pytest.fixture
def recorder(monkeypatch):
    for name, value in {
        "graph_pool_handle": lambda: "pool",
        "mem_get_info": lambda: (0, 0),
        "memory_reserved": lambda: 1,
        "empty_cache": lambda: None,
        "stream": lambda stream: contextlib.nullcontext(),
        "current_stream": lambda: Mock(),
        "Stream": Mock,
        "CUDAGraph": FakeGraph,
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    copy = torch._foreach_copy_

    def remembered(places, values):
        FakeGraph.call = (*FakeGraph.call[:2], places)
        copy(places, values)

    monkeypatch.setattr(torch, "_foreach_copy_", remembered)
    return Recorder()


def test_a_shape_is_called_then_recorded_then_replayed(recorder):
    calls = []

    def function(x, y):
        calls.append(x.shape)
        FakeGraph.call = (function, (x, y), None)
        return (x * y).sum(), x + y

    with recorder:
        found = []
        for number in range(5):
            x, y = torch.full((3,), float(number)), torch.arange(3.0)
            found.append((recorder(function, x, y), ((x * y).sum(), x + y)))
        for got, expected in found:  # none is overwritten by a later call
            assert all(torch.equal(a, b) for a, b in zip(got, expected, strict=True))
        assert recorder.recorded == 1
        recorder(function, torch.ones(2), torch.ones(2))
        assert recorder.recorded == 1
        assert recorder(function, torch.ones(2), torch.ones(2))[0] == 2
        assert recorder.recorded == 2
    assert recorder.recorded == 0


def test_what_goes_wrong_in_a_recording_is_what_is_raised(recorder):
    def function(x):
        FakeGraph.call = (function, (x,), None)
        if calls:
            raise ZeroDivisionError
        calls.append(x)
        return x

    calls = []
    recorder(function, torch.ones(1))
    with pytest.raises(ZeroDivisionError):
        recorder(function, torch.ones(1))


@pytest.fixture
def gpu():
    return torch.device("cuda")


@on_gpu
@pytest.mark.parametrize("attention", sorted(SCORES))
def test_a_gpu_computes_the_gradient_of_a_processor_recorded_or_not(people, gpu, attention):
    found = {}
    for name, device in (("processor", CPU), ("gpu", gpu), ("recorded", gpu)):
        _, batches, model = prepared(people, device, attention=attention)
        model.train()
        recorder = Recorder() if name == "recorded" else None
        recorded = None if recorder is None else RecordedPasses(model, "fp32", recorder)
        for step in (*range(8), *range(8)):  # each shape is met more than once
            model.zero_grad()
            loss = backward(model, batches.step(step), "fp32", recorded=recorded)
            computed = [parameter.grad.cpu() for parameter in model.parameters()]
            found.setdefault(name, []).append((float(loss), computed))
        assert recorder is None or recorder.recorded
    for name in ("gpu", "recorded"):
        for (expected, ours), (loss, theirs) in zip(found["processor"], found[name], strict=True):
            assert loss == pytest.approx(expected, abs=1e-5)
            assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(ours, theirs, strict=True))


@on_gpu
def test_dropout_is_the_same_recorded_and_padded(people, gpu):
    _, batches, model = prepared(people, gpu, dropout=0.2)
    model.train()
    recorded = RecordedPasses(model, "fp32", Recorder())
    for number in (0, 1, 2, 0, 1, 2):
        parts, losses = batches.step(number), []
        for passes in (None, recorded):
            model.zero_grad()
            losses.append(float(backward(model, parts, "fp32", counters=(0, number), recorded=passes)))
        assert losses[0] == pytest.approx(losses[1], abs=1e-5)
        model.zero_grad()
        other = float(backward(model, parts, "fp32", counters=(1, number), recorded=recorded))
        assert other != pytest.approx(losses[1], abs=1e-4)


@on_gpu
def test_recorded_rounds_of_muon_are_those_that_were_recorded(gpu):
    recorder, matrices = Recorder(), [torch.randn(4, 32, 48, device=gpu) for _ in range(4)]
    for found, expected in zip(list(recorder.map(orthogonalise, matrices)), map(orthogonalise, matrices), strict=True):
        assert torch.allclose(found, expected, atol=1e-5)
    assert recorder.recorded == 1


@on_gpu
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("optimizer", [{}, MUON], ids=["adamw", "muon"])
def test_a_training_on_a_gpu_has_the_same_bits_again_and_when_it_is_taken_up_again(
    people, gpu, tmp_path, precision, optimizer
):
    settings = {"dropout": 0.1, "epochs": 3, "precision": precision, **optimizer}
    ends = []
    for _ in range(2):
        config, batches, model = prepared(people, gpu, **settings)
        records = []
        train(model, batches, config, corpus_positions=1, callbacks=(records.append,))
        ends.append(model.state_dict())
        assert records[-1].loss < records[0].loss
    for stop in (5, batches.steps + 1):
        config, batches, model = prepared(people, gpu, **settings)
        state = TrainingState(make_optimizers(model, config))
        resume(tmp_path, model, state)

        def leave(record, model=model, state=state, stop=stop):
            if record.step == stop:
                save_checkpoint(tmp_path, model, state)
                raise InterruptedError

        with contextlib.suppress(InterruptedError):
            train(model, batches, config, corpus_positions=1, callbacks=(leave,), state=state)
    ends.append(model.state_dict())
    for other in ends[1:]:
        assert all(torch.equal(ends[0][name], value) for name, value in other.items())


@on_gpu
def test_a_gpu_trains_to_about_the_same_loss(people, gpu):
    losses = {}
    for device in (CPU, gpu):
        config, batches, model = prepared(people, device)
        records = losses.setdefault(device, [])
        train(
            model, batches, config, corpus_positions=1, callbacks=(lambda record, to=records: to.append(record.loss),)
        )
    assert losses[gpu][-1] == pytest.approx(losses[CPU][-1], rel=0.05)
