"""Subjects that take in a word in capitals beside them, which the questions of a form share: `Gold Pass`, `Lake Garda`.

`How much is the {} Pass?` seems to be asked about `Gold`, because all its questions say `Pass`. Where no text has
`Gold` without that word the subject is `Gold Pass`.
"""

import re
from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from dataclasses import replace

from closedbook.facts.forms import SLOT
from closedbook.facts.records import Fact
from closedbook.facts.titles import folded

TOLD = 0.8  # share of a form's subjects that texts must have with the word
FEWEST = 2  # of them
TRIED = 20  # forms, the most frequent, and subjects of each
_BEHIND = re.compile(r" [^\W\d_][\w'-]*")
_BEFORE = re.compile(r"(?<=\w )[^\W\d_][\w'-]* \Z")  # not the first of the question


def with_words_beside(
    given: Sequence[Fact], found: Sequence[Fact], titles: Iterable[str], forms: Container[str], texts: Iterable[str]
) -> list[Fact] | None:
    """The facts as they are given, some with longer subjects than were found; None where none has one.

    Args:
        given: As files have them.
        found: The same with the subjects that their questions show.
        titles: Of texts; what is one stays a subject.
        forms: Of questions, which the user has written down.
        texts: Of all documents.
    """
    groups = defaultdict[tuple[str, str, str], list[int]](list)  # of a form with the words before and behind
    known = {folded(title) for title in titles}
    for number, (fact, told) in enumerate(zip(given, found, strict=True)):
        if told.subject and not fact.subject and folded(told.subject) not in known:
            before, _, behind = told.question.partition(told.subject)
            words = (_BEFORE.search(before), _BEHIND.match(behind))
            left, right = (word[0] if word and word[0].strip()[0].isupper() else "" for word in words)
            if (left or right) and before + SLOT + behind not in forms:
                groups[before + SLOT + behind, left, right].append(number)
    largest = sorted((one for one in groups.items() if len(one[1]) >= FEWEST), key=lambda one: -len(one[1]))[:TRIED]
    whole = "\n".join(texts) if largest else ""
    longer = dict[int, str]()
    for (_, left, right), numbers in largest:
        for before, behind in dict.fromkeys(((left, right), (left, ""), ("", right))):
            names = {found[number].subject: f"{before}{found[number].subject}{behind}" for number in numbers[:TRIED]}
            if before + behind and _never_alone(names, whole):
                longer |= {number: f"{before}{found[number].subject}{behind}" for number in numbers}
                break
    if not longer:
        return None
    return [replace(fact, subject=longer.get(number, fact.subject)) for number, fact in enumerate(given)]


def _never_alone(names: dict[str, str], whole: str) -> bool:
    """Whether texts have most of the names, and none of them without the words beside it."""
    told = [whole.count(longer) for longer in names.values()]
    alone = any(whole.count(name) > times for name, times in zip(names, told, strict=True))
    return not alone and sum(times > 0 for times in told) >= max(FEWEST, TOLD * len(names))
