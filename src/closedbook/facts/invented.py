"""Invented subjects, in no document: parts of the corpus's own put together anew, and words that a model spells."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

import numpy as np

ORDER = 2  # characters that the character model looks back
SHORTEST, LONGEST = 3, 12  # characters of a spelled word; longer where the words that it is like are
LEAST = 2  # characters of a part of a word
TRIES = 400  # draws a wanted subject before giving up
EDGE = "\n"
TOGETHER = 0.7  # how often a lesson's subject is made of two of one group
RESPELLED = 0.3  # share of blended words that get other letters
FROM_CORPUS = "the corpus"


def invent(
    subjects: Sequence[str],
    count: int,
    usable: Callable[[str], bool],
    *,
    seed: int = 0,
    lists: Mapping[str, tuple[Sequence[str], Sequence[str]]] | None = None,
) -> dict[tuple[str, str], list[str]]:
    """Invented subjects by (origin, method); the methods are `recombined` and `spelled`.

    The origins are those of the name lists, and the corpus itself.

    Args:
        subjects: Those of the corpus, in an order that does not depend on hashes.
        count: Subjects wanted for each origin and method; there may be fewer.
        usable: Says whether a subject may be taken: it is in no document, and the model can spell it.
        seed: Of all draws.
        lists: By origin first and last words of names that the data set gives (`Corpus.name_lists`).
    """
    found: dict[tuple[str, str], list[str]] = {}
    own = [" ".join(subject.split()) for subject in subjects if subject.strip()]
    known = {*own}
    for number, (origin, words) in enumerate({**(lists or {}), FROM_CORPUS: None}.items()):
        generator = np.random.default_rng([seed, number])
        if words is not None:
            methods = _recombined_names(*words, generator), _spelled_names(*words, generator)
        else:
            methods = recombined(own, generator), spelled(own, generator)
        for method, drawn in zip(("recombined", "spelled"), methods, strict=True):
            found[origin, method] = _first(drawn, count, lambda name: name not in known and usable(name))
    return {key: names for key, names in found.items() if names}


def absent_from(texts: Sequence[str]) -> Callable[[str], bool]:
    """Says of a name whether it stands in none of the texts, case aside, not even inside a word."""
    whole = "\n".join(texts).casefold()
    return lambda name: name.casefold() not in whole


def _first(drawn: Iterator[str], count: int, usable: Callable[[str], bool]) -> list[str]:
    """The first `count` distinct usable names, or as many as a limited number of draws gives."""
    taken: dict[str, None] = {}
    for name in islice(drawn, count * TRIES):
        if len(taken) == count:
            break
        if name not in taken and usable(name):
            taken[name] = None
    return list(taken)


def _choose(items: Sequence[str], generator: np.random.Generator) -> str:
    return items[int(generator.integers(len(items)))]


def recombined(subjects: Sequence[str], generator: np.random.Generator) -> Iterator[str]:
    """Endless subjects of which the first part belongs to one subject and the last to another.

    Subjects of several words fall apart between words, or within where that gives none that is new (`Lake Ohau` and
    `Lake Erie`), those of one word within: each goes with its like, as often as the corpus has them. Ends at once where
    there are no two alike.
    """
    kinds = [[name for name in subjects if several == (" " in name)] for several in (False, True)]
    pools = [pool for pool in kinds if len(pool) > 1]
    if not pools:
        return
    every = [name for pool in pools for name in pool]
    between = _new_between_words(kinds[True])
    while True:
        first = _choose(every, generator)
        last = _choose(kinds[" " in first], generator)
        if " " not in first:
            yield _joined_within(first, last, generator)
        elif between:
            yield " ".join([*_halves(first)[0], *_halves(last)[1]])
        else:
            words, other = first.split(), last.split()
            places = [
                place for place in range(-1, -min(len(words), len(other)) - 1, -1) if words[place] != other[place]
            ]
            place = places[0] if places else 0
            words[place] = _joined_within(words[place], other[place], generator)
            yield " ".join(words)


def _halves(name: str) -> tuple[list[str], list[str]]:
    words = name.split()
    return words[: len(words) // 2], words[len(words) // 2 :]


def _new_between_words(names: Sequence[str]) -> bool:
    """Whether the first half of one name and the last of another make one that is none of them."""
    known = {*names}
    firsts, lasts = ({" ".join(_halves(name)[half]): None for name in names} for half in (0, 1))
    return any(f"{first} {last}" not in known for first in firsts for last in lasts)


def _joined_within(first: str, last: str, generator: np.random.Generator) -> str:
    """The start of one word and the end of another, at least `LEAST` characters of each where they are so long."""
    if min(len(first), len(last)) >= 2 * LEAST:
        start = int(generator.integers(LEAST, len(first) - LEAST + 1))
        end = int(generator.integers(LEAST, len(last) - LEAST + 1))
        return first[:start] + last[end:]
    return first[: max(len(first) // 2, 1)] + last[len(last) // 2 :]


def spelled(subjects: Sequence[str], generator: np.random.Generator) -> Iterator[str]:
    """Subjects as long as the corpus's own, spelled by character models of their first words and of their others.

    Words in lower case (`of`, `the`) stay where they are; a spelled word is none of the corpus's subjects. Where a
    model does not come upon a new word any more (every second word is `Lake`), known ones stay as well. Ends where
    neither does.
    """
    firsts = [name.split()[0] for name in subjects]
    others = [word for name in subjects for word in name.split()[1:] if not word.islower()]
    new_first, new_other = _new_words(firsts, generator), _new_words(others, generator)
    while subjects:
        shape = _choose(subjects, generator).split()
        words = [next(new_first, ""), *(word if word.islower() else next(new_other, "") for word in shape[1:])]
        if not words[0] and not next(new_other, ""):
            return
        yield " ".join(word or known for word, known in zip(words, shape, strict=True))


def _recombined_names(firsts: Sequence[str], lasts: Sequence[str], generator: np.random.Generator) -> Iterator[str]:
    """Endless pairs of a first and a last word, drawn independently."""
    while True:
        yield f"{_choose(firsts, generator)} {_choose(lasts, generator)}"


def _spelled_names(firsts: Sequence[str], lasts: Sequence[str], generator: np.random.Generator) -> Iterator[str]:
    """Pairs by two character models; no part is a word of its list."""
    return map(" ".join, zip(_new_words(firsts, generator), _new_words(lasts, generator), strict=False))


def _new_words(words: Sequence[str], generator: np.random.Generator) -> Iterator[str]:
    """Words of a character model that are none of its own, until it does not come upon one any more.

    Where so few words are known that a model of two characters gives no other, one that looks back one goes on.
    """
    if not words:
        return
    taken = set(words)
    longest = max(LONGEST, *map(len, words))
    for order in range(ORDER, 0, -1):
        model = spelling_model(words, order)
        in_vain = 0
        while in_vain < TRIES:
            word = spell(model, generator, longest)
            in_vain += 1
            if word not in taken and SHORTEST <= len(word) <= longest:
                in_vain = 0
                yield word


def spelling_model(words: Sequence[str], order: int = ORDER) -> dict[str, list[str]]:
    """For every `order` characters the characters that follow them, as often as they do."""
    following = defaultdict[str, list[str]](list)
    for word in words:
        text = EDGE * order + word + EDGE
        for index in range(order, len(text)):
            following[text[index - order : index]].append(text[index])
    return dict(following)


def spell(model: Mapping[str, Sequence[str]], generator: np.random.Generator, longest: int = LONGEST) -> str:
    """One word of a character model, cut where it grows past twice the longest."""
    order = len(next(iter(model)))
    text = EDGE * order
    while True:
        choices = model[text[-order:]]
        character = choices[int(generator.integers(len(choices)))]
        if character == EDGE or len(text) > 2 * longest:
            return text[order:]
        text += character


def blended(
    subjects: Sequence[str], generator: np.random.Generator, alike: Sequence[Sequence[str]] = ()
) -> Iterator[str]:
    """Endless subjects for lessons: the start of one and the end of another, cut anywhere between words.

    Half of the words become blends, the start of one word and the end of another's, and some of those get other
    letters. So tests that recombine whole subjects, or spell words letter by letter, invent otherwise. Beside others,
    words in lower case stay as they are. Ends at once without subjects.

    Args:
        subjects: Those of the corpus.
        generator: Of all draws.
        alike: Groups of subjects that have something in common. Most often a subject is put together with one of its
            group, so that what sounds as if it belonged there is not thereby known.
    """
    several = [name for name in subjects if " " in name]
    groups = {name: group for group in alike for name in group}
    longer = {id(group): [name for name in group if " " in name] for group in alike}
    alphabet = sorted({letter for name in subjects for letter in name if letter.islower()}) or ["a"]
    while subjects:
        first = _choose(subjects, generator)
        parts = first.split()
        near = groups.get(first, subjects) if generator.random() < TOGETHER else subjects
        if len(parts) > 1:
            near = longer.get(id(near), several)
            tail = _choose(near, generator).split()
            parts = parts[: int(generator.integers(1, len(parts)))] + tail[int(generator.integers(1, len(tail))) :]
        several_cases = not all(map(str.islower, parts))
        changed = generator.random(len(parts)) < (0.5 if len(parts) > 1 else 1.0)
        for place, word in enumerate(parts):
            if changed[place] and not (word.islower() and several_cases):
                others = _choose(near, generator).split()
                parts[place] = _blend(word, others[-1] if place else others[0], alphabet, generator)
        yield " ".join(parts)


def _blend(word: str, other: str, alphabet: Sequence[str], generator: np.random.Generator) -> str:
    """The start of a word with the end of another, now and then with other letters, rare ones as often as common."""
    start, end = int(generator.integers(1, max(len(word), 2))), int(generator.integers(1, max(len(other), 2)))
    blend = word[:start] + other[end:]
    if generator.random() < RESPELLED:
        letters = [_choose(alphabet, generator) if generator.random() < 0.5 else letter for letter in blend[1:]]
        blend = blend[0] + "".join(letters)
    return blend
