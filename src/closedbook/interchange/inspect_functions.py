"""Facts as a task of Inspect, scored as closedbook scores.

Inspect speaks to models in turns of a chat; what its dataset holds is the user's turn, or the turns before it too.
"""

import json
from pathlib import Path

from inspect_ai import Task, task
from inspect_ai import scorer as inspect_scorer
from inspect_ai.dataset import json_dataset
from inspect_ai.model import GenerateConfig
from inspect_ai.solver import TaskState, generate

from closedbook.interchange.scoring import fact_of, task_scorers

VALUES = {"correct": inspect_scorer.CORRECT, "incorrect": inspect_scorer.INCORRECT, "not_attempted": "N"}


async def score_state(index: int, state: TaskState, target: inspect_scorer.Target) -> inspect_scorer.Score:
    """The score by one of the task's scorers."""
    fact = fact_of({**state.metadata, "answers": list(target)})
    scorer, text = task_scorers()[index], state.output.completion.strip()
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
    folder = Path(__file__).parent
    settings = json.loads((folder / "generation.json").read_text(encoding="utf-8"))
    return Task(
        dataset=json_dataset(str(folder / "facts.jsonl")),
        solver=generate(),
        scorer=[contained(), normalised(), exact()],
        config=GenerateConfig(temperature=0.0, **settings),
    )
