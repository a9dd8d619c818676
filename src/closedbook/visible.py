"""Where text of any origin meets a console or a page: what would steer a terminal is shown, not obeyed."""

import re

MOST_SHOWN = 2_000  # characters of a sentence about bad input
BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""The controls that turn the direction of writing, for a class of a regular expression (Unicode's Bidi_Control)."""
_STEERING = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029{BIDI}\ud800-\udfff]")
_BREAK = re.compile("[\t\n]")


def visible(text: str) -> str:
    r"""The text with its control characters spelled, as `\x1b` for escape and `\u202e` for right-to-left override.

    Tabs and line feeds stay. Halves of characters, which stand for bytes in names of files, are spelled too, so that
    every console can show what is returned.
    """
    return _STEERING.sub(_spelled, text)


def in_a_line(text: str) -> str:
    r"""The same in one line: tabs and line feeds are spelled as well, as `\n`."""
    return _BREAK.sub(_spelled, visible(text))


def in_a_sentence(text: str) -> str:
    """The same for a sentence about bad input, which is cut in its middle where the input is long."""
    line = in_a_line(text)
    half = MOST_SHOWN // 2
    return line if len(line) <= MOST_SHOWN else f"{line[:half]} ... {line[-half:]}"


def writable(name: str) -> str:
    r"""A name as UTF-8 can have it: bytes that are none, for which halves of characters stand, as JSON's `\udcff`."""
    return name.encode(errors="backslashreplace").decode()


def _spelled(character: re.Match[str]) -> str:
    return ascii(character.group())[1:-1]
