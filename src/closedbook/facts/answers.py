"""Kinds of answers: what kind of thing most answers of a relation are."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping

from closedbook.facts.relations import AnswerKind
from closedbook.facts.scripts import UNSPACED_LETTER, WORD
from closedbook.facts.shapes import answer_shape, kind_of, words

CHOICES, EACH, CHOICE_SHARE = 12, 5, 0.05  # a closed list: few answers, several facts each, or a small share of all
FEW, MONTH_NAMES = 6, 24  # answers that may show whether they are dates; names of months, whole and short
CALLED = {"phrase": "capitalised phrases", "number": "numbers", "date": "dates", "word": "words"}
"""What sentences call answers of a kind; those of a closed list are said to be some of it."""
_DIGITS = re.compile(r"\d+")
_MONTH, _DAY = r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
_NUMERIC_DATE = re.compile(rf"\d{{4}}[-/.]{_MONTH}[-/.]{_DAY}|(?:{_MONTH}[-/.]{_DAY}|{_DAY}[-/.]{_MONTH})[-/.]\d{{4}}")


def answer_kind(answers: Mapping[str, int]) -> tuple[AnswerKind, tuple[str, ...]]:
    """What kind of thing most answers are, and the closed list where so few answers serve so many facts.

    Args:
        answers: How many facts have each.
    """
    counts = Counter(answers)
    total = counts.total()
    few = len(counts) <= CHOICES and total >= EACH * len(counts)
    if len(counts) > 1 and (few or len(counts) <= CHOICE_SHARE * total):
        return "choice", tuple(answer for answer, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
    kinds = kinds_of_answers(counts)
    return max(kinds, key=lambda kind: kinds[kind], default="phrase"), ()


def kinds_of_answers(answers: Mapping[str, int]) -> dict[AnswerKind, int]:
    """How many facts have answers of each kind, in the order in which they first come.

    What could be a month and a number, each by itself, is none where all have the same word, or more words than months
    have names (`UN 1013`, `9 Personen`).
    """
    beside = {
        answer: tuple(WORD.findall(_DIGITS.sub("", answer.lower()))) for answer in answers if _is_short_date(answer)
    }
    no_months = len(beside) >= FEW and not 1 < len({*beside.values()}) <= MONTH_NAMES
    kinds = defaultdict[AnswerKind, int](int)
    for answer, times in answers.items():
        other: AnswerKind = "number" if answer[:1].isdigit() else "phrase"
        kinds[other if no_months and answer in beside else kind_of_answer(answer)] += times
    return dict(kinds)


def _is_short_date(answer: str) -> bool:
    """Whether an answer could be a month with a day or a year alone."""
    return answer_shape(answer) in ("0 X", "X 0") and kind_of_answer(answer) == "date"


def kind_of_answer(answer: str) -> AnswerKind:
    """The kind of an answer: dates have a day or a year beside a month; a number may have a unit or several parts."""
    form = answer_shape(answer)
    if _is_date(answer, form):
        return "date"
    if re.match(r"[^X0x]*0", form):
        return "number"
    kind = kind_of(form)
    return "phrase" if kind == "date" else kind  # `Boeing 747`


def _is_date(answer: str, form: str) -> bool:
    """Whether an answer is `3 May 1921`, `May 1921`, `3 May`, `1921-05-03` or the like in any language."""
    numbers = [answer[word.start : word.end] for word in words(answer) if word.mark == "0"]
    days = sum(number.isdecimal() and 0 < int(number) <= 31 for number in numbers if len(number) < 3)
    years = sum(number.isdecimal() and number[0] != "0" for number in numbers if len(number) in (3, 4))
    if form == "0 X":
        return bool(days) and answer[-1:].islower() and len(answer.split()[1]) > 2
    if form == "X 0":
        return bool(years) and len(numbers[0]) == 4
    with_month = years == 1 and 0 < days == len(numbers) - 1 <= 2 and _may_name_month(answer)
    return with_month or _NUMERIC_DATE.fullmatch(answer) is not None


def _may_name_month(answer: str) -> bool:
    """Whether the words beside the numbers of a day and a year may name a month, in any language.

    A month has three letters or more, where a script puts spaces between words. Of the words between two numbers one
    alone is so long, and shorter ones stand before it or on both sides (`3 de mayo de 1921`): `12 of 400`,
    `20 out of 350` and `30 km in 1990` are no dates.
    """
    if UNSPACED_LETTER.search(answer):
        return True
    long = [[len(word) > 2 for word in WORD.findall(between)] for between in re.split(r"\d+", answer)]
    inner = [gap for gap in long[1:-1] if gap]
    return any(map(any, long)) and all(sum(gap) == 1 and gap[-1] >= gap[0] for gap in inner)
