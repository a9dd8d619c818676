"""How configurations, and the options of the command line, are checked, and how what is wrong becomes one sentence.

pydantic checks a field against its annotation and says what is wrong as data (where, what kind, which value, which
bound); `sentence` makes words of that. What several fields have to do with each other is checked in `__post_init__`.
"""

import dataclasses
import functools
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar, cast, dataclass_transform, get_args

from annotated_types import Ge, Gt, Le, Lt
from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from pydantic_core import ErrorDetails

from closedbook.errors import UserError, counted, nearest
from closedbook.files import must_not_exist

T = TypeVar("T")
MOST = 10**9
SHOWN = 100  # characters of a value that a sentence names
Count = Annotated[int, Ge(1), Le(MOST)]
Natural = Annotated[int, Ge(0), Le(MOST)]
Seed = Annotated[int, Ge(0), Lt(2**63)]
Passes = Annotated[int, Ge(1), Le(10**6)]
"""How often something is passed over or repeated."""
Few = Annotated[int, Ge(1), Le(1_000)]
"""What is paid for one by one: trainings, samples of an answer, heads, passes over an objective in an epoch."""
Threads = Annotated[int, Ge(1), Le(1_024)]
Shots = Annotated[int, Ge(0), Le(100)]
OpenShare = Annotated[float, Gt(0), Lt(1)]
New = Annotated[Path, AfterValidator(must_not_exist)]
"""What is to be written and must not exist."""
POSITIONAL = "positional"
"""Marks the options that are given by their place, as in `Annotated[str, POSITIONAL]`."""


@dataclasses.dataclass(frozen=True)
class Named:
    """Marks an option whose name on the command line is not its field's, as in `Annotated[str, Named("--model")]`."""

    name: str


_STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
_TAKES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
    "tuple": "a list",
    "list": "a list",
    "dataclass": "settings by name",
    "dict": "settings by name",
    "model": "settings by name",
    "path": "a path",
    "finite": "a finite number",
}
_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
    "too_short": ("at least", "min_length"),
    "string_too_short": ("at least", "min_length"),
    "too_long": ("at most", "max_length"),
    "string_too_long": ("at most", "max_length"),
}


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(Field,))
def configuration(cls: type[T]) -> type[T]:
    """A frozen, keyword-only dataclass whose fields are held against their annotations, strictly.

    Built wrongly it raises a `UserError` that names the field after the class, `model.layers` of `ModelConfig`.
    """
    made = dataclass(frozen=True, kw_only=True, config=_STRICT)(cls)
    build = made.__init__
    section = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__.removesuffix("Config")).lower()

    @functools.wraps(build)
    def checked(self: T, **values: Any) -> None:
        try:
            build(self, **values)
        except ValidationError as error:
            _refuse(error, cls, section)

    made.__init__ = checked  # type: ignore[assignment, method-assign]
    return cast(type[T], made)


def from_json(cls: type[T], text: str | bytes) -> T:
    """The configuration of that class that a JSON object describes.

    Raises:
        UserError: It is no JSON, a setting is unknown or missing, or has a value that is refused.
    """
    try:
        return TypeAdapter(cls).validate_json(text)
    except ValidationError as error:
        _refuse(error, cls, "")


def _refuse(error: ValidationError, cls: type[Any], section: str) -> NoReturn:
    details = error.errors(include_url=False)[0]
    path = ([section] if section else []) + [str(part) for part in details["loc"]]
    raise UserError(sentence(details, ".".join(path), _settings_beside(cls, details["loc"][:-1]))) from None


def _settings_beside(cls: type[Any], path: Sequence[int | str]) -> list[str]:
    """Names of the fields at the end of a path into a configuration, and of those within them as `model.width`.

    A number or a union's tag on the path names no field.
    """
    level = [cls]
    for part in path:
        hints = [field.type for one in level for field in dataclasses.fields(one) if field.name == part]
        level = [inner for hint in hints for inner in _dataclasses_in(hint)] or level
    fields = [field for one in level for field in dataclasses.fields(one)]
    sections = [(field.name, inner) for field in fields if len(inner := _dataclasses_in(field.type)) == 1]
    deeper = [f"{name}.{field.name}" for name, (inner,) in sections for field in dataclasses.fields(inner)]
    return [field.name for field in fields] + deeper


def _dataclasses_in(hint: Any) -> list[type[Any]]:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return [hint]
    return [inner for argument in get_args(hint) for inner in _dataclasses_in(argument)]


def sentence(error: ErrorDetails, name: str, known: Sequence[str] = (), show: Callable[[Any], str] = repr) -> str:
    """What is wrong with a setting or an option, and what it takes.

    Args:
        error: What pydantic says of it.
        name: What the user calls it: `model.layers`, `--threads`.
        known: Names of the settings beside it, to suggest the nearest.
        show: How the user writes a value.
    """
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
    if kind == "value_error":
        return str(context["error"])
    if kind.startswith("union_tag"):  # the name of a kind of settings
        name, value = f"{name}.{str(context['discriminator']).strip(chr(39))}", context.get("tag")
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        own = name.rpartition(".")[2]
        return f"{name}: no such setting{nearest(own, [other for other in known if other != own])}."
    if kind.startswith("missing") or kind == "union_tag_not_found":
        return f"{name}: must be given."
    if kind == "json_invalid":
        return f"The settings are no JSON: {context['error']}."
    shown = show(value)
    shown = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}..."
    return f"{name}: cannot be {shown}; takes {_expectation(kind, context, value, show)}."


def _expectation(kind: str, context: dict[str, Any], value: Any, show: Callable[[Any], str]) -> str:
    if kind in ("literal_error", "union_tag_invalid"):
        expected = str(context.get("expected") or context["expected_tags"])
        choices = [choice.strip("' ") for choice in expected.replace(" or ", ", ").split(",")]
        choices = [show(choice == "True") if choice in ("True", "False") else choice for choice in choices]
        return f"{' or '.join(choices)}{nearest(str(value), choices)}"
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        if kind.startswith("string"):
            return f"{words} {counted(context[bound], 'character')}"
        return f"{words} {context[bound]:,.10g}" + (" of them" if kind in ("too_short", "too_long") else "")
    return next((words for start, words in _TAKES.items() if kind.startswith(start)), "something else")


def require(condition: bool, complaint: str) -> None:
    """Raises `UserError` with the sentence unless the condition holds."""
    if not condition:
        raise UserError(complaint)
