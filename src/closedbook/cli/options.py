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
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from closedbook.config.validation import POSITIONAL, Named, New, sentence
from closedbook.errors import UserError, nearest
from closedbook.facts.text import why

T = TypeVar("T")
MOST_YAML, MOST_BRACKETS = 64 * 2**10, 200  # characters of settings, and brackets in them
_METAVARS = {int: "N", float: "X", bool: "true|false", Path: "PATH"}


@dataclass(frozen=True, kw_only=True)
class _Option:
    """A field as the command line knows it."""

    key: str  # `out`, or with what it is a setting of, `training.epochs`
    hint: Any
    default: Any  # `MISSING` where it must be given
    help: str
    positional: bool = False
    named: str = ""

    @property
    def name(self) -> str:
        if self.named:
            return self.named
        dashed = self.key if "." in self.key else self.key.replace("_", "-")
        return self.key.upper() if self.positional else f"--{dashed}"

    @property
    def is_flag(self) -> bool:
        return self.hint is bool and "." not in self.key

    @property
    def is_several(self) -> bool:
        """Whether it takes several words: a tuple of plain values; one of dataclasses is one text in YAML."""
        return get_origin(kinds(self.hint)[0]) is tuple and not _holds_settings(self.hint)

    @property
    def is_new(self) -> bool:
        """Whether it must not exist."""
        marks = [mark for kind in (self.hint, *get_args(self.hint)) for mark in getattr(kind, "__metadata__", ())]
        return any(mark in marks for mark in get_args(New)[1:])

    @property
    def usage(self) -> str:
        words = self.name if self.positional or self.is_flag else f"{self.name} {_metavar(self.hint)}"
        return words if self.default is MISSING else f"[{words}]"


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
    options = _all_options(cls, groups)
    given = _split(command, _parser(command, cls, options, example), options, arguments)
    values: dict[str, Any] = {}
    for option in sorted(options, key=lambda option: option.is_new):  # what else is wrong is said first
        if (text := getattr(given, option.key, None)) not in (None, []):
            values[option.key] = text if text is True else _checked(option, text)
        elif option.default is MISSING:
            raise UserError(f"{option.name} must be given; see {command} --help.")
    settings = {key: values.pop(key) for key in list(values) if key.split(".")[0] in groups}
    return _build(cls, values), settings


def parser_of(command: str, cls: type[Any], groups: Mapping[str, Any]) -> tuple[argparse.ArgumentParser, list[Any]]:
    """What splits the words of a verb, and the annotations of its arguments, in the parser's order, help left out."""
    options = _all_options(cls, groups)
    return _parser(command, cls, options, command), [option.hint for option in options]


def _all_options(cls: type[Any], groups: Mapping[str, Any]) -> list[_Option]:
    """What is given by its place first, then what must be given; settings of the groups last."""
    return [
        *sorted(_options(cls), key=lambda option: (not option.positional, option.default is not MISSING)),
        *(one for name, group in groups.items() for one in _group(name, group)),
    ]


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
        meant = [one for one in known if one.rpartition(".")[2] == name.lstrip("-")]  # --training.seed by --seed
        raise UserError(f"{name}: no such option{nearest(name, meant or known)}; see {command} --help.")
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


def _options(cls: type[Any], under: str = "") -> Iterator[_Option]:
    """The fields of a dataclass, its own before those of its bases, and those of dataclasses in it."""
    helps = _field_helps(cls)
    hints = get_type_hints(cls, include_extras=True)
    nearest_first = [*dict.fromkeys(name for base in cls.__mro__ for name in inspect.get_annotations(base))]
    for field in sorted(dataclasses.fields(cls), key=lambda field: nearest_first.index(field.name)):
        hint = hints[field.name]
        if _is_settings(hint):
            yield from _options(hint, f"{under}{field.name}.")
        else:
            yield _Option(
                key=under + field.name,
                hint=hint,
                default=field.default,
                help=helps.get(field.name, ""),
                positional=POSITIONAL in (marks := getattr(hint, "__metadata__", ())),
                named=next((mark.name for mark in marks if isinstance(mark, Named)), ""),
            )


def _group(name: str, group: Any) -> Iterator[_Option]:
    """The settings of a group; none must be given, and their defaults are not what the verb takes."""
    settings = next((kind for kind in kinds(group) if _is_settings(kind)), None)
    options = [_Option(key=name, hint=group, default=None, help="")]
    for option in _options(settings, f"{name}.") if settings else options:
        yield dataclasses.replace(option, default=None)


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
        usage=f"{command} {' '.join(option.usage for option in options if '.' not in option.key)}",
    )
    for option in options:
        default = " ".join(map(str, option.default)) if isinstance(option.default, tuple) else option.default
        plain = default is MISSING or default in (None, "") or isinstance(default, bool)
        text = (option.help.rstrip(".") + ("" if plain else f" (default: {default})")).replace("%", "%%")
        if option.positional:
            nargs = "*" if option.is_several else "?"
            parser.add_argument(option.key, nargs=nargs, metavar=option.name, help=text)
        elif option.is_flag:
            parser.add_argument(option.name, dest=option.key, action="store_true", help=text)
        else:
            words: dict[str, Any] = {"nargs": "+", "action": "extend"} if option.is_several else {}
            parser.add_argument(option.name, dest=option.key, metavar=_metavar(option.hint), help=text, **words)
    return parser


def kinds(hint: Any) -> list[Any]:
    """The annotation without `Annotated` and without None."""
    if get_origin(hint) is Annotated:
        return kinds(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        return [kind for one in get_args(hint) for kind in kinds(one) if kind is not type(None)]
    return [hint]


def _is_settings(hint: Any) -> bool:
    return dataclasses.is_dataclass(hint) and isinstance(hint, type)


def _holds_settings(hint: Any) -> bool:
    return _is_settings(hint) or any(_holds_settings(one) for one in get_args(hint))


def _metavar(hint: Any) -> str:
    kind = kinds(hint)[0]
    if get_origin(kind) is Literal:
        return "|".join(map(str, get_args(kind)))
    if get_origin(kind) is tuple:
        return "YAML" if _holds_settings(kind) else _metavar(get_args(kind)[0])
    return _METAVARS.get(kind, "TEXT")


def _checked(option: _Option, text: Any) -> Any:
    if "." in option.key and str(text).lower() in ("null", "none") and type(None) in get_args(option.hint):
        return None
    if _holds_settings(option.hint):
        return from_yaml(text, option.name)
    adapter = TypeAdapter[Any](option.hint, config=ConfigDict(allow_inf_nan=False))
    try:
        return adapter.validate_python(tuple(text) if isinstance(text, list) else text)
    except ValidationError as error:
        raise UserError(sentence(error.errors(include_url=False)[0], option.name)) from None


def from_yaml(text: str, name: str) -> Any:
    """What a text in YAML says, in the types of JSON.

    Raises:
        UserError: It is not YAML, or longer or more deeply nested than settings are, or says something by reference to
            another place, which a few lines can multiply without end; `name` says whose text it is.
    """
    import yaml

    if len(text) > MOST_YAML:
        raise UserError(f"{name}: {len(text):,} characters; settings have at most {MOST_YAML:,}.")
    if text.count("[") + text.count("{") > MOST_BRACKETS:
        raise UserError(f"{name}: more than {MOST_BRACKETS} brackets; settings are not nested so deeply.")
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise UserError(f"{name}: refers to an anchor (*name); write the value out.")
        return json.loads(json.dumps(yaml.safe_load(text), default=str))
    except yaml.YAMLError as error:
        raise UserError(f"{name}: not YAML ({' '.join(str(error).split())}).") from None
    except RecursionError:
        raise UserError(f"{name}: cannot be read (it is nested too deeply).") from None
    except UserError:
        raise
    except (TypeError, ValueError) as error:
        raise UserError(f"{name}: cannot be read ({why(error)}).") from None
