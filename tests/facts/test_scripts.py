import pytest

from closedbook.facts.scripts import joined, occurrences, stands_in, units


@pytest.mark.parametrize(
    ("before", "after", "one_word"),
    [
        ("a", "b", True),
        ("a", " ", False),
        ("", "a", False),
        ("a", "", False),
        ("a", "国", False),
        ("国", "家", False),
        ("त", "ी", True),  # a vowel of its own is a mark
        ("ी", "य", True),
        ("ต", "้", True),
    ],
)
def test_which_characters_belong_to_one_word(before, after, one_word):
    assert joined(before, after) is one_word


def test_occurrences_tell_whole_words():
    assert list(occurrences("Ham and Hampton", "Ham")) == [(0, True), (8, False)]
    assert list(occurrences("首都是巴黎。", "巴黎")) == [(3, True)]
    assert list(occurrences("Ham", "")) == []


def test_letters_are_counted_where_no_spaces_are():
    text = "Ann  met 山" + "川" * 31
    assert len(list(units(text))) == 34
    assert [text[start:end] for start, end in units(text)][:4] == ["Ann", "met", "山", "川"]
    assert len(list(units("山" * 30))) == 1
    assert list(units("")) == []


@pytest.mark.parametrize(
    ("part", "text", "expected"),
    [
        ("tea", "Paid in tea.", True),
        ("tea", "Paid in steam.", False),
        ("巴黎", "首都是巴黎。", True),
        ("-40 °C", "It fell to -40 °C at night", True),
        ("H2SO4", "H2SO4·H2O", True),
        ("H2S", "H2SO4", False),
        ("भारत", "भारती", False),
    ],
)
def test_parts_stand_in_texts_as_whole_words(part, text, expected):
    assert stands_in(part, text) is expected
