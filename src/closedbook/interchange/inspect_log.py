"""An evaluation as a log in JSON Lines, in the words of Inspect.

The first line says what ran (an `EvalLog` without samples), every other line is an `EvalSample`; a score is `C`, `I` or
`N` for correct, incorrect and not attempted.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from closedbook.evaluation.evaluate import Evaluation
from closedbook.evaluation.language_model import Response
from closedbook.evaluation.metrics import Proportion
from closedbook.evaluation.scorers import Grade
from closedbook.interchange.inspect_task import metadata

LOG_VERSION = 2
VALUES: dict[Grade, str] = {"correct": "C", "incorrect": "I", "not_attempted": "N"}


def inspect_log(evaluation: Evaluation, *, task: str = "facts", created: datetime | None = None) -> Iterator[str]:
    """The lines, each with its line end: a header, then a sample for every fact.

    Args:
        evaluation: What a model answered.
        task: What the log calls it.
        created: When, now unless given.
    """
    yield _line(_header(evaluation, task, created or datetime.now(UTC)))
    for index in range(len(evaluation)):
        yield _line(_sample(evaluation, index))


def _header(evaluation: Evaluation, task: str, created: datetime) -> dict[str, Any]:
    right, ids = evaluation.accuracy.correct, [fact.line for fact in evaluation.facts]
    scorer = evaluation.scorer.name
    return {
        "version": LOG_VERSION,
        "status": "success",
        "eval": {
            "created": created.isoformat(timespec="seconds"),
            "task": task,
            "model": evaluation.model,
            "dataset": {"name": task, "samples": len(evaluation), "sample_ids": ids},
            "config": {},
            "scorers": [{"name": scorer}],
        },
        "results": {
            "total_samples": len(evaluation),
            "completed_samples": len(evaluation),
            "scores": [{"name": scorer, "scorer": scorer, "metrics": {"accuracy": _accuracy(right)}}],
        },
    }


def _accuracy(right: Proportion) -> dict[str, Any]:
    interval = {"low": right.low, "high": right.high}
    return {"name": "accuracy", "value": right.value or 0.0, "metadata": interval}


def _sample(evaluation: Evaluation, index: int) -> dict[str, Any]:
    fact, response, score = evaluation.facts[index], evaluation.responses[index], evaluation.scores[index]
    return {
        "id": fact.line,
        "epoch": 1,
        "input": evaluation.prompts[index].text,
        "target": list(fact.answers),
        "output": _output(evaluation.model, response),
        "scores": {
            evaluation.scorer.name: {
                "value": VALUES[score.grade],
                "answer": evaluation.answers[index],
                "explanation": response.text,
            }
        },
        "metadata": {**metadata(fact), "nats": response.nats},
    }


def _output(model: str, response: Response) -> dict[str, Any]:
    stop = "stop" if response.closed else "max_tokens"
    message = {"role": "assistant", "content": response.text, "source": "generate"}
    return {"model": model, "choices": [{"message": message, "stop_reason": stop}], "completion": response.text}


def _line(values: dict[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False) + "\n"
