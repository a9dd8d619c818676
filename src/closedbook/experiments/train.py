"""Trains one run: tokenizer, mixture, model, loop, run directory."""

import dataclasses
import json
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from closedbook import machine
from closedbook.config import RunConfig, to_dict
from closedbook.errors import UserError
from closedbook.facts.corpus import Corpus, sha256
from closedbook.facts.tokenizers import Tokenizer, train_tokenizer
from closedbook.files import disk_errors, write_json
from closedbook.model.gpt import GPT, count_parameters
from closedbook.objectives.mixture import build_mixture
from closedbook.objectives.plan import Batches
from closedbook.objectives.store import as_read
from closedbook.runs import Run, load, read_json, save_run
from closedbook.training.checkpoints import resume, save_checkpoint
from closedbook.training.loop import (
    INITIAL_WEIGHTS,
    Listener,
    StepRecord,
    TrainingState,
    resolve_precision,
    seeded,
    train,
)
from closedbook.training.optimizers import make_optimizers

LOGGED_POINTS = 200  # lines of metrics.jsonl a run


class _Metrics:
    """Writes a line of means every so many steps; the steps do not depend on timing."""

    def __init__(self, path: Path) -> None:
        self._path, self._pending = path, list[StepRecord]()
        self.tokens = self.positions = 0

    def resume_at(self, step: int) -> None:
        """Drops lines past the checkpoint, and counts what the others saw."""
        if not self._path.exists():
            return
        lines = [
            line for line in self._path.read_text(encoding="utf-8").splitlines() if json.loads(line)["step"] <= step
        ]
        self._path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")

    def __call__(self, record: StepRecord) -> None:
        self._pending.append(record)
        self.tokens += record.tokens
        self.positions += record.positions
        every = max(record.steps // LOGGED_POINTS, 1)
        if record.step % every and record.step != record.steps:
            return
        values = {
            "step": record.step,
            "loss": sum(pending.loss for pending in self._pending) / len(self._pending),
            "rate": record.rate,
            "tokens": self.tokens,
            "seconds": round(record.seconds, 3),
        }
        self._pending.clear()
        with disk_errors(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")


class _Checkpoints:
    """Saves a checkpoint whenever `seconds` have passed since the last; what is saved does not depend on when."""

    def __init__(self, directory: Path, model: GPT, state: TrainingState, seconds: float) -> None:
        self._directory, self._model, self._state, self._seconds = directory, model, state, seconds
        self._last = time.monotonic()

    def __call__(self, record: StepRecord) -> None:
        if time.monotonic() - self._last >= self._seconds and record.step < record.steps:
            save_checkpoint(self._directory, self._model, self._state)
            self._last = time.monotonic()


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
) -> Path:
    """Trains what the configuration says and leaves a run directory.

    An earlier call that was interrupted is taken up at its newest checkpoint if it was the same training.

    Args:
        config: The whole configuration; `precision` may still be `auto`.
        corpus: What to learn.
        out: The run directory; must not exist.
        device: Where to train.
        start: A run to go on from, with the same architecture; its tokenizer is kept.
        listeners: Get every step.
        announce: Gets a line with the attention class and the parameter count before training.
        checkpoint_seconds: Time between checkpoints.

    Raises:
        UserError: `out` exists, `start` does not fit the configuration, or the data do not fit the model.
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
    mixture = build_mixture(config, corpus, tokenizer, device)
    batches = Batches(mixture, config)
    model = origin.model if origin else initial_model(config, tokenizer, device)
    parameters = count_parameters(model)
    announce(f"{config.model.attention} attention, {parameters:,} parameters, {batches.steps:,} steps, {precision}")

    partial = out.with_name(out.name + ".partial")
    identity = {"config": to_dict(config), "corpus": corpus.files, "start": _weights_hash(start)}
    state = TrainingState(make_optimizers(model, config.training))
    metrics = _Metrics(partial / "metrics.jsonl")
    if _same_training(partial, identity) and resume(partial / "checkpoints", model, state):
        metrics.resume_at(state.step)
        announce(f"resumed at step {state.step:,}")
    else:
        with disk_errors(partial):
            shutil.rmtree(partial, ignore_errors=True)
            (partial / "checkpoints").mkdir(parents=True)
        write_json(partial / "identity.json", identity)
    train(
        model,
        batches,
        config.training,
        corpus_positions=len(corpus.documents) * config.model.block,
        listeners=(metrics, _Checkpoints(partial / "checkpoints", model, state, checkpoint_seconds), *listeners),
        state=state,
    )
    environment = {
        **machine.describe(device),
        "attention": config.model.attention,
        "parameters": parameters,
        "vocabulary": tokenizer.vocabulary_size,
        "steps": batches.steps,
        "positions": metrics.positions,
        "tokens": metrics.tokens,
        "seconds": round(time.perf_counter() - began, 2),
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


def _same_training(partial: Path, identity: dict[str, Any]) -> bool:
    try:
        return read_json(partial / "identity.json") == identity
    except UserError:
        return False
