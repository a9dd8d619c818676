"""The words around a span that may tell what it is: before it, before it and between other spans, and behind it.

In *A stroke ended Lee's life on 22 February 2018 at Rome* the four words before Rome hold a date and no word of dying,
in *The capital of Bosnia and Herzegovina is Sarajevo* those before Sarajevo hold the name and none of capitals; in
*On 3 August 1891 in Oslo she wed Olga* nothing but *wed* tells what the date and the town are of. What tells is a word
that stands once in a document, where *on*, *in*, *she* and *the* stand again and again.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from closedbook.facts.documents import sentence_ends
from closedbook.facts.forms import POSSESSIVE
from closedbook.facts.records import Document
from closedbook.facts.scripts import occurrences, units
from closedbook.facts.spans import Span, words_of_subject
from closedbook.facts.titles import PUNCTUATION

FURTHEST = 2  # times as many words as usual, up to the nearest that tells
COMMON, FEW = 0.05, 2  # share of the documents, or documents, in which more than a value of one subject's own stands
AGAIN, DENSE = (
    1.25,
    0.2,
)  # times in a document that has it, and in each of its sentences, above which a word tells little
Place = tuple[int, int]


class Side(NamedTuple):
    """Words on one side of a span, in the order of the text, each with the spaces behind it.

    Args:
        words: [start, end) of each.
        least: How many of the nearest a context has at least.
    """

    words: tuple[Place, ...] = ()
    least: int = 1


class Surroundings(NamedTuple):
    """Words around a span that belong to no other value of its subject's own, nor to its subject's name.

    Args:
        apart: The nearest before it, of its sentence where that tells anything.
        behind: The nearest behind it in its sentence; none where those before it tell.
    """

    apart: Side = Side()
    behind: Side = Side()


@dataclass(frozen=True)
class Shared:
    """What is no subject's own, or stands everywhere.

    Args:
        texts: Of spans, that stand in many documents (`Halal: yes`): labels and choices.
        words: That stand several times in a document: `on`, `she`, `the`.
        values: Training answers, which are values however many documents have them.
    """

    texts: Container[str] = frozenset()
    words: Container[str] = frozenset()
    values: Container[str] = frozenset()

    def is_value(self, text: str, span: Span) -> bool:
        """Whether a span is a value of one subject's own; of runs of words that are shaped like answers few are."""
        return text in self.values or (span.kind != "word" and text not in self.texts)

    def tells(self, word: str) -> bool:
        """Whether a word may tell what stands beside it."""
        bare = _bare(word)
        return bare not in self.words and any(letter.isalpha() for letter in bare)


def shared(documents: Iterable[tuple[Document, Sequence[Span]]], values: Container[str] = frozenset()) -> Shared:
    """What documents share, and the training answers, which are values."""
    texts, having, times, dense, total = Counter[str](), Counter[str](), Counter[str](), Counter[str](), 0
    for document, spans in documents:
        texts.update({document.text[span.start : span.end] for span in spans})
        total += 1
        counts = Counter(_bare(document.text[start:end]) for start, end in units(document.text))
        sentences = 1 + sum(1 for _ in sentence_ends(document.text))
        having.update(counts.keys())
        times.update(counts)
        dense.update({word: count / sentences for word, count in counts.items()})
    most = max(COMMON * total, FEW)
    return Shared(
        texts=frozenset(text for text, count in texts.items() if count > most),
        words=frozenset(
            word for word, count in having.items() if times[word] > AGAIN * count and dense[word] > DENSE * count
        ),
        values=values,
    )


def surroundings(document: Document, spans: Sequence[Span], most: int, common: Shared) -> list[Surroundings]:
    """What stands around each span of a document.

    Args:
        document: The document.
        spans: What it is asked for.
        most: Words on a side, unless none of so few tells.
        common: What tells little.
    """
    words = _Words(document, spans, most, common)
    return [words.around(span) for span in spans]


class _Words:
    """The words of a document's body, and which of them belong to no value and not to the subject's name."""

    def __init__(self, document: Document, spans: Sequence[Span], most: int, common: Shared) -> None:
        text, body = document.text, len(document.subject) + 1 if document.subject else 0
        places = [(max(start, body), end) for start, end in units(text) if end > body]
        self._text, self._body, self._most, self._common = text, body, most, common
        self._starts = [start for start, _ in places]
        self._reach = [*pairwise([*self._starts, len(text)])]  # with the spaces behind it
        own = [(span.start, span.end) for span in spans if common.is_value(text[span.start : span.end], span)]
        own += [(start, start + len(document.subject)) for start, _ in occurrences(text, document.subject)]
        names = {word for word in words_of_subject(document.subject) if word[0].isupper()}
        self._free = [
            index
            for index, ((start, end), apart) in enumerate(zip(places, _apart(places, sorted(own)), strict=True))
            if apart and POSSESSIVE.sub("", text[start:end].strip(PUNCTUATION)) not in names
        ]
        self._tells = {index for index in self._free if common.tells(text[slice(*places[index])])}
        self._ends = [end for end, _ in sentence_ends(text)]

    def around(self, span: Span) -> Surroundings:
        """What stands around a span."""
        number = bisect_right(self._ends, span.start)
        sentence = self._ends[number - 1] if number else self._body
        last = self._ends[number] if number < len(self._ends) else len(self._text)
        again = self._text.find(self._text[span.start : span.end], span.end, last)
        word = bisect_right(self._starts, span.start) - 1  # which the span begins, or stands in
        here = bisect_left(self._free, word)
        far, beside = FURTHEST * self._most, self._first(span.end)
        before = self._free[max(self._first(sentence), here - far) : here]
        behind = self._free[beside : min(self._first(last if again < 0 else again), beside + far)]
        side, other = self._nearest(before[::-1]), Side()
        if side:
            side = side._replace(words=side.words[::-1])
        elif found := self._nearest(behind):
            side, other = self._side(before[-self._most :]), found
        else:
            side = self._side(self._free[max(here - self._most, 0) : here])
            other = self._side([] if before else behind[: self._most])
        if (start := self._starts[word]) < span.start:  # the bracket of `at Oslo (2 May 1920)`
            told = self._common.tells(self._text[start : span.start]) or not side.words
            side = Side((*side.words, (start, span.start)), 1 if told else side.least + 1)
        return Surroundings(side, other)

    def _first(self, place: int) -> int:
        """The number of the first free word from a place on."""
        return bisect_left(self._free, bisect_left(self._starts, place))

    def _side(self, indices: Sequence[int], least: int = 1) -> Side:
        return Side(tuple(self._reach[index] for index in indices), least)

    def _nearest(self, indices: Sequence[int]) -> Side | None:
        """The nearest words, the nearest first; none where none of them tells."""
        least = next((number for number, index in enumerate(indices, 1) if index in self._tells), 0)
        return self._side(indices[: max(self._most, least)], least) if least else None


def _bare(word: str) -> str:
    return word.strip(PUNCTUATION).casefold()


def _apart(words: Sequence[Place], taken: Sequence[Place]) -> list[bool]:
    """Whether each word overlaps none of the places, which are in order."""
    apart, number, furthest = list[bool](), 0, 0
    for start, end in words:
        while number < len(taken) and taken[number][0] < end:
            furthest = max(furthest, taken[number][1])
            number += 1
        apart.append(furthest <= start)
    return apart
