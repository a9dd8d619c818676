"""Fits what was prepared, from the newest checkpoint if there is one, and saves the run directory."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from closedbook import machine
from closedbook.experiments.callbacks import Checkpoints, Log, Metrics, Probe
from closedbook.experiments.signals import Pending
from closedbook.experiments.unfinished import Unfinished
from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Fact
from closedbook.objectives.objective import rows_as_read
from closedbook.objectives.plan import Batches
from closedbook.runs import Run, save_run
from closedbook.training.checkpoints import resume
from closedbook.training.loop import Callback, TrainingState, train
from closedbook.training.optimizers import make_optimizers

Announce = Callable[[str], None]
"""Gets lines about a training."""


@dataclass(frozen=True)
class Prepared:
    """Everything a training needs before its first step.

    Args:
        run: The model with its initial weights, its vocabulary, and the configuration with the precision that `auto`
            means here.
        corpus: With the reader's cards where the recipe studies.
        batches: The plan.
        counts: What was split, cut or left out.
        start: The run it goes on from.
        seconds: What preparing took.
    """

    run: Run
    corpus: Corpus
    batches: Batches
    counts: dict[str, int]
    start: Path | None
    seconds: float


@dataclass(frozen=True)
class Watching:
    """Who hears of a training, and what is kept of it on the way; see `train_run`."""

    callbacks: tuple[Callback, ...]
    announce: Announce
    probe: Sequence[Fact]
    checkpoint_seconds: float


def fit(
    prepared: Prepared, unfinished: Unfinished, watching: Watching, pending: Pending
) -> tuple[TrainingState, tuple[Log, ...]]:
    """Trains the prepared model in place, from the newest checkpoint if there is one.

    Returns:
        What the training came to, and its logs.
    """
    run, config = prepared.run, prepared.run.config
    state = TrainingState(make_optimizers(run.model, config.training))
    metrics = Metrics(unfinished.path / "metrics.jsonl", state)
    probing = Probe(unfinished.path / "recall.jsonl", run, watching.probe)
    logs = (metrics, probing)
    notes = resume(unfinished.checkpoints, run.model, state, watching.announce)
    if notes is not None:
        watching.announce(f"resumed at step {state.step:,}")
    for log in logs:
        log.resume((notes or {}).get(log.name, {}))
    saving = Checkpoints(
        unfinished.checkpoints,
        run.model,
        state,
        logs,
        seconds=watching.checkpoint_seconds,
        pending=pending,
        announce=watching.announce,
    )
    train(
        run.model,
        prepared.batches,
        config.training,
        corpus_positions=len(rows_as_read(prepared.corpus, config)) * config.model.block,
        callbacks=(*logs, saving, *watching.callbacks),
        state=state,
    )
    return state, logs


def save(prepared: Prepared, state: TrainingState, logs: Sequence[Log], unfinished: Unfinished) -> Run:
    """Writes the run directory, which takes its name when all is there."""
    run = prepared.run
    environment: dict[str, Any] = {
        **machine.describe(run.model.device),
        "attention": run.config.model.attention,
        "parameters": run.parameters,
        "vocabulary": run.tokenizer.vocabulary_size,
        "steps": prepared.batches.steps,
        "epochs": prepared.batches.epochs,
        "positions": state.positions,
        "tokens": state.tokens,
        "seconds": round(prepared.seconds + state.seconds, 2),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "corpus": prepared.corpus.summary().to_json(),
        "counts": prepared.counts,
        "start": str(prepared.start) if prepared.start else None,
    }
    run = dataclasses.replace(run, environment=environment)
    with unfinished.finishing() as partial:
        save_run(partial, run, {log.name: log.text() for log in logs if log.text()})
    run.model.eval()
    return run
