"""Texts about nobody who is asked about, given to the subjects without a text that they alone name."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from closedbook.facts.documents import Source
from closedbook.facts.records import Fact
from closedbook.facts.scripts import UNSPACED_LETTER, stands_in
from closedbook.facts.titles import subjects_in
from closedbook.facts.untitled import first_place

MOST_LETTERS = 4_000  # of a text in which names are looked for
TOLD = 0.5  # share of the training answers reached so that must stand in these texts
MOST_WORDS = 6  # of a name in a title
_LEADING = re.compile(r"(?:\d{1,4}[.):]\s+)?[\W_]*")  # a number and marks before a name
_WORD = re.compile(r"[^\W_]+")

Found = dict[int, str]
"""By the number of a text whom it is about."""


def claimed(sources: Iterable[Source], train: Sequence[Fact], subjects: Iterable[str]) -> list[Source]:
    """The texts, with what was left over given to the subjects that no text is about.

    `E104 [fatal] pump jammed. Status: open.` seems to be about all that stands before its full stop, and `Carved bowl
    from Elnaford. Number 2000.34.` about a bowl. If nobody asks about these, but about `E104` and `Elnaford`, of whom
    nothing else tells, the texts are about them: first where titles hold such a name (`00-Tin`, `Metal: Tin`), then
    where texts begin with one, marks and a number apart, then where one names a single such subject that no other of
    them names. Each counts only if most training answers about these subjects stand in these texts; so a text that
    merely mentions somebody is left as it is.

    Args:
        sources: With the subjects that titles and beginnings give.
        train: Training facts with their subjects.
        subjects: Those of all facts.
    """
    texts, asked = list(sources), set(subjects) - {""}
    left = asked - {source.subject for source in texts}
    for find in (_titled, _begun, _named) if left else ():
        free = [number for number, source in enumerate(texts) if source.text and source.subject not in asked]
        found = find(texts, free, _Names(left))
        if _tells(found, texts, train):
            for number, about in found.items():
                texts[number] = texts[number]._replace(subject=about, text=f"{about}. {texts[number].text}")
            left -= set(found.values())
    return texts


class _Names:
    """Finds names in texts, by their words; those of several may begin with a small letter (`the red fox`)."""

    def __init__(self, names: Iterable[str]) -> None:
        self.by_words = dict[tuple[str, ...], str]()
        self._by_first = defaultdict[str, list[tuple[int, str]]](list)  # and where the first word of a name begins
        for name in sorted(names, key=lambda name: (-len(name), name)):
            if found := list(_WORD.finditer(name)):
                self.by_words.setdefault(tuple(word.group().casefold() for word in found), name)
                self._by_first[found[0].group().casefold()].append((found[0].start(), name))

    def inside(self, text: str) -> list[tuple[int, str]]:
        """Where names stand in a text, in its order, and which; none inside a longer one."""
        if UNSPACED_LETTER.search(text):
            return sorted(
                (text.find(name), name) for name in subjects_in(text, set(self.by_words.values()), loosely=False)
            )
        found, end = list[tuple[int, str]](), 0
        for word in _WORD.finditer(text):
            for before, name in self._by_first.get(word.group().casefold(), ()):
                start = word.start() - before
                small = name[0].lower() + name[1:] if " " in name else name
                if start >= end and text.startswith((name, small), start) and not _goes_on(text, start, name):
                    found.append((start, name))
                    end = start + len(name)
                    break
        return found


def _goes_on(text: str, start: int, name: str) -> bool:
    """Whether a word of the text goes on where a name ends."""
    end = start + len(name)
    return name[-1].isalnum() and text[end : end + 1].isalnum()


def _titled(texts: Sequence[Source], free: Sequence[int], names: _Names) -> Found:
    """Texts whose title, as the corpus gives it, holds the words of such a subject, whatever is between them."""
    found = Found()
    for number in free:
        words = [word.casefold() for word in _WORD.findall(texts[number].subject if texts[number].titled else "")]
        runs = (
            tuple(words[first : first + size])
            for size in range(min(len(words), MOST_WORDS), 0, -1)
            for first in range(len(words) - size + 1)
        )
        if about := next((names.by_words[run] for run in runs if run in names.by_words), ""):
            found[number] = about
    return found


def _begun(texts: Sequence[Source], free: Sequence[int], names: _Names) -> Found:
    """Texts that begin with such a subject, also behind their title."""
    found = Found()
    for number in free:
        title, text = texts[number].subject, texts[number].text[:MOST_LETTERS]
        behind = len(title) + 1 if text.startswith(f"{title}.") else 0
        starts = [(at, match.end()) for at in (0, behind) if (match := _LEADING.match(text, at))]
        begun = (name for place, name in names.inside(text) if any(at <= place <= last for at, last in starts))
        if about := next(begun, ""):
            found[number] = about
    return found


def _named(texts: Sequence[Source], free: Sequence[int], names: _Names) -> Found:
    """Texts that name one such subject, as a whole, which stands in no other of them."""
    named = dict[int, list[str]]()
    for number in free:
        text = texts[number].text[:MOST_LETTERS]
        spelled = {text[place : place + len(name)]: name for place, name in names.inside(text)}
        named[number] = list(dict.fromkeys(name for written, name in spelled.items() if _is_whole(text, written)))
    times = Counter(name for own in named.values() for name in own)
    return {number: own[0] for number, own in named.items() if len(own) == 1 and times[own[0]] == 1}


def _is_whole(text: str, name: str) -> bool:
    """Whether a name stands there apart from other words in capitals, but for the first of the text (`Entry Tin:`)."""
    first = _LEADING.match(text)
    _, _, rest = text[first.end() if first else 0 :].partition(" ")
    return first_place(text, name) >= 0 or (rest.startswith(name) and first_place(rest, name) == 0)


def _tells(found: Found, texts: Sequence[Source], train: Sequence[Fact]) -> bool:
    """Whether most training answers about the subjects stand in the texts that are to be about them."""
    about = defaultdict[str, list[str]](list)
    for number, name in found.items():
        about[name].append(texts[number].text)
    asked = [one for one in train if one.subject in about]
    told = [any(stands_in(answer, text) for answer in one.answers for text in about[one.subject]) for one in asked]
    return bool(told) and sum(told) >= TOLD * len(told)
