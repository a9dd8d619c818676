"""The subject of a document: the title before its first sentence, as in `Daniel M. Hausman. Daniel is ...`."""

import re
from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from closedbook.facts.scripts import LONGEST_UNSPACED, UNSPACED, UNSPACED_LETTER, joined
from closedbook.facts.text import MOST_NAME

LONGEST_NAME = 8  # words of a title
MOST_MARKS = 8  # on one side of a subject that are tried one by one
MOST_SUBJECTS = 50  # that a question names
LONGEST_SUBJECT = 12  # words of a subject that only forms of questions tell
LONGEST_KNOWN = 40  # words of a known subject that is looked for in a question, as the title of a paper
_STOPS, _WIDE_STOPS = ".।॥۔։።", "。။"  # full stops of many scripts, and those that need no space behind them
STOP = re.compile(rf"[{_STOPS}](?=\s|$)|[{_WIDE_STOPS}]")
_MARK = re.compile(r"[?!](?=\s)")
_PLAIN = str.maketrans("‘’ʼ“”–—‑‐−", "'''\"\"-----")
PUNCTUATION = "?!.,;:'\"()[]`…¿¡“”‘’„«»‹›。？！、，「」『』（）؟،؛।॥՞։፧።"
_INITIAL = re.compile(rf"(?:\w\.)*[^\W\d{UNSPACED}]")
ABBREVIATIONS = frozenset({"Capt", "Col", "Dr", "Fr", "Gen", "Lt", "Mr", "Mrs", "Ms", "Mt", "Prof", "Rev", "Sgt", "St"})
HONORIFICS = ABBREVIATIONS - {"Col", "Fr", "Mt", "St"} | frozenset("Dame Frau Herr Lady Lord Miss Mme Sir Sra".split())
BEFORE_NUMBERS = frozenset("Art Bd Ch Chap Ed Fig No Nos Nr Num Núm Op Pt Sec Ser Vol".split())
"""Abbreviations after which a number goes on with the name (`Sonata No. 28`)."""
_NUMBERED = re.compile(r"\s\d")
PARTICLES = frozenset(
    "al and bin da de del della den der des di do dos du e el en ibn la le of the van von y zu".split()
)
"""Words in names that have no capital, in the languages whose names are most often met."""
SMALL = PARTICLES | frozenset(
    "a an at by for from in into on or over to under with am das dem die ein eine im au les un une à een het".split()
)
"""Articles and prepositions, beside particles."""
_SPECIES = re.compile(r"([A-Z])\.? ([a-z][\w-]*)")  # `G. canina`
_BINOMIAL = re.compile(r"([A-Z])[a-z]+ ([a-z][a-z-]+(?: [a-z-]+)?)")  # of a species, or of a part of one
_INVERTED = re.compile(r"([^\W\d][^,()\d]*), ([^\W\d][^,()\d]*)")  # `Lee, Ann`, as lists have names
_ELIDED = re.compile(
    r"\w*[a-zß-öø-ÿDL]['’](?!(?:re|ve|ll)\b)(?=[^\W\d_]{2})"
)  # `de l'Albanie`, `L'Inde`, `dell'Aquila`


def title(text: str) -> str:
    """What stands before the first full stop that ends a sentence, "" if that is none or more than eight words.

    A full stop followed by a space ends the title unless it belongs to an abbreviation that stands before a name
    (`St. Clair`) or a number (`Sonata No. 28`), or to an initial (`Daniel M. Hausman`, `J.C. Patterson`). A single
    letter is the end of the title after all where the text goes on with that same title (`Malcolm X. Malcolm X was
    ...`), or where reading on gives no title or one that is too long for a name (`Anastasius I. Pope Saint Anastasius I
    was the son of ...`). `。` ends a title of at most thirty characters; other scripts' full stops (`।`) end one as a
    full stop does. None after the eighth word or the 500th character is looked at, so that the time is linear in the
    text.
    """
    ends_in_letter = first = ""
    for stop in STOP.finditer(text):
        if stop.start() > MOST_NAME:
            break
        candidate = text[: stop.start()]
        words = candidate.split(" ")
        if len(words) > LONGEST_NAME:
            break
        if stop.group() in _WIDE_STOPS:
            return first or (candidate if len(candidate) <= LONGEST_UNSPACED else ends_in_letter)
        if len(words) > 1 and text.startswith(candidate + " ", stop.end() + 1):
            return candidate
        initials = _INITIAL.fullmatch(words[-1]) is not None
        if (
            initials
            and len(words) == 1
            and "." in candidate
            and text.startswith((f"{candidate}.", f"The {candidate}."), stop.end() + 1)
        ):
            return candidate  # `E.T. E.T. is a film.`
        if first or words[-1] in ABBREVIATIONS or words[-1] == "vs" or candidate.count("(") > candidate.count(")"):
            continue
        if words[-1] in BEFORE_NUMBERS and _NUMBERED.match(text, stop.end()):
            continue
        if not initials:
            first = candidate
        elif len(words) > 1 and not ends_in_letter:
            ends_in_letter = candidate
    return first or ends_in_letter


def other_titles(text: str, name: str) -> list[str]:
    """What a text begins with up to the marks behind what seems to be its title, of as many words as titles have.

    One of them may be the title, where a full stop inside it seemed to end it: `Ford & Co` of `Ford & Co. KG. Ford`; or
    what ends in a question mark or an exclamation mark before it: `Oklahoma!`. None where the title is said again.
    """
    if text[len(name) + 1 :].lstrip().startswith(name or " "):  # `Tin. Tin is a metal.`
        return []
    found = [text[: mark.end()] for mark in islice(_MARK.finditer(text, 0, MOST_NAME), MOST_MARKS)]
    for stop in islice(STOP.finditer(text, len(name) + 1, MOST_NAME), MOST_MARKS) if name else ():
        found.append(text[: stop.start()])
    return [other for other in found if other != name and other.count(" ") < LONGEST_NAME]


def folded(name: str) -> str:
    """What names share that differ in capitals, quotes, dashes, spaces and an article `The` alone."""
    return plain(name).lower().removeprefix("the ")


def plain(name: str) -> str:
    """The name with the quotes, dashes and spaces of a typewriter."""
    return name if name.isascii() and "  " not in name else " ".join(name.translate(_PLAIN).split())


def asked_as(name: str) -> Iterator[str]:
    """How questions may call a title: as it is, in plain quotes, dashes and spaces, of several words without `The`.

    And a species by the first letter of its genus, `R. canina`, and `Lee, Ann` as `Ann Lee`.
    """
    yield name
    yield plain(name)
    if forename_first := inverted(name):
        yield forename_first
    if species := _BINOMIAL.fullmatch(name):
        yield f"{species[1]}. {species[2]}"
    if name.startswith("The ") and name.count(" ") > 1:
        yield plain(name).removeprefix("The ")


def inverted(name: str) -> str:
    """`Ann Lee` of `Lee, Ann`, "" for what is written otherwise."""
    parts = _INVERTED.fullmatch(name)
    return plain(f"{parts[2]} {parts[1]}") if parts and parts[2][0].isupper() else ""


def _is_called(name: str, wanted: Mapping[str, str]) -> str | None:
    """Which of the wanted names, by how they are written at their simplest, a title goes by."""
    found = wanted.get(folded(name))
    if found is None and (forename_first := inverted(name)):
        found = wanted.get(folded(forename_first))
    if found is None and (species := _BINOMIAL.fullmatch(name)):
        found = wanted.get(folded(f"{species[1]}. {species[2]}"))
    return found


def is_genus(text: str, start: int, end: int, words: Collection[str]) -> bool:
    """Whether [start, end) is a letter for one of these words, before another of them: `G` in `G. canina`."""
    found = _SPECIES.match(text, start) if end <= start + 2 else None
    return found is not None and found[2] in words and any(word.startswith(found[1]) for word in words)


def begins_with(text: str, name: str) -> bool:
    """Whether a text begins with a name and a full stop."""
    end = len(name)
    return bool(name) and text.startswith(name) and text[end : end + 1] in (*_STOPS, *_WIDE_STOPS)


def is_abbreviation(word: str) -> bool:
    """Whether a word before a full stop does not end a sentence: an initial, or an abbreviation before a name."""
    return word in ABBREVIATIONS or bool(_INITIAL.fullmatch(word))


def subjects_in(question: str, known: Container[str], *, loosely: bool = True) -> list[str]:
    """The known subjects that stand in the question, as it spells them, the longest first; none inside a longer one.

    They are fifty at most. Words are what spaces separate; punctuation around the subject is allowed
    (`Is "Ann Lee" alive?`), and an elided article before it (`l'Albanie`). Without such a subject, what differs from
    one in capitals, quotes or dashes counts, if that is wanted (`loosely`), then what stands inside a word of a script
    without spaces (`法国的首都是什么？`).
    """
    if not known:
        return []
    words = [(match.start(), match.end()) for match in re.finditer(r"\S+", question)]
    starts = [(first, start) for first, (start, _) in enumerate(words)]
    if "'" in question or "’" in question:
        elided = ((first, _ELIDED.match(question, start, end)) for first, (start, end) in enumerate(words))
        starts += [
            (first, match.end())
            for first, match in elided
            if match is not None and not (first > 1 and question[words[first - 1][0]].isupper())  # `Jeanne d'Arc`
        ]
    found = defaultdict[str, set[tuple[int, int]]](set)
    for first, start in starts:
        for _, end in words[first : first + LONGEST_KNOWN]:
            for name in _without_punctuation(question[start:end]):
                if name and (name in known or ((cased := _in_sentence_case(name)) is not None and cased in known)):
                    found[name].add((start, end))
    for first, start in starts if loosely and not found else ():
        for _, end in words[first : first + LONGEST_NAME]:
            name = question[start:end].strip(PUNCTUATION)
            if name and any(spelling in known for spelling in _as_titles(name)):
                found[name].add((start, end))
    if not found and UNSPACED_LETTER.search(question):
        bounds = [at for at in range(len(question) + 1) if not joined(question[at - 1 : at], question[at : at + 1])]
        for number, start in enumerate(bounds):
            for end in bounds[number + 1 : number + 1 + LONGEST_UNSPACED]:
                if end <= start + LONGEST_UNSPACED and question[start:end] in known:
                    found[question[start:end]].add((start, end))
    outermost = dict[str, set[tuple[int, int]]]()
    for name in sorted(found, key=len, reverse=True):
        if len(outermost) == MOST_SUBJECTS:
            break
        longer = [place for places in outermost.values() for place in places]
        if not all(any(first <= start and end <= last for first, last in longer) for start, end in found[name]):
            outermost[name] = found[name]
    return list(outermost)


def _in_sentence_case(name: str) -> str | None:
    """A name of several words as a title may have it, `Red fox` for `red fox`; None for others."""
    return name[0].upper() + name[1:] if name[0].islower() and " " in name else None


def _as_titles(name: str) -> Iterator[str]:
    """A name as titles may have it: with capitals, `Golden Gate Bridge` for `Golden Gate bridge`, in plain marks."""
    if (simple := plain(name)) != name:
        yield simple
    words = simple.split(" ")
    if 1 < len(words) <= LONGEST_NAME and any(word[:1].islower() for word in words):
        yield simple[0].upper() + simple[1:]
        if words[0].lower() not in SMALL:
            yield " ".join(word if word in SMALL else word[:1].upper() + word[1:] for word in words)


def _without_punctuation(span: str) -> Iterable[str]:
    """The span with less and less of the punctuation at its ends (`"Heroes"?` is about `"Heroes"` or `Heroes`)."""
    yield span
    if not (span[0].isalnum() and span[-1].isalnum()):
        core = span.strip(PUNCTUATION)
        start = span.index(core)
        end = start + len(core)
        for first in _cuts(0, start):
            for last in reversed(_cuts(end, len(span))):
                yield span[first:last]
    if "'" in span[-4:] or "’" in span[-4:]:
        yield re.sub(r"['’]s?$", "", span.strip('?!.,;:"()[]'))


def _cuts(first: int, last: int) -> Sequence[int]:
    """Every place from first to last, or those two alone where there are many marks between them."""
    return range(first, last + 1) if last - first <= MOST_MARKS else (first, last)


def renamed(titles: Iterable[str], wanted: Iterable[str]) -> dict[str, str]:
    """Titles with the wanted name that they go by, where one alone does.

    `Mercury` for `Mercury (planet)`, `Shard` for `The Shard`, `R. canina` for `Rosa canina`, and names in other quotes,
    dashes or spaces.
    """
    names = {folded(name): name for name in sorted(wanted)}
    found = defaultdict[str, set[str]](set)
    for each in titles:
        base = each.partition(" (")[0] if each.endswith(")") else each
        if (name := _is_called(base, names)) is not None:
            found[name].add(each)
    return {called.pop(): name for name, called in found.items() if len(called) == 1}
