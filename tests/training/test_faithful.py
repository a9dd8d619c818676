"""The faithful recipe's first steps against the course's loop, written independently in `benchmarks.course`."""

import dataclasses

import pytest
import torch
from benchmarks import course as baseline

from closedbook.experiments.train import initial_model, make_tokenizer
from closedbook.objectives.mixture import build_mixture
from closedbook.objectives.objective import rows_as_read
from closedbook.objectives.plan import Batches
from closedbook.recipes import find_recipe, with_attention
from closedbook.training.loop import train

CPU = torch.device("cpu")
STEPS = 7


class EnoughStepsError(Exception):
    pass


def shrunk(config):
    """The recipe's stage as it is, but for the model's size, dropout (other random numbers) and precision."""
    model = dataclasses.replace(config.model, layers=2, heads=4, width=32, dropout=0.0)
    training = dataclasses.replace(config.training, batch_rows=8, epochs=4)
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
