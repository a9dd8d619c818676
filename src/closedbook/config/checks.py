"""How a configuration holds its fields against their annotations."""

import dataclasses
import math
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from closedbook.errors import UserError


def check_types(config: Any) -> None:
    """Holds every field against its annotation: numbers, strings, literals and None, as they come from JSON."""
    hints = get_type_hints(type(config))
    for field in dataclasses.fields(config):
        value, hint = getattr(config, field.name), hints[field.name]
        allowed = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
        if not any(_is_a(value, one) for one in allowed):
            raise UserError(
                f"{type(config).__name__.removesuffix('Config').lower()}.{field.name}: cannot be {value!r}."
            )


def _is_a(value: Any, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) is tuple:
        return isinstance(value, tuple)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def require(condition: bool, sentence: str) -> None:
    """Raises `UserError` with the sentence unless the condition holds."""
    if not condition:
        raise UserError(sentence)
