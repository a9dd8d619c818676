"""A relation is data: how it is asked, what kind of thing answers, which words reports use; and `relations.toml`."""

import json
import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from closedbook.errors import UserError, counted, nearest
from closedbook.facts.forms import SLOT
from closedbook.facts.naming import form_key
from closedbook.facts.text import MOST_CHARACTERS, MOST_SETTINGS, read_text, shortened, why
from closedbook.files import write_text

AnswerKind = Literal["phrase", "number", "date", "word", "choice"]
Fields = dict[str, Any]
"""Some of a relation's fields, checked; what a file leaves out is induced from the questions."""

FILE = "relations.toml"
COMMENTS = {
    "name": "short, and unique in this file",
    "forms": "the questions, with {} for the subject",
    "wordings": "other wordings that a model is asked as well; nothing is trained on them",
    "reversed": "the question for the subject, with {} for the answer; leave it out if there is none",
    "answer": "what answers: phrase (capitalised), number, date, word, or choice (one of `choices`)",
    "choices": 'the closed list of answers, where answer = "choice"',
    "label": "what reports call an answer",
    "subject": "what reports call a subject",
    "subjects": "and several of them",
}
"""The keys of a `[[relation]]`, each with what a user should know who corrects it."""
LISTS = ("forms", "wordings", "choices")
MOST_PARTS = 50  # of a key with dots; n of them take the parser n^2 steps
_CHAIN = re.compile(rf"""(?:\.[ \t]*(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*){{{MOST_PARTS}}}""")
HEADER = """\
# What is asked in this directory, one [[relation]] for each kind of question.
# Correct what is wrong: names, the words of reports, the kind of answer. Questions of several forms that ask for the
# same thing belong to one relation: move their forms together and delete the other. A key that is left out, and a form
# that stands in no relation, is induced from the training questions again.
"""


@dataclass(frozen=True, kw_only=True)
class Relation:
    """What is asked about many subjects.

    Args:
        name: Short and unique in its corpus, as in `capital` or `symbol`.
        forms: The questions' forms with `{}` for the subject, the most frequent first; none where no question of the
            relation names its subject.
        wordings: Other wordings, with `{}`; models are asked them too, nothing is trained on them.
        reversed: The question for the subject, with `{}` for the answer, None where there is none.
        answer: What kind of thing answers: a capitalised phrase, a number, a date, other words, or one of `choices`.
        choices: The closed list of answers where there is one.
        label: What reports call the answer, as in `capital`.
        subject: What reports call a subject, as in `country`.
        subjects: Its plural.
        train: Facts of it to train on.
        dev: Facts of it to report on.
    """

    name: str
    forms: tuple[str, ...]
    wordings: tuple[str, ...] = ()
    reversed: str | None = None
    answer: AnswerKind = "phrase"
    choices: tuple[str, ...] = ()
    label: str = "answer"
    subject: str = "subject"
    subjects: str = "subjects"
    train: int = 0
    dev: int = 0


def titles(labels: Mapping[str, str]) -> dict[str, str]:
    """What tells each relation from the others: its label, or its name where that says nothing or is shared.

    Args:
        labels: By the relation's name.
    """
    times = Counter(labels.values())
    return {name: name if label == Relation.label or times[label] > 1 else label for name, label in labels.items()}


def read_relations(path: Path) -> dict[str, Fields]:
    """The relations of a file; see `parse_relations`."""
    return parse_relations(read_text(path, most=MOST_SETTINGS), str(path))


def parse_relations(text: str, place: str) -> dict[str, Fields]:
    """The relations of a TOML text, in its order: for each name the fields that it gives.

    Args:
        text: Tables `[[relation]]` with the keys of `COMMENTS`.
        place: What errors call it.

    Raises:
        UserError: No TOML, an unknown key, a wrong type, a form without `{}`, a name or a form that stands twice.
    """
    if _CHAIN.search(text):
        raise UserError(f"{place}: a key of more than {MOST_PARTS} parts.")
    try:
        data = tomllib.loads(text)
    except RecursionError:
        raise UserError(f"{place}: not TOML that can be read (it is nested too deeply).") from None
    except ValueError as error:  # also of a number with too many digits
        raise UserError(f"{place}: not TOML ({why(error)}).") from None
    for key in data.keys() - {"relation"}:
        raise UserError(f"{place}: unknown key {key!r}{nearest(key, ['relation'])}; it holds [[relation]] tables.")
    tables = data.get("relation", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UserError(f"{place}: write [[relation]] with double brackets.")
    relations: dict[str, Fields] = {}
    owners: dict[str, str] = {}
    for number, table in enumerate(tables, 1):
        fields = _checked(table, f"{place}, relation {shortened(str(table.get('name', number)))}")
        name = fields["name"]
        if name in relations:
            raise UserError(f"{place}, relation {name}: the name stands there twice.")
        for form in fields.get("forms", ()):
            if owners.setdefault(form_key(form), name) != name:
                owner = owners[form_key(form)]
                raise UserError(f"{place}, relation {name}: the form {form!r} belongs to relation {owner} already.")
        relations[name] = fields
    return relations


def _checked(table: dict[str, Any], place: str) -> Fields:
    fields: Fields = {}
    for key, value in table.items():
        if key not in COMMENTS:
            raise UserError(f"{place}: unknown key {key!r}{nearest(key, COMMENTS)}.")
        if key in LISTS:
            if not isinstance(value, list) or not all(isinstance(text, str) and text.strip() for text in value):
                raise UserError(f"{place}: {key!r} must be a list of strings, none of them empty.")
            fields[key] = tuple(value)
        elif not isinstance(value, str) or not value.strip():
            raise UserError(f"{place}: {key!r} must be a string that is not empty.")
        else:
            fields[key] = value
        if any(len(text) > MOST_CHARACTERS for text in ((value,) if isinstance(value, str) else value)):
            raise UserError(f"{place}: {key!r} holds more than {MOST_CHARACTERS:,} characters.")
    if "name" not in fields:
        raise UserError(f"{place}: no 'name'.")
    for text in (*fields.get("forms", ()), *fields.get("wordings", ()), fields.get("reversed", SLOT)):
        if SLOT not in text:
            raise UserError(f"{place}: {shortened(text)!r} must hold {{}}.")
    kinds = get_args(AnswerKind)
    if fields.get("answer", "phrase") not in kinds:
        raise UserError(f"{place}: 'answer' is one of {', '.join(kinds)}.")
    if fields.get("choices") and fields.get("answer") != "choice":
        raise UserError(f"{place}: 'choices' has no effect without answer = \"choice\".")
    return fields


def format_relations(relations: Sequence[Relation]) -> str:
    """The text of a `relations.toml` that `parse_relations` reads back, with comments for who corrects it.

    A form of several relations, which a column of the facts tells apart, stands in the first of them.
    """
    parts = [HEADER]
    owners: dict[str, int] = {}
    for number, relation in enumerate(relations):
        lines = ["", "[[relation]]"]
        own = tuple(form for form in relation.forms if owners.setdefault(form_key(form), number) == number)
        for key, comment in COMMENTS.items():
            value = own if key == "forms" else getattr(relation, key)
            if value or (key in ("forms", "wordings") and number == 0):
                comment = f"  # {comment}" if number == 0 else ""
                lines.append(f"{key} = {_toml(value, comment)}")
        parts.append("\n".join(lines) + "\n")
    return "".join(parts)


def _toml(value: str | tuple[str, ...], comment: str) -> str:
    """A string, or a list with one string a line where there are several, as TOML, with its comment behind."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f") + comment
    texts = [_toml(text, "") for text in value]
    if len(texts) < 2:
        return f"[{', '.join(texts)}]{comment}"
    return f"[{comment}\n" + "".join(f"    {text},\n" for text in texts) + "]"


def write_relations(relations: Sequence[Relation], path: Path) -> None:
    """Writes a `relations.toml`; see `format_relations`.

    Raises:
        UserError: It would be larger than is read back, or the file system refuses.
    """
    text = format_relations(relations)
    if (size := len(text.encode())) > MOST_SETTINGS:
        forms = sum(len(relation.forms) for relation in relations)
        raise UserError(
            f"{path}: {counted(forms, 'form')} of questions would take {size:,} bytes, and a file of them has at most "
            f"{MOST_SETTINGS:,}; without the file they are found in the questions as before."
        )
    write_text(path, text)
