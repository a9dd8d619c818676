"""What an epoch consists of, and how it is trained."""

from dataclasses import dataclass
from typing import Literal

from closedbook.config.checks import check_types, require

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
        check_types(self)
        name = f"objective {self.objective}"
        require(self.repeats >= 1, f"{name}: repeats must be at least 1.")
        require(0.0 < self.share <= 1.0, f"{name}: share must be above 0 and at most 1.")
        require(self.first_epoch >= 0, f"{name}: first_epoch must not be negative.")
        require(
            self.last_epoch is None or self.last_epoch >= self.first_epoch,
            f"{name}: last_epoch must not come before first_epoch.",
        )
        for setting, objectives in _SETTINGS.items():
            value = getattr(self, setting)
            if self.objective not in objectives:
                require(value is None, f"{name}: {setting} has no effect; set it to null or leave it out.")
            elif setting in _CHOICES:
                require(value is not None, f"{name}: {setting} must be {_CHOICES[setting]}.")
            else:
                require(value is not None and value >= 1, f"{name}: {setting} must be at least 1.")

    def takes_part(self, epoch: int) -> bool:
        """Whether it is in the mixture of that epoch."""
        return self.first_epoch <= epoch <= (epoch if self.last_epoch is None else self.last_epoch)


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
        check_types(self)
        require(self.seed >= 0, "training.seed must not be negative.")
        require(self.epochs >= 1, "training.epochs must be at least 1.")
        self._check_plan()
        self._check_optimizer()
        if self.schedule == "cosine":
            require(
                self.warmup_steps is not None and self.warmup_steps >= 0,
                "training.warmup_steps must be given (0 or more) with the cosine schedule.",
            )
        else:
            require(
                self.warmup_steps is None,
                "training.warmup_steps has no effect with the course schedule; set it to null or leave it out.",
            )
        require(0.0 <= self.floor <= 1.0, "training.floor must be in [0, 1].")

    def _check_plan(self) -> None:
        by_length, in_order = ["batch_tokens", "micro_batches"], ["batch_rows"]
        used, unused = (by_length, in_order) if self.plan == "by_length" else (in_order, by_length)
        for name in used:
            size = getattr(self, name)
            require(size is not None and size >= 1, f"training.{name} must be at least 1 with the {self.plan} plan.")
        for name in unused:
            require(
                getattr(self, name) is None,
                f"training.{name} has no effect with the {self.plan} plan; set it to null or leave it out.",
            )

    def _check_optimizer(self) -> None:
        require(self.learning_rate > 0, "training.learning_rate must be above 0.")
        rate = self.matrix_learning_rate
        if self.optimizer == "muon":
            require(rate is not None and rate > 0, "training.matrix_learning_rate must be above 0 with muon.")
        else:
            require(
                rate is None, "training.matrix_learning_rate has no effect with adamw; set it to null or leave it out."
            )
        require(self.weight_decay >= 0, "training.weight_decay must not be negative.")
        require(0 <= self.beta_1 < 1 and 0 <= self.beta_2 < 1, "training.beta_1 and beta_2 must be in [0, 1).")
        require(self.clip > 0, "training.clip must be above 0.")
