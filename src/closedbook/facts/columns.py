"""Columns of facts: which file of whose making it is, and which column plays which role."""

import difflib
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from typing import NamedTuple

from closedbook.errors import UserError
from closedbook.facts.text import MOST_COLUMNS, shortened

MISSPELT = 0.85  # likeness from which an unknown key is taken for a known one that is missing

LONG = 5  # letters of a name that is told by likeness; `pop` is not meant for `prop`


class Layout(NamedTuple):
    """How a kind of file is recognised and read.

    `names` gives, for each role of a column, the names that it may have; those of `needed` make the layout.
    """

    name: str
    needed: tuple[str, ...]
    names: Mapping[str, tuple[str, ...]]


_QUESTION_ELSEWHERE = tuple(
    "frage pregunta domanda pergunta vraag fråga pytanie soru вопрос 问题 問題 質問 질문".split()
)
_ANSWER_ELSEWHERE = tuple(
    "antwort réponse respuesta risposta resposta antwoord svar odpowiedź cevap ответ 答案 回答 답".split()
)
_ALSO = ("answers", "aliases")
_COMMON = {"relation": ("relation", "prop", "predicate_id", "pred"), "popularity": ("popularity", "s_pop", "pop")}
GENERAL = "questions and answers"
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
        {"question": ("problem",), "answer": ("answer",), "also": _ALSO, "subject": ("subject",), **_COMMON},
    ),
    Layout(
        GENERAL,
        ("question",),
        {
            "question": ("question", *_QUESTION_ELSEWHERE),
            "answer": ("answer", "answers", *_ANSWER_ELSEWHERE),
            "also": _ALSO,
            "subject": ("subject", "subj"),
            **_COMMON,
        },
    ),
    Layout(
        "prompts and completions",
        ("question", "answer"),
        {
            "question": ("prompt", "input", "q"),
            "answer": ("completion", "response", "output", "a"),
            "subject": ("subject",),
            **_COMMON,
        },
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


def meant(key: str, names: Iterable[str]) -> str | None:
    """The name that an unknown key is likely to be a slip for, None without one: alike, or of the same letters."""
    names = list(names)
    if len(key) > 2 * max(map(len, names), default=0):
        return None
    like = difflib.get_close_matches(key, [name for name in names if len(name) >= LONG], 1, MISSPELT)
    return like[0] if like else next((name for name in names if sorted(name) == sorted(key)), None)


def refuse_slips(keys: Iterable[str], names: Collection[str], place: str) -> None:
    """Refuses keys that are likely to be slips for known ones that are missing.

    Args:
        keys: Those that are there.
        names: Every known one.
        place: What errors call it.

    Raises:
        UserError: One is.
    """
    keys = list(keys)
    missing = [name for name in names if name not in keys]
    for key in keys:
        if key not in names and (name := meant(key, missing)):
            raise UserError(f"{place}: unknown key {key!r} (did you mean {name!r}?).")


def is_header(cells: Sequence[str]) -> bool:
    """Whether the first line of a table without a suffix of its own names columns: two of them, or slips for them.

    Of one column alone it does where that is called as questions are.
    """
    names = {name for layout in LAYOUTS for role in layout.names.values() for name in role if len(name) > 1}
    if cells[0] in ("question", "problem") or (len(cells) > 1 and cells[0] == "sub_label"):
        return True
    return sum(cell in names or meant(cell, names) is not None for cell in cells[:MOST_COLUMNS]) > 1


def columns_of(columns: list[str], place: str) -> tuple[Layout, dict[str, str]]:
    """The layout of a header or of an object's keys, with the column of every role that is there.

    Raises:
        UserError: A column stands there twice or is likely misspelt, or no layout has such columns or so many.
    """
    if len(columns) > MOST_COLUMNS:
        raise UserError(f"{place}: {len(columns):,} columns; a table has at most {MOST_COLUMNS:,}.")
    seen = set()
    for column in columns:
        if column and column in seen:
            raise UserError(f"{place}: the column {shortened(column)!r} stands there twice.")
        seen.add(column)
    layout = layout_of(columns)
    roles = {} if layout is None else _roles(layout, seen)
    wanted = {role for kind in LAYOUTS for role in kind.names} if layout is None else layout.names.keys() - {"also"}
    names = [
        name for kind in LAYOUTS for role, all_ in kind.names.items() if role in wanted - roles.keys() for name in all_
    ]
    refuse_slips([column for column in columns if column not in roles.values()], names, place)
    if layout is None:
        raise UserError(f"{place}: {named_columns(columns)}; needed are {EXPECTED}.")
    return layout, roles


def named_columns(columns: Iterable[str]) -> str:
    """The columns, as errors have them."""
    return f"columns {', '.join(repr(shortened(column)) for column in columns)}"


def _roles(layout: Layout, columns: Container[str]) -> dict[str, str]:
    """The column of every role of a layout that is there."""
    present = {role: [name for name in names if name in columns] for role, names in layout.names.items()}
    roles = {role: names[0] for role, names in present.items() if names}
    others = [name for name in present.get("also", ()) if name != roles.get("answer")]
    if "subject" in roles:  # whose aliases these may be
        others = [name for name in others if name != "aliases"]
    return {role: name for role, name in roles.items() if role != "also"} | ({"also": others[0]} if others else {})
