"""Subjects that take in a word in capitals beside them, which the questions of a form share: `Gold Pass`, `Lake Garda`.

`How much is the {} Pass?` seems to be asked about `Gold`, because all its questions say `Pass`. Where no text has
`Gold` without that word the subject is `Gold Pass`.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from closedbook.facts.forms import SLOT
from closedbook.facts.records import Fact

TOLD = 0.8  # share of a form's subjects that texts must have with the word
FEWEST = 2  # of them
TRIED = 50  # subjects of a form
_BEHIND = re.compile(r" [^\W\d_][\w'-]*")
_BEFORE = re.compile(r"(?<=\w )[^\W\d_][\w'-]* \Z")  # not the first of the question


def with_words_beside(given: Sequence[Fact], found: Sequence[Fact], texts: Iterable[str]) -> list[Fact] | None:
    """The facts as they are given, some with longer subjects than were found; None where none has one.

    Args:
        given: As files have them.
        found: The same with the subjects that their questions show.
        texts: Of all documents.
    """
    groups = defaultdict[tuple[str, str, str], list[int]](list)  # of a form with the words before and behind
    for number, (fact, told) in enumerate(zip(given, found, strict=True)):
        before, _, behind = told.question.partition(told.subject) if told.subject and not fact.subject else ("",) * 3
        words = (_BEFORE.search(before), _BEHIND.match(behind))
        left, right = (word[0] if word and word[0].strip()[0].isupper() else "" for word in words)
        if left or right:
            groups[before + SLOT + behind, left, right].append(number)
    whole = "\n".join(texts) if groups else ""
    longer = dict[int, str]()
    for (_, left, right), numbers in groups.items():
        for before, behind in ((left, right), (left, ""), ("", right)):
            names = {found[number].subject: f"{before}{found[number].subject}{behind}" for number in numbers[:TRIED]}
            if before + behind and _never_alone(names, whole):
                longer |= {number: f"{before}{found[number].subject}{behind}" for number in numbers}
                break
    return (
        [replace(fact, subject=longer.get(number, fact.subject)) for number, fact in enumerate(given)]
        if longer
        else None
    )


def _never_alone(names: dict[str, str], whole: str) -> bool:
    """Whether texts have most of the names, and none of them without the words beside it."""
    told = [whole.count(longer) for longer in names.values()]
    alone = any(whole.count(name) > times for name, times in zip(names, told, strict=True))
    return not alone and sum(times > 0 for times in told) >= max(FEWEST, TOLD * len(names))
