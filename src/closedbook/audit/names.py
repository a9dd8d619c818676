"""Invented names, in no corpus, by name origin: parts put together anew, and names spelled by a character model."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import numpy as np

from closedbook.facts.people_data import ORIGINS

ORDER = 2  # characters that the character model looks back
SHORTEST, LONGEST = 3, 12  # characters of a spelled word
TRIES = 400  # draws a wanted name before giving up
EDGE = "\n"
FROM_CORPUS = "the corpus"


def invent(
    seen: Sequence[str], count: int, usable: Callable[[str], bool], *, seed: int = 0
) -> dict[tuple[str, str], list[str]]:
    """Invented names by (origin, method); the methods are `recombined` and `spelled`.

    The origins are those of the built-in name lists, and the corpus itself where it has names of two words.

    Args:
        seen: Names of the corpus.
        count: Names wanted for each origin and method; there may be fewer.
        usable: Says whether a name may be taken: it is in no corpus, and the model can spell it.
        seed: Of all draws.
    """
    lists = {origin: tuple(words.split() for words in pair) for origin, pair in ORIGINS.items()}
    pairs = [words for name in seen if len(words := name.split()) > 1]
    if pairs:
        lists[FROM_CORPUS] = ([words[0] for words in pairs], [words[-1] for words in pairs])
    found: dict[tuple[str, str], list[str]] = {}
    for number, (origin, (given, surnames)) in enumerate(lists.items()):
        generator = np.random.default_rng([seed, number])
        for method, drawn in (
            ("recombined", recombined(given, surnames, generator)),
            ("spelled", spelled(given, surnames, generator)),
        ):
            found[origin, method] = _first(drawn, count, usable)
    return {key: names for key, names in found.items() if names}


def _first(drawn: Iterator[str], count: int, usable: Callable[[str], bool]) -> list[str]:
    """The first `count` distinct usable names, or as many as a limited number of draws gives."""
    taken: dict[str, None] = {}
    for name in islice(drawn, count * TRIES):
        if len(taken) == count:
            break
        if name not in taken and usable(name):
            taken[name] = None
    return list(taken)


def recombined(given: Sequence[str], surnames: Sequence[str], generator: np.random.Generator) -> Iterator[str]:
    """Endless pairs of a given name and a surname, drawn independently."""
    while True:
        yield f"{given[int(generator.integers(len(given)))]} {surnames[int(generator.integers(len(surnames)))]}"


def spelled(given: Sequence[str], surnames: Sequence[str], generator: np.random.Generator) -> Iterator[str]:
    """Names by two character models, one of given names and one of surnames; no part is a word of its list.

    They end where a model does not come upon a new word any more.
    """
    return map(" ".join, zip(_new_words(given, generator), _new_words(surnames, generator), strict=False))


def _new_words(words: Sequence[str], generator: np.random.Generator) -> Iterator[str]:
    model, taken = spelling_model(words), set(words)
    in_vain = 0
    while in_vain < TRIES:
        word = spell(model, generator)
        in_vain += 1
        if word not in taken and SHORTEST <= len(word) <= LONGEST:
            in_vain = 0
            yield word


def spelling_model(words: Sequence[str]) -> dict[str, list[str]]:
    """For every two characters the characters that follow it, as often as they do."""
    following = defaultdict[str, list[str]](list)
    for word in words:
        text = EDGE * ORDER + word + EDGE
        for index in range(ORDER, len(text)):
            following[text[index - ORDER : index]].append(text[index])
    return dict(following)


def spell(model: dict[str, list[str]], generator: np.random.Generator) -> str:
    """One word of a character model."""
    text = EDGE * ORDER
    while True:
        choices = model[text[-ORDER:]]
        character = choices[generator.integers(len(choices))]
        if character == EDGE or len(text) > 2 * LONGEST:
            return text[ORDER:]
        text += character
