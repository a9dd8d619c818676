import dataclasses

import pytest

from closedbook.errors import UserError
from closedbook.facts.records import Document, Fact
from closedbook.facts.splits import groups, hold_out


def fact(subject, line=1):
    return Fact(question=f"Where was {subject} born?", answers=("X",), subject=subject, line=line)


def test_a_name_and_an_identical_line_make_one_group(people):
    texts = [("Ann", "Same ."), ("Bo", "Same ."), ("Cy", "Other ."), ("Ann", "More .")]
    documents = tuple(Document(subject=name, text=text, line=i) for i, (name, text) in enumerate(texts))
    corpus = dataclasses.replace(people, documents=documents)
    assert groups(corpus, [fact("Ann"), fact("Ann"), fact("Bo"), fact("Cy")]) == [0, 0, 0, 1]


def test_nobody_stands_on_both_sides(course):
    kept, held = hold_out(course, course.train, 400, seed=1)
    assert len(kept) + len(held) == 2000
    assert 400 <= len(held) <= 410
    assert not {fact.subject for fact in kept} & {fact.subject for fact in held}
    lines = [{d.text for fact in side for d in course.documents_of(fact)} for side in (kept, held)]
    assert not lines[0] & lines[1]
    assert hold_out(course, course.train, 400, seed=1) == (kept, held)
    assert hold_out(course, course.train, 400, seed=2) != (kept, held)


@pytest.mark.parametrize("count", [0, 30, 99])
def test_both_sides_need_a_fact(people, count):
    facts = list(people.train)[:30]
    with pytest.raises(UserError, match="Cannot hold out"):
        hold_out(people, facts, count)
