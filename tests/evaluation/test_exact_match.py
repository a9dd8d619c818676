import pytest

from closedbook.evaluation.baselines import most_frequent_answer
from closedbook.evaluation.exact_match import normalise, score
from closedbook.facts.records import Fact


def fact(*answers):
    return Fact(question="Q?", answers=answers, subject="", line=1)


def test_any_accepted_answer_counts_to_the_letter():
    result = score(["Rome", "rome", "Roma", "", "Rome "], [fact("Rome", "Roma")] * 5)
    assert result.exact == (True, False, True, False, False)
    assert result.normalised == (True, True, True, False, True)
    assert (result.correct, result.total, result.accuracy) == (2, 5, 0.4)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("The  Hague", "hague"), ("São Paulo", "sao paulo"), ("St. John's", "st johns"), ("A", ""), ("Łódź", "łodz")],
)
def test_normalisation(text, expected):
    assert normalise(text) == expected


def test_one_answer_a_fact():
    with pytest.raises(ValueError, match="longer than argument"):
        score(["Rome"], [fact("Rome")] * 2)


def test_the_most_frequent_answer_and_the_earliest_of_equals():
    assert most_frequent_answer([fact("Bonn"), fact("Rome"), fact("Rome", "Bonn")]) == "Rome"
    assert most_frequent_answer([fact("Bonn"), fact("Rome")]) == "Bonn"


def test_london_on_the_course_data(course):
    constant = most_frequent_answer(course.train)
    assert constant == "London"
    assert score([constant] * 500, course.dev).correct == 25
