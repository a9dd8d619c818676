"""Fits what was prepared, from the newest checkpoint if there is one, and saves the run directory."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from torch import Tensor

from closedbook import machine
from closedbook.errors import counted
from closedbook.experiments.callbacks import Checkpoints, Following, Log, Metrics, Probe
from closedbook.experiments.signals import Pending
from closedbook.experiments.unfinished import Unfinished
from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Fact
from closedbook.facts.stored import StoredCorpus
from closedbook.objectives.objective import number_of_rows
from closedbook.objectives.plan import Batches
from closedbook.objectives.windows import WindowBatches
from closedbook.runs import Run, save_run
from closedbook.training.checkpoints import Position, position_of, put_back, resume, take_weights, weights
from closedbook.training.loop import Callback, TrainingState, mean_loss, train
from closedbook.training.optimizers import make_optimizers
from closedbook.training.ranks import ALONE, Ranks

Announce = Callable[[str], None]
"""Gets lines about a training."""


@dataclass(frozen=True)
class Prepared:
    """Everything a training needs before its first step.

    Args:
        run: The model with its initial weights, its vocabulary, and the configuration with the precision that `auto`
            means here.
        corpus: With cards where the recipe studies.
        batches: The plan.
        counts: What was split, cut or left out.
        start: The run it goes on from.
        seconds: What preparing took.
        ranks: The processes that train it together.
    """

    run: Run
    corpus: Corpus | StoredCorpus
    batches: Batches | WindowBatches
    counts: dict[str, int]
    start: Path | None
    seconds: float
    ranks: Ranks = ALONE

    @property
    def corpus_positions(self) -> int:
        """Rows of the pretraining corpus times the block."""
        return number_of_rows(self.corpus, self.run.config) * self.run.config.model.block


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
        directory=unfinished.checkpoints,
        model=run.model,
        state=state,
        logs=logs,
        seconds=watching.checkpoint_seconds,
        pending=pending,
        announce=watching.announce,
        ranks=prepared.ranks,
    )
    _train(prepared, state, (*logs, saving, *watching.callbacks))
    if state.step < prepared.batches.steps:
        epochs = f"{prepared.batches.place(state.step)[0]:,} of {prepared.batches.epochs:,} epochs"
        loss = f"{mean_loss(prepared.batches, state):.4f}"
        watching.announce(
            f"learned after {counted(state.step, 'step')}, {epochs}: the mean loss of the last was {loss} "
            "(training.stop_at_loss)"
        )
    return state, logs


def follow(prepared: Prepared, pending: Pending) -> None:
    """Trains along with the process that leads, which alone writes."""
    state = TrainingState(make_optimizers(prepared.run.model, prepared.run.config.training))
    _train(prepared, state, (Following(pending, prepared.ranks),))


def _train(prepared: Prepared, state: TrainingState, callbacks: tuple[Callback, ...]) -> None:
    """Trains from where the process that leads is, which alone has read the checkpoint."""
    model, ranks = prepared.run.model, prepared.ranks
    if ranks.count > 1:
        told: tuple[dict[str, Tensor], Position] = ranks.tell((weights(model), position_of(state)))
        if not ranks.leads:
            take_weights(model, told[0])
            put_back(state, told[1])
    train(
        model,
        prepared.batches,
        prepared.run.config.training,
        corpus_positions=prepared.corpus_positions,
        callbacks=callbacks,
        state=state,
        ranks=ranks,
    )


def save(prepared: Prepared, state: TrainingState, logs: Sequence[Log], unfinished: Unfinished) -> Run:
    """Writes the run directory, which takes its name when all is there."""
    run = prepared.run
    environment: dict[str, Any] = {
        **run.environment,
        **machine.describe(run.model.device),
        "attention": run.config.model.attention,
        "parameters": run.parameters,
        "vocabulary": run.tokenizer.vocabulary_size,
        "steps": state.step,
        "planned_steps": prepared.batches.steps,
        "epochs": prepared.batches.place(state.step)[0],
        "positions": state.positions,
        "tokens": state.tokens,
        "seconds": round(prepared.seconds + state.seconds, 2),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "corpus": prepared.corpus.summary().to_json(),
        "counts": prepared.counts,
        "start": str(prepared.start) if prepared.start else None,
        "teacher": prepared.corpus.teacher if isinstance(prepared.corpus, Corpus) else "",
        "processes": prepared.ranks.count,
    }
    run = dataclasses.replace(run, environment=environment)
    with unfinished.finishing() as partial:
        save_run(partial, run, {log.name: log.text() for log in logs if log.text()})
    run.model.eval()
    return run
