"""Where words begin and end in any script, for what is looked for in questions and documents."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
"""Letters that stand beside those of another word, for a class of a regular expression: Thai to Burmese, Khmer, Kana,
Han; Hangul, for its particles."""
COMBINING = "".join(
    character
    for block in (range(0x300, 0x1E00), range(0xA600, 0xAC00))
    for character in map(chr, block)
    if unicodedata.category(character).startswith("M")
)
"""Marks that belong to the letter before them, as vowels do in Hindi and Thai, which `\\w` leaves out; for a class."""
UNSPACED_LETTER = re.compile(f"[{UNSPACED}]")
WORD = re.compile(rf"[\w{COMBINING}]+")
"""Letters, digits and their marks; a run of a script without spaces is one."""
ELISION = r"(?<=[a-zß-öø-ÿ])['’](?=[A-ZÀ-ÖØ-Þ])"  # a mark that joins no words: `l'Italie`, but `O'Brien`
LONGEST_UNIT = 200  # characters without a space that count as one word
LONGEST_UNSPACED = 30  # letters of a title or subject in a script that puts no spaces between words
_UNIT = re.compile(rf"[{UNSPACED}][{COMBINING}]*|[^\W{UNSPACED}]+|[^\w\s]")


def joined(before: str, after: str) -> bool:
    """Whether two characters belong to one word: letters or digits, in a script that puts spaces between words.

    A mark belongs to the letter before it in any script. Where a text ends a character is "".
    """
    if after and unicodedata.category(after).startswith("M"):
        return _of_word(before)
    spaced = not UNSPACED_LETTER.match(before) and not UNSPACED_LETTER.match(after)
    return spaced and _of_word(before) and _of_word(after)


def _of_word(character: str) -> bool:
    return bool(character) and (character.isalnum() or unicodedata.category(character).startswith("M"))


def occurrences(text: str, part: str) -> Iterator[tuple[int, bool]]:
    """Where a part begins in a text, and whether it stands there as whole words."""
    start = text.find(part) if part else -1
    while start >= 0:
        end = start + len(part)
        yield start, not joined(text[start - 1 : start], part[0]) and not joined(part[-1], text[end : end + 1])
        start = text.find(part, start + 1)


def stands_in(part: str, text: str) -> bool:
    """Whether a part stands in a text as whole words."""
    return any(alone for _, alone in occurrences(text, part))


def answered_in(answers: Iterable[str], texts: Iterable[str]) -> bool:
    """Whether one of the answers stands in one of the texts as whole words."""
    answers = list(answers)
    return any(stands_in(answer, text) for text in texts for answer in answers)


def units(text: str) -> Iterator[tuple[int, int]]:
    """[start, end) of what counts as a word where words are counted.

    That is what spaces separate, in parts of at most 200 characters, but every letter and mark by itself where more
    than thirty letters of a script without spaces stand without one: nothing tells where words end there.
    """
    for match in re.finditer(rf"\S{{1,{LONGEST_UNIT}}}", text):
        if len(UNSPACED_LETTER.findall(match.group())) <= LONGEST_UNSPACED:
            yield match.span()
        else:
            yield from (unit.span() for unit in _UNIT.finditer(text, *match.span()))
