import pytest

from closedbook.visible import MOST_SHOWN, in_a_line, in_a_sentence, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x07\x08\r\x7f", r"\x07\x08\r\x7f"),
        ("\x9b5m\x85", r"\x9b5m\x85"),
        ("abc\u202edef\u2066\u200f", r"abc\u202edef\u2066\u200f"),
        ("one\u2028two", r"one\u2028two"),
        ("\udcff", r"\udcff"),
        ("[red] :wave: $x$ <b>", "[red] :wave: $x$ <b>"),
        ("Zoë 国 שלום मनु\u200dष्य", "Zoë 国 שלום मनु\u200dष्य"),
    ],
)
def test_what_steers_is_spelled_and_all_else_stays(text, shown):
    assert visible(text) == in_a_line(text) == in_a_sentence(text) == shown


def test_breaks_stay_but_where_there_is_one_line():
    assert visible("a\tb\nc") == "a\tb\nc"
    assert in_a_line("a\tb\nc") == r"a\tb\nc"


def test_a_long_sentence_keeps_both_ends():
    sentence = in_a_sentence("begins" + "x" * 10**6 + "ends.")
    assert len(sentence) < MOST_SHOWN + 10
    assert sentence.startswith("begins")
    assert sentence.endswith("ends.")
