"""Texts without a title: which of the subjects of questions they are about, by how they begin and whom they name."""

import re
from collections.abc import Iterable

from closedbook.facts.scripts import joined
from closedbook.facts.titles import PUNCTUATION, SMALL, STOP, is_abbreviation, subjects_in

MOST_SENTENCE = 1_000  # characters of a sentence in which a subject is looked for
_VERBS = frozenset("is are was were has had lies".split())  # no name goes on with them
_DASHES = frozenset("-–—")
_UNSPACED_VERBS = ("是", "位于", "は")
ARTICLE = re.compile(
    r"(?:The|An?|D(?:er|ie|as|en)|Eine?|L(?:e|a|es|o|os|as)|Une?|El|Il|Gli|Het|De|Een) (?=\w)|L['’](?=\w)"
)


class Beginnings:
    """Subjects that documents without a title may be about, by their first words.

    Args:
        subjects: Those that no title gives.
    """

    def __init__(self, subjects: Iterable[str]) -> None:
        self._subjects = set(subjects) - {""}
        ordered = sorted(self._subjects, reverse=True)
        self._folded = {turned: subject for subject in ordered for turned in _family_name_first(subject)}
        self._folded |= {subject[0].casefold() + subject[1:]: subject for subject in ordered}
        self._lengths = sorted({len(written) for written in self._folded}, reverse=True)

    def about(self, text: str, name: str) -> str:
        """The longest subject that a text without a title begins with, "" for none.

        An article may stand before it (`The aardvark is ...`), and its first letter's case does not count. A text has
        a title after all where it goes on after what `title` takes for one (`Paris Hilton. Paris Hilton is ...`) or
        where no word in lower case follows the subject there (`Paris Hilton.`); but a text that goes on has none where
        that has a verb as `is` and is not said again (`Aldonia is a country. It lies ...`).

        Args:
            text: The document.
            name: What `title` takes for its title.
        """
        article = ARTICLE.match(text)
        for skipped in (0, *([article.end()] if article else [])):
            for end in (skipped + length for length in self._lengths):
                subject = self._folded.get(text[skipped : skipped + 1].casefold() + text[skipped + 1 : end], "")
                if (
                    subject
                    and end <= len(text)
                    and not joined(text[end - 1], text[end : end + 1])
                    and (not name or _is_sentence(text, name, end))
                ):
                    return subject
        return ""

    def within(self, text: str, name: str) -> str:
        """The first subject that stands in the first sentence of a text that is about none that it begins with.

        `In Paris, Ann Lee opened a shop.` is about Ann Lee where questions ask about her, and no title gives her. A
        part of a longer name (`Germany` in `East Germany`) is none.

        Args:
            text: The document.
            name: What `title` takes for its title.
        """
        if name and not _tells(text, name):
            return ""
        stops = (stop.end() for stop in STOP.finditer(text) if not is_abbreviation(_last_word(text, stop.start())))
        sentence = text[: next(stops, len(text))][:MOST_SENTENCE]
        found = dict[int, str]()
        for subject in subjects_in(sentence, self._subjects, loosely=False):
            place = first_place(sentence, subject)
            if place >= 0:
                found[place] = subject if subject in self._subjects else subject[0].upper() + subject[1:]
        return found[min(found)] if found else ""


def _family_name_first(subject: str) -> list[str]:
    """`lee, Ann` for `Ann Lee`, where both words have capitals."""
    before, _, last = subject.rpartition(" ")
    capitals = before[:1].isupper() and last[:1].isupper()
    return [f"{last[0].casefold()}{last[1:]}, {before}"] if capitals else []


def first_place(sentence: str, subject: str) -> int:
    """Where a subject first stands as a whole, not as a part of a longer run of capitals; -1 where it does nowhere."""
    whole = rf"(?<!\w){re.escape(subject)}(?!\w)" if subject.isascii() else re.escape(subject)
    for match in re.finditer(whole, sentence):
        before, behind = sentence[: match.start()].split(" ")[-2:], sentence[match.end() :].split(" ")[:2]
        word = before[0] if len(before) == 2 and not before[1] else ""  # with a space and nothing else between
        longer = word[:1].isupper() and word.isalpha() and word.lower() not in SMALL and not is_abbreviation(word)
        follows = len(behind) == 2 and not behind[0] and behind[1][:1].isupper()
        if not (subject[:1].isupper() and (longer or follows)):
            return match.start()
    return -1


def _tells(text: str, name: str) -> bool:
    """Whether what `title` takes for the title of a text says something, as titles do not."""
    rest, words = text[len(name) + 1 :].strip(), [word.strip(PUNCTUATION) for word in name.split()]
    verb = not _VERBS.isdisjoint(words) or any(verb in name for verb in _UNSPACED_VERBS)
    small = any(word[:1].isalpha() and not word[:1].isupper() and word not in SMALL for word in words)
    somewhere = "," in name and words[0].lower() in SMALL  # `In Paris, Ann Lee opened a shop.`
    return (verb or (small and (somewhere or not rest))) and not rest.startswith(name)


def _last_word(text: str, end: int) -> str:
    return text[text.rfind(" ", 0, end) + 1 : end]


def _is_sentence(text: str, name: str, end: int) -> bool:
    """Whether what `title` takes for the title of a text goes on after the subject as sentences do.

    Where more follows it, that is with a verb as `is`, with a mark that explains (`Tin: a metal.`), or with words of
    which the second or a later one is small (`The fox hunts at night.`), but not the first (`Alice in Wonderland.`).
    """
    words = [word.strip("'’") for word in name[end:].split()]
    rest = text[len(name) + 1 :].strip()
    if rest:
        verb = not _VERBS.isdisjoint(words) or name.startswith(_UNSPACED_VERBS, end)
        explains = name[end : end + 1] == ":" or (len(words) > 1 and words[0] in _DASHES)
        goes_on = bool(words) and words[0] not in SMALL and not SMALL.isdisjoint(words[1:])
        return (verb or explains or goes_on) and not rest.startswith(name)
    return any(word[:1].isalpha() and not word[:1].isupper() for word in words)
