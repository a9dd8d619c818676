"""The faithful recipe's first steps against the course's loop, written independently in `benchmarks.course`."""

import contextlib
import dataclasses

import pytest
import torch
from benchmarks import course as baseline

from closedbook.experiments.train import initial_model, make_tokenizer
from closedbook.objectives.mixture import build_mixture
from closedbook.objectives.objective import rows_as_read
from closedbook.objectives.plan import Batches
from closedbook.objectives.segments import Batch
from closedbook.recipes import find_recipe, with_attention
from closedbook.training.gradients import backward
from closedbook.training.loop import train
from closedbook.training.parallel import Workers
from closedbook.training.precision import resolve_precision

CPU = torch.device("cpu")
STEPS = 7


class EnoughStepsError(Exception):
    pass


@dataclasses.dataclass(frozen=True)
class Repeated:
    """A plan of so many steps, over and over from the first."""

    batches: Batches
    steps: int

    def place(self, step):
        return divmod(step, self.batches.steps)

    def all_joined(self, epoch):
        return True

    def step(self, step):
        return self.batches.step(step % self.batches.steps)


def shrunk(config):
    """The recipe's stage as it is, but for the model's size, dropout (other random numbers) and precision."""
    model = dataclasses.replace(config.model, layers=2, heads=4, width=32, dropout=0.0)
    training = dataclasses.replace(config.training, batch_rows=8, micro_batches=3, epochs=4, precision="fp32")
    return dataclasses.replace(config, model=model, training=training)


def draws_of(pieces):
    lengths = pieces.length_RK

    def draw(row, document):
        prefix, _, suffix, _, span = lengths[row].tolist()
        return prefix + suffix + span, prefix, span

    return draw


def our_losses(config, people, tokenizer, batches, model):
    losses = []

    def listen(record):
        losses.append(record.loss)
        if record.step == STEPS:
            raise EnoughStepsError

    with pytest.raises(EnoughStepsError):
        train(
            model,
            batches,
            config.training,
            corpus_positions=len(rows_as_read(people, config)) * config.model.block,
            callbacks=(listen,),
        )
    return losses


@pytest.mark.parametrize("attention", ["key_query_value", "dense_synthesizer"])
def test_pretraining_losses_are_the_course_loops(people, attention):
    text = "".join(f"{document.text}\n" for document in people.documents)
    config = with_attention(shrunk(find_recipe("faithful").pretrain), attention)
    people = dataclasses.replace(people, train=())  # the course's vocabulary is the corpus alone
    tokenizer = make_tokenizer(config, people)
    mixture = build_mixture(config, people, tokenizer, CPU)
    batches = Batches(mixture, config)
    model = initial_model(config, tokenizer, CPU)

    rows = baseline.CharCorruption(text, 128, draws_of(mixture.epoch(0)))
    assert len(rows) == len(people.documents) + 1
    theirs = baseline.CourseGPT(
        len(rows.vocabulary), layers=2, heads=4, width=32, synthesizer=attention == "dense_synthesizer"
    )
    baseline.copy_weights(model, theirs)
    expected = list(
        baseline.train(
            theirs, rows, rows=8, rate=6e-3, final_tokens=200 * len(rows) * 128, steps=min(STEPS, len(rows) // 8)
        )
    )
    assert our_losses(config, people, tokenizer, batches, model)[: len(expected)] == pytest.approx(expected, rel=2e-4)
    assert expected[-1] < expected[0]


def test_finetuning_losses_are_the_course_loops(people):
    config = shrunk(find_recipe("faithful").scratch)
    tokenizer = make_tokenizer(config, people)
    batches = Batches(build_mixture(config, people, tokenizer, CPU), config)
    model = initial_model(config, tokenizer, CPU)

    facts = "".join(f"{fact.question}\t{fact.answers[0]}\n" for fact in people.train)
    characters = facts.encode().decode("ascii", errors="ignore").replace("\t", "")
    rows = baseline.CharCorruption("\n".join(document.text for document in people.documents) + characters, 128)
    theirs = baseline.CourseGPT(len(rows.vocabulary), layers=2, heads=4, width=32)
    baseline.copy_weights(model, theirs)
    questions = baseline.NameQuestions(rows, facts)
    final_tokens = 200 * (len(people.documents) + 1) * 128
    expected = list(baseline.train(theirs, questions, rows=8, rate=6e-4, final_tokens=final_tokens, steps=STEPS))
    assert our_losses(config, people, tokenizer, batches, model) == pytest.approx(expected, rel=2e-4)


def pretraining(people, *, micro_batches, dropout, precision="fp32", seed=0, rows=16):
    """A small model, and the plan of the recipe's pretraining in so many parts a step."""
    config = shrunk(find_recipe("faithful").pretrain)
    model = dataclasses.replace(config.model, dropout=dropout)
    training = dataclasses.replace(
        config.training, micro_batches=micro_batches, batch_rows=rows, precision=precision, seed=seed
    )
    config = dataclasses.replace(config, model=model, training=training)
    tokenizer = make_tokenizer(config, people)
    batches = Batches(build_mixture(config, people, tokenizer, CPU), config)
    return config, initial_model(config, tokenizer, CPU).train(), batches


def padded(part):
    """The same micro-batch, padded to the block."""
    wide = (0, 127 - part.inputs_BT.shape[1])
    rows = (torch.nn.functional.pad(values_BT, wide) for values_BT in (part.inputs_BT, part.targets_BT))
    return Batch(*rows, part.rows_B)


@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_parts_of_like_length_have_the_gradient_of_the_padded_batch(people, dropout):
    _, model, parts = pretraining(people, micro_batches=8, dropout=dropout)
    _, _, whole = pretraining(people, micro_batches=1, dropout=dropout)
    assert len(parts.step(0)) > 4
    gradients = []
    for step, workers in ((parts.step(0), Workers(2)), ([padded(part) for part in whole.step(0)], None)):
        with workers or contextlib.nullcontext():
            loss = backward(model, step, "fp32", workers, (0, 1, 2))
        gradients.append([loss, *(parameter.grad.clone() for parameter in model.parameters())])
        model.zero_grad()
    for mine, theirs in zip(*gradients, strict=True):
        assert torch.allclose(mine, theirs, atol=1e-5, rtol=0)


@pytest.mark.slow
def test_the_first_200_losses_are_within_noise_of_the_padded_ones(people):
    """Dropout on, three seeds each; bf16 where it is native."""

    def curve(micro_batches, precision, seed):
        config, model, batches = pretraining(
            people, micro_batches=micro_batches, dropout=0.1, precision=precision, seed=seed, rows=6
        )
        losses = []
        training = dataclasses.replace(config.training, precision=resolve_precision(config.training, CPU))
        plan = Repeated(batches, 200)
        train(model, plan, training, corpus_positions=10**6, callbacks=(lambda record: losses.append(record.loss),))
        return torch.tensor(losses).unflatten(0, (10, 20)).mean(dim=1)

    ours = torch.stack([curve(3, "auto", seed) for seed in range(3)])
    theirs = torch.stack([curve(1, "fp32", seed) for seed in range(3, 6)])
    noise = (ours.var(dim=0) / 3 + theirs.var(dim=0) / 3).sqrt()
    assert ((ours.mean(dim=0) - theirs.mean(dim=0)).abs() < 4 * noise + 0.02).all()
    assert ours[:, -1].mean() < 0.7 * ours[:, 0].mean()
