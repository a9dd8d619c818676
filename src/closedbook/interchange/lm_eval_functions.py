"""What this task calls: its rows from the files beside it, and its metrics, as closedbook scores."""

import json
from pathlib import Path
from typing import Any

from closedbook.interchange.scoring import fact_of, task_scorers


def load(file: str, **settings: Any) -> dict[str, Any]:
    """The rows of a relation; the folder may lie anywhere."""
    import datasets

    lines = (Path(__file__).parent / file).read_text(encoding="utf-8").rstrip("\n").split("\n")
    return {"test": datasets.Dataset.from_list([json.loads(line) for line in lines])}


def process_results(doc: dict[str, Any], results: list[str]) -> dict[str, float]:
    """One for a right answer and zero for another, by each scorer."""
    text, fact = results[0].strip(), fact_of(doc)
    return {scorer.name: float(scorer(text, fact).correct) for scorer in task_scorers()}
