import pytest

from closedbook.facts.scripts import joined, occurrences, units


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
