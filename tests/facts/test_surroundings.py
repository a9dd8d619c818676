"""What stands around a span."""

import pytest

from closedbook.facts.records import Document
from closedbook.facts.span_kinds import learn_kinds
from closedbook.facts.spans import SpanKinds, spans
from closedbook.facts.surroundings import common_texts, surroundings

ANSWERS = ["Rome", "New York", "Oslo", "3 May 1920", "1 June 1999", "9 May 1870"]


def around(text, most=4, common=frozenset()):
    """For each span its text, the words before it without other values, and the words behind it."""
    document = Document(subject="Bo", text=f"Bo. {text}", line=1)
    found = spans(document, KINDS, most)
    rows = {}
    for span, (apart, behind) in zip(found, surroundings(document, found, most, common), strict=True):
        told = ["".join(document.text[start:end] for start, end in places).strip() for places in (apart, behind)]
        rows.setdefault(document.text[span.start : span.end], tuple(told))
    return rows


KINDS: SpanKinds = learn_kinds(
    [("r", answer, [Document(subject="A", text=f"A. It is in {answer} now.", line=1)]) for answer in ANSWERS]
)


@pytest.mark.parametrize(
    ("text", "span", "apart", "behind"),
    [
        ("A stroke ended his life on 2 May 1920 at Oslo.", "Oslo", "his life on at", ""),
        ("He rests. Ann Lee became the wife of him (1920).", "Ann Lee", "rests.", "became the wife of"),
        ("Oslo is where. And Rome is not.", "Oslo", "", "is where."),
        ("There, Oslo and Oslo sang.", "Oslo", "", "and"),  # up to where it stands again
        ("the capital of Bo is Oslo.", "Oslo", "the capital of is", ""),  # the name stands in the card
        ("this is Bo's: Oslo.", "Oslo", "this is", ""),
        ("On 2 May 1920 he met Ann Lee.", "2 May 1920", "", "he met Ann Lee."),
        ("He was with Dr. Meier in Oslo, the town.", "Oslo", "was with in", ""),
    ],
)
def test_words_around_a_span(text, span, apart, behind):
    found = around(text)[span]
    assert found[1] == behind
    assert found[0].endswith(apart)


def test_labels_that_many_documents_have_are_no_values():
    documents = [Document(subject=f"S{n}", text=f"S{n}. Halal: yes. Made by N{n}.", line=n) for n in range(50)]
    common = common_texts((document, spans(document, KINDS, 2)) for document in documents)
    assert "Halal" in common
    assert "N7" not in common
    text = "Halal: Oslo."
    assert around(text, common=common)["Oslo"][0] == "Halal:"
    assert not around(text)["Oslo"][0]
