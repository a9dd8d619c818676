"""The words around a span that may tell what it is: before it, before it and between other spans, and behind it.

In *A stroke ended Lee's life on 22 February 2018 at Rome* the four words before Rome hold a date and no word of dying,
in *The capital of Bosnia and Herzegovina is Sarajevo* those before Sarajevo hold the name and none of capitals; in
*Rome is where she came into the world* nothing stands before it.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from closedbook.facts.documents import sentence_ends
from closedbook.facts.forms import POSSESSIVE
from closedbook.facts.records import Document
from closedbook.facts.scripts import occurrences, units
from closedbook.facts.spans import Span, words_of_subject
from closedbook.facts.titles import PUNCTUATION

TELLING = 2  # words of a sentence before a span that tell what it is
COMMON, FEW = 0.05, 2  # share of the documents, or documents, in which more than a value of one subject's own stands
Place = tuple[int, int]


class Surroundings(NamedTuple):
    """Words around a span, in the order of the text, each with the spaces behind it.

    Args:
        apart: [start, end) of the nearest words before it that belong to no other value of its subject's own, nor to
            its subject's name, which stands in the card already.
        behind: The same of the words behind it, up to the end of its sentence; none where two words before it in its
            sentence belong to no such value, for these will tell.
    """

    apart: tuple[Place, ...] = ()
    behind: tuple[Place, ...] = ()


def common_texts(documents: Iterable[tuple[Document, Sequence[Span]]]) -> frozenset[str]:
    """Texts of spans that stand in many documents (`Halal: yes`): labels and choices, no values of one subject."""
    counts, total = Counter[str](), 0
    for document, spans in documents:
        counts.update({document.text[span.start : span.end] for span in spans})
        total += 1
    most = max(COMMON * total, FEW)
    return frozenset(text for text, count in counts.items() if count > most)


def surroundings(document: Document, spans: Sequence[Span], most: int, common: Container[str]) -> list[Surroundings]:
    """What stands around each span of a document, at most so many words on a side.

    Runs of words that are shaped like answers do not count as values: they are most of the line.

    Args:
        document: The document.
        spans: What it is asked for.
        most: Words on a side.
        common: Texts that are no subject's own.
    """
    text, body = document.text, len(document.subject) + 1 if document.subject else 0
    words = [(max(start, body), end) for start, end in units(text) if end > body]
    starts = [start for start, _ in words]
    reach = [(start, following) for start, following in pairwise([*starts, len(text)])]
    own = [(span.start, span.end) for span in spans if span.kind != "word"]
    own = [(start, end) for start, end in own if text[start:end] not in common]
    own += [(start, start + len(document.subject)) for start, _ in occurrences(text, document.subject)]
    names = {word for word in words_of_subject(document.subject) if word[0].isupper()}
    free = [
        index
        for index, ((start, end), apart) in enumerate(zip(words, _apart(words, sorted(own)), strict=True))
        if apart and POSSESSIVE.sub("", text[start:end].strip(PUNCTUATION)) not in names
    ]
    ends = [end for end, _ in sentence_ends(text)]
    found = []
    for span in spans:
        before = bisect_left(free, bisect_left(starts, span.start))
        apart = tuple(reach[index] for index in free[max(before - most, 0) : before])
        number = bisect_right(ends, span.start)
        sentence = ends[number - 1] if number else body
        last = ends[number] if number < len(ends) else len(text)
        telling = sum(start >= sentence for start, _ in apart) >= TELLING
        found.append(Surroundings(apart, () if telling else _behind(text, reach, starts, span, last, most)))
    return found


def _apart(words: Sequence[Place], taken: Sequence[Place]) -> list[bool]:
    """Whether each word overlaps none of the places, which are in order."""
    apart, number, furthest = list[bool](), 0, 0
    for start, end in words:
        while number < len(taken) and taken[number][0] < end:
            furthest = max(furthest, taken[number][1])
            number += 1
        apart.append(furthest <= start)
    return apart


def _behind(
    text: str, reach: Sequence[Place], starts: Sequence[int], span: Span, last: int, most: int
) -> tuple[Place, ...]:
    """The words behind a span, up to the end of its sentence or to where it stands again."""
    again = text.find(text[span.start : span.end], span.end, last)
    last = last if again < 0 else again
    first = bisect_left(starts, span.end)
    return tuple((start, min(end, last)) for start, end in reach[first : first + most] if start < last)
