"""What Markdown becomes before it is read as sentences."""

import pytest

from closedbook.facts.markdown import plain, split_front, split_heading


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        (
            "- Capital: Berlin\n- Currency: euro.\n- Area\n  of all: large",
            "Capital: Berlin. Currency: euro. Area of all: large.",
        ),
        ("* a\n+ b\n1. c\n2) d\n- [x] e\n", "a. b. c. d. e."),
        ("It was built in\n1912. It stands.", "It was built in 1912. It stands."),
        ("One\n\nTwo\nthree", "One. Two three."),
        ("Capital: Berlin  \nCurrency: euro\\\nEnd", "Capital: Berlin. Currency: euro. End."),
        (
            "| Field | Value |\n|---|:-:|\n| Capital | Berlin |\n| Area | |\n\nText",
            "Field: Value. Capital: Berlin. Area. Text.",
        ),
        ("a | b | c\n--|--|--\n1 | 2 \\| 3 | 4\n", "a, b, c. 1, 2 | 3, 4."),
        ("a | b is no table", "a | b is no table."),
        ("Before <!-- not\nread --> after", "Before after."),
        ("Left <!-- open", "Left <!-- open."),
        ("Life\n----\nLong.\n\n---\n\n***\nEnd!", "Life. Long. End!"),
        ("> Quoted\n> text", "Quoted text."),
        ("```\n- code\n# code\n```\n- item", "- code # code item."),
        ("**Capital**\n", "Capital."),
        ("*Who?*\n\n“So.”\n\n- 北京。", "Who? “So.” 北京。"),
        ("", ""),
    ],
)
def test_what_stands_on_lines_of_its_own_becomes_sentences(markdown, text):
    assert " ".join(plain(markdown).split()) == text


def test_titles_of_both_kinds():
    assert split_heading("# Tin #\nText") == ("Tin", "Text")
    assert split_heading("\nTin\n===\nText") == ("Tin", "Text")
    assert split_heading("Tin\nis a metal") == ("", "Tin\nis a metal")
    assert split_front('---\ntitle: "Tin"\n---\nText') == ("Tin", "Text")
