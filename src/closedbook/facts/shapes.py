"""What texts look like: their words and numbers, shapes, and kinds.

The *shape* of a text has every capitalised word as X, every other word as x and every number as 0 (`0 X 0` for a date).
Where a script puts no spaces between words nothing tells where they end, so every letter counts as one (`xx` for a name
of two).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from closedbook.facts.scripts import COMBINING, ELISION, UNSPACED

Kind = Literal["phrase", "number", "date", "word"]
KINDS: tuple[Kind, ...] = ("phrase", "number", "date", "word")
_KATAKANA = "\u30a1-\u30fa\u30fc"  # spells names and loan words, which end where the script changes
_WORD = re.compile(
    r"(?:[^\W\d_]\.){2,}"  # initials (U.S.) are one word
    rf"|[+−]?\d(?:[\d.,:]*\d)?(?![^\W{UNSPACED}])"  # a number may hold separators
    rf"|[{_KATAKANA}]+|(?=\w)[{UNSPACED}][{COMBINING}]*"
    rf"|[^\W_{UNSPACED}](?:[^\W_{UNSPACED}]+|[{COMBINING}]+|(?!{ELISION})['’_-]+(?=[^\W_{UNSPACED}])"
    r"|(?<=s)['’](?= [A-ZÀ-ÖØ-Þ]))*"  # `Workers' Party`, but no other mark belongs to a word that it ends
)


@dataclass(frozen=True)
class Word:
    """A word or a number with its [start, end): `X` capitalised, `0` a number, `x` any other."""

    start: int
    end: int
    mark: str


def words(text: str, first: int = 0) -> list[Word]:
    """The words and numbers of a text from a character on."""
    return [Word(m.start(), m.end(), _mark(m.group())) for m in _WORD.finditer(text, first)]


def _mark(word: str) -> str:
    if word[0].isdigit() or word[0] in "+−":
        return "0"
    return "X" if word[0].isupper() else "x"


def shape(text: str, found: Sequence[Word]) -> str:
    """The text between the first word and the last, words by their marks, all else as it stands.

    Args:
        text: Holds the words.
        found: Some of its words, in order.
    """
    parts = []
    for index, word in enumerate(found):
        if index:
            parts.append(text[found[index - 1].end : word.start])
        parts.append(word.mark)
    return "".join(parts)


def answer_shape(answer: str) -> str:
    """The shape of an answer, with what stands before its first word and after its last."""
    found = words(answer)
    if not found:
        return answer
    return answer[: found[0].start] + shape(answer, found) + answer[found[-1].end :]


def kind_of(shape: str) -> Kind:
    """The kind of a shape."""
    marks = set(re.findall(r"[X0x]", shape))
    if marks == {"0"} and shape.count("0") == 1:
        return "number"
    if "0" in marks and len(shape) > 1 and "x" not in marks:
        return "date"
    return "phrase" if shape[:1] == "X" and shape[-1:] == "X" else "word"


def words_in(form: str) -> int:
    """Words of a shape."""
    return len(re.findall("[X0x]", form))


def is_run(form: str) -> bool:
    """Whether a shape is capitalised words alone, which every line is asked for."""
    return bool(re.fullmatch(r"X(?:\.? X)*", form))
