"""`answers.jsonl`, which an audit keeps, read back: every answer, whether it is right, and how sure the model was.

Axes: N answers.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np

from closedbook.audit.settings import Signal
from closedbook.errors import UserError
from closedbook.facts.text import read_text

SIGNALS: tuple[Signal, ...] = get_args(Signal)


@dataclass(frozen=True, kw_only=True)
class KeptAnswers:
    """Answers with what came of them, in order.

    Args:
        questions: What was asked.
        answers: What the model answered.
        expected: The first accepted answer of each, None where that is not known.
        right_N: Whether each answer is an accepted one.
        attempted_N: Whether it is an answer at all.
        signals: By name how sure the model was, from 0 to 1; not a number where that is not known.
    """

    questions: tuple[str, ...]
    answers: tuple[str, ...]
    expected: tuple[str | None, ...]
    right_N: np.ndarray
    attempted_N: np.ndarray
    signals: Mapping[Signal, np.ndarray]

    def __len__(self) -> int:
        return len(self.questions)

    def first(self, count: int) -> "KeptAnswers":
        """The first of them."""
        return KeptAnswers(
            questions=self.questions[:count],
            answers=self.answers[:count],
            expected=self.expected[:count],
            right_N=self.right_N[:count],
            attempted_N=self.attempted_N[:count],
            signals={name: values[:count] for name, values in self.signals.items()},
        )


def is_answers_file(path: Path) -> bool:
    """Whether a file is one that an audit kept, by its first line."""
    if path.suffix != ".jsonl" or not path.is_file():
        return False
    try:
        _record(read_text(path).split("\n", 1)[0], str(path))
    except UserError:
        return False
    return True


def read_answers(path: Path) -> KeptAnswers:
    """What an audit kept.

    Raises:
        UserError: It cannot be read, holds nothing, or has a line that an audit does not write.
    """
    lines = [line for line in enumerate(read_text(path).split("\n"), 1) if line[1].strip()]
    if not lines:
        raise UserError(f"{path}: empty; an audit keeps its answers in answers.jsonl.")
    records = [_record(line, f"{path}, line {number}") for number, line in lines]
    names = [name for name in SIGNALS if any(name in record for record in records)]
    return KeptAnswers(
        questions=tuple(record["question"] for record in records),
        answers=tuple(record["answer"] for record in records),
        expected=(None,) * len(records),
        right_N=np.array([record["right"] for record in records], dtype=bool),
        attempted_N=np.array([record["attempted"] for record in records], dtype=bool),
        signals={name: np.array([_number(record.get(name)) for record in records], dtype=np.float64) for name in names},
    )


def _record(line: str, place: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        record = None
    kinds = {"question": str, "answer": str, "right": bool, "attempted": bool}
    if not isinstance(record, dict) or not all(isinstance(record.get(key), kind) for key, kind in kinds.items()):
        raise UserError(
            f"{place}: not an answer as an audit keeps it, with question, answer, right and attempted; facts to ask "
            "are given with --facts."
        )
    if any("\ud800" <= letter <= "\udfff" for key in ("question", "answer") for letter in record[key]):
        raise UserError(f"{place}: holds half a character.")
    for name in SIGNALS:
        value = record.get(name)
        is_share = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
        if value is not None and not is_share:
            raise UserError(f"{place}: {name} must be a number from 0 to 1, or null.")
    return record


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
