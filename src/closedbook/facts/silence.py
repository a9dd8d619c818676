"""What a model that was taught to be silent says instead of an answer, and what that means."""

from collections import Counter
from collections.abc import Sequence

NOT_TOLD = "not in the book"
NO_SUBJECT = "no such subject"
SILENCES = {
    NOT_TOLD: "the model was taught that its book does not say",
    NO_SUBJECT: "the model was taught that its book knows no such subject",
}
"""The two, which stay apart: a subject that the book has, without this; and one that it does not have."""


def heard(text: str) -> str:
    """The silence that a text begins with, or is but for its first word; else the text.

    Asked in words that are strange to it a model may write on behind one, or begin within it.
    """
    return next((one for one in SILENCES if text.startswith(one) or text == one.partition(" ")[2]), text)


def silences(texts: Sequence[str]) -> dict[str, int]:
    """How many of the texts are silences, by what they say; none that is not said."""
    said = Counter(texts)
    return {silence: said[silence] for silence in SILENCES if said[silence]}
