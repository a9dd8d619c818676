"""What the reader sees of a candidate answer: names of features with their values, all of them about one document.

The features know no language and no relation. What a month, a country or a unit is, they get from the training
pairs: words that were answers (`gazetteer`), words that stood as candidates and never were (`never`), and the words
that the question itself uses.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from closedbook.facts.records import Document
from closedbook.selfstudy.candidates import Candidate, Forms, kind, tokens

EDGE = "^"
FAR = 8  # tokens between question word and candidate that are still spelled out
Features = dict[str, float]


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
