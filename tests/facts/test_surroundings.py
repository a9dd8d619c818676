"""What stands around a span."""

import pytest

from closedbook.facts.records import Document
from closedbook.facts.span_kinds import learn_kinds
from closedbook.facts.spans import SpanKinds, spans
from closedbook.facts.surroundings import Shared, shared, surroundings

ANSWERS = ["Rome", "New York", "Oslo", "3 May 1920", "1 June 1999", "9 May 1870"]
KINDS: SpanKinds = learn_kinds(
    [("r", answer, [Document(subject="A", text=f"A. It is in {answer} now.", line=1)]) for answer in ANSWERS]
)
LITTLE = Shared(
    texts=frozenset({"He", "On", "In"}), words=frozenset({"at", "he", "in", "is", "of", "on", "the", "and"})
)


def around(text, most=4, common=LITTLE):
    """For each span its text, the words before it without other values, and the words behind it, and the fewest."""
    document = Document(subject="Bo", text=f"Bo. {text}", line=1)
    found = spans(document, KINDS, most)
    rows = {}
    for span, sides in zip(found, surroundings(document, found, most, common), strict=True):
        told = [("".join(document.text[start:end] for start, end in side.words).strip(), side.least) for side in sides]
        rows.setdefault(document.text[span.start : span.end], tuple(told))
    return rows


@pytest.mark.parametrize(
    ("text", "span", "apart", "behind"),
    [
        ("A stroke ended his life on 2 May 1920 at Oslo.", "Oslo", ("his life on at", 3), ("", 1)),
        ("He rests. Ann Lee became the wife of him (1920).", "Ann Lee", ("", 1), ("became the wife of", 1)),
        ("He rests. He is of the Oslo.", "Oslo", ("He is of the", 1), ("", 1)),  # none tells, but some stand before
        ("Rome sang. Oslo of the", "Oslo", ("sang.", 1), ("of the", 1)),
        ("Oslo is where. And Rome is not.", "Oslo", ("", 1), ("is where.", 2)),
        ("in Oslo and Oslo sang.", "Oslo", ("in", 1), ("", 1)),  # up to where it stands again
        ("the capital of Bo is Oslo.", "Oslo", ("the capital of is", 3), ("", 1)),  # the name stands in the card
        ("this is Bo's: Oslo.", "Oslo", ("this is", 2), ("", 1)),
        ("On 2 May 1920 he met Ann Lee.", "2 May 1920", ("On", 1), ("he met", 2)),
        ("On 2 May 1920 in Oslo he wed Ann Lee there.", "Oslo", ("On in", 1), ("he wed there.", 2)),
        ("He was with Dr. Meier in Oslo, the town.", "Oslo", ("He was with in", 2), ("", 1)),
        ("He was wed. He died at Oslo.", "Oslo", ("He died at", 2), ("", 1)),  # of its sentence alone
        ("He died at Oslo (9 May 1920).", "9 May 1920", ("He died at (", 3), ("", 1)),  # the bracket tells it from Oslo
        ("He died in the of the and on in the Oslo.", "Oslo", ("and on in the", 1), ("", 1)),  # too far
        ("He died in the of the and on Oslo.", "Oslo", ("died in the of the and on", 7), ("", 1)),
    ],
)
def test_words_around_a_span(text, span, apart, behind):
    assert around(text)[span] == (apart, behind)


def test_labels_that_many_documents_have_are_no_values():
    documents = [Document(subject=f"S{n}", text=f"S{n}. Halal: yes. Made by N{n}.", line=n) for n in range(50)]
    rows = [(document, spans(document, KINDS, 2)) for document in documents]
    common = shared(rows)
    assert "Halal" in common.texts
    assert "N7" not in common.texts
    text = "Halal: Oslo."
    assert around(text, common=common)["Oslo"][0] == ("Halal:", 1)
    assert not around(text)["Oslo"][0][0]
    assert around(text, common=shared(rows, {"Halal"}))["Oslo"][0] == ("", 1)  # a training answer


def test_words_that_stand_again_and_again_in_a_document_tell_little():
    text = "He was born in N{0} in 19{0}. He died in M{0}. He rests."
    documents = [Document(subject=f"S{n}", text=f"S{n}. {text.format(n)}", line=n) for n in range(10, 60)]
    common = shared((document, spans(document, KINDS, 2)) for document in documents)
    assert [word for word in ("in", "He", "born", "died", "was", "(", "7") if common.tells(word)] == [
        "born", "died", "was",
    ]  # fmt: skip
    long = [Document(subject="S", text="S. " + "He came in. They went on. It sank. So. " * 3 + "born. born.", line=1)]
    assert shared((document, spans(document, KINDS, 2)) for document in long).tells("born")  # twice in 14 sentences


def test_a_value_inside_a_word_is_not_in_its_own_context():
    found = around("สินค้าคือOslo", common=Shared())
    assert "Oslo" not in found["Oslo"][0][0]
