"""A verb's options are the fields of a frozen dataclass, their help its docstring, their types its annotations.

argparse splits the words; pydantic holds each value against its field's annotation. So every mistake is known as data
(which option, which value, what it takes) and becomes the same kind of sentence as in a configuration.
"""

import argparse
import dataclasses
import inspect
import json
import re
import textwrap
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from closedbook.config.validation import POSITIONAL, sentence
from closedbook.errors import UserError, nearest

T = TypeVar("T")
_METAVARS = {int: "N", float: "X", bool: "true|false", Path: "PATH"}


@dataclass(frozen=True)
class _Option:
    """A field as the command line knows it: `path` leads to it from the top, as in ("training", "epochs")."""

    path: tuple[str, ...]
    hint: Any
    field: "Field[Any]"
    help: str
    distance: int = 0  # of the class that declares it from the verb's own
    positional: bool = False
    of_group: bool = False

    @property
    def key(self) -> str:
        return ".".join(self.path)

    @property
    def name(self) -> str:
        dashed = self.key if len(self.path) > 1 else self.key.replace("_", "-")
        return self.key.upper() if self.positional else f"--{dashed}"

    @property
    def required(self) -> bool:
        return self.field.default is MISSING and self.field.default_factory is MISSING


def parse(command: str, cls: type[T], arguments: Sequence[str], *, example: str) -> T:
    """The options of a verb.

    Args:
        command: What is called, as in `closedbook evaluate`.
        cls: Its options; the first paragraph of its docstring says in the help what the verb does.
        arguments: The words after it.
        example: A whole command line, shown in the help.

    Raises:
        UserError: An option is unknown, missing or has a value that it does not take.
        SystemExit: Help was asked for.
    """
    return parse_with_settings(command, cls, arguments, example=example, groups={})[0]


def parse_with_settings(
    command: str, cls: type[T], arguments: Sequence[str], *, example: str, groups: dict[str, Any]
) -> tuple[T, dict[str, Any]]:
    """The options of a verb, as `parse` has them, and by their dotted paths the settings that were given of the groups.

    Groups are dataclasses, of which each field can be given, or annotations of single settings: with
    `{"training": TrainingConfig}`, `--training.epochs 3`.
    """
    options = [
        *sorted(_options(cls), key=lambda option: (not option.positional, not option.required, option.distance)),
        *(one for name, group in groups.items() for one in _group(name, group)),
    ]
    given = _split(command, _parser(command, cls, options, example), options, arguments)
    values: dict[str, Any] = {}
    for option in options:
        if (text := getattr(given, option.key, None)) is not None:
            values[option.key] = text if text is True else _checked(option, text)
        elif option.required and option.path[0] not in groups:
            raise UserError(f"{option.name} must be given; see {command} --help.")
    settings = {key: values.pop(key) for key in list(values) if key.split(".")[0] in groups}
    return _build(cls, values), settings


def _split(
    command: str, parser: argparse.ArgumentParser, options: Sequence[_Option], arguments: Sequence[str]
) -> argparse.Namespace:
    """The words of each option that was given."""
    try:
        given, rest = parser.parse_known_intermixed_args(list(arguments))
    except argparse.ArgumentError as error:
        raise UserError(f"{error.argument_name or command}: {error.message}; see {command} --help.") from None
    if rest:
        name = rest[0].split("=")[0]
        if not name.startswith("-"):
            raise UserError(f"{name}: one word too many (what has spaces is quoted); see {command} --help.")
        known = [option.name for option in options if not option.positional] + ["--help"]
        raise UserError(f"{name}: no such option{nearest(name, known)}; see {command} --help.")
    return given


def _build(cls: type[T], values: dict[str, Any]) -> T:
    """The options; settings of settings (`reader.rounds`) change what stands there unless given."""
    fields: dict[str, Any] = {}
    for key, value in values.items():
        name, _, inner = key.partition(".")
        if inner:
            start: Any = fields.get(name, cls.__dataclass_fields__[name].default)  # type: ignore[attr-defined]
            fields[name] = dataclasses.replace(start, **{inner: value})
        else:
            fields[name] = value
    return cls(**fields)


def overview(command: str, word: str, about: str, rows: Mapping[str, str], example: str) -> str:
    """The help of a command that only leads to others: what they are called, in one word, and a line about each."""
    lines = "\n".join(f"  {name:<12}{words}" for name, words in rows.items())
    return (
        f"usage: {command} {word} ...\n\n{about}\n\n{lines}\n\n{command} {word} --help says more.\nexample: {example}\n"
    )


def as_base(cls: type[T], options: Any) -> T:
    """The part of a verb's options that one of their bases holds, as an object of that class."""
    return cls(**{field.name: getattr(options, field.name) for field in dataclasses.fields(cls)})  # type: ignore[arg-type]


def summary(cls: type[Any]) -> str:
    """The first paragraph of a docstring."""
    return " ".join((cls.__doc__ or "").strip().split("\n\n")[0].split())


def _options(cls: type[Any], under: tuple[str, ...] = ()) -> Iterator[_Option]:
    helps = _field_helps(cls)
    hints = get_type_hints(cls, include_extras=True)
    homes = {
        name: distance
        for distance, base in reversed([*enumerate(cls.__mro__)])
        for name in inspect.get_annotations(base)
    }
    for field in dataclasses.fields(cls):
        hint = hints[field.name]
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            yield from _options(hint, (*under, field.name))
        else:
            yield _Option(
                path=(*under, field.name),
                hint=hint,
                field=field,
                help=helps.get(field.name, ""),
                distance=homes[field.name],
                positional=POSITIONAL in getattr(hint, "__metadata__", ()),
            )


def _group(name: str, group: Any) -> Iterator[_Option]:
    for kind in _kinds(group):
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            for option in _options(kind, (name,)):
                yield dataclasses.replace(option, of_group=True)
            return
    field: Field[Any] = dataclasses.field(default=None)  # type: ignore[arg-type]
    yield _Option(path=(name,), hint=group, field=field, help="", of_group=True)


def _field_helps(cls: type[Any]) -> dict[str, str]:
    """What the docstrings of a dataclass and its bases say of its fields, below `Args:`."""
    helps: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        _, _, text = inspect.cleandoc(base.__doc__ or "").partition("Args:\n")  # Python 3.13 has taken the indent off
        paragraph = text.split("\n\n")[0]
        for entry in re.split(r"\n(?= {4}\w+: )", "\n" + paragraph):
            name, _, words = entry.strip().partition(": ")
            helps[name] = " ".join(words.split())
    return helps


def _parser(command: str, cls: type[Any], options: Sequence[_Option], example: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=command,
        description="\n".join(textwrap.wrap(summary(cls), 100)),
        epilog=f"example: {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        exit_on_error=False,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
        usage=f"{command} {' '.join(_usage(option) for option in options if len(option.path) == 1)}",
    )
    for option in options:
        default = option.field.default
        plain = option.of_group or default is MISSING or default in (None, "", ()) or isinstance(default, bool)
        shown = "" if plain else f" (default: {_shown(default)})"
        text = (option.help.rstrip(".") + shown).replace("%", "%%")
        if option.positional:
            parser.add_argument(option.key, nargs="?", metavar=option.name, help=text)
        elif _is_flag(option):
            parser.add_argument(option.name, dest=option.key, action="store_true", help=text)
        else:
            several = "+" if _is_list(option.hint) else None
            parser.add_argument(option.name, dest=option.key, nargs=several, metavar=_metavar(option.hint), help=text)
    return parser


def _usage(option: _Option) -> str:
    words = option.name if option.positional or _is_flag(option) else f"{option.name} {_metavar(option.hint)}"
    return words if option.required else f"[{words}]"


def _shown(default: Any) -> str:
    return " ".join(map(str, default)) if isinstance(default, tuple) else str(default)


def _is_flag(option: _Option) -> bool:
    return option.hint is bool and len(option.path) == 1


def _kinds(hint: Any) -> list[Any]:
    """The annotation without `Annotated` and without None."""
    if get_origin(hint) is Annotated:
        return _kinds(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        return [kind for one in get_args(hint) for kind in _kinds(one) if kind is not type(None)]
    return [hint]


def _is_list(hint: Any) -> bool:
    """Whether it is a tuple of plain values; a tuple of dataclasses is given as one text in YAML."""
    kind = _kinds(hint)[0]
    return get_origin(kind) is tuple and not _holds_settings(kind)


def _holds_settings(hint: Any) -> bool:
    is_settings = dataclasses.is_dataclass(hint) and isinstance(hint, type)
    return is_settings or any(_holds_settings(one) for one in get_args(hint))


def _metavar(hint: Any) -> str:
    kind = _kinds(hint)[0]
    if get_origin(kind) is Literal:
        return "|".join(map(str, get_args(kind)))
    if get_origin(kind) is tuple:
        return "YAML" if _holds_settings(kind) else _metavar(get_args(kind)[0])
    return _METAVARS.get(kind, "TEXT")


def _checked(option: _Option, text: Any) -> Any:
    if text in ("null", "none") and type(None) in get_args(option.hint):
        return None
    if _holds_settings(option.hint):
        return from_yaml(text, option.name)
    adapter = TypeAdapter[Any](option.hint, config=ConfigDict(allow_inf_nan=False))
    try:
        return adapter.validate_python(tuple(text) if isinstance(text, list) else text)
    except ValidationError as error:
        raise UserError(sentence(error.errors(include_url=False)[0], option.name)) from None


def from_yaml(text: str | bytes, name: str) -> Any:
    """What a text in YAML says, in the types of JSON.

    Raises:
        UserError: It is not YAML; `name` says whose text it is.
    """
    import yaml

    try:
        return json.loads(json.dumps(yaml.safe_load(text), default=str))
    except yaml.YAMLError as error:
        raise UserError(f"{name}: not YAML ({' '.join(str(error).split())}).") from None
    except (UnicodeDecodeError, TypeError, ValueError) as error:
        raise UserError(f"{name}: cannot be read ({error}).") from None
