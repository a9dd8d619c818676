"""What a line can be asked for: its spans, by kind, chosen without looking at the answers that are reported on.

Kinds are capitalised *phrases*, *numbers*, *dates* and other *words*, found by rules that know no word list but
abbreviations. Which kinds a recipe asks for, and how often, follows the kinds of the training answers: whatever in a
line has the shape of a training answer may be asked for.
"""

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from closedbook.facts.records import Document
from closedbook.facts.scripts import UNSPACED, units
from closedbook.facts.shapes import KINDS, Kind, Word, is_run, kind_of, shape, words, words_in
from closedbook.facts.titles import ABBREVIATIONS, is_genus

MOST_PLACES = 4  # of one text in a document that are asked for
LONGEST = 12  # words of a span
LIGHT = 0.05  # share of all training answers below which a kind is asked for lightly
_UNBROKEN = re.compile(rf"[^\s{UNSPACED}]+")
_OPENING, _CLOSING = "([{<\"'“”‘’„«»‹›", ")]}>\"'“”‘’„«»‹›.,;:!?…"
_MARKS = _OPENING + _CLOSING
_OPEN, _CLOSE = re.escape(_OPENING), re.escape(_CLOSING + "。、，！？；：」")
_KEY = re.compile(r"[^\W\d][\w.-]*=")
_WRITTEN_ON = re.compile(rf"['’-](?:(?!['’-])[^\W\d_{UNSPACED}])+$")


class Span(NamedTuple):
    """A part of a text that may be asked for.

    Args:
        start: Its first character.
        end: One past its last.
        kind: What it looks like.
        rare: Whether few training answers are so.
        before: Where the words of its left context begin, the nearest first; none for a span that begins its text.
        again: Whether the same text stands before it in the document, asked for as well.
    """

    start: int
    end: int
    kind: Kind
    rare: bool = False
    before: tuple[int, ...] = ()
    again: bool = False

    @property
    def context(self) -> int:
        """Where its left context begins."""
        return self.before[-1] if self.before else self.start


@dataclass(frozen=True, kw_only=True)
class SpanKinds:
    """What may be asked for, learned from the training answers alone.

    Args:
        shares: Share of the training answers of each kind, in the order of `KINDS`.
        shapes: Frequent shapes of training answers that are not runs of capitalised words.
        rare_shapes: The others.
        inner: Words of training answers that stand inside a longer run of capitalised words.
        own: Whether some training answers that begin with a capital have words of their own subject.
        often_own: Whether many of a relation do (a father's family name); nothing but such words is still rare.
        initials: Whether some training answers have initials inside, which names go on behind (`Ann B. Lee`).
        stems: Whether some stand before a mark and small letters that are written on to them (`Ann Lee's`, `Işık'dir`).
        rare: Share of the training answers that are of rare shapes, or stand inside a longer run, or are so made.
        not_first: Frequent small words (lower case) of the documents that begin no training answer.
        not_last: Those that end none.
        not_inside: Those that stand between the first and the last word of none.
        stops: The last words of training answers with a full stop at their end (`Jr.`), where few have one alone.
        codes: Whether some hold marks but no space and are of many shapes, as addresses of machines, keys and paths.
        whole_codes: Whether training answers stand inside no code (`85:80:56` in `5b:26:e4:85:80:56`).
        signs: Training answers without a word or a number (`✓`, `⭐⭐`), which are asked for where they stand alone.
        idle: Spans that stand in many documents and so are no answers, for no training answer is one.
        longest: Whether training answers, of small words and numbers, stand inside no longer span that is asked for.
        whole: Whether those with capitals that are no runs do not either (`Bo and Cy` in `Al, Bo and Cy`).
        whole_runs: Whether those that are runs of capitalised words stand inside none (Simon in Simon & Garfunkel).
    """

    shares: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0)
    shapes: frozenset[str] = frozenset()
    rare_shapes: frozenset[str] = frozenset()
    inner: frozenset[int] = frozenset()
    own: bool = False
    often_own: bool = False
    initials: bool = False
    stems: bool = False
    rare: float = 0.0
    not_first: frozenset[str] = frozenset()
    not_last: frozenset[str] = frozenset()
    not_inside: frozenset[str] = frozenset()
    stops: frozenset[str] = frozenset()
    codes: bool = False
    whole_codes: bool = False
    signs: frozenset[str] = frozenset()
    idle: frozenset[str] = frozenset()
    longest: bool = False
    whole: bool = False
    whole_runs: bool = False

    def share(self, kind: Kind) -> float:
        """Share of the training answers of that kind."""
        return self.shares[KINDS.index(kind)]


PHRASES = SpanKinds()
"""Capitalised phrases alone."""


def words_of_subject(subject: str) -> set[str]:
    """The words of a subject that its answers seldom have: all but numbers."""
    return {word for word in subject.split() if not word[0].isdigit()}


def shares_word(span: str, own: Collection[str]) -> bool:
    """Whether a span that begins with a capital has one of these words."""
    return span[:1].isupper() and not set(own).isdisjoint(re.sub(r"['’]s\b", "", span).split())


def says_more(span: str, subject: str) -> bool:
    """Whether a span has other words than its subject, marks apart."""
    own, said = ({word.strip(_MARKS) for word in re.sub(r"['’]s\b", "", text).split()} for text in (subject, span))
    return not said <= own


def can_ask(answer: str, document: Document, kinds: SpanKinds) -> bool:
    """Whether the answer is one of the spans that the kinds ask for in a document."""
    return answer in document.text and any(document.text[s.start : s.end] == answer for s in spans(document, kinds, 0))


def is_code(answer: str) -> bool:
    """Whether an answer is of several words or numbers with marks between them and no space (`fe80:1c::a3`)."""
    return any((start, end) == (0, len(answer)) for start, end in _codes(answer, 0))


def spans(document: Document, kinds: SpanKinds, context_words: int) -> list[Span]:
    """What the kinds allow to ask for after a document's title, in the order of the line.

    Without a context each text stands there once, with one at its first places, which differ in what stands before them
    (`vegan: yes; halal: yes`). A phrase is a longest run of capitalised words with single spaces between them
    (`St. Louis` is one); those with a word of the subject are left out unless training answers are so. The left context
    is up to `context_words` words (what spaces separate; letters, in a script without spaces) before a span, not
    reaching into the title.
    """
    text, body = document.text, len(document.subject) + 1 if document.subject else 0
    starts = [max(start, body) for start, end in units(text) if end > body]
    own = words_of_subject(document.subject)
    line = words(text, body)
    found: dict[str, list[Span]] = {}
    most = MOST_PLACES if context_words else 1
    shaped = list(_whole(text, _shaped(text, line, kinds.shapes, kinds.stops, rare=False), kinds))
    longer = [one for one in shaped if not shares_word(text[one[0] : one[1]], own)] if kinds.whole_runs else []
    runs = list(_runs(text, line, initials=kinds.initials))
    parts = {run for run in runs for s, e, *_ in longer if s <= run[0] and run[1] <= e and run != (s, e)}
    codes = list(_codes(text, body)) if kinds.codes else []
    whole = codes if kinds.whole_codes else []
    candidates = (
        *((start, end, "phrase", False) for start, end in runs if (start, end) not in parts),
        *shaped,
        *((start, end, "word", False) for start, end in codes),
        *((start, end, "word", False) for start, end in _signs(text, body, kinds.signs)),
        *_whole(text, _shaped(text, line, kinds.rare_shapes, kinds.stops, rare=True), kinds),
        *((start, end, "phrase", True) for start, end in _inner(text, line, kinds)),
        *((start, end, "phrase", False) for start, end in (_stems(text, line, runs) if kinds.stems else ())),
    )
    for start, end, kind, rare in candidates:
        if whole and (start, end) not in whole and any(s <= start and end <= e for s, e in whole):
            continue
        span = text[start:end]
        if span in kinds.idle:
            continue
        owned = shares_word(span, own) or is_genus(text, start, end, own)
        if owned and not kinds.own:
            continue
        rare = rare or (owned and not (kinds.often_own and says_more(span, document.subject)))
        places = found.setdefault(span, [])
        alike = all(other.start != start and (other.kind, other.rare) == (kind, rare) for other in places)
        if len(places) == most or not alike:
            continue
        before = bisect_left(starts, start)
        first = max(before - context_words, 0)
        places.append(Span(start, end, kind, rare, tuple(starts[first:before][::-1]), bool(places)))
    return sorted(span for places in found.values() for span in places)


def _runs(text: str, line: Sequence[Word], *, initials: bool) -> Iterator[tuple[int, int]]:
    """[start, end) of every longest run of capitalised words; `initials` inside it end none."""
    start, end = -1, -1
    for word in line:
        if word.mark != "X":
            continue
        between = text[end : word.start]
        if start >= 0 and (between == " " or (between == ". " and _goes_on(text[start:end], initials))):
            end = word.end
            continue
        if start >= 0:
            yield start, end
        start, end = word.start, word.end
    if start >= 0:
        yield start, end


def _goes_on(run: str, initials: bool) -> bool:
    """Whether a name goes on behind a full stop: after an abbreviation, or after an initial that is not all of it."""
    before, _, word = run.rpartition(" ")
    return word in ABBREVIATIONS or (initials and len(word) == 1 and before != "")


def _codes(text: str, first: int) -> Iterator[tuple[int, int]]:
    """What stands between spaces and holds several words or numbers, without quotes, brackets and ends of sentences.

    Of `mac=5b:26:e4` what is behind the sign as well.
    """
    for match in _UNBROKEN.finditer(text, first):
        start = match.end() - len(match.group().lstrip(_OPENING))
        end = match.start() + len(match.group().rstrip(_CLOSING))
        key = _KEY.match(text, start, end)
        behind = [] if not key else [end - len(text[key.end() : end].lstrip(_OPENING))]
        for begin in (start, *behind):
            if len(words(text[begin:end])) > 1:
                yield begin, end


def _signs(text: str, first: int, signs: Collection[str]) -> Iterator[tuple[int, int]]:
    """Where one of the signs stands by itself: between spaces, brackets, quotes and other marks."""
    if signs:
        for match in _sought(frozenset(signs)).finditer(text, first):
            yield match.span()


@cache
def _sought(signs: frozenset[str]) -> re.Pattern[str]:
    longest_first = sorted(signs, key=lambda sign: (-len(sign), sign))
    return re.compile(rf"(?<![^\s=:,/*{_OPEN}])(?:{'|'.join(map(re.escape, longest_first))})(?![^\s/*{_CLOSE}])")


def _stems(text: str, line: Sequence[Word], runs: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """What stands in runs of capitalised words before a mark and small letters at the end of one of them."""
    for start, end in runs:
        for word in line:
            if start <= word.start < end and (stem := _stem(text, word)):
                yield start, stem


def _stem(text: str, word: Word) -> int:
    """Where a word ends before a mark and small letters that are written on to it, 0 without such."""
    cut = _WRITTEN_ON.search(text, word.start, word.end)
    return cut.start() if cut and cut.group() == cut.group().lower() else 0


def _inner(text: str, line: Sequence[Word], kinds: SpanKinds) -> Iterator[tuple[int, int]]:
    """Parts of longer runs of capitalised words, of as many words as training answers that stand so."""
    for size in sorted(kinds.inner):
        for first in range(len(line) - size + 1):
            run = line[first : first + size]
            if is_run(shape(text, run)) and not any(_ends_sentence(text, *two) for two in pairwise(run)):
                yield run[0].start, run[-1].end
                if kinds.stems and (stem := _stem(text, run[-1])):
                    yield run[0].start, stem


def _ends_sentence(text: str, word: Word, following: Word) -> bool:
    """Whether a full stop between two words ends a sentence."""
    before = text[word.start : word.end]
    return text[word.end : following.start] != " " and before not in ABBREVIATIONS and len(before) > 1


def _shaped(
    text: str, line: Sequence[Word], shapes: Iterable[str], stops: Collection[str], *, rare: bool
) -> Iterator[tuple[int, int, Kind, bool]]:
    """Runs of words of the given shapes, before a full stop at their end one of `stops` if there are any."""
    for form in sorted(shapes):
        marks = [match.start() for match in re.finditer("[X0x]", form)]
        head, middle, tail = form[: marks[0]], form[marks[0] : marks[-1] + 1], form[marks[-1] + 1 :]
        size = words_in(middle)
        for first in range(len(line) - size + 1):
            run = line[first : first + size]
            start, end = run[0].start - len(head), run[-1].end + len(tail)
            fits = shape(text, run) == middle and text[run[-1].end : end] == tail
            if fits and stops and tail == ".":
                fits = text[run[-1].start : run[-1].end] in stops
            if fits and start >= 0 and text[start : run[0].start] == head:
                yield start, end, kind_of(form), rare


def _whole(
    text: str, found: Iterable[tuple[int, int, Kind, bool]], kinds: SpanKinds
) -> Iterator[tuple[int, int, Kind, bool]]:
    """Those of the shaped spans that are no pieces of sentences; see `_without_pieces`."""
    kept, marks = list[tuple[int, int, Kind, bool]](), dict[tuple[int, int], str]()
    for start, end, kind, rare in found:
        inside = words(text[start:end])
        begins = any(text[start + word.start : start + word.end] in kinds.not_first for word in inside[:1])
        ends = any(text[start + word.start : start + word.end] in kinds.not_last for word in inside[-1:])
        goes_on = any(text[start + word.start : start + word.end] in kinds.not_inside for word in inside[1:-1])
        if not (begins or ends or goes_on):
            kept.append((start, end, kind, rare))
            marks[start, end] = "".join(word.mark for word in inside)
    reach, most = -1, 0  # of those so far, and the words of the one that reaches so far
    for start, end, kind, rare in sorted(kept, key=lambda span: (span[0], -span[1])):
        own = marks[start, end]
        if end <= reach and (kinds.longest if "X" not in own else kinds.whole and len(own) < most):
            continue
        if end > reach:
            reach, most = end, len(own)
        yield start, end, kind, rare
