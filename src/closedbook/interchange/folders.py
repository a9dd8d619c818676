"""What the folders of all harnesses have: rows, the relations' answers, and how long an answer may be."""

import json
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

from closedbook.evaluation.form import Form
from closedbook.facts.records import Fact
from closedbook.hub.causal import MOST_NEW_TOKENS, MOST_NEW_TOKENS_OF_CHAT


def most_new_tokens(form: Form) -> int:
    """How many tokens a model may write, as when it is asked here."""
    return MOST_NEW_TOKENS_OF_CHAT if form.chat else MOST_NEW_TOKENS


def stops(form: Form) -> list[str]:
    """The texts that end an answer, beside the model's own end."""
    return [] if form.chat else ["\n"]


def known_answers(facts: Sequence[Fact]) -> dict[str, list[str]]:
    """The accepted answers of each relation, each once."""
    answers: dict[str, dict[str, None]] = {}
    for fact in facts:
        answers.setdefault(fact.relation, {}).update(dict.fromkeys(fact.answers))
    return {relation: list(texts) for relation, texts in answers.items()}


def plain_name(text: str, taken: Container[str] = ()) -> str:
    """A name of small letters, digits and underscores, which is not taken."""
    base = re.sub(r"[^a-z0-9]+", "_", text.casefold()).strip("_") or "facts"
    name, number = base, 2
    while name in taken:
        name, number = f"{base}_{number}", number + 1
    return name


def json_lines(rows: Iterable[Mapping[str, Any]]) -> str:
    """One object a line."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
