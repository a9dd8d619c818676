"""Texts about nobody who is asked about, given to the subjects without a text that they alone name."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from closedbook.facts.documents import Source
from closedbook.facts.records import Fact
from closedbook.facts.scripts import UNSPACED_LETTER, answered_in, stands_in
from closedbook.facts.titles import folded, subjects_in
from closedbook.facts.untitled import first_place

MOST_LETTERS = 4_000  # of a text in which names are looked for
TOLD = 0.5  # share of the training answers reached so that must stand in these texts
FEW, MORE = 1, 0.05  # answers, and share of them, that must stand in what is left over of files and nowhere else
MOST_WORDS = 6  # of a name in a title
MOST_NAMES = 2  # that a subject has beside its own; texts that name more are about many
_LEADING = re.compile(r"(?:\d{1,4}[.):]\s+)?[\W_]*")  # a number and marks before a name
_WORD = re.compile(r"[^\W_]+")
_BRACKETED = re.compile(r"([^()]+) \(([^()]+)\)")
_THE = re.compile(r"\A(?:the|an?) (?=\w)")

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

    By the same measure a subject without a text is another name of the one whose texts alone name it (`EWP` and `Karese
    mavas` in one row), and gets its text as well. What is left over of a file in which one subject was found (the
    greeting of a letter) is about it, if answers stand there that its own text has not.

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
        if _tells(found.items(), texts, train):
            _give(texts, found)
            left -= set(found.values())
    others = _beside(texts, asked)
    if _tells_more(others, texts, train):
        _give(texts, others)
    return _with_other_names(texts, asked, left, train) if left else texts


def _give(texts: list[Source], found: Found) -> None:
    """Makes texts be about those subjects."""
    for number, about in found.items():
        texts[number] = _about(texts[number], about)


def _with_other_names(
    texts: Sequence[Source], asked: Collection[str], left: Iterable[str], train: Sequence[Fact]
) -> list[Source]:
    """The texts, each again under the other names of its subject, and alone so if nobody asks about that."""
    titles = {folded(source.subject) for source in texts}
    left = {name for name in left if folded(name) not in titles}
    also = dict.fromkeys([*_called(texts, left), *_named_with(texts, asked, _Names(left))])
    if not _tells(also, texts, train, asked):
        return list(texts)
    names = defaultdict[int, list[str]](list)
    for number, about in also:
        names[number].append(about)
    found = list[Source]()
    for number, source in enumerate(texts):
        if source.subject in asked or number not in names:
            found.append(source)
        found += [_about(source, about) for about in names.get(number, ())]
    return found


def other_names(texts: Sequence[Source]) -> str:
    """What to say of subjects that got the text of another, "" where none did."""
    pairs, owner = list[tuple[str, str]](), texts[0] if texts else None
    for one in texts[1:]:
        if owner and one.place == owner.place and one.text == f"{one.subject}. {owner.text}":
            pairs.append((one.subject, owner.subject))
        else:
            owner = one
    if not pairs:
        return ""
    several = f"{len(pairs)} subjects are other names" if len(pairs) > 1 else "1 subject is another name"
    return f"{several} of those with a document, such as {pairs[0][0]} ({pairs[0][1]})"


def _about(source: Source, about: str) -> Source:
    return source._replace(subject=about, text=f"{about}. {source.text}")


class _Names:
    """Finds names in texts, by their words; those of several may begin with a small letter or lack their article."""

    def __init__(self, names: Iterable[str]) -> None:
        self.by_words = dict[tuple[str, ...], str]()
        self._by_two = defaultdict[tuple[str, ...], list[tuple[int, tuple[str, str], str]]](list)
        for name in sorted(names, key=lambda name: (-len(name), name)):
            if words := _WORD.findall(name):
                self.by_words.setdefault(tuple(word.casefold() for word in words), name)
            for written in dict.fromkeys((name, _THE.sub("", name))):
                if found := list(_WORD.finditer(written)):
                    small = written[0].lower() + written[1:] if " " in written else written
                    first = tuple(word.group().casefold() for word in found[:2])
                    self._by_two[first].append((found[0].start(), (written, small), name))

    def inside(self, text: str) -> list[tuple[int, str, str]]:
        """Where names stand in a text, in its order, as they are written there, and which; none inside a longer one."""
        if UNSPACED_LETTER.search(text):
            names = subjects_in(text, set(self.by_words.values()), loosely=False)
            return sorted((text.find(name), name, name) for name in names)
        found, end = list[tuple[int, str, str]](), 0
        words = [(word.group().casefold(), word.start()) for word in _WORD.finditer(text)]
        for number, (word, at) in enumerate(words):
            two = (word, *(other for other, _ in words[number + 1 : number + 2]))
            for before, spellings, name in (*self._by_two.get(two, ()), *self._by_two.get((word,), ())):
                start = at - before
                if start >= end and text.startswith(spellings, start) and not _goes_on(text, start, spellings[0]):
                    end = start + len(spellings[0])
                    found.append((start, text[start:end], name))
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
        begun = (name for place, _, name in names.inside(text) if any(at <= place <= last for at, last in starts))
        if about := next(begun, ""):
            found[number] = about
    return found


def _named(texts: Sequence[Source], free: Sequence[int], names: _Names) -> Found:
    """Texts that name one such subject, as a whole, which stands in no other of them."""
    named = dict[int, list[str]]()
    for number in free:
        text = texts[number].text[:MOST_LETTERS]
        spelled = {written: name for _, written, name in names.inside(text)}
        named[number] = list(dict.fromkeys(name for written, name in spelled.items() if _is_whole(text, written)))
    times = Counter(name for own in named.values() for name in own)
    return {number: own[0] for number, own in named.items() if len(own) == 1 and times[own[0]] == 1}


def _beside(texts: Sequence[Source], asked: Collection[str]) -> Found:
    """What else a file holds of whose parts one subject alone was found."""
    names = defaultdict[int, set[str]](set)
    for source in texts:
        if source.section:
            names[source.place].add(source.subject)
    sole = {place: next(iter(own)) for place, own in names.items() if len(own) == 1}
    left_over = (number for number, source in enumerate(texts) if source.text and source.subject not in asked)
    return {number: sole[texts[number].place] for number in left_over if texts[number].place in sole}


def _called(texts: Sequence[Source], names: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Texts of the same words as one name, which either of them has in brackets.

    A title says more in brackets (`Hedart (1976)`) and the name has all of its words (`the 1976 film Hedart`); or the
    name does, and the text begins with what stands before the bracket and holds what stands in it.
    """
    titles = {
        number: {word.casefold() for word in _WORD.findall(source.subject)}
        for number, source in enumerate(texts)
        if source.subject.endswith(")")
    }
    times = Counter(word for words in titles.values() for word in words)
    by_rarest = defaultdict[str, list[int]](list)
    for number, words in titles.items():
        by_rarest[min(sorted(words), key=lambda word: times[word], default="")].append(number)
    for name in sorted(names) if titles else ():
        words = {word.casefold() for word in _WORD.findall(name)}
        all_in = {number for word in words for number in by_rarest.get(word, ()) if titles[number] <= words}
        if len({texts[number].subject for number in all_in}) == 1:
            yield from ((number, name) for number in sorted(all_in))
    bracketed = [(found[1], found[2], name) for name in sorted(names) if (found := _BRACKETED.fullmatch(name))]
    begun = defaultdict[str, list[int]](list)
    for number, source in enumerate(texts if bracketed else ()):
        begun[source.text.partition(" ")[0].rstrip(".,")].append(number)
    for base, inside, name in bracketed:
        same = [(number, texts[number].text) for number in begun[base.partition(" ")[0]]]
        same = [(number, text) for number, text in same if text.startswith(base) and not _goes_on(text, 0, base)]
        told = [number for number, text in same if stands_in(inside, text)]
        if len(told) == 1:
            yield told[0], name


def _named_with(texts: Sequence[Source], asked: Collection[str], names: _Names) -> Iterator[tuple[int, str]]:
    """Texts about a subject with each of the names that its texts name as a whole, and no other subject's."""
    places = defaultdict[str, list[int]](list)
    for number, source in enumerate(texts):
        if source.subject in asked:
            text = source.text[:MOST_LETTERS]
            for name in dict.fromkeys(name for _, written, name in names.inside(text) if _is_whole(text, written)):
                places[name].append(number)
    names_of = defaultdict[str, list[str]](list)
    for name, numbers in places.items():
        if len(owner := {texts[number].subject for number in numbers}) == 1:
            names_of[owner.pop()].append(name)
    for own in names_of.values():
        if len(own) <= MOST_NAMES:
            yield from ((number, name) for name in own for number in places[name])


def _is_whole(text: str, name: str) -> bool:
    """Whether a name stands there apart from other words in capitals, but for the first of the text (`Entry Tin:`)."""
    first = _LEADING.match(text)
    _, _, rest = text[first.end() if first else 0 :].partition(" ")
    return first_place(text, name) >= 0 or (rest.startswith(name) and first_place(rest, name) == 0)


def _tells(
    found: Iterable[tuple[int, str]], texts: Sequence[Source], train: Sequence[Fact], owners: Collection[str] = ()
) -> bool:
    """Whether most training answers about the subjects stand in the texts that are to be about them.

    Args:
        found: The number of each text with whom it is to be about.
        texts: All of them.
        train: Training facts.
        owners: Subjects whose names do not count in texts of theirs: who is married to Ann Lee is not her other name.
    """
    about = defaultdict[str, list[str]](list)
    for number, name in found:
        title, text = texts[number].subject, texts[number].text
        about[name].append(text.replace(title, "") if title in owners else text)
    asked = [one for one in train if one.subject in about]
    told = sum(answered_in(one.answers, about[one.subject]) for one in asked)
    return told > 0 and told >= TOLD * len(asked)


def _tells_more(found: Found, texts: Sequence[Source], train: Sequence[Fact]) -> bool:
    """Whether more than a few training answers about the subjects stand in these texts alone."""
    names, about, others = set(found.values()), defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for number, source in enumerate(texts):
        if number in found:
            others[found[number]].append(source.text)
        elif source.subject in names:
            about[source.subject].append(source.text)
    asked = [one for one in train if one.subject in names]
    more = sum(
        not answered_in(one.answers, about[one.subject]) and answered_in(one.answers, others[one.subject])
        for one in asked
    )
    return more > max(FEW, MORE * len(asked))
