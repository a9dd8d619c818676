"""Conditions that choose among runs: `recipe=standard`, `seed=0,1`, `recall>=90%`."""

import json
import operator
import re
from collections.abc import Sequence
from typing import Any

from closedbook.errors import UserError
from closedbook.experiments.listing import SHARES, ListedRun, Value, field_named

ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
CONDITION = re.compile(r"([\w.]+)(!=|<=|>=|=|<|>)(.*)", re.DOTALL)


def where(runs: Sequence[ListedRun], conditions: Sequence[str]) -> list[ListedRun]:
    """The runs for which all conditions hold: `recipe=standard`, `seed=0,1`, `state!=finished`, `recall>=90%`.

    Raises:
        UserError: A condition is none, names no field, or compares a share with more than 1.
    """
    chosen = list(runs)
    for condition in conditions:
        parts = CONDITION.fullmatch(condition)
        if parts is None:
            raise UserError(f"--where {condition}: takes FIELD=VALUE, or with !=, <, <=, >, >= instead.")
        name, relation, text = parts.groups()
        field = field_named(runs, name, "--where") if runs else name
        if field in SHARES:
            text = ",".join(
                _share(word, f"--where {condition}: {field}", f"{name}{relation}") for word in text.split(",")
            )
        if relation not in ("=", "!=") and _number(text) is None and any(_is_number(run, field) for run in runs):
            raise UserError(f"--where {condition}: {field} is a number, {text!r} is none.")
        chosen = [run for run in chosen if _holds(run.fields.get(field), relation, text)]
    return chosen


def _share(text: str, place: str, before: str) -> str:
    """A share from 0 to 1 as it is kept, whether given so or as a percentage with its sign; other text as it is."""
    number = _number(text.strip().removesuffix("%"))
    share = round(number / 100, 12) if number is not None and text.strip().endswith("%") else number
    if share is not None and share > 1:
        percentage = number if number is not None and number <= 100 else 90.0
        raise UserError(f"{place} is a share of 1; say {before}{percentage / 100:g} or {before}{percentage:g}%.")
    return text if share is None else repr(share)


def _is_number(run: ListedRun, field: str) -> bool:
    value = run.fields.get(field)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _holds(value: Value, relation: str, text: str) -> bool:
    if relation in ("=", "!="):
        return any(_same(value, word) for word in text.split(",")) == (relation == "=")
    return value is not None and ORDERS[relation](*_alike(value, text))


def _same(value: Value, word: str) -> bool:
    if isinstance(value, bool) or value is None:
        return json.dumps(value) == word.lower().replace("none", "null")
    left, right = _alike(value, word)
    return bool(left == right)


def _alike(value: Value, text: str) -> tuple[Any, Any]:
    """Both as numbers where both are, else as text."""
    left, right = _number(value), _number(text)
    return (str(value), text) if left is None or right is None else (left, right)


def _number(value: Value) -> float | None:
    try:
        return None if value is None else float(value)
    except ValueError:
        return None
