"""Facts that a program gives: objects of any iterable, or a file of them, brought to what reading a file gives."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from closedbook.errors import UserError, counted
from closedbook.facts.readers import FactsFile, read_facts_file
from closedbook.facts.records import Fact
from closedbook.facts.text import composed


def given_facts(given: Iterable[Fact] | str | Path, what: str = "facts") -> FactsFile:
    """Facts with an accepted answer each.

    Args:
        given: Any iterable of facts, or the path of their file.
        what: What errors call them.

    Raises:
        UserError: The file cannot be read, or something that is given is no fact, or one without question or answer.
    """
    if isinstance(given, str | Path):
        return read_facts_file(Path(given))
    if not isinstance(given, Iterable):
        raise UserError(f"{what}: takes facts, or the path of a file of them, not {type(given).__name__}.")
    facts = tuple(_checked(fact, f"{what}, fact {number}") for number, fact in enumerate(given, 1))
    return FactsFile(facts=facts, read_as="", wordings={})


def _checked(fact: object, place: str) -> Fact:
    """A fact as files give it: letters composed, no space around its texts, a popularity that is a number."""
    if not isinstance(fact, Fact):
        raise UserError(f"{place}: {type(fact).__name__} is no closedbook.Fact.")
    answers: Any = fact.answers  # whatever a program has put there
    if not isinstance(answers, tuple | list) or not all(isinstance(text, str) for text in answers):
        raise UserError(f"{place}: 'answers' is a tuple of texts, as in ('Rome',).")
    if not all(isinstance(text, str) for text in (fact.question, fact.subject, fact.relation)):
        raise UserError(f"{place}: question, subject and relation are texts.")
    if not isinstance(fact.popularity, int | float | None):
        raise UserError(f"{place}: 'popularity' is a number.")
    question, *answers = (composed(text, place).strip() for text in (fact.question, *answers))
    if not question:
        raise UserError(f"{place}: the question is empty.")
    if not answers or "" in answers:
        raise UserError(f"{place}: {question!r} has no accepted answer.")
    known = fact.popularity is not None and not math.isnan(fact.popularity)
    popularity = fact.popularity if known else None
    return replace(fact, question=question, answers=tuple(answers), popularity=popularity)


def with_shared_answers(facts: Sequence[Fact], what: str) -> tuple[Sequence[Fact], str]:
    """Rows of one question each with the accepted answers of all of them, and what to say of such rows, "" of none.

    Args:
        facts: To be asked; as many come back, in their order.
        what: What the sentence calls them.
    """
    rows = defaultdict[str, list[Fact]](list)
    for fact in facts:
        rows[fact.question].append(fact)
    if len(rows) == len(facts):
        return facts, ""
    answers = {
        question: tuple(dict.fromkeys(a for one in same for a in one.answers)) for question, same in rows.items()
    }
    several = sum(len({frozenset(one.answers) for one in same}) > 1 for same in rows.values())
    again = counted(len(facts) - len(rows), "question stands", "questions stand")
    sentence = f"{what}: {again} there again"
    if several:
        sentence += f", {several:,} with other answers, any of which is right"
    shared = [
        replace(fact, answers=tuple(dict.fromkeys((*fact.answers, *answers[fact.question])))) if several else fact
        for fact in facts
    ]
    return shared, f"{sentence}."
