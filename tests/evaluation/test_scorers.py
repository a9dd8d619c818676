import pytest

from closedbook.errors import UserError
from closedbook.evaluation.baselines import most_frequent_answer, most_frequent_answers
from closedbook.evaluation.metrics import accuracy, by_relation, proportion
from closedbook.evaluation.scorers import exact_match, find_scorer, is_attempt, normalise, normalised_match, score_all
from closedbook.facts.records import Fact


def fact(*answers, relation=""):
    return Fact(question="Q?", answers=answers, subject="", line=1, relation=relation)


def test_any_accepted_answer_counts_to_the_letter():
    scores = score_all(["Rome", "rome", "Roma", "", "Rome "], [fact("Rome", "Roma")] * 5)
    assert [score.exact for score in scores] == [True, False, True, False, False]
    assert [score.normalised for score in scores] == [True, True, True, False, True]
    assert [score.grade for score in scores] == ["correct", "incorrect", "correct", "not_attempted", "incorrect"]
    found = accuracy(scores)
    assert (found.correct.hits, found.correct.total, found.correct.value) == (2, 5, 0.4)
    assert found.attempted.hits == 4
    assert found.correct_given_attempted.value == 0.5
    assert found.normalised.hits == 4


def test_after_normalisation_more_is_right():
    assert normalised_match("sao paulo", fact("São Paulo")).correct
    assert not exact_match("sao paulo", fact("São Paulo")).correct
    assert normalised_match("", fact("a")).grade == "not_attempted"  # "a" normalises to nothing, and so does nothing


@pytest.mark.parametrize(
    ("text", "expected"),
    [("The  Hague", "hague"), ("São Paulo", "sao paulo"), ("St. John's", "st johns"), ("A", ""), ("Łódź", "łodz")],
)
def test_normalisation(text, expected):
    assert normalise(text) == expected


@pytest.mark.parametrize(("text", "attempt"), [("Rome", True), ("", False), ("I don’t know.", False), (" ", False)])
def test_admissions_are_no_attempts(text, attempt):
    assert is_attempt(text) == attempt


def test_an_accepted_admission_is_right():
    assert exact_match("None", fact("None")).grade == "correct"


def test_one_answer_a_fact():
    with pytest.raises(ValueError, match="longer than argument"):
        score_all(["Rome"], [fact("Rome")] * 2)


def test_a_scorer_is_found_by_its_name():
    assert find_scorer("normalised") is normalised_match
    with pytest.raises(UserError, match=r"exakt: no such scorer .did you mean 'exact'"):
        find_scorer("exakt")


def test_accuracy_breaks_down_by_relation_and_nothing_has_no_share():
    facts = [fact("Rome", relation="capital"), fact("6", relation="number"), fact("7", relation="number")]
    found = by_relation(facts, score_all(["Rome", "6", "6"], facts))
    assert {name: (part.correct.hits, part.correct.total) for name, part in found.items()} == {
        "capital": (1, 1),
        "number": (1, 2),
    }
    assert proportion(0, 0).value is None


def test_the_most_frequent_answer_and_the_earliest_of_equals():
    assert most_frequent_answer([fact("Bonn"), fact("Rome"), fact("Rome", "Bonn")]) == "Rome"
    assert most_frequent_answer([fact("Bonn"), fact("Rome")]) == "Bonn"


def test_each_relation_has_its_most_frequent_answer():
    train = [*[fact("6", relation="number")] * 3, fact("Rome", relation="capital")]
    asked = [fact("Bern", relation="capital"), fact("7", relation="number"), fact("x", relation="new")]
    assert most_frequent_answers(train, asked) == ["Rome", "6", "6"]


def test_london_on_the_course_data(course):
    constant = most_frequent_answer(course.train)
    assert constant == "London"
    assert accuracy(score_all([constant] * 500, course.dev)).correct.hits == 25
