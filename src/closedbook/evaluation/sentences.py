"""Answers in sentences: where in a response the answer stands, and whether it is one at all.

A model that was trained elsewhere says "The capital of the United Arab Emirates is Abu Dhabi." or "I'm not sure". What
it answers is found without looking at accepted answers, so that confidence, agreement and made-up answers can speak of
`Abu Dhabi`: what the question does not say already, in the sentence that takes up most of it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from closedbook.evaluation.refusals import refuses, sentences_of, spoken_from
from closedbook.facts.scripts import UNSPACED_LETTER

SMALL = frozenset(
    "a an the of in on at to by for from with and or is are was were be been it its this that as has have had their "
    "his her there which who whom what where when how many much do does did one not".split()
)
"""Words that are no answer by themselves."""
AROUND = frozenset(
    "called named known officially official currently answer correct located situated abbreviated however "
    "also commonly usually generally according sure yes no well so i".split()
)
"""Words that stand around answers."""
POLITE = frozenset(
    "sorry unfortunately apologies hello hi hmm oh okay ok great good thank thanks you i'm apologize".split()
)
"""Words of sentences that answer nothing."""
BEFORE = 100  # characters before an answer that are looked at
BRIEF = 4  # words of an answer that stands alone before a sentence
_WORD = re.compile(r"[^\s\"“”„«»()\[\],;:!?*_|]+")
_NUMBER_ASKED = re.compile(
    r"\b(?:year|how (?:many|much|old|tall|long|high|far|deep|wide|heavy|fast|big|large)|number|code|population"
    r"|what (?:temperature|percentage)|in (?:degrees|met(?:er|re)s|kilomet(?:er|re)s|kilograms|miles|feet))\b",
    re.IGNORECASE,
)
_KIND = re.compile(r"\b(?:is|are|was|were) (?:an?|one) $")
_COPULA = re.compile(r"\b(?:is|are|was|were|has|have)\b|:")
_NUMBER = re.compile(r"[+-]?\d(?:[\d,./]*\d)?")
_YEAR = re.compile(r"\d{3,4}")
_DATED = re.compile(r"\b(?:as of|according to|since)\b[^,.;:]*$", re.IGNORECASE)
_DENIED = re.compile(r"(?:\bnot|n['’]t|\bnever)\s+(?:(?:in|the)\s+)*$", re.IGNORECASE)
_ANSWER = re.compile(r"\banswer\b", re.IGNORECASE)
_SAYS = re.compile(r"\bis\b|:", re.IGNORECASE)
_PARTICIPLE = re.compile(r"(?:[a-z]+ )*[a-z]+(?:ed|en|wn|rn|de|lt|nt|ght)")  # what was done, before who did it


@dataclass(frozen=True)
class _Word:
    """A word with where it stands, and whether it says something new."""

    text: str
    start: int
    end: int
    new: bool

    @property
    def capital(self) -> bool:
        return self.text[:1].isupper()


def attempts(question: str, text: str) -> bool:
    """Whether a response answers, right or wrong: it does not refuse, or gives an answer beside what it refuses."""
    if not refuses(text):
        return True
    asked = {_plain(match.group()) for match in _WORD.finditer(question)} - SMALL
    for number, (start, end) in enumerate(_sentences(text)):
        words = _words(text, start, end, asked)
        if refuses(text[start:end]) or not any(word.new and _plain(word.text) not in POLITE for word in words):
            continue
        if (asked and _overlap(asked, text[start:end]) >= min(len(asked), 2)) or (not number and len(words) <= BRIEF):
            return True
    return False


def answer_span(question: str, text: str) -> tuple[int, int]:
    """Where the answer stands in a response: [start, end) of its characters, behind what the model only thought.

    The whole first sentence, without what ends it, where nothing tells: where it says nothing of the question, or
    nothing else, and in scripts that put no spaces between words.
    """
    spoken = spoken_from(text)
    sentences = [(start, end) for start, end in _sentences(text, spoken) if text[start:end].strip()]
    if not sentences:
        return spoken, len(text)
    asked = {_plain(match.group()) for match in _WORD.finditer(question)} - SMALL
    scored = [(_relevance(asked, text[start:end]), -index) for index, (start, end) in enumerate(sentences)]
    most, first = max(scored)
    start, end = sentences[-first]
    if not most or UNSPACED_LETTER.search(text[start:end]):
        return _trimmed(text, *sentences[0])
    words = _words(text, start, end, asked)
    runs = list(_runs(words, text))
    if asked_for := _NUMBER_ASKED.search(question):
        numbers = [number for first, last in runs for number in _NUMBER.finditer(text, first, last)]
        if numbers:
            return _number(numbers, text, start, end, year=asked_for[0].casefold() == "year")
    told = _told(words, runs, text, start, end)
    return told if told else _trimmed(text, start, end)


def _number(numbers: list["re.Match[str]"], text: str, start: int, end: int, *, year: bool) -> tuple[int, int]:
    """Which number of a sentence is the answer: not that of a date or source, and rather behind the copula."""
    if year:
        numbers = [number for number in numbers if _YEAR.fullmatch(number[0])] or numbers
    else:
        numbers = [number for number in numbers if not _DATED.search(_before(text, start, number.start()))] or numbers
    copula = _COPULA.search(text, start, end)
    behind = [number for number in numbers if copula and number.start() >= copula.end()]
    return (behind or numbers)[0].span()


def _before(text: str, start: int, end: int) -> str:
    """The end of what stands before a place in a sentence: few characters, so that the time is linear."""
    return text[max(start, end - BEFORE) : end]


def _told(words: list["_Word"], runs: list[tuple[int, int]], text: str, start: int, end: int) -> tuple[int, int] | None:
    """Which of the runs of new words is the answer, or a name after the copula that the question had already."""
    copula = _COPULA.search(text, start, end)
    before = [word for word in words if copula and word.end <= copula.start()]
    if any(not word.new and _plain(word.text) not in SMALL for word in before):  # "The capital of Chad is"
        if runs and runs[0][0] == before[0].start and text[runs[0][1] :].lstrip()[:1] == ",":
            return runs[0]  # "Paris, the capital of France, is"
        after = [word for word in words if copula and word.start >= copula.end()]
        content = next((word for word in after if _plain(word.text) not in SMALL | AROUND), None)
        if content and content.capital and not content.new:  # "is Djibouti, a country"
            return _name_from(words, words.index(content), text)
        runs = [run for run in runs if copula and run[0] >= copula.end()] or runs
    runs = [run for run in runs if not _DENIED.search(_before(text, start, run[0]))] or runs
    told = [run for run in runs if not _PARTICIPLE.fullmatch(text[slice(*run)])] or runs
    if told and _KIND.search(text, start, told[0][0]) and text[told[0][0]].islower():  # "is a state in Europe"
        told = [run for run in told if text[run[0]].isupper()] or told
    return told[0] if told else None


def _name_from(words: list["_Word"], first: int, text: str) -> tuple[int, int]:
    """A name from its first word on."""
    last = first
    while last + 1 < len(words) and _goes_on(words, last + 1, text):
        last += 1
    return words[first].start, words[last].end


def _relevance(asked: set[str], sentence: str) -> int:
    """How much a sentence takes up of the question; one that says that it answers comes first."""
    answer = _ANSWER.search(sentence)
    return _overlap(asked, sentence) + 2 * bool(answer and _SAYS.search(sentence, answer.end()))


def _sentences(text: str, first: int = 0) -> Iterator[tuple[int, int]]:
    return ((first + start, first + end) for start, end in sentences_of(text[first:]))


def _overlap(asked: set[str], sentence: str) -> int:
    return len(asked & {_plain(match.group()) for match in _WORD.finditer(sentence)})


def _words(text: str, start: int, end: int, asked: set[str]) -> list[_Word]:
    words = []
    for match in _WORD.finditer(text, start, end):
        bare = match.group().rstrip(".'’")
        plain = _plain(bare)
        if plain:
            new = plain not in asked and plain not in SMALL and plain not in AROUND
            words.append(_Word(bare, match.start(), match.start() + len(bare), new))
    return words


def _runs(words: list[_Word], text: str) -> Iterator[tuple[int, int]]:
    """Words that say something new, side by side, with the names and small words that belong to them."""
    index = 0
    while index < len(words):
        if not words[index].new:
            index += 1
            continue
        first = last = index
        while first and words[first - 1].capital and _beside(words[first - 1], words[first], text):
            if _plain(words[first - 1].text) in SMALL | AROUND:
                break
            first -= 1
        while last + 1 < len(words) and _goes_on(words, last + 1, text):
            last += 1
        while not words[last].new and not words[last].capital:
            last -= 1
        yield words[first].start, words[last].end
        index = last + 1


def _goes_on(words: list[_Word], index: int, text: str) -> bool:
    """Whether a word belongs to the answer that stands before it."""
    if not _beside(words[index - 1], words[index], text):
        return False
    if words[index].new or (words[index].capital and _plain(words[index].text) not in SMALL):
        return True
    small = _plain(words[index].text) in ("of", "the", "and", "de", "la", "del")
    return (
        small and index + 1 < len(words) and words[index + 1].capital and _beside(words[index], words[index + 1], text)
    )


def _beside(first: _Word, second: _Word, text: str) -> bool:
    """Whether nothing but space stands between two words, the full stop of an abbreviation, or the comma of a date."""
    between = text[first.end : second.start].strip()
    return between in ("", ".") or (between == "," and first.text.isdigit() and second.text.isdigit())


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Without space and what ends a sentence."""
    part = text[start:end]
    bare = part.strip().rstrip(".!。！").strip("\"“”*' ")
    if not bare:
        return start, end
    first = start + part.index(bare)
    return first, first + len(bare)


def _plain(word: str) -> str:
    return word.strip("\"'’.-–—").removesuffix("'s").removesuffix("’s").casefold()
