"""What the reader sees of a candidate answer: names of features with their values, all of them about one document.

The features know no language and no relation. What a month, a country or a unit is, they get from the training
pairs: words that were answers (`gazetteer`), words that stood as candidates and never were (`never`), and the words
that the question itself uses.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from closedbook.facts.records import Document
from closedbook.facts.scripts import COMBINING, UNSPACED, UNSPACED_LETTER

_TOKEN = re.compile(
    rf"[{UNSPACED}][{COMBINING}]*|(?:[^\W_{UNSPACED}][{COMBINING}]*)+(?:['’](?!s\b)(?:[^\W_{UNSPACED}][{COMBINING}]*)+)*"
    r"|[^\w\s]"
)
EDGE = "^"
MOST_TOKENS = 1_000  # of a document, whose windows have eighty words; some features look at all of them from each
RARE = 0.01  # share of a relation's training answers below which what they look like is not looked for
MOST_MARKS = 2  # between two words of an answer
FAR = 8  # tokens between question word and candidate that are still spelled out
Features = dict[str, float]


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


def tokens(document: Document) -> list[Token]:
    """The document's words and marks after its title, the first thousand of them."""
    title = len(document.subject) + 1 if document.subject else 0
    matches = islice(_TOKEN.finditer(document.text, title), MOST_TOKENS)
    return [Token(match.group(), match.start(), match.end()) for match in matches]


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
        longest: Words of the longest.
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
            sizes[max(len(found), len(answer.split()))] += times
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
        return cls(
            kinds=frozenset(kinds),
            longest=max(sizes),
            sizes=frozenset(size for size, times in sizes.items() if times >= enough),
            joins=frozenset(join for join, times in joins.items() if times >= enough),
            edges=frozenset({("", "")} | {edge for edge, times in edges.items() if times >= enough}),
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
                unspaced = unspaced or (last is not None and line[before].end == line[last].start)
                size += 1
        return found

    def _next(self, line: Sequence[Token], text: str, last: int) -> int | None:
        """The word that a run may go on with after its last, None where it ends."""
        for index in range(last + 1, min(last + 2 + MOST_MARKS, len(line))):
            one, other = line[last], line[index]
            between = text[one.end : other.start]
            if between == " " or (not between and _unspaced(one.text, other.text)):
                return index
            if other.text[0].isalnum():
                return index if (kind(one.text), between, kind(other.text)) in self.joins else None
        return None

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


@dataclass(frozen=True)
class Knowledge:
    """What the training pairs and the corpus say about words.

    Args:
        answers: How often each text is a training answer.
        never: Words that stood as candidates often and were never the answer.
        forms: What training answers look like.
        question: The words of the question's form, normalised.
        corpus: In how many places of the corpus each word stands.
    """

    answers: Counter[str]
    never: frozenset[str]
    forms: Forms
    question: frozenset[str]
    corpus: Counter[str]

    def times(self, text: str, own: str | None) -> int:
        """How often the text is the answer of another training pair than the one whose answer is `own`."""
        return self.answers[text] - (text == own)


def _distance(tokens: int) -> str:
    size = abs(tokens) if abs(tokens) <= 4 else 5 + int(math.log2(abs(tokens) / 4))
    return f"{'-' if tokens < 0 else '+'}{size}"


class View:
    """One document as the features see it.

    Args:
        document: The text.
        knowledge: From the training pairs.
        own: The document's own training answer, which must not count as known from elsewhere; None when reading.
    """

    def __init__(self, document: Document, knowledge: Knowledge, own: str | None) -> None:
        self.line = tokens(document)
        self.candidates = knowledge.forms.candidates(self.line, document.text)
        self._knowledge, self._own = knowledge, own
        self._words = [token.normal for token in self.line]
        subject = set(document.subject.split())
        self._kinds = [self._kind(token.text, subject) for token in self.line]
        self._asked = [index for index, word in enumerate(self._words) if word in knowledge.question]
        self._years = [index for index, word in enumerate(self._words) if word == "#4"]

    def _kind(self, text: str, subject: set[str]) -> str:
        """The kind of a word, with `A` for a known answer, `N` for one that never is, `S` for a word of the subject."""
        plain = kind(text)
        if plain != "X":
            return plain
        if text in self._knowledge.never:
            return "N"
        if self._knowledge.times(text, self._own) > 0:
            return "A"
        return "S" if text in subject else "X"

    def _word(self, index: int) -> str:
        return self._words[index] if 0 <= index < len(self._words) else EDGE

    def _kind_at(self, index: int) -> str:
        return self._kinds[index] if 0 <= index < len(self._kinds) else EDGE

    def features(self) -> list[Features]:
        """The features of every candidate, in order, and last those of `none of them`."""
        rows, seen, known_before = [], Counter[str](), 0
        for rank, candidate in enumerate(self.candidates):
            times = self._knowledge.times(candidate.text, self._own)
            known = f"known={times > 0}"
            names = [known, f"rank={min(rank, 6)}", f"{known} before={min(known_before, 4)}"]
            names += [f"seen={min(seen[candidate.text], 2)}", f"length={candidate.last - candidate.first}"]
            names += [
                f"text={candidate.text.lower()}",
                *(f"end={candidate.text[-size:].lower()}" for size in (2, 3, 4)),
            ]
            names += self._neighbours(candidate, known)
            names += self._list(candidate, known)
            names += self._question(candidate, known, known_before)
            row = dict.fromkeys(names, 1.0)
            row["times"] = min(math.log1p(times), 4.0)
            row["corpus"] = math.log1p(self._knowledge.corpus[self.line[candidate.first].text])
            row["place"] = min(candidate.first / 20, 3.0)
            rows.append(row)
            seen[candidate.text] += 1
            known_before += times > 0
        asked = bool(self._asked)
        none = {"none": 1.0, f"none asked={asked}": 1.0, f"none known={min(known_before, 2)}": 1.0}
        return [*rows, none]

    def _neighbours(self, candidate: Candidate, known: str) -> Iterable[str]:
        """The words and kinds around."""
        before, after = candidate.first, candidate.last
        for offset in (1, 2, 3, 4):
            yield f"word-{offset}={self._word(before - offset)}"
            yield f"kind-{offset}={self._kind_at(before - offset)}"
        for offset in (1, 2, 3):
            yield f"word+{offset}={self._word(after + offset)}"
            yield f"kind+{offset}={self._kind_at(after + offset)}"
        yield from (f"left={self._word(index)}" for index in range(max(before - 8, 0), before))
        yield from (f"right={self._word(index)}" for index in range(after + 1, min(after + 6, len(self._words))))
        left = [self._kind_at(before - offset) for offset in (4, 3, 2, 1)]
        right = [self._kind_at(after + offset) for offset in (1, 2)]
        yield f"words-2={self._word(before - 2)} {self._word(before - 1)}"
        yield f"words+2={self._word(after + 1)} {self._word(after + 2)}"
        yield f"between={self._word(before - 1)} {self._word(after + 1)}"
        yield f"kinds-3={left[1:]}"
        yield f"kinds-4={left}"
        yield f"kinds={left[3]}{right[0]}"
        yield f"{known} kinds={left[3]}{right}"
        yield f"{known} kinds-2={left[2:]}"
        yield f"{known} word-1={self._word(before - 1)}"
        yield f"{known} word+1={self._word(after + 1)}"

    def _list(self, candidate: Candidate, known: str) -> Iterable[str]:
        """Where the candidate stands in a list of names such as `Columbus, Ohio, USA`, and what precedes the list."""
        head = candidate.first
        while head > 0:
            step = 2 if self._kind_at(head - 1) == "," else 1
            if self._kind_at(head - step) not in ("X", "A", "S"):
                break
            head -= step
        offset = min(candidate.first - head, 4)
        yield f"head={self._word(head - 1)} {offset}"
        yield f"head kinds={self._kind_at(head - 2)}{self._kind_at(head - 1)} {offset}"
        yield f"{known} head {offset}"
        second = self._kind_at(candidate.first - 1) == "," and self._kind_at(candidate.first - 2) in ("X", "A", "S")
        first = self._kind_at(candidate.last + 1) == "," and self._kind_at(candidate.last + 2) in ("X", "A")
        yield f"{known} second={second and self._kind_at(candidate.first - 2)}"
        yield f"{known} first={first and self._kind_at(candidate.last + 2)}"
        yield f"{known} beside={self._kind_at(candidate.first - 1)}"
        yield f"{known} before={self._kind_at(candidate.last + 1)}"

    def _question(self, candidate: Candidate, known: str, known_before: int) -> Iterable[str]:
        """Where the candidate stands from the question's words and from the last year."""
        position = candidate.first
        years = [position - year for year in self._years if year < position]
        yield f"year={_distance(min(years))}" if years else "year=none"
        yield f"years={min(len(years), 3)}"
        if not self._asked:
            yield from ("asked=none", f"asked=none {known} {min(known_before, 4)}")
            yield f"asked=none {self._kind_at(position - 2)}{self._kind_at(position - 1)}"
            return
        nearest = min((position - asked for asked in self._asked), key=abs)
        yield from (f"asked={_distance(nearest)}", f"{known} asked={_distance(nearest)}")
        before = [asked for asked in self._asked if asked < position]
        if not before:
            yield "asked=later"
            return
        inside = range(before[-1] + 1, position)
        others = sum(self._kinds[index] in ("X", "A", "S") for index in inside)
        answers = sum(self._kinds[index] == "A" for index in inside)
        yield from (f"others={min(others, 4)}", f"{known} others={min(others, 4)} {min(answers, 3)}")
        near = len(inside) < FAR
        yield f"since={' '.join(self._words[index] for index in inside) if near else 'far'}"
        yield f"kinds since={''.join(self._kinds[index] for index in inside) if near else 'far'}"
