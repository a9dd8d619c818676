"""What an epoch consists of, and how it is trained."""

from typing import Annotated, Literal

from pydantic import Field

from closedbook.config.validation import configuration, require

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
Count = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0)]
STUDY: tuple[Objective, ...] = ("study_cards", "rewriting")  # what needs the reader's cards: open track


@configuration
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
    repeats: Count = 1
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    first_epoch: Annotated[int, Field(ge=0)] = 0
    last_epoch: Annotated[int, Field(ge=0)] | None = None
    context_words: Count | None = None
    context_place: Literal["after", "either"] | None = None
    long_documents: Literal["windows", "cut"] | None = None
    forms: Count | None = None

    def __post_init__(self) -> None:
        name = f"objective {self.objective}"
        require(
            self.last_epoch is None or self.last_epoch >= self.first_epoch,
            f"{name}: last_epoch must not come before first_epoch.",
        )
        for setting, objectives in _SETTINGS.items():
            given = getattr(self, setting) is not None
            if self.objective in objectives:
                require(given, f"{name}: {setting} must be given.")
            else:
                require(not given, f"{name}: {setting} has no effect; set it to null or leave it out.")

    def takes_part(self, epoch: int) -> bool:
        """Whether it is in the mixture of that epoch."""
        return self.first_epoch <= epoch <= (epoch if self.last_epoch is None else self.last_epoch)


_SETTINGS = {
    "context_words": ("context_cards",),
    "context_place": ("context_cards",),
    "long_documents": ("span_corruption", "multi_span"),
    "forms": ("rewriting",),
}


@configuration
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

    seed: Annotated[int, Field(ge=0)] = 0
    epochs: Count = 1
    plan: Literal["by_length", "in_order"] = "by_length"
    batch_tokens: Count | None = None
    micro_batches: Count | None = None
    batch_rows: Count | None = None
    optimizer: Literal["adamw", "muon"] = "adamw"
    learning_rate: Rate = 1e-3
    matrix_learning_rate: Rate | None = None
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    decay: Literal["matrices", "all_but_biases"] = "matrices"
    beta_1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    beta_2: Annotated[float, Field(ge=0, lt=1)] = 0.95
    clip: Rate = 1.0
    schedule: Literal["cosine", "course"] = "cosine"
    warmup_steps: Annotated[int, Field(ge=0)] | None = None
    floor: Annotated[float, Field(ge=0, le=1)] = 0.1
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    compile: bool = False

    def __post_init__(self) -> None:
        for choice, settings in _NEEDS.items():
            chosen = getattr(self, choice)
            for setting, needed_by in settings.items():
                given = getattr(self, setting) is not None
                if chosen == needed_by:
                    require(given, f"training.{setting} must be given with {choice} {chosen}.")
                else:
                    require(
                        not given,
                        f"training.{setting} has no effect with {choice} {chosen}; set it to null or leave it out.",
                    )


_NEEDS = {
    "plan": {"batch_tokens": "by_length", "micro_batches": "by_length", "batch_rows": "in_order"},
    "optimizer": {"matrix_learning_rate": "muon"},
    "schedule": {"warmup_steps": "cosine"},
}
"""Settings that one choice needs and that have no effect with the others."""
