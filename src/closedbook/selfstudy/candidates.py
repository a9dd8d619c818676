"""Candidates: what in a document may be the answer, because it looks as training answers do."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from closedbook.facts.records import Document
from closedbook.facts.scripts import COMBINING, ELISION, UNSPACED, UNSPACED_LETTER

_TOKEN = re.compile(
    rf"[{UNSPACED}][{COMBINING}]*|(?:[^\W_{UNSPACED}][{COMBINING}]*)+(?:(?!{ELISION})['’](?!s\b)(?:[^\W_{UNSPACED}][{COMBINING}]*)+)*"
    r"|[^\w\s]"
)
MOST_TOKENS = 1_000  # of a document, whose windows have eighty words; some features look at all of them from each
RARE = 0.01  # share of a relation's training answers below which what they look like is not looked for
MOST_MARKS = 4  # between two words of an answer


@dataclass(frozen=True)
class Token:
    """A word or a mark with its [start, end) in the text."""

    text: str
    start: int
    end: int

    @property
    def normal(self) -> str:
        """Lower case; digits by their number alone."""
        return f"#{len(self.text)}" if self.text.isdigit() else self.text.lower()


@dataclass(frozen=True)
class Candidate:
    """A possible answer: tokens [first, last] of the document."""

    text: str
    first: int
    last: int


def _matches(document: Document) -> Iterator[re.Match[str]]:
    title = len(document.subject) + 1 if document.subject else 0
    return islice(_TOKEN.finditer(document.text, title), MOST_TOKENS)


def tokens(document: Document) -> list[Token]:
    """The document's words and marks after its title, the first thousand of them."""
    return [Token(match.group(), match.start(), match.end()) for match in _matches(document)]


def count_tokens(documents: Iterable[Document]) -> Counter[str]:
    """In how many places of the documents each of their words and marks stands."""
    return Counter(match.group() for document in documents for match in _matches(document))


def words(text: str) -> list[str]:
    """The words of a text without marks; of a script that puts no spaces between words, its letters."""
    return [word for word in _TOKEN.findall(text) if word[0].isalnum()]


def kind(text: str) -> str:
    """`X` for a capitalised word, `0` for a number, `x` for another word, the mark itself for a mark."""
    first = text[0]
    return "X" if first.isupper() else "0" if first.isdigit() else "x" if first.isalpha() else first


@dataclass(frozen=True)
class Forms:
    """What training answers look like, so that what looks so can be one.

    Args:
        kinds: The kinds of word that they begin with.
        longest: Words of the longest, marks that stand by themselves (`&`) among them.
        sizes: Of how many words many of them are.
        joins: What stands between two words of many of them beside a space, with the kinds of the two: `-`, `. `, `.`.
        edges: What stands before the first word and after the last of many of them: `+` and nothing.
    """

    kinds: frozenset[str]
    longest: int
    sizes: frozenset[int]
    joins: frozenset[tuple[str, str, str]]
    edges: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, answers: Counter[str]) -> "Forms":
        """Learned from how often each text is an answer."""
        sizes, joins, edges = Counter[int](), Counter[tuple[str, str, str]](), Counter[tuple[str, str]]()
        kinds = set[str]()
        for answer, times in answers.items():
            found = [match for match in _TOKEN.finditer(answer) if match.group()[0].isalnum()]
            sizes[len(found) + sum(not any(map(str.isalnum, part)) for part in answer.split())] += times
            kinds.add(kind(found[0].group() if found else answer))
            if not found:
                continue
            edges[answer[: found[0].start()], answer[found[-1].end() :]] += times
            for join in {
                (kind(one.group()), answer[one.end() : other.start()], kind(other.group()))
                for one, other in pairwise(found)
            }:
                joins[join] += times
        enough = max(2, RARE * answers.total())
        some = max(1, RARE * answers.total())  # one of few that has a mark inside tells that others may
        return cls(
            kinds=frozenset(kinds),
            longest=max(sizes),
            sizes=frozenset(size for size, times in sizes.items() if times >= enough),
            joins=frozenset(join for join, times in joins.items() if times >= some),
            edges=frozenset({("", "")} | {edge for edge, times in edges.items() if times >= some}),
        )

    def candidates(self, line: Sequence[Token], text: str) -> list[Candidate]:
        """Runs of up to `longest` words that begin and are joined as answers are.

        Args:
            line: Words and marks of the text.
            text: What they stand in.
        """
        found = list[Candidate]()
        for first, token in enumerate(line):
            if kind(token.text) not in self.kinds:
                continue
            last: int | None = first
            size, unspaced = 1, bool(UNSPACED_LETTER.match(token.text))
            while last is not None and size <= self.longest:
                if not unspaced or size in self.sizes:
                    found += self._with_edges(line, text, first, last)
                before, last = last, self._next(line, text, last)
                between = text[line[before].end : line[last].start] if last is not None else ""
                unspaced = unspaced or (last is not None and not between)
                size += 1 + (between[:1] == " " == between[-1:]) * len(between.split())  # `&`, which stands by itself
        return found

    def _next(self, line: Sequence[Token], text: str, last: int) -> int | None:
        """The word that a run may go on with after its last, None where it ends; a mark behind a space is one as well.

        Unless answers have that mark between two words, as `230 °C` and `Name (Place)` do.
        """
        beside: int | None = None
        for index in range(last + 1, min(last + 2 + MOST_MARKS, len(line))):
            one, other = line[last], line[index]
            between = text[one.end : other.start]
            if between == " " or (not between and _unspaced(one.text, other.text)):
                beside = index
                if other.text[0].isalnum():
                    break
            elif other.text[0].isalnum():
                return index if (kind(one.text), between, kind(other.text)) in self.joins else beside
        return beside

    def _with_edges(self, line: Sequence[Token], text: str, first: int, last: int) -> Iterator[Candidate]:
        """A run, and with what answers have before and after it."""
        for head, tail in sorted(self.edges):
            start, end = line[first].start - len(head), line[last].end + len(tail)
            if start < 0 or not (text.startswith(head, start) and text.startswith(tail, line[last].end)):
                continue
            one, other = first, last
            while one > 0 and line[one].start > start:
                one -= 1
            while other + 1 < len(line) and line[other].end < end:
                other += 1
            yield Candidate(text[start:end], one, other)


def _unspaced(one: str, other: str) -> bool:
    """Whether two words stand side by side because a script puts no spaces between them."""
    letters = one[0].isalnum() and other[0].isalnum()
    return letters and bool(UNSPACED_LETTER.match(one[-1]) or UNSPACED_LETTER.match(other))
