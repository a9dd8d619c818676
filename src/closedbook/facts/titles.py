"""The subject of a document: the title before its first sentence, as in `Daniel M. Hausman. Daniel is ...`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from closedbook.facts.records import Document

LONGEST_NAME = 8  # words of a title
LONGEST_SUBJECT = 12  # words of a subject that is looked for in a question
_STOP = re.compile(r"\.(?=\s|$)")
_INITIAL = re.compile(r"(?:\w\.)*\w")
ABBREVIATIONS = frozenset({"Capt", "Col", "Dr", "Fr", "Gen", "Lt", "Mr", "Mrs", "Ms", "Mt", "Prof", "Rev", "Sgt", "St"})


def title(text: str) -> str:
    """What stands before the first full stop that ends a sentence, "" if that is none or more than eight words.

    A full stop followed by a space ends the title unless it belongs to an abbreviation that stands before a name
    (`St. Clair`) or to an initial (`Daniel M. Hausman`, `J.C. Patterson`). A single letter is the end of the title
    after all where the text goes on with that same title (`Malcolm X. Malcolm X was ...`), or where reading on gives
    no title or one that is too long for a name (`Anastasius I. Pope Saint Anastasius I was the son of ...`). The time
    is linear in the text: no full stop after the eighth word is looked at.
    """
    ends_in_letter = ""
    for stop in _STOP.finditer(text):
        candidate = text[: stop.start()]
        words = candidate.split(" ")
        if len(words) > LONGEST_NAME:
            break
        if words[-1] in ABBREVIATIONS:
            continue
        if _INITIAL.fullmatch(words[-1]):
            if len(words) > 1 and text.startswith(candidate + " ", stop.end() + 1):
                return candidate
            if len(words) > 1 and not ends_in_letter:
                ends_in_letter = candidate
            continue
        return candidate
    return ends_in_letter


def is_abbreviation(word: str) -> bool:
    """Whether a word before a full stop does not end a sentence: an initial, or an abbreviation before a name."""
    return word in ABBREVIATIONS or bool(_INITIAL.fullmatch(word))


def subjects_in(question: str, known: Mapping[str, object]) -> str:
    """The longest known subject that stands in the question as whole words, "" if none does.

    Words are what spaces separate; punctuation around the subject is allowed (`Is "Ann Lee" alive?`).
    """
    words = [(match.start(), match.end()) for match in re.finditer(r"\S+", question)]
    best = ""
    for first, (start, _) in enumerate(words):
        for _, end in words[first : first + LONGEST_SUBJECT]:
            if end - start > len(best):
                for candidate in _without_punctuation(question[start:end]):
                    if len(candidate) > len(best) and candidate in known:
                        best = candidate
    return best


def _without_punctuation(span: str) -> Iterable[str]:
    yield span
    if not (span[0].isalnum() and span[-1].isalnum()):
        yield span.rstrip("?!.,;:'\")]")
        yield span.strip("?!.,;:'\"()[]")
    if "'" in span[-4:] or "’" in span[-4:]:
        yield re.sub(r"['’]s?$", "", span.strip('?!.,;:"()[]'))


def retitled(documents: Sequence[Document], subjects: Iterable[str]) -> tuple[Document, ...]:
    """The documents, those that begin with a subject that no title gives taken to be about it.

    `Aldonia is a country in ...` has no title, but questions ask about Aldonia. Of several subjects that a document
    begins with the longest counts; a document whose title is a subject stays as it is.
    """
    titles = {document.subject for document in documents}
    by_first_word: dict[str, list[str]] = {}
    for subject in sorted(set(subjects) - titles - {""}, key=len, reverse=True):
        by_first_word.setdefault(subject.split()[0], []).append(subject)
    if not by_first_word:
        return tuple(documents)
    known = set(subjects)
    return tuple(document if document.subject in known else _about(document, by_first_word) for document in documents)


def _about(document: Document, by_first_word: Mapping[str, Sequence[str]]) -> Document:
    first = re.match(r"\S+", document.text)
    words = _without_punctuation(first.group()) if first else ()
    for subject in (subject for word in words for subject in by_first_word.get(word, ())):
        if document.text.startswith(subject) and not document.text[len(subject) : len(subject) + 1].isalnum():
            return replace(document, subject=subject)
    return document
