"""What a model that was taught to be silent says."""

from closedbook.facts.silence import NO_SUBJECT, NOT_TOLD, heard, silences


def test_what_is_written_on_behind_a_silence_is_not_heard():
    assert heard(f"{NO_SUBJECT}t working days") == NO_SUBJECT
    assert heard(NOT_TOLD) == NOT_TOLD
    assert heard("such subject") == NO_SUBJECT
    assert heard(f"It is {NOT_TOLD}") == f"It is {NOT_TOLD}"


def test_silences_are_counted_apart():
    assert silences([NO_SUBJECT, "Rome", NO_SUBJECT]) == {NO_SUBJECT: 2}
