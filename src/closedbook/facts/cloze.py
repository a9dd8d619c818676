"""Statements with `[X]` for the subject and `[Y]` for the answer: templates of LAMA, BEAR and ParaRel."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from closedbook.errors import UserError
from closedbook.facts.columns import refuse_slips
from closedbook.facts.forms import SLOT
from closedbook.facts.text import MOST_SETTINGS, load_json, parse_json, read_text, shortened

BLANK = "___"
"""Stands for the answer in a question that is a statement."""
TEMPLATE_FILES = ("metadata_relations.json", "relations.jsonl", "templates.json")


def cloze(template: str, place: str) -> str:
    """The form of a statement: `[X] is the capital of [Y].` gives `{} is the capital of ___.`.

    Raises:
        UserError: It does not hold `[X]` and `[Y]` once each.
    """
    if template.count("[X]") != 1 or template.count("[Y]") != 1:
        raise UserError(f"{place}: the template {shortened(template)!r} must hold [X] and [Y] once each.")
    return template.strip().replace(" .", ".").replace("[X]", SLOT).replace("[Y]", BLANK)


def read_wordings(path: Path) -> tuple[str, ...]:
    """Other wordings, with `{}` for the subject, from a file.

    Either one a line with `{}` once, or ParaRel's JSONL, whose `pattern` holds `[X]` and `[Y]`.

    Raises:
        UserError: A line is no wording, or the file holds none.
    """
    wordings = []
    for number, line in enumerate(read_text(path, most=MOST_SETTINGS).split("\n"), 1):
        place = f"{path}, line {number}"
        if not line.strip():
            continue
        if path.suffix == ".jsonl":
            record = parse_json(line, place)
            refuse_slips(record, ("pattern",), place)
            pattern = record.get("pattern")
            if not isinstance(pattern, str):
                raise UserError(f"{place}: 'pattern' must be a string such as '[X] lies in [Y].'.")
            wordings.append(cloze(pattern, place))
        elif line.count(SLOT) != 1:
            raise UserError(f"{place}: a wording names the subject once, as {{}}.")
        else:
            wordings.append(line.strip())
    if not wordings:
        raise UserError(f"{path}: no wordings in it.")
    return tuple(dict.fromkeys(wordings))


def templates_beside(path: Path) -> dict[str, tuple[str, ...]]:
    """The forms of every relation in a file of templates beside the facts; empty without one.

    `metadata_relations.json` (BEAR) and `templates.json` hold an object of relations, each a template, a list, or an
    object with `templates` or `template`; `relations.jsonl` (LAMA) has a `relation` and a `template` a line.

    Raises:
        UserError: The file cannot be read, or has something else in it.
    """
    places = (path.parent / name for name in TEMPLATE_FILES)
    source = next((place for place in places if place.exists()), None)
    if source is None:
        return {}
    templates: dict[str, tuple[str, ...]] = {}
    for name, value, place in _entries(source):
        texts = value.get("templates", value.get("template")) if isinstance(value, dict) else value
        texts = [texts] if isinstance(texts, str) else texts
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
            raise UserError(f"{place}: relation {name!r} needs a template such as '[X] lies in [Y].'.")
        if name in templates:
            raise UserError(f"{place}: relation {name!r} stands there twice.")
        templates[name] = tuple(cloze(text, place) for text in texts)
    return templates


def _entries(source: Path) -> Iterator[tuple[str, Any, str]]:
    """Name, template or templates, and place of every relation in a file."""
    text = read_text(source, most=MOST_SETTINGS)
    if source.suffix == ".jsonl":
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                place = f"{source}, line {number}"
                record = parse_json(line, place)
                refuse_slips(record, ("relation", "template", "templates"), place)
                name = record.get("relation")
                if not isinstance(name, str):
                    raise UserError(f"{place}: 'relation' must be a string.")
                yield name, record, place
        return
    data = load_json(text, str(source), lines=True)
    if not isinstance(data, dict):
        raise UserError(f"{source}: not an object of relations.")
    yield from ((name, value, str(source)) for name, value in data.items())
