"""Trains one run: prepare (tokenizer, mixture, batches, model), then fit and save (`fitting.py`)."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from closedbook.config import ReaderConfig, RunConfig, TokenizerConfig, to_dict
from closedbook.errors import UserError, counted
from closedbook.experiments.asked import check_prompts, longest_answer, too_long_to_write
from closedbook.experiments.fitting import Announce, Prepared, Watching, fit, follow, save
from closedbook.experiments.options import CHECKPOINT_SECONDS
from closedbook.experiments.signals import waiting_signals
from closedbook.experiments.unfinished import Unfinished
from closedbook.facts.corpus import TEACHER, Corpus
from closedbook.facts.records import Fact
from closedbook.facts.stored import StoredCorpus
from closedbook.facts.tokenizers import Tokenizer, names_behind_marks, train_tokenizer
from closedbook.manifest import sha256
from closedbook.model.gpt import GPT
from closedbook.objectives.mixture import build_mixture
from closedbook.objectives.plan import Batches
from closedbook.objectives.store import as_read
from closedbook.objectives.windows import WINDOW, Studied, WindowBatches, Windows
from closedbook.recipes import with_model, with_training
from closedbook.run_directory import LONGEST_ANSWER, WEIGHTS, check_run
from closedbook.runs import Run, load
from closedbook.selfstudy.study import FEWEST, PartByPart, study, unstudied
from closedbook.training.loop import INITIAL_WEIGHTS, Callback, seeded
from closedbook.training.precision import resolve_precision
from closedbook.training.ranks import ALONE, Ranks

MANY_PASSES = 40  # from so many on training examples are memorised and others are answered worse (decision 13)
DROPOUT = 0.1
MOST_LEFT = 6  # relations that are named
Study = Callable[[Corpus, ReaderConfig], Corpus]
"""From a corpus to the same with the cards that a reader wrote."""


class LastStudy:
    """Self-study that keeps the last corpus with its cards: the seeds and systems of a grid share one reader."""

    def __init__(self) -> None:
        self._asked: tuple[Corpus, ReaderConfig] | None = None
        self._studied: Corpus | None = None

    def __call__(self, corpus: Corpus, reader: ReaderConfig) -> Corpus:
        """As `closedbook.selfstudy.study.study`."""
        if self._studied is None or self._asked != (corpus, reader):
            self._studied, self._asked = study(corpus, reader), (corpus, reader)
        return self._studied


def train_run(
    config: RunConfig,
    corpus: Corpus | StoredCorpus,
    out: Path,
    *,
    device: torch.device,
    start: Path | None = None,
    callbacks: tuple[Callback, ...] = (),
    announce: Announce = lambda line: None,
    probe: Sequence[Fact] = (),
    studied: Study = study,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    ranks: Ranks = ALONE,
) -> Run:
    """Trains what the configuration says, leaves a run directory and returns the run.

    An earlier call that was interrupted is taken up at its newest checkpoint; it must have been the same training. On a
    signal that asks to stop, the step is finished and saved first.

    Args:
        config: The whole configuration; `precision` may still be `auto`.
        corpus: What to learn.
        out: The run directory; must not exist.
        device: Where to train.
        start: A run to go on from, with the same architecture; its tokenizer is kept.
        callbacks: Called after each step.
        announce: Gets lines about the training before it begins.
        probe: Facts to ask about on the way, for the learning curve in `recall.jsonl`; nothing is chosen by them.
        studied: Writes the cards where the recipe studies.
        checkpoint_seconds: Between two checkpoints.
        ranks: The processes that train it together, of which this one leads; the others call `train_along`.

    Raises:
        UserError: `out` exists, another process trains it, or it holds another unfinished training; `start` does not
            fit the configuration, the data do not fit the model, the disk is full, or the processes do not have the
            same.
    """
    config = with_training(config, precision=resolve_precision(config.training, device))
    identity = _identity(config, corpus, start)
    ranks.same(identity)
    unfinished = Unfinished(out, identity)
    with unfinished.opened() as done:
        if ranks.tell(done):
            return _finished(config, out, device)
        prepared = prepare(
            config, corpus, out, device=device, start=start, announce=announce, studied=studied, ranks=ranks
        )
        watching = Watching(callbacks, announce, probe, checkpoint_seconds)
        unfinished.take_up()
        with waiting_signals(patient=ranks.count > 1) as pending:
            state, logs = fit(prepared, unfinished, watching, pending)
            run = save(prepared, state, logs, unfinished)
            ranks.end()  # before a signal that has come meanwhile ends this process
            return run


def train_along(
    config: RunConfig,
    corpus: Corpus | StoredCorpus,
    out: Path,
    *,
    device: torch.device,
    start: Path | None,
    ranks: Ranks,
) -> None:
    """What a process that does not lead does meanwhile: the same steps on its own rows; it writes nothing.

    Raises:
        UserError: It does not have the same as the process that leads, or as `prepare`.
    """
    config = with_training(config, precision=resolve_precision(config.training, device))
    ranks.same(_identity(config, corpus, start))
    if ranks.tell(False):
        return
    prepared = prepare(config, corpus, out, device=device, start=start, ranks=ranks)
    with waiting_signals(patient=True) as pending:
        follow(prepared, pending)
        ranks.end()


def _identity(config: RunConfig, corpus: Corpus | StoredCorpus, start: Path | None) -> dict[str, Any]:
    """What makes a training this one, whoever works on it (JSON-ready).

    Raises:
        UserError: `start` is no run.
    """
    if start is not None:
        check_run(start)
    read = {} if isinstance(corpus, Corpus) else {"windows": WINDOW}  # other batches than those of the directory
    files = {**corpus.files, **read}
    return {"config": to_dict(config), "corpus": files, "start": sha256(start / WEIGHTS) if start else None}


def prepare(
    config: RunConfig,
    corpus: Corpus | StoredCorpus,
    out: Path,
    *,
    device: torch.device,
    start: Path | None = None,
    announce: Announce = lambda line: None,
    studied: Study = study,
    ranks: Ranks = ALONE,
) -> Prepared:
    """Reads, tokenizes and plans what `out` will hold; nothing is written, and what cannot be asked is refused.

    Of several processes one studies for all. Where a teacher writes the cards, the corpus has them already.
    """
    began = time.perf_counter()
    config = with_training(config, precision=resolve_precision(config.training, device))
    if config.stage == "finetune" and start is None:
        raise UserError("Finetuning starts from a pretrained run (--start RUN); without one take the scratch stage.")
    origin = _origin(config, start, device)
    tokenizer = origin.tokenizer if origin else make_tokenizer(config, corpus)
    longest = longest_answer(corpus, tokenizer) if config.reading == "utf8" else 0  # the course cuts answers at 32
    too_long = too_long_to_write(corpus, tokenizer, longest)
    batches: Batches | WindowBatches
    check_prompts(config, corpus, tokenizer)
    ranks.same({"vocabulary": tokenizer.vocabulary_size})
    if TEACHER not in corpus.files:
        config.check_teacher(False)
    if isinstance(corpus, Corpus):
        if config.reader:
            cards = ranks.tell(studied(corpus, config.reader).cards if ranks.leads else ())
            corpus = dataclasses.replace(corpus, cards=cards)
            announce(f"the open-book reader wrote {counted(len(corpus.cards), 'card')}{_left_out(corpus)}")
        mixture = build_mixture(config, corpus, tokenizer, device)
        batches, counts = Batches(mixture, config, rank=ranks.rank, ranks=ranks.count), mixture.counts
        ranks.same({"plan of batches": (batches.steps, batches.positions)})
    else:
        batches = window_batches(config, corpus, tokenizer, device, ranks)
        counts = batches.counts
        ranks.same({"plan of batches": (batches.steps, counts)})
        announce(f"{counted(counts['windows'], 'window')} an epoch, of {WINDOW:,} documents each")
    config = with_dropout(config, batches.epochs)
    noted = {LONGEST_ANSWER: longest}
    run = Run(out, config, initial_model(config, tokenizer, device), tokenizer, noted)
    if origin:
        run.model.load_state_dict(origin.model.state_dict())
    announce(
        f"{config.model.attention} attention, {counted(run.parameters, 'parameter')}, "
        f"{counted(batches.steps, 'step')} in {counted(batches.epochs, 'epoch')}, {config.training.precision}"
        + (f", dropout {config.model.dropout}" if config.model.dropout else "")
    )
    return Prepared(run, corpus, batches, {**counts, **too_long}, start, time.perf_counter() - began, ranks)


def _left_out(corpus: Corpus) -> str:
    """What is said of relations that the reader wrote no card for."""
    left = unstudied(corpus)
    shown = [*left[:MOST_LEFT], *([f"{len(left) - MOST_LEFT} more"] if len(left) > MOST_LEFT else [])]
    return f", and none for {', '.join(shown)}, of fewer than {FEWEST} training questions" if shown else ""


def window_batches(
    config: RunConfig, corpus: StoredCorpus, tokenizer: Tokenizer, device: torch.device, ranks: Ranks = ALONE
) -> WindowBatches:
    """The batches of a training on a corpus larger than memory.

    Raises:
        UserError: The recipe reads all of the corpus into memory, or asks for cards and no reader can be learned.
    """
    studied: Studied | None = None
    if config.reader:
        part_by_part = PartByPart(corpus.sample(), config.reader, corpus.trained) if ranks.leads else None

        def studied(window: Corpus) -> Corpus:
            """The window with the cards of the process that leads; all open the same windows in the same order."""
            cards = ranks.tell(part_by_part(window).cards if part_by_part is not None else ())
            return dataclasses.replace(window, cards=cards)

    windows = Windows(corpus, config, tokenizer, device, studied)
    return WindowBatches(windows, config, corpus.asked(), rank=ranks.rank, ranks=ranks.count)


def same_training(kept: RunConfig, config: RunConfig) -> bool:
    """Whether a run has a configuration whose precision is resolved; its dropout may have been left to the training."""
    if config.model.dropout is None:
        config = with_model(config, dropout=kept.model.dropout)
    return kept == config


def _finished(config: RunConfig, out: Path, device: torch.device) -> Run:
    """The run that an earlier call was killed after finishing."""
    run = load(out, device)
    if not same_training(run.config, config):
        raise UserError(f"{out}: exists already; choose another place or remove it.")
    return run


def make_tokenizer(config: RunConfig, corpus: Corpus | StoredCorpus) -> Tokenizer:
    """The vocabulary that the recipe learns from the corpus and the training facts as it reads them; a store has one.

    Raises:
        UserError: The store's is another.
    """
    if isinstance(corpus, StoredCorpus):
        theirs = corpus.description.tokenizer
        if theirs != config.tokenizer:
            raise UserError(
                f"{corpus.path}: tokenized with {_tokens(theirs)}, but {_tokens(config.tokenizer)} are asked for; "
                f"build it with --recipe {config.recipe}, or train with the --tokenizer settings of the store."
            )
        return corpus.tokenizer()
    facts = [as_read(text, config.reading) for fact in corpus.train for text in (fact.question, fact.answers[0])]
    texts = [*(document.text for document in corpus.documents), *facts]
    return train_tokenizer(config.tokenizer, texts, apart=names_behind_marks(corpus.train))


def _tokens(config: TokenizerConfig) -> str:
    return config.kind if config.vocabulary_size is None else f"{config.vocabulary_size:,} tokens ({config.kind})"


def initial_model(config: RunConfig, tokenizer: Tokenizer, device: torch.device) -> GPT:
    """The model before training: drawn on the CPU from the seed, so that it is the same on every device."""
    with seeded(config.training.seed, INITIAL_WEIGHTS):
        return GPT(config.model, tokenizer.vocabulary_size).to(device)


def passes(config: RunConfig, corpus: Corpus, studied: Study = study) -> int:
    """Passes over its mixture that a training on that corpus takes, with those for relations and `least_steps`."""
    if config.reader:
        corpus = studied(corpus, config.reader)
    mixture = build_mixture(config, corpus, make_tokenizer(config, corpus), torch.device("cpu"))
    return Batches(mixture, config).epochs


def settle_dropout(config: RunConfig, corpus: Corpus) -> RunConfig:
    """With the dropout that None means on that corpus, for experiments in which it must not change with the passes."""
    return config if config.model.dropout is not None else with_dropout(config, passes(config, corpus))


def with_dropout(config: RunConfig, epochs: int) -> RunConfig:
    """With the dropout that None means in a training of so many passes over its examples."""
    if config.model.dropout is not None:
        return config
    return with_model(config, dropout=DROPOUT if epochs >= MANY_PASSES else 0.0)


def _origin(config: RunConfig, start: Path | None, device: torch.device) -> Run | None:
    """The run to go on from, with the architecture and the vocabulary of the configuration."""
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
