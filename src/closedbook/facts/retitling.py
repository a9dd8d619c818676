"""Texts get the titles that questions name: longer ones, and subjects where a text has none."""

import re
from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from closedbook.facts.documents import Source
from closedbook.facts.forms import SLOT
from closedbook.facts.induction import Induced, fragments, induce
from closedbook.facts.lengthening import with_words_beside
from closedbook.facts.records import Fact
from closedbook.facts.relations import Fields
from closedbook.facts.scripts import answered_in
from closedbook.facts.sections import Sections, names_inside
from closedbook.facts.titles import asked_as, begins_with, folded, other_titles, plain, renamed, subjects_in
from closedbook.facts.untitled import Beginnings

MOST_FORMS = 4  # that one subject is asked in
FEW, MORE = 2, 0.05  # training answers, and share of them, above which one way of reading is better than another
_INNER_MARK = re.compile(r"[.?!]\s+\S|[?!](?=\S)|\.(?=['’])")
_SHORTENED = re.compile(r"(?<!\w)(?:[JS]r|Esq|Inc|Ltd|Co|Corp|Bros|Cie|Gebr)$")


class Lengthening:
    """Gives texts the title that questions name where a mark inside it seemed to end it, or none at its end did.

    `Ford & Co. KG. It makes ...` seems to be about `Ford & Co`, `Oklahoma! It is a musical.` about all of it. A title
    that questions name as it is stays, and no whole question becomes one.

    Args:
        others: What texts begin with up to other marks, and up to the mark that seemed to end their titles.
        questions: Of all facts.
    """

    def __init__(self, others: Container[str], questions: Iterable[str]) -> None:
        asked = (question for question in questions if _INNER_MARK.search(question))
        self._asked = {
            folded(name)
            for question in asked
            for name in subjects_in(question, others, loosely=False)
            if len(name) < len(question.rstrip("?!. ")) and (name[-1] != "." or _goes_on_behind(question, name))
        }

    def __call__(self, source: Source) -> Source:
        """The text with its title."""
        if not self._asked or folded(source.subject) in self._asked:
            return source
        found = [name for name in others_of(source) if folded(name) in self._asked]
        if not found:
            return source
        name = max(found, key=len)
        rest = source.text[len(name) :]
        return source._replace(subject=name, text=name + (rest if begins_with(source.text, name) else f".{rest}"))


def _goes_on_behind(question: str, name: str) -> bool:
    """Whether the full stop of a name ends no sentence of a question: `Ann Lee Jr.'s age`, `Was Acme Inc. sold?`."""
    rest = plain(question).partition(plain(name))[2]
    return rest[:1] == "'" or (rest[:1] == " " and rest[1:2].islower())


def others_of(source: Source) -> Sequence[str]:
    """What else may be the title of a text that begins with it; where the corpus gives it, with its full stop alone."""
    stopped = _SHORTENED.search(source.subject) and source.text.startswith(f"{source.subject}. ")
    others = [] if source.titled else other_titles(source.text, source.subject)
    return [*others, f"{source.subject}."] if stopped else others


def rivals_of(source: Source) -> Sequence[str]:
    """The same with what seems to be the title, where there is a choice."""
    others = others_of(source)
    return [source.subject, *others] if others else ()


def lengthened(sources: Sequence[Source], questions: Iterable[str]) -> list[Source]:
    """The texts with the titles that questions name; see `Lengthening`."""
    return list(map(Lengthening({name for source in sources for name in rivals_of(source)}, questions), sources))


def known_titles(sources: Iterable[Source]) -> dict[str, None]:
    """The titles of texts as questions may have them, in order."""
    return dict.fromkeys(name for source in sources if source.subject for name in asked_as(source.subject))


def induced_from(
    sources: Sequence[Source],
    train: Sequence[Fact],
    dev: Sequence[Fact] = (),
    test: Sequence[Fact] = (),
    given: Mapping[str, Fields] | None = None,
    wordings: Mapping[str, tuple[str, ...]] | None = None,
) -> Induced:
    """What is asked about the texts: subjects are titles, else what files tell of apart.

    That counts if questions are more alike then, and as many training answers stand in texts of their subjects.

    Args:
        sources: The texts.
        train: Facts to train on.
        dev: Facts to report on.
        test: Facts to answer.
        given: What `relations.toml` says, by name.
        wordings: Other wordings that a file's templates give, by name.
    """
    titles = known_titles(sources)
    induced = induce(train, dev, test, titles, given, wordings)
    if words := _words_of_forms(induced, titles):
        others = {title: None for title in titles if title not in words}
        fewer = induce(train, dev, test, others, given, wordings)
        if fragments(fewer) < fragments(induced):
            induced, titles = fewer, others
    parts, found = (*train, *dev, *test), (*induced.train, *induced.dev, *induced.test)
    written = {form for fields in (given or {}).values() for form in fields.get("forms", ())}
    if (longer := with_words_beside(parts, found, titles, written, (source.text for source in sources))) is not None:
        ends = (len(train), len(train) + len(dev))
        train, dev, test = longer[: ends[0]], longer[ends[0] : ends[1]], longer[ends[1] :]
        induced = induce(train, dev, test, titles, given, wordings)

    def by_titles(facts: Sequence[Fact], found: Sequence[Fact]) -> list[Fact]:
        pairs = zip(facts, found, strict=True)
        return [replace(one, subject=told.subject) if told.subject in titles else one for one, told in pairs]

    named = by_titles(train, induced.train), by_titles(dev, induced.dev), by_titles(test, induced.test)
    inside = names_inside(sources) if any(not one.subject for facts in named for one in facts) else set()
    if not inside:
        return induced
    apart = induce(*named, inside.union(titles), given, wordings)

    def told(found: Induced) -> int:
        subjects = [one.subject for one in (*found.train, *found.dev, *found.test)]
        return reached(found.train, retitled(sources, subjects)).told

    return apart if fragments(apart) < fragments(induced) and told(apart) >= told(induced) else induced


def _words_of_forms(induced: Induced, titles: Container[str]) -> set[str]:
    """Titles in small letters that may be words of questions: `capital`, of a file `capital.txt` of many capitals."""
    forms = defaultdict[str, set[str]](set)
    for fact in (*induced.train, *induced.dev):
        if fact.subject in titles and fact.subject[:1].islower():
            forms[fact.subject].add(fact.question.replace(fact.subject, SLOT))
    return {subject for subject, own in forms.items() if len(own) > MOST_FORMS}


class Reached(NamedTuple):
    """Training answers that stand in a text of their subject, and how many of others' answers do.

    Args:
        told: Facts of which an accepted answer stands there.
        by_chance: Facts of which the answer of another fact of their relation does: `yes` stands in any longer text.
    """

    told: int
    by_chance: int

    def is_better(self, other: "Reached", count: int) -> bool:
        """Whether a way of reading reaches so much more than another, beyond chance, that it is meant.

        A quarter of what the other does not reach of so many facts, and more than a few.
        """
        gain, chance = self.told - other.told, self.by_chance - other.by_chance
        return gain - chance > max(FEW, MORE * count) and 4 * gain >= count - other.told


def reached(train: Sequence[Fact], texts: Iterable[Source]) -> Reached:
    """How many training answers stand in a text of their subject."""
    about = defaultdict[str, list[str]](list)
    for source in texts:
        about[source.subject].append(source.text)
    told = sum(answered_in(one.answers, about[one.subject]) for one in train)
    chance = sum(answered_in(other, about[one.subject]) for one, other in zip(train, _others(train), strict=True))
    return Reached(told, chance)


def _others(train: Sequence[Fact]) -> list[tuple[str, ...]]:
    """For every fact the answers of one of its relation that is as far from it as any, and may have the same."""
    groups = defaultdict[str, list[int]](list)
    for number, one in enumerate(train):
        groups[one.relation].append(number)
    found: list[tuple[str, ...]] = [()] * len(train)
    for own in groups.values():
        for place, number in enumerate(own):
            found[number] = train[own[(place + (len(own) + 1) // 2) % len(own)]].answers
    return found


def told_apart(sources: Sequence[Source], train: Sequence[Fact], subjects: Iterable[str]) -> list[Source]:
    """The texts with their subjects; see `retitled`.

    Files that are taken apart are so loosely (`Sections`) where that is better for the training answers (`Reached`).

    Args:
        sources: The texts.
        train: Training facts with their subjects.
        subjects: Those of all facts.
    """
    wanted = set(subjects)
    texts = retitled(sources, wanted)
    if not any(source.parts for source in sources):
        return texts
    loose = retitled(sources, wanted, loosely=True)
    return loose if reached(train, loose).is_better(reached(train, texts), len(train)) else texts


def retitled(sources: Sequence[Source], subjects: Iterable[str], *, loosely: bool = False) -> list[Source]:
    """The texts, those without a title taken to be about the subject that they begin with; see `Retitling`."""
    subjects, titles = set(subjects) - {""}, dict.fromkeys(source.subject for source in sources)
    retitling = Retitling(subjects, subjects - titles.keys(), titles, loosely=loosely)
    return [one for source in sources for one in retitling(source)]


class Retitling:
    """Gives texts without a title the subject that they begin with, or else the first in their first sentence.

    `Aldonia is a country in ...` has no title, but questions ask about Aldonia. Only subjects that no title gives are
    looked for, and then stand before the text as its title; a text whose title is a subject, or is given by the corpus
    itself, stays as it is. A title that questions spell otherwise (`Fox`, asked as `the fox`; if it is the only such,
    `The Shard`, asked as `Shard`) is spelled so; one that says more in brackets than they do (`Mercury (planet)`, asked
    as `Mercury`) gets theirs before it, if it is the only one.

    Args:
        subjects: Those of all facts.
        open_: Those of them that no title gives.
        titles: The subjects of all texts.
        loosely: How files are taken apart; see `Sections`.
    """

    def __init__(
        self, subjects: Container[str], open_: Collection[str], titles: Iterable[str], *, loosely: bool = False
    ) -> None:
        self._subjects, self._beginnings = subjects, Beginnings(open_)
        self._spellings = {subject.lower(): subject for subject in sorted(open_)}
        self._renamed = renamed(titles, open_)
        self._sections = Sections(open_, loosely=loosely)

    def __call__(self, source: Source) -> Iterator[Source]:
        """The text with its subject; of a file about several of them, each part that is about one."""
        titled = self._titled(source)
        if titled.subject in self._subjects and not self._sections.go_on(titled):
            yield titled
        else:
            yield from self._sections(titled)

    def _titled(self, source: Source) -> Source:
        if source.subject in self._subjects or not source.text:
            return source
        if f"{source.subject}." in self._subjects:  # `Dell Inc.`, whose own full stop ends the title as well
            whole = f"{source.subject}."
            return source._replace(subject=whole, text=whole + source.text[len(source.subject) :])
        if spelling := self._spellings.get(source.subject.lower()):
            return source._replace(subject=spelling, text=spelling + source.text[len(source.subject) :])
        about = self._renamed.get(source.subject, "")
        if about and folded(about) == folded(source.subject):
            return source._replace(subject=about, text=about + source.text[len(source.subject) :])
        if not about and not source.titled:
            about = self._beginnings.about(source.text, source.subject)
            about = about or self._beginnings.within(source.text, source.subject)
        return source._replace(subject=about, text=f"{about}. {source.text}") if about else source
