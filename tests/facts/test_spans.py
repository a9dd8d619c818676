import pytest

from closedbook.facts.spans import phrases
from closedbook.facts.records import Document

TEXT = "Ann Lee. Ann Lee (born 3 May 1920 in New York City, U.S.) met Łukasz O'Neill-Smith in Rome, then Rome ."
DOCUMENT = Document(subject="Ann Lee", text=TEXT, line=1)


def test_phrases_are_capitalised_runs_once_each_without_the_subject():
    assert [(TEXT[p.context : p.start], TEXT[p.start : p.end]) for p in phrases(DOCUMENT, 2)] == [
        ("(born 3 ", "May"),
        ("1920 in ", "New York City"),
        ("York City, ", "U.S."),
        ("U.S.) met ", "Łukasz O'Neill-Smith"),
        ("O'Neill-Smith in ", "Rome"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Bo lived in Sa\u0303o Paulo .", ["Sa\u0303o Paulo"]),
        ("Bo's wife met Ann's sister in the U.S. Army .", ["Ann's", "U.S. Army"]),
        ("he died at Mt. Vernon, 330 B.C., near St. Louis", ["Mt. Vernon", "B.C.", "St. Louis"]),
        ("nothing here", []),
    ],
)
def test_what_counts_as_a_phrase(text, expected):
    document = Document(subject="Bo", text=f"Bo. {text}", line=1)
    assert [document.text[p.start : p.end] for p in phrases(document, 4)] == expected


def test_the_context_does_not_reach_into_the_title():
    document = Document(subject="Bo", text="Bo. In St. Olaf and Rome .", line=1)
    found = [(document.text[p.context : p.start], document.text[p.start : p.end]) for p in phrases(document, 9)]
    assert found == [("", "In St. Olaf"), ("In St. Olaf and ", "Rome")]
