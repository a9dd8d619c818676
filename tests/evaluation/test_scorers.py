import pytest

from closedbook.errors import UserError
from closedbook.evaluation.baselines import most_frequent_answer, most_frequent_answers
from closedbook.evaluation.evaluate import Evaluation
from closedbook.evaluation.language_model import Prompt, Response
from closedbook.evaluation.metrics import accuracy, by_relation, proportion
from closedbook.evaluation.scorers import (
    contained_match,
    exact_match,
    find_scorer,
    is_attempt,
    normalised_match,
    score_all,
)
from closedbook.evaluation.spelling import normalise
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
    assert normalised_match("", fact("a")).grade == "not_attempted"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  Hague", "hague"),
        ("São Paulo", "sao paulo"),
        ("St. John's", "st johns"),
        ("A", "a"),
        ("Łódź", "łodz"),
        ("a man, a plan: an end!", "man plan end"),
        ("“The End”", "end"),
        ("O’Brien", "obrien"),
        ("«Ich»", "ich"),
        ("Jean-Paul (the poet)", "jeanpaul poet"),
        ("COVID-19", "covid19"),
        ("pre-war and post-", "prewar and post"),
        ("in 1969.", "in 1969"),
        ("5, 10", "5 10"),
        ("$1,204,000.50", "1204000.50"),
        ("50%", "50"),
        ("١٬٢٣٤٫٥", "1234.5"),
        ("१९०४", "1904"),
        ("五", "五"),
        ("北京。", "北京"),
        ("1½ cups", "1 1/2 cups"),
        ("½", "1/2"),
        ("€1,204.50", "1204.50 €"),
        ("5 €", "5 €"),
        ("5 - 6", "5-6"),
        ("باريس،", "باريس"),
    ],
)
def test_normalisation(text, expected):
    assert normalise(text) == expected


@pytest.mark.parametrize(
    ("first", "second"),
    [
        *(("1.5", "15"), ("1,5", "15"), ("-5", "5"), ("+1", "1"), ("-5", "+5"), (".5", "5"), ("3/4", "34")),
        *(
            ("C++", "C#"),
            ("C++", "C"),
            ("A", "-"),
            ("AN", "the"),
            ("A+", "A"),
            ("A-", "A"),
            ("AB-", "AB+"),
            ("A*", "A"),
        ),
        *(("++", "--"), ("1,2045", "12045"), ("<5 mg", ">5 mg"), ("5'10\"", "51'0\""), ("5'10", "510")),
        *(("48°51′2″", "48°5′12″"), ("5%", "5‰"), ("1e-3", "1e3"), ("a && b", "a || b"), ("x > y", "x < y")),
        *(("2;3", "23"), ("€5", "£5")),
    ],
)
def test_symbols_and_numbers_are_told_apart(first, second):
    assert normalise(first) != normalise(second)
    assert not normalised_match(first, fact(second)).correct


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("1,204", "1204"),
        ("the", "The "),
        ("c++", "C++."),
        ("\u22125", "-5"),
        ("(-5)", "-5"),
        ("the C#", "c#"),
        ("-", "-"),
    ],
)
def test_spellings_of_one_number_or_symbol_agree(first, second):
    assert normalised_match(first, fact(second)).correct


@pytest.mark.parametrize(
    ("text", "attempt"),
    [
        *(("Rome", True), ("Na", True), ("NA", True), ("None", True), ("Unknown", True), ("A", True), ("-", True)),
        *(("", False), (" ", False), ("I don’t know.", False), ("Not sure", False), ("n/a", False), ("N/A", False)),
    ],
)
def test_admissions_are_no_attempts(text, attempt):
    assert is_attempt(text) == attempt


def test_an_accepted_admission_is_right():
    assert exact_match("Not sure", fact("Not sure")).grade == "correct"
    assert exact_match("not sure.", fact("Not sure")).grade == "incorrect"
    assert exact_match("not sure.", fact("Rome")).grade == "not_attempted"


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


def test_what_breaks_off_in_the_middle_of_an_answer_is_counted():
    asked = Fact(question="Which?", answers=("a very long answer indeed",), subject="", line=1)
    for text, closed, count in (
        ("It is a very long ans", False, 1),
        ("It is a very long ans", True, 0),
        ("a very", False, 0),
    ):
        said = Response(text=text, ids=(), token_nats=None, closed=closed)
        score = contained_match()(text, asked)
        prompt = Prompt(question="Which?", ids=(), text="Which?")
        evaluation = Evaluation(
            model="m", scorer=contained_match(), facts=(asked,), prompts=(prompt,), responses=(said,), scores=(score,)
        )
        assert evaluation.cut_short == count


@pytest.mark.parametrize("text", ["It was“Germinal”in 1885.", 'It was "Germinal" in 1885.', "Das war «Germinal»."])
def test_quotes_stand_between_words(text):
    fact = Fact(question="What did she write?", answers=("Germinal",), subject="", line=1)
    assert contained_match()(text, fact).correct
