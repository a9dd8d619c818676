"""Configurations: frozen, keyword-only dataclasses, checked where they are built, free of torch."""

import dataclasses
import math
from dataclasses import dataclass
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from closedbook.errors import UserError

Attention = Literal["key_query_value", "synthesizer"]
Reading = Literal["utf8", "course"]
Stage = Literal["pretrain", "finetune", "scratch"]
Objective = Literal[
    "span_corruption",
    "multi_span",
    "salient_span",
    "whole_line",
    "suffix_first",
    "name_cards",
    "context_cards",
    "outlines",
    "question_answering",
    "study_cards",
    "rewriting",
]
STUDY: tuple[Objective, ...] = ("study_cards", "rewriting")  # what needs the reader's cards: open track


def _check_types(config: Any) -> None:
    """Holds every field against its annotation: numbers, strings, literals and None, as they come from JSON."""
    hints = get_type_hints(type(config))
    for field in dataclasses.fields(config):
        value, hint = getattr(config, field.name), hints[field.name]
        allowed = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
        if not any(_is_a(value, one) for one in allowed):
            raise UserError(
                f"{type(config).__name__.removesuffix('Config').lower()}.{field.name}: cannot be {value!r}."
            )


def _is_a(value: Any, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) is tuple:
        return isinstance(value, tuple)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def _require(condition: bool, sentence: str) -> None:
    if not condition:
        raise UserError(sentence)


@dataclass(frozen=True, kw_only=True)
class PeopleConfig:
    """The built-in people.

    Args:
        count: Number of people.
        seed: Another seed gives other people.
        biographies: Texts a person in the corpus.
        permute: Whether each biography has its sentences in an order of its own, instead of one order for all.
        templates: Wordings an attribute has, 1 to 4.
        train: Share of people whose question is in train.
        dev: Share of people whose question is in dev.
        test: Share of people whose question is in test.
        unseen: Share of people who are in no corpus; their questions are in unseen.tsv.
    """

    count: int = 1000
    seed: int = 0
    biographies: int = 1
    permute: bool = False
    templates: int = 4
    train: float = 0.5
    dev: float = 0.3
    test: float = 0.1
    unseen: float = 0.1

    def __post_init__(self) -> None:
        _check_types(self)
        _require(self.count >= 10, "count must be at least 10.")
        _require(self.seed >= 0, "seed must not be negative.")
        _require(self.biographies >= 1, "biographies must be at least 1.")
        _require(1 <= self.templates <= 4, "templates must be 1 to 4.")
        shares = (self.train, self.dev, self.test, self.unseen)
        _require(all(0 <= share <= 1 for share in shares), "train, dev, test and unseen are shares in [0, 1].")
        _require(sum(shares) <= 1 + 1e-9, "The shares of train, dev, test and unseen add up to more than 1.")
        _require(self.train > 0 and self.dev > 0, "train and dev must be above 0.")


@dataclass(frozen=True, kw_only=True)
class TokenizerConfig:
    """How text becomes tokens.

    Args:
        kind: `characters` (the sorted characters of the corpus) or `bpe` (byte-level byte-pair encoding).
        vocabulary_size: Number of BPE tokens, pad and mask included; characters count themselves.
    """

    kind: Literal["characters", "bpe"] = "bpe"
    vocabulary_size: int | None = None

    def __post_init__(self) -> None:
        _check_types(self)
        if self.kind == "bpe":
            size = self.vocabulary_size
            _require(size is not None and size >= 258, "tokenizer.vocabulary_size must be at least 258 for bpe.")
        else:
            _require(
                self.vocabulary_size is None,
                "tokenizer.vocabulary_size has no effect with characters: set it to null or leave it out.",
            )


@dataclass(frozen=True, kw_only=True)
class ReaderConfig:
    """The open-book reader of self-study.

    Args:
        penalty: Weight of half the squared norm of its weights.
        rounds: Times it is learned; from the second on, what it read with confidence counts as known answers.
        sure: Confidence from which a reading counts so.
        at_least: Confidence from which a reading becomes a card.
    """

    penalty: float = 2.0
    rounds: int = 2
    sure: float = 0.6
    at_least: float = 0.0

    def __post_init__(self) -> None:
        _check_types(self)
        _require(self.penalty > 0, "reader.penalty must be above 0.")
        _require(self.rounds >= 1, "reader.rounds must be at least 1.")
        for name in ("sure", "at_least"):
            _require(0.0 <= getattr(self, name) <= 1.0, f"reader.{name} must be in [0, 1].")


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The architecture; the vocabulary's size comes from the tokenizer.

    Args:
        attention: The attention class of every layer.
        layers: Number of blocks.
        heads: Attention heads a layer; must divide the width.
        width: Size of the residual stream.
        block: Longest example in tokens; inputs are one shorter, because targets are inputs shifted by one.
        dropout: Probability on embeddings, attention weights and both residual branches.
        tied_embeddings: Whether the output head is the input embedding.
        positions: `learned` (a vector a position, added to the embedding) or `rotary` (queries and keys are turned by
            their position, so that scores depend on distances alone).
        normalised_queries: Whether queries and keys are scaled to root mean square 1 before their inner product.
    """

    attention: Attention = "key_query_value"
    layers: int = 4
    heads: int = 8
    width: int = 256
    block: int = 128
    dropout: float = 0.0
    tied_embeddings: bool = True
    positions: Literal["learned", "rotary"] = "learned"
    normalised_queries: bool = False

    def __post_init__(self) -> None:
        _check_types(self)
        _require(1 <= self.layers <= 256, "model.layers must be 1 to 256.")
        _require(
            1 <= self.heads <= self.width <= 16_384 and self.width % self.heads == 0,
            f"model.heads ({self.heads}) must divide model.width ({self.width}), which is at most 16384.",
        )
        _require(
            16 <= self.block <= 65_536,
            "model.block must be 16 to 65536 tokens; below, two masks beside 7/8 of it do not fit.",
        )
        _require(0.0 <= self.dropout < 1.0, "model.dropout must be in [0, 1).")
        if self.attention == "synthesizer":
            _require(
                self.positions == "learned" and not self.normalised_queries,
                "model.positions rotary and model.normalised_queries have no effect without queries and keys: "
                "a synthesizer takes learned positions and false.",
            )
        if self.positions == "rotary":
            _require(self.width // self.heads % 2 == 0, "model.positions rotary needs heads of an even size.")


@dataclass(frozen=True, kw_only=True)
class SourceConfig:
    """One ingredient of the training mixture.

    Args:
        objective: How a document or fact becomes an example; see `closedbook.objectives`.
        repeats: How often an epoch passes over it.
        share: Part of its examples that a pass takes, drawn anew each time.
        first_epoch: The epoch, counted from 0, in which it joins the mixture.
        last_epoch: The last epoch it takes part in, None for all.
        context_words: Longest left context of a `context_cards` example in words.
        context_place: Whether that context stands `after` the name, or at random on `either` side of it.
        long_documents: Whether `span_corruption` and `multi_span` split a document that is longer than an example into
            windows that repeat the subject, or let the cut drop its end, as the course's code does.
        forms: Wordings that `rewriting` takes from the training people's lines, the most frequent first.
    """

    objective: Objective
    repeats: int = 1
    share: float = 1.0
    first_epoch: int = 0
    last_epoch: int | None = None
    context_words: int | None = None
    context_place: Literal["after", "either"] | None = None
    long_documents: Literal["windows", "cut"] | None = None
    forms: int | None = None

    def __post_init__(self) -> None:
        _check_types(self)
        name = f"objective {self.objective}"
        _require(self.repeats >= 1, f"{name}: repeats must be at least 1.")
        _require(0.0 < self.share <= 1.0, f"{name}: share must be above 0 and at most 1.")
        _require(self.first_epoch >= 0, f"{name}: first_epoch must not be negative.")
        _require(
            self.last_epoch is None or self.last_epoch >= self.first_epoch,
            f"{name}: last_epoch must not come before first_epoch.",
        )
        for setting, objectives in _SETTINGS.items():
            value = getattr(self, setting)
            if self.objective not in objectives:
                _require(value is None, f"{name}: {setting} has no effect; set it to null or leave it out.")
            elif setting in _CHOICES:
                _require(value is not None, f"{name}: {setting} must be {_CHOICES[setting]}.")
            else:
                _require(value is not None and value >= 1, f"{name}: {setting} must be at least 1.")


_SETTINGS = {
    "context_words": ("context_cards",),
    "context_place": ("context_cards",),
    "long_documents": ("span_corruption", "multi_span"),
    "forms": ("rewriting",),
}
_CHOICES = {"long_documents": "'windows' or 'cut'", "context_place": "'after' or 'either'"}


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """One training: the plan of batches, the optimizer, the schedule, and how to compute.

    Args:
        seed: Seeds the initial weights, the batches and dropout.
        epochs: Passes over the mixture.
        plan: `by_length` (batches of similar length, a constant number of tokens) or `in_order` (file order, padded
            to the block, a constant number of rows).
        batch_tokens: Tokens a step, padding included (`by_length`).
        micro_batches: Parts of a step, each of one length; more of them mix lengths (`by_length`).
        batch_rows: Rows a step (`in_order`).
        optimizer: `adamw` for all, or `muon` for the hidden matrices with AdamW for the rest.
        learning_rate: AdamW's peak rate.
        matrix_learning_rate: Muon's peak rate.
        weight_decay: Decoupled weight decay of AdamW and Muon alike.
        decay: What AdamW decays: `matrices` (two or more dimensions) or `all_but_biases` (whatever has no `bias` in
            its name, as the course's code does).
        beta_1: AdamW's first decay rate.
        beta_2: AdamW's second decay rate.
        clip: Largest norm of the gradient.
        schedule: `cosine` (linear warm-up, then cosine to the floor over the run) or `course` (the 2021 code's:
            counted in tokens, set after each step, back up after `final_passes` passes of padded blocks).
        warmup_steps: Steps of linear warm-up (`cosine`).
        floor: Rate at the end as a share of the peak.
        precision: `auto` takes bf16 where the processor computes it natively, else fp32; the run stores what it took.
        compile: Whether to use `torch.compile`.
    """

    seed: int = 0
    epochs: int = 1
    plan: Literal["by_length", "in_order"] = "by_length"
    batch_tokens: int | None = None
    micro_batches: int | None = None
    batch_rows: int | None = None
    optimizer: Literal["adamw", "muon"] = "adamw"
    learning_rate: float = 1e-3
    matrix_learning_rate: float | None = None
    weight_decay: float = 0.0
    decay: Literal["matrices", "all_but_biases"] = "matrices"
    beta_1: float = 0.9
    beta_2: float = 0.95
    clip: float = 1.0
    schedule: Literal["cosine", "course"] = "cosine"
    warmup_steps: int | None = None
    floor: float = 0.1
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    compile: bool = False

    def __post_init__(self) -> None:
        _check_types(self)
        _require(self.seed >= 0, "training.seed must not be negative.")
        _require(self.epochs >= 1, "training.epochs must be at least 1.")
        self._check_plan()
        self._check_optimizer()
        if self.schedule == "cosine":
            _require(
                self.warmup_steps is not None and self.warmup_steps >= 0,
                "training.warmup_steps must be given (0 or more) with the cosine schedule.",
            )
        else:
            _require(
                self.warmup_steps is None,
                "training.warmup_steps has no effect with the course schedule; set it to null or leave it out.",
            )
        _require(0.0 <= self.floor <= 1.0, "training.floor must be in [0, 1].")

    def _check_plan(self) -> None:
        by_length, in_order = ["batch_tokens", "micro_batches"], ["batch_rows"]
        used, unused = (by_length, in_order) if self.plan == "by_length" else (in_order, by_length)
        for name in used:
            size = getattr(self, name)
            _require(size is not None and size >= 1, f"training.{name} must be at least 1 with the {self.plan} plan.")
        for name in unused:
            _require(
                getattr(self, name) is None,
                f"training.{name} has no effect with the {self.plan} plan; set it to null or leave it out.",
            )

    def _check_optimizer(self) -> None:
        _require(self.learning_rate > 0, "training.learning_rate must be above 0.")
        rate = self.matrix_learning_rate
        if self.optimizer == "muon":
            _require(rate is not None and rate > 0, "training.matrix_learning_rate must be above 0 with muon.")
        else:
            _require(
                rate is None, "training.matrix_learning_rate has no effect with adamw; set it to null or leave it out."
            )
        _require(self.weight_decay >= 0, "training.weight_decay must not be negative.")
        _require(0 <= self.beta_1 < 1 and 0 <= self.beta_2 < 1, "training.beta_1 and beta_2 must be in [0, 1).")
        _require(self.clip > 0, "training.clip must be above 0.")


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything that decides a run, but for the data and the machine.

    Args:
        recipe: The recipe's name.
        stage: `pretrain`, `finetune` (from a pretrained run) or `scratch` (finetuning without pretraining).
        reading: `utf8` reads text as it is; `course` repeats the 2021 code: an empty last line is a document, and
            training questions and answers lose their non-ASCII characters.
        tokenizer: How text becomes tokens.
        model: The architecture.
        mixture: What an epoch consists of.
        training: How it is trained.
        reader: The open-book reader whose cards the mixture takes up, None without self-study.
    """

    recipe: str
    stage: Stage
    reading: Reading = "utf8"
    tokenizer: TokenizerConfig
    model: ModelConfig
    mixture: tuple[SourceConfig, ...]
    training: TrainingConfig
    reader: ReaderConfig | None = None

    def __post_init__(self) -> None:
        _check_types(self)
        _require(len(self.mixture) > 0, "mixture must name at least one objective.")
        studies = any(source.objective in STUDY for source in self.mixture)
        _require(
            studies == (self.reader is not None),
            f"The objectives {' and '.join(STUDY)} need a reader, and a reader needs one of them in the mixture.",
        )
        for source in self.mixture:
            _require(
                source.first_epoch < self.training.epochs,
                f"objective {source.objective}: first_epoch {source.first_epoch} comes after the last of "
                f"{self.training.epochs} epochs.",
            )
        _require(
            all(self.sources(epoch) for epoch in range(self.training.epochs)),
            "Every epoch needs an objective: first_epoch and last_epoch leave one without.",
        )

    def sources(self, epoch: int) -> list[SourceConfig]:
        """The ingredients of an epoch."""
        last = self.training.epochs
        return [
            source
            for source in self.mixture
            if source.first_epoch <= epoch <= (last if source.last_epoch is None else source.last_epoch)
        ]


def to_dict(config: RunConfig) -> dict[str, Any]:
    """A JSON-ready dictionary; `run_config` reads it back."""
    values = dataclasses.asdict(config)
    values["mixture"] = list(values["mixture"])
    return values


def run_config(values: dict[str, Any]) -> RunConfig:
    """The inverse of `to_dict`.

    Raises:
        UserError: An unknown or missing key, or a value that its dataclass refuses.
    """
    try:
        rest = {
            key: value
            for key, value in values.items()
            if key not in ("tokenizer", "model", "mixture", "training", "reader")
        }
        reader = values.get("reader")
        return RunConfig(
            tokenizer=TokenizerConfig(**values["tokenizer"]),
            model=ModelConfig(**values["model"]),
            mixture=tuple(SourceConfig(**source) for source in values["mixture"]),
            training=TrainingConfig(**values["training"]),
            reader=None if reader is None else ReaderConfig(**reader),
            **rest,
        )
    except (KeyError, TypeError) as error:
        raise UserError(f"The run's configuration does not fit this version of closedbook: {error}.") from error
