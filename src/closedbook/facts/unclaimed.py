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
_LEADING = re.compile(r"(?:\d{1,4}[.):]\s+)?[\W_]*")  # a number and marks before a name

Found = dict[int, str]
"""By the number of a text whom it is about."""


def claimed(sources: Iterable[Source], train: Sequence[Fact], subjects: Iterable[str]) -> list[Source]:
    """The texts, with what was left over given to the subjects that no text is about.

    `E104 [fatal] pump jammed. Status: open.` seems to be about all that stands before its full stop, and `Carved bowl
    from Elnaford. Number 2000.34.` about a bowl. If nobody asks about these, but about `E104` and `Elnaford`, of whom
    nothing else tells, the texts are about them: first where texts begin with such a name, marks and a number apart,
    then where one names a single such subject that no other of them names. Either counts only if most training answers
    about these subjects stand in these texts; so a text that merely mentions somebody is left as it is.

    Args:
        sources: With the subjects that titles and beginnings give.
        train: Training facts with their subjects.
        subjects: Those of all facts.
    """
    texts, asked = list(sources), set(subjects) - {""}
    left = asked - {source.subject for source in texts}
    for find in (_begun, _named):
        free = [number for number, source in enumerate(texts) if source.text and source.subject not in asked]
        found = find(texts, free, left) if left else {}
        if _tells(found, texts, train):
            for number, about in found.items():
                texts[number] = texts[number]._replace(subject=about, text=f"{about}. {texts[number].text}")
            left -= set(found.values())
    return texts


Find = Callable[[Sequence[Source], Sequence[int], Collection[str]], Found]


def _names(text: str, left: Collection[str]) -> Iterator[tuple[str, str]]:
    """The subjects that stand in a text, each with how the text has it, the longest first."""
    for name in subjects_in(text, left, loosely=False):
        yield (name if name in left else name[0].upper() + name[1:]), name


def _begun(texts: Sequence[Source], free: Sequence[int], left: Collection[str]) -> Found:
    """Texts that begin with such a subject."""
    found = Found()
    for number in free:
        text = texts[number].text[:MOST_LETTERS]
        match = _LEADING.match(text)
        start = match.end() if match else 0
        name = next((subject for subject, name in _names(text, left) if text.startswith(name, start)), "")
        if name:
            found[number] = name
    return found


def _named(texts: Sequence[Source], free: Sequence[int], left: Collection[str]) -> Found:
    """Texts that name one such subject, as a whole, which stands in no other of them."""
    found, times = Found(), Counter[str]()
    for number in free:
        text = texts[number].text[:MOST_LETTERS]
        names = [subject for subject, name in _names(text, left) if first_place(text, name) >= 0]
        times.update(names)
        if len(names) == 1:
            found[number] = names[0]
    return {number: name for number, name in found.items() if times[name] == 1}


def _tells(found: Found, texts: Sequence[Source], train: Sequence[Fact]) -> bool:
    """Whether most training answers about the subjects stand in the texts that are to be about them."""
    about = defaultdict[str, list[str]](list)
    for number, name in found.items():
        about[name].append(texts[number].text)
    asked = [one for one in train if one.subject in about]
    told = [any(answer in text for answer in one.answers for text in about[one.subject]) for one in asked]
    return bool(told) and sum(told) >= TOLD * len(told)
