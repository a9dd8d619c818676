"""How a mixture is trained."""

import math
from typing import Annotated, Literal

from pydantic import Field

from closedbook.config.validation import Count, Few, Natural, Passes, Seed, configuration, require

Rate = Annotated[float, Field(gt=0, le=100)]


@configuration
class TrainingConfig:
    """One training: the plan of batches, the optimizer, the schedule, and how to compute.

    Args:
        seed: Seeds the initial weights, the batches and dropout.
        epochs: Passes over the mixture, more where the corpus is so small that they do not come to `least_steps`.
        epochs_a_relation: Further passes for each relation beyond the first, up to as many again as `epochs`.
        least_steps: Steps that are planned at least, None for as many as the epochs make.
        stop_at_loss: Mean loss of an epoch's steps, in nats, at which nothing is left to learn: the training ends with
            the first epoch that comes to it. None to take every planned step.
        plan: `by_length` (batches of similar length, a constant number of tokens) or `in_order` (file order, a constant
            number of rows; the schedule counts them as padded to the block).
        batch_tokens: Tokens a step, padding included (`by_length`).
        micro_batches: Parts of a step, each of about one length, worked on side by side; with `by_length` more of them
            mix more lengths, with `in_order` they change nothing but the speed, and a GPU takes a step whole.
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

    seed: Seed = 0
    epochs: Passes = 1
    epochs_a_relation: Annotated[int, Field(ge=0, le=10**6)] = 0
    least_steps: Count | None = None
    stop_at_loss: Annotated[float, Field(gt=0, le=100)] | None = None
    plan: Literal["by_length", "in_order"] = "by_length"
    batch_tokens: Annotated[int, Field(ge=1, le=10**8)] | None = None
    micro_batches: Few | None = None
    batch_rows: Annotated[int, Field(ge=1, le=10**6)] | None = None
    optimizer: Literal["adamw", "muon"] = "adamw"
    learning_rate: Rate = 1e-3
    matrix_learning_rate: Rate | None = None
    weight_decay: Annotated[float, Field(ge=0, le=100)] = 0.0
    decay: Literal["matrices", "all_but_biases"] = "matrices"
    beta_1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    beta_2: Annotated[float, Field(ge=0, lt=1)] = 0.95
    clip: Annotated[float, Field(gt=0, le=1e9)] = 1.0
    schedule: Literal["cosine", "course"] = "cosine"
    warmup_steps: Natural | None = None
    floor: Annotated[float, Field(ge=0, le=1)] = 0.1
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    compile: bool = False

    def passes(self, relations: int) -> int:
        """Passes over a mixture whose training facts have that many relations, before `least_steps`."""
        return self.epochs + min(self.epochs_a_relation * max(relations - 1, 0), self.epochs)

    def expected_passes(self, relations: int, steps: int) -> int:
        """Passes with those for `least_steps`, where the first takes so many steps."""
        return max(self.passes(relations), math.ceil((self.least_steps or 0) / max(steps, 1)))

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

        require(
            self.plan == "in_order" or self.micro_batches is not None,
            "training.micro_batches must be given with plan by_length.",
        )


_NEEDS = {
    "plan": {"batch_tokens": "by_length", "batch_rows": "in_order"},
    "optimizer": {"matrix_learning_rate": "muon"},
    "schedule": {"warmup_steps": "cosine"},
}
"""Settings that one choice needs and that have no effect with the others."""
