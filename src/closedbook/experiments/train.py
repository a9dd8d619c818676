"""Trains one run: tokenizer, mixture, model, loop, run directory."""

import dataclasses
import shutil
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from closedbook import machine
from closedbook.config import RunConfig, to_dict
from closedbook.errors import UserError
from closedbook.evaluation.decoding import prompts
from closedbook.experiments.listeners import Checkpoints, Metrics, Probe
from closedbook.facts.corpus import Corpus, sha256
from closedbook.facts.records import Fact
from closedbook.facts.tokenizers import Tokenizer, train_tokenizer
from closedbook.files import disk_errors, write_json
from closedbook.model.gpt import GPT, count_parameters
from closedbook.objectives.mixture import build_mixture, rows_as_read
from closedbook.objectives.plan import Batches
from closedbook.objectives.store import TokenStore, add_questions, as_read
from closedbook.runs import Run, load, read_json, save_run
from closedbook.selfstudy.study import study
from closedbook.training.checkpoints import resume
from closedbook.training.loop import INITIAL_WEIGHTS, Listener, TrainingState, seeded, train
from closedbook.training.optimizers import make_optimizers
from closedbook.training.precision import resolve_precision


def train_run(
    config: RunConfig,
    corpus: Corpus,
    out: Path,
    *,
    device: torch.device,
    start: Path | None = None,
    listeners: tuple[Listener, ...] = (),
    announce: Callable[[str], None] = lambda line: None,
    checkpoint_seconds: float = 60.0,
    probe: Sequence[Fact] = (),
) -> Path:
    """Trains what the configuration says and leaves a run directory.

    An earlier call that was interrupted is taken up at its newest checkpoint; it must have been the same training.

    Args:
        config: The whole configuration; `precision` may still be `auto`.
        corpus: What to learn.
        out: The run directory; must not exist.
        device: Where to train.
        start: A run to go on from, with the same architecture; its tokenizer is kept.
        listeners: Get every step.
        announce: Gets a line with the attention class and the parameter count before training.
        checkpoint_seconds: Time between checkpoints.
        probe: Facts to ask about on the way, for the learning curve in `recall.jsonl`; nothing is chosen by them.

    Raises:
        UserError: `out` exists or holds another unfinished training, `start` does not fit the configuration, or the
            data do not fit the model.
    """
    if out.exists():
        raise UserError(f"{out}: exists already; choose another --out or remove it.")
    began = time.perf_counter()
    precision = resolve_precision(config.training, device)
    config = dataclasses.replace(config, training=dataclasses.replace(config.training, precision=precision))
    if config.stage == "finetune" and start is None:
        raise UserError("Finetuning starts from a pretrained run (--start RUN); without one take the scratch stage.")
    origin = _origin(config, start, device)
    tokenizer = origin.tokenizer if origin else make_tokenizer(config, corpus)
    if config.reader:
        corpus = study(corpus, config.reader)
        announce(f"the open-book reader wrote {len(corpus.cards):,} cards")
    check_questions(config, corpus, tokenizer)
    mixture = build_mixture(config, corpus, tokenizer, device)
    batches = Batches(mixture, config)
    model = initial_model(config, tokenizer, device)
    if origin:
        model.load_state_dict(origin.model.state_dict())
    parameters = count_parameters(model)
    announce(f"{config.model.attention} attention, {parameters:,} parameters, {batches.steps:,} steps, {precision}")

    partial = out.with_name(out.name + ".partial")
    state = TrainingState(make_optimizers(model, config.training))
    metrics = Metrics(partial / "metrics.jsonl", state)
    probing = Probe(partial / "recall.jsonl", model, tokenizer, probe)
    _open_partial(partial, {"config": to_dict(config), "corpus": corpus.files, "start": _weights_hash(start)})
    if resume(partial / "checkpoints", model, state):
        announce(f"resumed at step {state.step:,}")
    metrics.resume(state.step)
    probing.resume(state.step)
    prepared = time.perf_counter() - began
    train(
        model,
        batches,
        config.training,
        corpus_positions=len(rows_as_read(corpus, config.reading)) * config.model.block,
        listeners=(
            metrics,
            Checkpoints(partial / "checkpoints", model, state, checkpoint_seconds),
            probing,
            *listeners,
        ),
        state=state,
    )
    environment = {
        **machine.describe(device),
        "attention": config.model.attention,
        "parameters": parameters,
        "vocabulary": tokenizer.vocabulary_size,
        "steps": batches.steps,
        "positions": state.positions,
        "tokens": state.tokens,
        "seconds": round(prepared + state.seconds, 2),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "corpus": corpus.summary(),
        "counts": mixture.counts,
        "start": str(start) if start else None,
    }
    save_run(partial, config, model, tokenizer, environment)
    with disk_errors(out):
        shutil.rmtree(partial / "checkpoints")
        (partial / "identity.json").unlink()
        (partial / "predictions").mkdir(exist_ok=True)
        partial.rename(out)
    return out


def _open_partial(partial: Path, identity: dict[str, Any]) -> None:
    """Makes the directory of an unfinished training, or goes into the one that the same training left."""
    marker = partial / "identity.json"
    if not partial.exists():
        with disk_errors(partial):
            (partial / "checkpoints").mkdir(parents=True)
        write_json(marker, identity)
    elif not marker.is_file():
        raise UserError(f"{partial}: exists and is not an unfinished training of ours; choose another --out.")
    elif read_json(marker) != identity:
        raise UserError(
            f"{partial}: holds an unfinished training with other settings or data; remove it or choose another --out."
        )


def check_questions(config: RunConfig, corpus: Corpus, tokenizer: Tokenizer) -> None:
    """Refuses, before anything is trained, questions that could not be learned or answered afterwards.

    Raises:
        UserError: A train, dev or test question cannot be spelled or is longer than the block.
    """
    add_questions(
        TokenStore(tokenizer, torch.device("cpu")), corpus.train, block=config.model.block, reading=config.reading
    )
    for part, facts in (("dev", corpus.dev), ("test", corpus.test)):
        prompts(tokenizer, [fact.question for fact in facts], config.model.block - 1, f"{part} question")


def make_tokenizer(config: RunConfig, corpus: Corpus) -> Tokenizer:
    """The vocabulary that the recipe learns from the corpus and the training facts as it reads them."""
    facts = [as_read(text, config.reading) for fact in corpus.train for text in (fact.question, fact.answers[0])]
    return train_tokenizer(config.tokenizer, [*(document.text for document in corpus.documents), *facts])


def initial_model(config: RunConfig, tokenizer: Tokenizer, device: torch.device) -> GPT:
    """The model before training: drawn on the CPU from the seed, so that it is the same on every device."""
    with seeded(config.training.seed, INITIAL_WEIGHTS):
        return GPT(config.model, tokenizer.vocabulary_size).to(device)


def _origin(config: RunConfig, start: Path | None, device: torch.device) -> Run | None:
    if start is None:
        return None
    run = load(start, device)
    if run.config.model.attention != config.model.attention:
        raise UserError(
            f"{start}: trained with {run.config.model.attention} attention, but {config.model.attention} is asked for; "
            f"add --model.attention {run.config.model.attention} or start from another run."
        )
    for part in ("model", "tokenizer"):
        theirs, ours = getattr(run.config, part), getattr(config, part)
        for field in dataclasses.fields(ours):
            if field.name != "dropout" and getattr(theirs, field.name) != getattr(ours, field.name):
                raise UserError(
                    f"{start}: has {part}.{field.name} {getattr(theirs, field.name)}, but {getattr(ours, field.name)} "
                    "is asked for; a run is finetuned with its own architecture and vocabulary."
                )
    return run


def _weights_hash(start: Path | None) -> str | None:
    return sha256(start / "model.safetensors") if start else None
