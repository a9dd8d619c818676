"""Columns of facts: which file of whose making it is, and which column plays which role."""

import difflib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from closedbook.errors import UserError

MISSPELLED = 0.85  # likeness from which an unknown key is taken for a known one that is missing


class Layout(NamedTuple):
    """How a kind of file is recognised and read.

    `names` gives, for each role of a column, the names that it may have; those of `needed` make the layout.
    """

    name: str
    needed: tuple[str, ...]
    names: Mapping[str, tuple[str, ...]]


_COMMON = {"relation": ("relation", "prop", "predicate_id", "pred"), "popularity": ("popularity", "s_pop")}
LAYOUTS = (
    Layout(
        "statements as in LAMA and BEAR",
        ("subject", "answer"),
        {"subject": ("sub_label",), "answer": ("obj_label",), "template": ("template",), **_COMMON},
    ),
    Layout(
        "PopQA",
        ("question", "answer"),
        {
            "question": ("question",),
            "answer": ("possible_answers",),
            "subject": ("subj", "subject"),
            "first": ("obj",),
            **_COMMON,
        },
    ),
    Layout(
        "SimpleQA",
        ("question", "answer"),
        {"question": ("problem",), "answer": ("answer",), "subject": ("subject",), **_COMMON},
    ),
    Layout(
        "questions and answers",
        ("question",),
        {"question": ("question",), "answer": ("answer", "answers"), "subject": ("subject", "subj"), **_COMMON},
    ),
)
EXPECTED = "question and answer (or problem and answer, question and possible_answers, sub_label and obj_label)"


def layout_of(columns: Iterable[str]) -> Layout | None:
    """The first layout whose needed columns are there, None without one."""
    present = set(columns)
    return next(
        (layout for layout in LAYOUTS if all(not present.isdisjoint(layout.names[role]) for role in layout.needed)),
        None,
    )


def columns_of(columns: list[str], place: str) -> tuple[Layout, dict[str, str]]:
    """The layout of a header or of an object's keys, with the column of every role that is there.

    Raises:
        UserError: A column stands there twice or is likely misspelled, or no layout has such columns.
    """
    seen = set()
    for column in columns:
        if column and column in seen:
            raise UserError(f"{place}: the column {column!r} stands there twice.")
        seen.add(column)
    layout = layout_of(columns)
    roles = (
        {}
        if layout is None
        else {
            role: next(name for name in names if name in seen)
            for role, names in layout.names.items()
            if not seen.isdisjoint(names)
        }
    )
    known = LAYOUTS[-1] if layout is None else layout
    missing = [names[0] for role, names in known.names.items() if role not in roles]
    for column in columns:
        if column not in roles.values() and (like := difflib.get_close_matches(column, missing, 1, MISSPELLED)):
            raise UserError(f"{place}: unknown key {column!r} (did you mean {like[0]!r}?).")
    if layout is None:
        raise UserError(f"{place}: columns {', '.join(map(repr, columns))}; needed are {EXPECTED}.")
    return layout, roles
