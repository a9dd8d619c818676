"""Kinds of answers: what kind of thing most answers of a relation are."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping

from closedbook.facts.relations import AnswerKind
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
    years = sum(number.isdecimal() for number in numbers if len(number) in (3, 4))
    if form == "0 X":
        return bool(days) and answer[-1:].islower() and len(answer.split()[1]) > 2
    if form == "X 0":
        return bool(years) and len(numbers[0]) == 4
    with_month = years == 1 and 0 < days == len(numbers) - 1 <= 2 and any(map(str.isalpha, answer))
    return with_month or _NUMERIC_DATE.fullmatch(answer) is not None
