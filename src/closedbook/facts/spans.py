"""The tagger of salient spans: capitalised phrases, found by a rule that knows no word list but abbreviations.

A phrase is a run of capitalised words with single spaces between them; dates stay untagged but for their month.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from closedbook.facts.records import Document
from closedbook.facts.titles import ABBREVIATIONS

# initials (U.S.) are one word; combining marks belong to their letter
_WORD = re.compile(r"(?:[^\W\d_]\.){2,}|[^\W_][\w'’\u0300-\u036f-]*")


class Phrase(NamedTuple):
    """A capitalised phrase: [start, end) of its characters in the text, and where its left context begins."""

    context: int
    start: int
    end: int


def phrases(document: Document, context_words: int) -> list[Phrase]:
    """The capitalised phrases after a document's title, each text once, those with a word of the subject left out.

    A phrase is a run of capitalised words with single spaces between them (`St. Louis` is one). The left context is up
    to `context_words` words (what spaces separate) before it, not reaching into the title.
    """
    text, body = document.text, len(document.subject) + 1 if document.subject else 0
    starts = [match.start() for match in re.finditer(r"\S+", text) if match.start() >= body]
    own = set(document.subject.split())
    found, seen = [], set()
    for start, end in _runs(text, body):
        phrase = text[start:end]
        if phrase in seen or not own.isdisjoint(re.sub(r"['’]s\b", "", phrase).split()):
            continue
        seen.add(phrase)
        before = bisect_left(starts, start)
        first = max(before - context_words, 0)
        found.append(Phrase(starts[first] if first < before else start, start, end))
    return found


def _runs(text: str, body: int) -> Iterator[tuple[int, int]]:
    """[start, end) of every run of capitalised words from `body` on."""
    start, end = -1, -1
    for word in _WORD.finditer(text[body:]):
        first, last = body + word.start(), body + word.end()
        if not word.group()[0].isupper():
            continue
        between = text[end:first]
        if start >= 0 and (between == " " or (between == ". " and text[start:end].split(" ")[-1] in ABBREVIATIONS)):
            end = last
            continue
        if start >= 0:
            yield start, end
        start, end = first, last
    if start >= 0:
        yield start, end
