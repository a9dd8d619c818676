"""Kinds of answers: what kind of thing most answers of a relation are."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping

from closedbook.facts.relations import AnswerKind
from closedbook.facts.scripts import UNSPACED_LETTER, WORD
from closedbook.facts.spans import answer_shape, kind_of, words

CHOICES, EACH, CHOICE_SHARE = 12, 5, 0.05  # a closed list: few answers, several facts each, or a small share of all
CALLED = {"phrase": "capitalised phrases", "number": "numbers", "date": "dates", "word": "words"}
"""What sentences call answers of a kind; those of a closed list are said to be some of it."""
_NUMERIC_DATE = re.compile(r"\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.]\d{4}")


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
    kinds = defaultdict[AnswerKind, int](int)
    for answer, times in counts.items():
        kinds[kind_of_answer(answer)] += times
    return max(kinds, key=lambda kind: kinds[kind], default="phrase"), ()


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
