"""The scorers of an exported task, with the answers of its relations from a file beside it."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from closedbook.evaluation.scorers import Scorer, contained_match, exact_match, normalised_match
from closedbook.facts.records import Fact


@cache
def task_scorers() -> tuple[Scorer, ...]:
    """Exact, normalised, contained."""
    known = json.loads((Path(__file__).parent / "answers.json").read_text(encoding="utf-8"))
    return exact_match, normalised_match, contained_match(known)


def fact_of(row: Mapping[str, Any]) -> Fact:
    """The fact of a row of the task."""
    return Fact(
        question=row["question"],
        answers=tuple(row["answers"]),
        subject=row["subject"],
        line=0,
        relation=row["relation"],
    )
