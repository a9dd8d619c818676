"""Records: the block of YAML or TOML before a text, and objects of JSON, as lines of `key: value`."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import yaml

from closedbook.facts.text import Written

MOST_FRONT = 64 * 2**10  # characters of the block of YAML or TOML before a text
DEEPEST = 5  # levels of a record inside it
_FRONT = re.compile(r"(---|\+\+\+)[ \t]*\n")
_FRONT_END = re.compile(r"^(---|\.\.\.|\+\+\+)[ \t]*(?:\n|\Z)", re.MULTILINE)
_KEY = re.compile(r"""["']?[\w.-][^:=\n]{0,40}["']?[ \t]*[:=](?:[ \t]|$)|[ \t#\]}-]""")
_PAIR = re.compile(r"^[\"']?(\w[\w .-]{0,40}?)[\"']?[ \t]*[:=][ \t]+(\S.*)$", re.MULTILINE)
NO_RECORD = frozenset("question answer answers problem contents abstract txt".split())
"""Keys of facts, and of texts that are called otherwise: what has them is no record."""
OF_A_PAGE = frozenset(
    "title tags keywords category categories layout type template draft publish published comments toc math mathjax "
    "menu nav sidebar slug permalink url cssclass cssclasses lang language image thumbnail".split()
)
"""Keys before a text that say how it is shown or sorted."""


class Front(NamedTuple):
    """A block of YAML or TOML before a text.

    Args:
        title: That it gives, or "".
        lines: What else it says, as `label: value.`, a line each.
        rest: The text behind it.
    """

    title: str
    lines: tuple[str, ...]
    rest: str


def split_front(text: str) -> Front:
    """A text and the block before it.

    Between two rules stands such a block where it names values, or where every line that is not indented looks so.
    """
    mark = _FRONT.match(text)
    if not mark:
        return Front("", (), text)
    ends = ("---", "...") if mark[1] == "---" else ("+++",)
    end = next((found for found in _FRONT_END.finditer(text[:MOST_FRONT], mark.end()) if found[1] in ends), None)
    if end is None:
        return Front("", (), text)
    block = text[mark.end() : end.start()]
    try:
        fields = _fields(block, mark[1])
    except (yaml.YAMLError, tomllib.TOMLDecodeError, RecursionError):  # then what stands on the line of that key
        if not all(map(_KEY.match, filter(str.strip, block.split("\n")))):
            return Front("", (), text)
        fields = {key: value.strip(" \t\"'") for key, value in _PAIR.findall(block)}
    if fields is None:
        return Front("", (), text)
    return Front(_title_of(fields), tuple(_lines_of(fields)), text[end.end() :])


def _fields(block: str, mark: str) -> dict[Any, Any] | None:
    """What a block names, with texts as they are written; None where it names nothing but has a text.

    Raises:
        YAMLError, TOMLDecodeError: It cannot be read, or refers to another place.
    """
    if mark == "---" and refers(block):
        raise yaml.YAMLError("refers to another place")
    fields: Any = tomllib.loads(block) if mark == "+++" else yaml.load(block, Loader=yaml.BaseLoader)  # nosec B506
    return {} if fields in ("", None) else fields if isinstance(fields, dict) else None


def refers(text: str) -> bool:
    """Whether a text in YAML refers to another place in it (`*name`), which a few lines can multiply without end.

    Raises:
        YAMLError: It is none.
    """
    return "*" in text and any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.BaseLoader))


def _title_of(fields: dict[Any, Any]) -> str:
    named = {str(key).lower(): value for key, value in fields.items()}
    given = named.get("title")
    return "" if not isinstance(given, str) or given in ("null", "~") else " ".join(given.split())


def _lines_of(fields: dict[Any, Any]) -> Iterator[str]:
    """What a block says but for the title and what makes a page."""
    return lines_of({key: value for key, value in fields.items() if str(key).lower() not in OF_A_PAGE})


def lines_of(fields: dict[Any, Any], deeper: int = DEEPEST) -> Iterator[str]:
    """What a record says, `key: value.` a line; lists in one line, what is nested, to so many levels, by all names."""
    for key, value in fields.items():
        values = value if isinstance(value, list) else [value]
        for one in values:
            if isinstance(one, dict) and deeper:
                yield from lines_of({f"{key} {name}": inner for name, inner in one.items()}, deeper - 1)
        flat = [
            one for each in values for one in (each if isinstance(each, list) else [each])
        ]  # [[x]] is a list in one
        texts = [_said(one) for one in flat if not isinstance(one, dict | list)]
        said = ", ".join(text for text in texts if text not in ("", "null", "~"))
        if said:
            yield f"{str(key).replace('_', ' ')}: {said}{'' if said[-1] in '.!?' else '.'}"


def no_record(keys: Iterable[str]) -> bool:
    """Whether one of them is a key of facts, or of a text that is called otherwise."""
    return not NO_RECORD.isdisjoint(map(str.lower, keys))


def _said(value: object) -> str:
    """A value as YAML or JSON writes it."""
    if value is None or isinstance(value, bool):
        return str(value).lower() if value is not None else ""
    return " ".join((value.digits if isinstance(value, Written) else str(value)).split())
