"""Learning rate schedules: the share of the peak rate as a pure function of where the training is."""

import math

from closedbook.config import TrainingConfig

COURSE_WARMUP_TOKENS = 512 * 20
COURSE_FINAL_PASSES = 200


def cosine(step: int, steps: int, *, warmup_steps: int, floor: float) -> float:
    """Linear warm-up to 1, then a half cosine to `floor` at the last step.

    Args:
        step: The step that is about to be taken, from 0.
        steps: Steps of the whole training.
        warmup_steps: Steps of warm-up; cut to the training's length.
        floor: Share of the peak at the end.
    """
    warmup = min(warmup_steps, steps - 1)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    progress = (step - warmup) / max(steps - 1 - warmup, 1)
    return floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2


def course(positions: int, *, final_positions: int, floor: float) -> float:
    """The 2021 code's schedule: cosine in positions seen (padding included), cut off at the floor, never ending.

    The code sets the rate after each step, so the first step (0 positions) takes the full rate; from the second on one
    batch of 128 x 127 positions has already passed the warm-up of 10,240, which therefore never acts. After
    `final_positions` the cosine rises again.
    """
    if positions == 0:
        return 1.0
    if positions < COURSE_WARMUP_TOKENS:
        return positions / COURSE_WARMUP_TOKENS
    progress = (positions - COURSE_WARMUP_TOKENS) / max(final_positions - COURSE_WARMUP_TOKENS, 1)
    return max(floor, 0.5 * (1 + math.cos(math.pi * progress)))


def rate(config: TrainingConfig, *, step: int, steps: int, positions: int, corpus_positions: int) -> float:
    """The share of the peak rate that the recipe's schedule gives to a step.

    Args:
        config: Names the schedule.
        step: The step that is about to be taken, from 0.
        steps: Steps of the whole training.
        positions: Positions trained on before it, padding included.
        corpus_positions: Rows of the pretraining corpus times the block (`course` counts its passes in these).
    """
    if config.schedule == "cosine":
        return cosine(step, steps, warmup_steps=config.warmup_steps or 0, floor=config.floor)
    return course(positions, final_positions=COURSE_FINAL_PASSES * corpus_positions, floor=config.floor)
