"""`make bench`: closedbook beside a baseline written the course's way, same machine, same run, real data, seed's model.

    python -m benchmarks.speed [--corpus DIR] [--out FILE] [--steps N] [--questions N]

Training is timed on the pretraining of the faithful recipe, the same batches of 128 rows on either side (characters,
3.3 M parameters, dropout): the course's loop pads them to the block, in fp32. The figure is real (non-padding) input
tokens a second, the median over rounds in which both take turns. Decoding answers dev questions with the same weights
on both sides. Without the course's data the built-in people serve.
"""

import argparse
import contextlib
import dataclasses
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks import course as baseline
from closedbook import machine
from closedbook.config import PeopleConfig, QuestionAnswering, RunConfig
from closedbook.experiments.train import initial_model, make_tokenizer
from closedbook.facts.built_in import built_in_corpus
from closedbook.facts.corpus import Corpus, read_directory
from closedbook.objectives.mixture import build_mixture
from closedbook.objectives.plan import Batches
from closedbook.recipes import find_recipe
from closedbook.runs import Run
from closedbook.training.loop import StepRecord, train
from closedbook.training.precision import resolve_precision

CPU = torch.device("cpu")
COURSE = Path(__file__).resolve().parents[2] / "shared" / "data" / "cs224n-2021"
BATCH_TOKENS = 128 * 64  # about the real tokens of the baseline's batch of 128 rows


ANSWER_PASSES = 6  # over the training questions, before decoding is timed


class _EnoughError(Exception):
    pass


def main() -> None:
    """Times both sides and prints and writes the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--corpus", type=Path, default=COURSE)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--steps", type=int, default=4, help="timed steps a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--questions", type=int, default=500)
    options = parser.parse_args()
    corpus = read_directory(options.corpus) if options.corpus.is_dir() else built_in_corpus(PeopleConfig(count=2000))
    summary = {"corpus": corpus.name, "machine": machine.describe(CPU)}
    summary["training"] = training(corpus, options.steps, options.rounds)
    summary["decoding"] = decoding(corpus, options.questions)
    places = {"people": "people"} | ({corpus.name: str(options.corpus)} if options.corpus.is_dir() else {})
    summary["first_step_seconds"] = {
        name: statistics.median(first_step(place) for _ in range(options.rounds)) for name, place in places.items()
    }
    text = json.dumps(summary, indent=2)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")


def faithful_config() -> RunConfig:
    """The faithful recipe's pretraining, in what precision the processor has."""
    config = find_recipe("faithful").pretrain
    precision = resolve_precision(config.training, CPU)
    return dataclasses.replace(config, training=dataclasses.replace(config.training, precision=precision, epochs=3))


def answering_config() -> RunConfig:
    """The seed's model on questions alone, by length, AdamW, without dropout."""
    config = find_recipe("faithful").pretrain
    fast = find_recipe("standard").pretrain.training
    fast = dataclasses.replace(
        fast,
        batch_tokens=BATCH_TOKENS,
        micro_batches=2,
        optimizer="adamw",
        matrix_learning_rate=None,
        epochs=1,
        epochs_a_relation=0,
        least_steps=None,
        precision=resolve_precision(fast, CPU),
    )
    model = dataclasses.replace(config.model, dropout=0.0)
    mixture = (QuestionAnswering(repeats=ANSWER_PASSES),)
    return dataclasses.replace(config, model=model, mixture=mixture, reading="utf8", training=fast)


def training(corpus: Corpus, steps: int, rounds: int) -> dict[str, Any]:
    """Real tokens a second of both, in turns, after one warm-up step each."""
    config = faithful_config()
    tokenizer = make_tokenizer(config, corpus)
    batches = Batches(build_mixture(config, corpus, tokenizer, CPU), config)
    model = initial_model(config, tokenizer, CPU)
    rows = baseline.CharCorruption("".join(f"{document.text}\n" for document in corpus.documents), 128)
    theirs = baseline.CourseGPT(len(rows.vocabulary), dropout=config.model.dropout_rate)
    ours_rounds, baseline_rounds = [], []
    for _ in range(rounds):
        baseline_rounds.append(_time_baseline(theirs, rows, steps))
        ours_rounds.append(_time_ours(model, batches, config, steps))
    ours, base = statistics.median(ours_rounds), statistics.median(baseline_rounds)
    whole = [part for step in range(batches.steps // config.training.epochs) for part in batches.step(step)]
    positions = sum(part.inputs_BT.numel() for part in whole)
    return {
        "precision": config.training.precision,
        "ours_tokens_per_second": [round(value) for value in ours_rounds],
        "baseline_tokens_per_second": [round(value) for value in baseline_rounds],
        "ratio": round(ours / base, 2),
        "padding_of_an_epoch": round(1 - sum(part.tokens for part in whole) / positions, 4),
    }


def _time_baseline(model: baseline.CourseGPT, rows: baseline.CharCorruption, steps: int) -> float:
    losses = baseline.train(model, rows, rows=128, rate=6e-3, final_tokens=10**9, steps=steps + 1)
    next(losses)
    tokens = 0
    for row in range(128, 128 * (steps + 1)):
        tokens += int((rows[row % len(rows)][0] != 0).sum())
    began = time.perf_counter()
    for _ in losses:
        pass
    return tokens / (time.perf_counter() - began)


def _time_ours(model: Any, batches: Batches, config: RunConfig, steps: int) -> float:
    records: list[StepRecord] = []

    def listen(record: StepRecord) -> None:
        records.append(record)
        if len(records) > 2 * steps:
            raise _EnoughError

    with contextlib.suppress(_EnoughError):
        train(model, batches, config.training, corpus_positions=1, callbacks=(listen,))
    timed = records[1:]
    tokens = sum(record.tokens for record in timed)
    return tokens / (records[-1].seconds - records[0].seconds)


def decoding(corpus: Corpus, count: int) -> dict[str, Any]:
    """Seconds for the dev questions with the same weights, which have learned the form of an answer and no more.

    The baseline answers a tenth of them and is scaled. `never_ending` is ours with weights that never write the
    closing mask, so that every answer takes all 32 characters, as the baseline's always do.
    """
    config = answering_config()
    tokenizer = make_tokenizer(config, dataclasses.replace(corpus, train=()))
    rows = baseline.CharCorruption("".join(f"{document.text}\n" for document in corpus.documents), 128)
    spelled = set(rows.vocabulary)
    train_facts = tuple(fact for fact in corpus.train if set(fact.question + fact.answers[0]) <= spelled)
    corpus = dataclasses.replace(corpus, train=train_facts)
    model = initial_model(config, tokenizer, CPU)
    questions = [fact.question for fact in corpus.dev if set(fact.question) <= spelled][:count]
    run = Run(Path(), config, model, tokenizer, {})
    never_ending = _time_answers(run, questions)[0]
    train(model, Batches(build_mixture(config, corpus, tokenizer, CPU), config), config.training, corpus_positions=1)
    ours, answers = _time_answers(run, questions)

    theirs = baseline.CourseGPT(len(rows.vocabulary))
    baseline.copy_weights(model, theirs)
    began = time.perf_counter()
    expected = baseline.answers(theirs, rows, questions[::10])
    base = (time.perf_counter() - began) * len(questions) / len(expected)
    return {
        "questions": len(questions),
        "ours_seconds": round(ours, 2),
        "ours_seconds_never_ending": round(never_ending, 2),
        "baseline_seconds": round(base, 1),
        "baseline_answered": len(expected),
        "same_answers": sum(a == b for a, b in zip(answers[::10], expected, strict=True)),
        "mean_answer_characters": round(statistics.mean(map(len, answers)), 1),
        "ratio": round(base / ours, 1),
    }


def _time_answers(run: Run, questions: list[str]) -> tuple[float, list[str]]:
    run.model.eval()
    began = time.perf_counter()
    answers = run.answer(questions)
    return time.perf_counter() - began, answers


def first_step(corpus: str) -> float:
    """Seconds from the start of the process of `closedbook reproduce` to its first training step."""
    with tempfile.TemporaryDirectory() as directory:
        code = (
            "import sys, closedbook.cli, closedbook.objectives.plan as plan\n"
            "plan.Batches.step = lambda self, step: sys.exit(0)\n"
            f"closedbook.cli.main(['reproduce', '--corpus', {corpus!r}, '--out', {directory + '/out'!r}])\n"
        )
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
        return round(time.perf_counter() - began, 2)


if __name__ == "__main__":
    main()
