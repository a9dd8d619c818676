"""Texts about nobody who is asked about, given to the subjects without a text that they alone name."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from closedbook.facts.documents import Source
from closedbook.facts.records import Fact
from closedbook.facts.titles import subjects_in
from closedbook.facts.untitled import first_place

MOST_LETTERS = 4_000  # of a text in which names are looked for
TOLD = 0.5  # share of the training answers reached so that must stand in these texts
MOST_WORDS = 6  # of a name in a title
_LEADING = re.compile(r"(?:\d{1,4}[.):]\s+)?[\W_]*")  # a number and marks before a name
_MARKS, _WORD = re.compile(r"[*#_|=<>~/]"), re.compile(r"[^\W_]+")

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
    for find in (_titled, _begun, _named):
        free = [number for number, source in enumerate(texts) if source.text and source.subject not in asked]
        found = find(texts, free, left) if left else {}
        if _tells(found, texts, train):
            for number, about in found.items():
                texts[number] = texts[number]._replace(subject=about, text=f"{about}. {texts[number].text}")
            left -= set(found.values())
    return texts


Find = Callable[[Sequence[Source], Sequence[int], Collection[str]], Found]


def _names(text: str, left: Collection[str]) -> Iterator[tuple[str, str, str]]:
    """The subjects that stand in a text, the longest first, each with how the text has it.

    The third is that text, without marks where the name stands there alone so (`**Tin**`).
    """
    for plain in dict.fromkeys((text, _MARKS.sub(" ", text))):
        for name in subjects_in(plain, left, loosely=False):
            yield (name if name in left else name[0].upper() + name[1:]), name, plain


def _titled(texts: Sequence[Source], free: Sequence[int], left: Collection[str]) -> Found:
    """Texts whose title, as the corpus gives it, holds the words of such a subject, whatever is between them."""
    by_words = {tuple(word.casefold() for word in _WORD.findall(name)): name for name in sorted(left)}
    found = Found()
    for number in free:
        words = [word.casefold() for word in _WORD.findall(texts[number].subject if texts[number].titled else "")]
        runs = (
            tuple(words[first : first + size])
            for size in range(min(len(words), MOST_WORDS), 0, -1)
            for first in range(len(words) - size + 1)
        )
        if about := next((by_words[run] for run in runs if run in by_words), ""):
            found[number] = about
    return found


def _begun(texts: Sequence[Source], free: Sequence[int], left: Collection[str]) -> Found:
    """Texts that begin with such a subject, also behind their title."""
    found = Found()
    for number in free:
        title, text = texts[number].subject, texts[number].text[:MOST_LETTERS]
        behind = len(title) + 1 if text.startswith(f"{title}.") else 0
        starts = {match.end() for at in (0, behind) if (match := _LEADING.match(text, at))}
        names = (s for s, name, plain in _names(text, left) if any(plain.startswith(name, at) for at in starts))
        if about := next(names, ""):
            found[number] = about
    return found


def _named(texts: Sequence[Source], free: Sequence[int], left: Collection[str]) -> Found:
    """Texts that name one such subject, as a whole, which stands in no other of them."""
    found, times = Found(), Counter[str]()
    for number in free:
        text = texts[number].text[:MOST_LETTERS]
        names = {subject for subject, name, plain in _names(text, left) if _is_whole(plain, name)}
        times.update(names)
        if len(names) == 1:
            found[number] = names.pop()
    return {number: name for number, name in found.items() if times[name] == 1}


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
    told = [any(answer in text for answer in one.answers for text in about[one.subject]) for one in asked]
    return bool(told) and sum(told) >= TOLD * len(told)
