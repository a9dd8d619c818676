"""The words around a span that may tell what it is: before it, before it and between other spans, and behind it.

In *A stroke ended Lee's life on 22 February 2018 at Rome* the four words before Rome hold a date and no word of dying;
in *Rome is where she came into the world* nothing stands before it.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from closedbook.facts.records import Document
from closedbook.facts.scripts import units
from closedbook.facts.spans import Span

_ENDS = re.compile(r"[.!?؟۔।॥](?=\s|$)|[。！？｡။]")


class Surroundings(NamedTuple):
    """Words around a span, in the order of the text.

    Args:
        apart: [start, end) of the nearest words before it that belong to no other span.
        behind: The same of the words behind it, up to the end of its sentence.
    """

    apart: tuple[tuple[int, int], ...]
    behind: tuple[tuple[int, int], ...]


def surroundings(document: Document, spans: Sequence[Span], most: int) -> list[Surroundings]:
    """What stands around each span of a document, at most so many words on a side.

    Runs of words that are shaped like answers do not count as other spans: they are most of the line.
    """
    text, body = document.text, len(document.subject) + 1 if document.subject else 0
    words = [(start, end) for start, end in units(text) if start >= body]
    starts = [start for start, _ in words]
    taken = sorted((span.start, span.end) for span in spans if span.kind != "word")
    free = [word for word in words if not any(start < word[1] and word[0] < end for start, end in taken)]
    free_starts = [start for start, _ in free]
    found = []
    for span in spans:
        before = bisect_left(free_starts, span.start)
        stop = _ENDS.search(text, span.end)
        last = stop.start() if stop else len(text)
        first = bisect_left(starts, span.end)
        behind = tuple((start, min(end, last)) for start, end in words[first : first + most] if start < last)
        found.append(Surroundings(tuple(free[max(before - most, 0) : before]), behind))
    return found
