"""Where an answer stands in a response as an answer: whole, not part of a number, not denied, not a small word.

Texts are `matched` spellings; of answers that are small words otherwise (In, I, no) the response's own capitals count.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Literal

from closedbook.evaluation.refusals import refuses
from closedbook.evaluation.sentences import BEFORE, SMALL, answer_span, attempts
from closedbook.evaluation.spelling import matched, vulgar_apart, with_signs
from closedbook.facts.scripts import occurrences, stands_in

DENIALS = frozenset(
    "not isnt wasnt arent werent never nor neither cannot cant doesnt didnt dont doubt unlike nicht kein keine pas "
    "не ni".split()
)
_UNSPACED_DENIALS = frozenset("不没沒非未無无")  # 不是
_LINKS = SMALL | frozenset("think believe say called named longer actually really the city town country in".split())
"""Words that may stand between a denial and what it denies."""
_DENIED_BEHIND = re.compile(
    r" (?:(?:(?:is|was|are|were) (?:definitely |certainly )?(?:not|no longer|never)|isnt|wasnt|arent|werent)"
    r"(?! (?:only|just|always|merely|far|in doubt|un\w+|\w+ed)\b)|(?:is|was|are|were) (?:wrong|incorrect|false))\b"
)
_INSTEAD = re.compile(r"\binstead of $|\bno longer $|(?<!\bother )\bthan (?:the )?$")  # "larger than Russia"
_SUFFIX = re.compile(r"(?:n|an) (\w+)")  # of an adjective, and the word that it belongs to
_BEFORE_NUMBER = re.compile(r"(?:\d[.,/:^-]|(?<!\S)[.-]|[<>≤≥])$")
_BEHIND_NUMBER = re.compile(r"[.,/:-]?\d|\^| ?bc\b")
_SPAN_YEAR = re.compile(r"\d{3,4}")
_DATE_BEFORE = re.compile(r"\d-$|(?:^|[^\d.,/:])(?:\d{1,2}[./]){1,2}$|\d{4}/$")  # 1815-1852, 10.12.1815, 1999/2000
_DATE_BEHIND = re.compile(r"-\d|/(?:\d{2}|\d{4}|\d{1,2}/\d{1,2})(?!\d)")
_POLAR = re.compile(
    r"(?:^\W*|, )(?:is|are|was|were|do|does|did|can|could|has|have|had|will|would|should|true|yes)\b", re.IGNORECASE
)
_YES_NO = frozenset(("yes", "no", "true", "false"))
_FIRST_OF_THEM = re.compile(r"\b(?:yes|true|false|no(?! doubt\b))\b")
_NUMBERS = dict(
    zip("two three four five six seven eight nine ten eleven twelve".split(), map(str, range(2, 13)), strict=True)
)
_ONE = re.compile(r"(?<!\bno )(?<!\bany )(?<!\bthe )(?<!\bthis )(?<!\bthat )\bone\b(?! (?:of|another|day|s)\b)")
_STANDS_OUT = r"(?:\b(?:is|are|was|were|be|called|symbol|answer|abbreviation|code)\s|[:=])\s*[\"“'`*(]*"
_SIGN_BEHIND = re.compile(r"[+#*](?!\w)")  # C in C++
_GRADE = re.compile(r"[a-fo]|ab")  # and blood types, behind which a dash is a sign
_MEASURE = re.compile(r"\d (?:[^\W\d_]|[€£¥₹])")
_SMALLER = re.compile(r"(\d{1,4}) (s|secs?|seconds?|mins?|minutes?|h|hrs?|hours?|days?|months?|inch|inches)")
_LARGER = re.compile(r"\d ?(h|hrs?|hours?|mins?|minutes?|days?|years?|feet|foot|ft)(?: and)? $")
_LARGER_UNITS = {"s": ("hm", 60), "m": ("h", 60), "h": ("d", 24), "d": ("y", 31), "o": ("y", 12), "i": ("f", 12)}
"""Of a unit, by its letter (`o` for months), larger ones, and how many of it are one of them: 1 hour 30 minutes."""
_OTHER_MONEY = re.compile(r" (?:[€£¥₹]|euros?|pounds?|yen|rupees?|eur|gbp|jpy|inr)(?!\w)")
_DOLLARS = re.compile(r"\$|\busd\b|\bdollars?\b", re.IGNORECASE)
_MIXED = re.compile(r"\d (\d+/\d+)(?!\d)")  # 1 1/2
_FRACTION = re.compile(r"(\d{1,4})/(\d{1,4})(?=\D|$)")
_BULLET = re.compile(r"[ \t]*[-+*#]+[ \t]+\S")
MOST_MENTIONS = 100  # of an answer in a text that are looked at
START = 3  # letters of an answer that it is found by
Reading = Literal["text", "said", "counted", "signed"]
NEAR = 2  # words between two numbers of which one is meant
GIVEN = 3  # times that each of few answers is given in the mean
MOST = 0.8  # share of answers that are of one kind


@dataclass(frozen=True)
class Answered:
    """A response, the question that it is to, and both in matched spelling.

    Args:
        question: As it was asked.
        text: What the model says, without what it only thought.
    """

    question: str
    text: str

    @cached_property
    def said(self) -> str:
        return matched(self.text)

    @cached_property
    def asked(self) -> str:
        return matched(self.question)

    @cached_property
    def read(self) -> str:
        """What the response answers, found without looking at any answer."""
        return matched(self.text[slice(*answer_span(self.question, self.text))])

    @cached_property
    def counted(self) -> str:
        """The response with its number words as digits."""
        said = _ONE.sub("1", self.said)
        return " ".join(_NUMBERS.get(word, word) for word in said.split())

    @cached_property
    def signed(self) -> str:
        """The response with the signs of units behind numbers."""
        return with_signs(self.said)

    @cached_property
    def _words(self) -> list[tuple[int, int]]:
        """Where the words of what is said stand, which `counted` has as many of."""
        return [word.span() for word in re.finditer(r"\S+", self.said)]

    @cached_property
    def _mixed(self) -> set[str]:
        """Fractions that stand behind whole numbers: 1/2 of 1 ½."""
        text = unicodedata.normalize("NFKC", vulgar_apart(self.text)).replace("\u2044", "/")
        alone = {fraction[0] for fraction in _FRACTION.finditer(_MIXED.sub(" ", text))}
        return {mixed[1] for mixed in _MIXED.finditer(text)} - alone

    def asks(self, answer: str) -> bool:
        """Whether the question says an answer already."""
        return stands_in(matched(answer), self.asked)

    def right(self, answer: str, subject: str) -> Iterator[tuple[int, int]]:
        """Where an accepted answer stands; one that the question says already only where it is what is answered."""
        plain = matched(answer)
        if self.asks(answer) and plain not in _YES_NO:
            begins = self.said.startswith(plain) and plain != matched(subject)
            if not (begins or stands_in(plain, self.read)) or not attempts(self.question, self.text):
                return
        yield from self.mentions(answer)

    def mentions(self, answer: str) -> Iterator[tuple[int, int]]:
        """Where an answer stands and is not denied: [start, end) in what is said."""
        plain, reading = _sought(answer)
        if reading == "text":
            yield from self._marks(plain)
            return
        said: str = getattr(self, reading)
        if plain not in said:
            return
        if plain in _YES_NO and (_POLAR.search(self.question) or len(plain) > 2):
            yield from self._yes_or_no(plain)
            return
        if _is_small(answer) and not self._stands_out(answer):
            return
        fraction, dollars = _FRACTION.match(plain), _DOLLARS.search(answer) and plain[-1:].isdigit()
        if fraction and int(fraction[1]) < int(fraction[2]) and fraction[0] in self._mixed:
            return
        for start, alone in islice(occurrences(said, plain), MOST_MENTIONS):
            end = start + len(plain)
            word = _SUFFIX.match(said, end)
            adjective = word and word[1] in self.asked.split() and not said[start - 1 : start].strip()
            if _signed(plain, said, end) or (dollars and _OTHER_MONEY.match(said, end)):
                continue
            if (alone or adjective) and whole_number(said, plain, start, end) and not _denied(said, start, end):
                yield (start, end) if said == self.said else self._words[said.count(" ", 0, start)]

    def competes(self, other: str, right: list[tuple[int, int]]) -> bool:
        """Whether another answer stands beside the right ones: of numbers near them, since texts hold many."""
        number = any(character.isdigit() for character in _NUMBERS.get(matched(other), other))
        for start, end in self.mentions(other):
            if any(first <= start and end <= last for first, last in right):  # a part of a right one
                continue
            if any(start <= first and last <= end for first, last in right):  # Guinea in Equatorial Guinea
                return True
            if not number or any(
                len(self.said[min(last, end) : max(first, start)].split()) <= NEAR for first, last in right
            ):
                return True
        return False

    def _yes_or_no(self, plain: str) -> Iterator[tuple[int, int]]:
        """Of such answers the first in a response counts: `Yes, no doubt` is a yes."""
        first = _FIRST_OF_THEM.search(self.said)
        if first and first[0] == plain and not refuses(self.text):
            yield first.span()

    def _marks(self, answer: str) -> Iterator[tuple[int, int]]:
        """Where an answer that is nothing but marks (`==`, `%`) stands by itself and is not denied, by its place."""
        if not answer or not attempts(self.question, self.text):
            return
        around = "" if "*" in answer else "*"  # *==* is marked up
        alone = rf"(?<![^\s\"“'`({around}]){re.escape(answer)}(?=[\s\"”'`).,;:!?{around}]|$)"
        for found in islice(re.finditer(alone, self.text), MOST_MENTIONS):
            first = self.text.rfind("\n", 0, found.start()) + 1
            before = matched(self.text[max(found.start() - BEFORE, 0) : found.start()])
            begins = not self.text[first : found.start()].strip() and _BULLET.match(self.text, first)
            if not begins and not _denied(before, len(before), len(before)):
                yield found.span()

    def _stands_out(self, answer: str) -> bool:
        """Whether a small word stands where an answer does: behind a copula, in quotes, at the end of a sentence."""
        word = re.escape(answer.strip())
        places = (
            rf"{_STANDS_OUT}{word}(?!\w)(?!\s+(?!(?:and|by|from|in|or|with)\b)[a-z])",
            rf"\b(?:abbreviated|denoted|known|represented|written) (?:as|by|with) [\"“'`*(]*{word}(?!\w)",
            rf"[\"“'`*(]{word}[\"”'`*)]",
            rf"(?<![\w'’]){word}(?:[.!,;]|$)",
            rf"^{word}(?:[):]| \(| is (?:the|its)\b)",
            rf"^{re.escape(answer.strip().capitalize())}[,.!]",  # `Ja, das ist so.`
        )
        return any(re.search(place, self.text, re.MULTILINE) for place in places)


class Known:
    """Answers that responses may hold, found by how they begin.

    Args:
        answers: In any order, each as often as it is given.

    Attributes:
        few: Whether they are few that are given again and again, as continents are.
        numbers: Whether nearly all hold a digit.
        names: Whether nearly all begin with a capital.
    """

    def __init__(self, answers: Iterable[str]) -> None:
        given = tuple(answers)
        self.answers = tuple(dict.fromkeys(given))
        most = MOST * len(self.answers)
        self.few = len(given) >= GIVEN * len(self.answers)
        self.numbers = sum(any(map(str.isdigit, answer)) for answer in self.answers) >= most
        self.names = sum(answer[:1].isupper() for answer in self.answers) >= most
        self._by_start: dict[Reading, dict[str, list[tuple[str, str]]]] = {}
        for answer in self.answers:
            part, reading = _sought(answer)
            self._by_start.setdefault(reading, {}).setdefault(part[:START], []).append((part, answer))

    def mentioned(self, answered: Answered) -> Iterator[str]:
        """The answers whose letters stand in a response; no others can be mentioned there."""
        for reading, by_start in self._by_start.items():
            text: str = getattr(answered, reading)
            starts = {text[place : place + size] for place in range(len(text)) for size in range(1, START + 1)}
            for start in starts & by_start.keys():
                yield from (answer for part, answer in by_start[start] if part in text)


def _sought(answer: str) -> tuple[str, Reading]:
    """What is looked for where an answer is, and in which reading of a response; marks stand in its own text."""
    plain = matched(answer)
    if not any(character.isalnum() for character in plain):
        return answer.strip(), "text"
    plain = _NUMBERS.get(plain, plain)
    if _MEASURE.search(plain):
        return with_signs(plain), "signed"
    return plain, "counted" if plain.isdigit() else "said"


def _is_small(answer: str) -> bool:
    """Whether an answer is a word of other sentences, too, by its letters: a symbol or a code of two, `AND`, `the`."""
    word = answer.strip()
    return word.isalpha() and word.isascii() and (len(word) < 3 or word.casefold() in SMALL)


def whole_number(said: str, answer: str, start: int, end: int) -> bool:
    """Whether a number is no part of another: 8 is not in 8.5, -8, 1/8 and 8:30; years may begin and end a span."""
    year = bool(_SPAN_YEAR.fullmatch(answer))
    before, behind = said[max(start - 20, 0) : start], said[end : end + 7]
    if _is_rest(answer, before):
        return False
    if answer[:1].isdigit() and _BEFORE_NUMBER.search(before) and not (year and _DATE_BEFORE.search(before)):
        return False
    return not (answer[-1:].isdigit() and _BEHIND_NUMBER.match(behind) and not (year and _DATE_BEHIND.match(behind)))


def _is_rest(answer: str, before: str) -> bool:
    """Whether a measure is what is left of one that begins with a larger unit: 30 minutes of 1 hour 30 minutes."""
    small, large = _SMALLER.fullmatch(answer), _LARGER.search(before)
    if not small or not large:
        return False
    larger, most = _LARGER_UNITS["o" if small[2].startswith("mo") else small[2][0]]
    return large[1][0] in larger and int(small[1]) < most


def _signed(answer: str, said: str, end: int) -> bool:
    """Whether a sign behind a short answer makes another of it: C++, A+, O-."""
    if not answer.isalpha() or len(answer) > 2:
        return False
    dash = said[end : end + 1] == "-" and not said[end + 1 : end + 2].strip() and _GRADE.fullmatch(answer)
    return bool(dash or _SIGN_BEHIND.match(said, end))


def _denied(said: str, start: int, end: int) -> bool:
    """Whether the words before say that it is not, with nothing between but small words, or the words behind."""
    before = said[max(start - BEFORE, 0) : start]
    if before[-1:] in _UNSPACED_DENIALS:
        return True
    words = before.split()
    for place in reversed(range(len(words))):
        if words[place] == "doubt" and words[max(place - 1, 0)] in ("no", "not", "never", "dont", "without"):
            break  # "there is no doubt that it is"
        if words[place] in DENIALS:
            return True
        if words[place] not in _LINKS:
            break
    return bool(_DENIED_BEHIND.match(said, end) or _INSTEAD.search(before))
