"""One training in 1, 2, 3 and 4 processes: the same batches, the same gradients, the same steps."""

import dataclasses
import os
import signal
import time
from functools import cache
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from closedbook.config import QuestionAnswering
from closedbook.errors import UserError
from closedbook.experiments.train import initial_model, make_tokenizer
from closedbook.objectives.mixture import build_mixture
from closedbook.objectives.plan import Batches
from closedbook.training import loop
from closedbook.training.checkpoints import position_of, put_back
from closedbook.training.gradients import backward
from closedbook.training.loop import TrainingState, train
from closedbook.training.optimizers import make_optimizers
from closedbook.training.process_group import LOST, Group
from closedbook.training.ranks import ALONE
from tests.toys import tiny_config

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
    pytest.mark.skipif(not dist.is_gloo_available(), reason="this torch has no gloo; runs wherever it has"),
]
CPU = torch.device("cpu")
MUON = {"optimizer": "muon", "matrix_learning_rate": 0.02}
PLANS = {
    "by length": {},
    "few rows": {"batch_tokens": 48, "micro_batches": 3},  # a step has fewer rows than there are processes
    "in order": {"plan": "in_order", "batch_tokens": None, "batch_rows": 7},
}


def in_processes(count: int, work, directory: Path) -> list:
    """What a forked process each makes of the work, which takes its `Group`; None of those that have ended before."""
    children = []
    for rank in range(count):
        child = os.fork()
        if child == 0:
            status = 1
            signal.alarm(300)  # a process that waits in vain must not hold up the tests
            try:
                dist.init_process_group("gloo", init_method=f"file://{directory}/meet", rank=rank, world_size=count)
                group = Group(rank, count, "gloo")
                torch.save(work(group), directory / f"{rank}.pt")
                group.end()
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    results = [directory / f"{rank}.pt" for rank in range(count)]
    return [torch.load(path, weights_only=False) if path.exists() else None for path in results]


@cache
def configuration(**training):
    """Documents and questions, a vocabulary that no number of processes divides, dropout."""
    config = tiny_config(precision="fp32", **training)
    return dataclasses.replace(
        config,
        mixture=(*config.mixture, QuestionAnswering()),
        tokenizer=dataclasses.replace(config.tokenizer, vocabulary_size=301),
        model=dataclasses.replace(config.model, dropout=0.1),
    )


def prepared(people, ranks, **training):
    config = configuration(**training)
    tokenizer = make_tokenizer(config, people)
    assert all(tokenizer.vocabulary_size % count for count in (2, 3, 4))
    batches = Batches(build_mixture(config, people, tokenizer, CPU), config, rank=ranks.rank, ranks=ranks.count)
    return config.training, batches, initial_model(config, tokenizer, CPU)


def gradients(people, ranks):
    """Loss and gradient of a few steps of every plan, from the same weights."""
    found = {}
    for name, plan in PLANS.items():
        config, batches, model = prepared(people, ranks, **plan)
        for step in (0, 1, batches.steps - 1):
            counters = (config.seed, loop.DROPOUT, step)
            loss = backward(model, batches.step(step), "fp32", counters=counters, ranks=ranks)
            found[name, step] = (loss, [parameter.grad.clone() for parameter in model.parameters()])
            model.zero_grad()
    return found


def trained(people, ranks, state=None, steps=8):
    """Weights, records, and where a training is after a few steps, from a state if there is one."""
    config, batches, model = prepared(people, ranks, **MUON)
    own = TrainingState(make_optimizers(model, config))
    if state is not None:
        model.load_state_dict(state[0])
        put_back(own, state[1])
    records = []

    class Enough(Exception):
        pass

    def stop(record):
        records.append(record)
        if record.step == steps:
            raise Enough

    with pytest.raises(Enough):
        train(model, batches, config, corpus_positions=1, callbacks=(stop,), state=own, ranks=ranks)
    return {name: value.clone() for name, value in model.state_dict().items()}, records, position_of(own)


@pytest.fixture(scope="module")
def alone(people):
    return gradients(people, ALONE)


@pytest.fixture(scope="module")
def trained_alone(people):
    return trained(people, ALONE)


@pytest.mark.parametrize("count", [1, 2, *(pytest.param(count, marks=pytest.mark.slow) for count in (3, 4))])
def test_the_gradient_is_that_of_one_process(people, alone, tmp_path, count):
    for found in in_processes(count, lambda ranks: gradients(people, ranks), tmp_path):
        assert found.keys() == alone.keys()
        for step, (loss, gradient) in found.items():
            assert float(loss) == pytest.approx(float(alone[step][0]), rel=1e-6)
            for one, another in zip(gradient, alone[step][1], strict=True):
                assert torch.allclose(one, another, atol=1e-6, rtol=0)


@pytest.mark.parametrize("count", [2, 3])
def test_the_steps_are_those_of_one_process_and_all_take_the_same(people, trained_alone, tmp_path, count):
    (first, *others) = in_processes(count, lambda ranks: trained(people, ranks), tmp_path)
    weights, records, _ = trained_alone
    assert all(torch.equal(first[0][name], other[0][name]) for other in others for name in weights)
    assert all(torch.allclose(first[0][name], weights[name], atol=1e-4) for name in weights)
    for mine, one in zip(first[1], records, strict=True):
        assert mine.loss == pytest.approx(one.loss, abs=1e-4)
        assert (mine.tokens, mine.positions, mine.rate) == (one.tokens, one.positions, one.rate)


def test_a_training_goes_on_with_another_number_of_processes(people, trained_alone, tmp_path):
    weights, _, position = trained(people, ALONE, steps=3)
    found = in_processes(3, lambda ranks: trained(people, ranks, (weights, position)), tmp_path)
    assert [record.step for record in found[0][1]] == [4, 5, 6, 7, 8]
    assert all(torch.allclose(found[0][0][name], value, atol=1e-4) for name, value in trained_alone[0].items())


def test_the_same_number_of_processes_gives_the_same_bits(people, tmp_path):
    ends = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        ends.append(in_processes(2, lambda ranks: trained(people, ranks, steps=4), tmp_path / name)[0])
    assert all(torch.equal(ends[0][0][name], value) for name, value in ends[1][0].items())


def test_who_has_something_else_is_told_what(tmp_path):
    def compare(ranks):
        assert ranks.tell("first" if ranks.leads else None) == "first"
        ranks.same({"config": {"training": {"seed": 0}}})
        try:
            ranks.same({"config": {"training": {"seed": ranks.rank}}})
        except UserError as error:
            (tmp_path / "sentence").write_text(str(error), encoding="utf-8")
            raise

    assert in_processes(2, compare, tmp_path) == [None, None]
    told = (tmp_path / "sentence").read_text(encoding="utf-8")
    assert told.startswith("Process 1 on ")
    assert "has another config.training.seed (1, not 0) than process 0" in told


@pytest.mark.parametrize("dies", [0, 1, 2])
def test_a_process_that_dies_takes_all_with_it_whatever_they_do(tmp_path, capfd, dies):
    def work(ranks):
        if ranks.rank == dies:
            os.kill(os.getpid(), signal.SIGKILL)
        if ranks.rank == (dies + 1) % 3:
            ranks.largest(1)  # waits for the others
        time.sleep(600)  # or is at work

    assert in_processes(3, work, tmp_path) == [None, None, None]
    assert capfd.readouterr().err.count(LOST) == 2  # those that torchrun has started say it once together


def test_those_that_are_done_notice_that_the_first_dies_before_it_has_saved(tmp_path, capfd):
    def work(ranks):
        if ranks.leads:
            time.sleep(0.2)
            os.kill(os.getpid(), signal.SIGKILL)
        ranks.end()

    assert in_processes(3, work, tmp_path) == [None, None, None]
    errors = capfd.readouterr().err
    assert errors.count(LOST) == 2
    assert "Traceback" not in errors


def test_compiled_dropout_is_refused_in_several_processes(people, monkeypatch):
    class Two(type(ALONE)):
        count = 2

    config, batches, model = prepared(people, ALONE)
    monkeypatch.setattr(loop, "refuse_bad_compiler", lambda device: None)
    config = dataclasses.replace(config, compile=True)
    with pytest.raises(UserError, match=r"training\.compile: a compiled model draws dropout for a batch as a whole"):
        train(model, batches, config, corpus_positions=1, ranks=Two())
