"""The one error class for what a user can put right, and the words that sentences share."""

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

T = TypeVar("T")


class UserError(ValueError):
    """Bad input: the message is one sentence that names the file, line or option and says what to do.

    The command line prints the message and leaves with exit code 2.
    """


class Stopped(BaseException):
    """A signal, other than Ctrl-C's, that asks the process to stop; the command line leaves with 128 and its number.

    Args:
        number: The signal's.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def nearest(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` for the known name most like `name`, or the empty string if none is alike."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.55)
    return f" (did you mean {matches[0]!r}?)" if matches else ""


def named(known: Mapping[str, T], name: str, what: str) -> T:
    """What is known by a name.

    Raises:
        UserError: Nothing is; the sentence suggests the nearest name and lists all.
    """
    if name not in known:
        raise UserError(f"{name}: no such {what}{nearest(name, known)}; there are {', '.join(known)}.")
    return known[name]


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 question`, `1,204 questions`; `plural` where that is not the noun with an s."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def in_words(seconds: float) -> str:
    """`40 seconds`, `3 minutes`, `2.5 hours`."""
    if seconds < 90:
        return f"{max(round(seconds, -1), 10):.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def percent(share: float | None) -> str:
    """`22.2 %`, or a dash for None."""
    return "-" if share is None else f"{100 * share:.1f} %"


def interval(bounds: tuple[float, float]) -> str:
    """`18.8 to 26.0 %`, or `100.0 %` where both ends are written alike."""
    low, high = map(percent, bounds)
    return high if low == high else f"{100 * bounds[0]:.1f} to {high}"
