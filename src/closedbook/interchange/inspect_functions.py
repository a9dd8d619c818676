"""Facts as a task of Inspect, scored as closedbook scores.

Inspect speaks to models in turns of a chat; what its dataset holds is the user's turn, or the turns before it too.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from inspect_ai import Task, task
from inspect_ai import scorer as inspect_scorer
from inspect_ai.dataset import json_dataset
from inspect_ai.model import GenerateConfig
from inspect_ai.solver import TaskState, generate

from closedbook.interchange.scoring import fact_of, task_scorers

VALUES = {"correct": inspect_scorer.CORRECT, "incorrect": inspect_scorer.INCORRECT, "not_attempted": "N"}


@cache
def settings() -> dict[str, Any]:
    """How long an answer may be, and what ends it."""
    values: dict[str, Any] = json.loads((Path(__file__).parent / "settings.json").read_text(encoding="utf-8"))
    return values


def response_text(completion: str) -> str:
    """A completion up to what ends an answer."""
    text = completion.strip()
    for stop in settings()["stops"]:
        text = text.split(stop)[0].strip()
    return text


async def score_state(index: int, state: TaskState, target: inspect_scorer.Target) -> inspect_scorer.Score:
    """The score by one of the task's scorers."""
    fact = fact_of({**state.metadata, "answers": list(target)})
    scorer, text = task_scorers()[index], response_text(state.output.completion)
    value, answer = VALUES[scorer(text, fact).grade], scorer.read(fact.question, text)
    return inspect_scorer.Score(value=value, answer=answer, explanation=text)


@inspect_scorer.scorer(metrics=[inspect_scorer.accuracy(), inspect_scorer.stderr()])
def exact() -> inspect_scorer.Scorer:
    """Whether the response equals an accepted answer to the letter."""

    async def score(state: TaskState, target: inspect_scorer.Target) -> inspect_scorer.Score:
        return await score_state(0, state, target)

    return score


@inspect_scorer.scorer(metrics=[inspect_scorer.accuracy(), inspect_scorer.stderr()])
def normalised() -> inspect_scorer.Scorer:
    """Whether it does after normalisation of both."""

    async def score(state: TaskState, target: inspect_scorer.Target) -> inspect_scorer.Score:
        return await score_state(1, state, target)

    return score


@inspect_scorer.scorer(metrics=[inspect_scorer.accuracy(), inspect_scorer.stderr()])
def contained() -> inspect_scorer.Scorer:
    """Whether an accepted answer stands in the response, and no other answer of the relation does."""

    async def score(state: TaskState, target: inspect_scorer.Target) -> inspect_scorer.Score:
        return await score_state(2, state, target)

    return score


@task
def facts() -> Task:
    """Every fact is asked once, greedily."""
    return Task(
        dataset=json_dataset(str(Path(__file__).parent / "facts.jsonl")),
        solver=generate(),
        scorer=[contained(), normalised(), exact()],
        config=GenerateConfig(temperature=0.0, max_tokens=settings()["max_tokens"]),
    )
