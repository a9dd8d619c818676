"""Answers in sentences: what is right, what is no attempt, and what the answer is."""

import dataclasses
import json
from pathlib import Path

import pytest

from closedbook.evaluation.refusals import refuses
from closedbook.evaluation.scorers import contained_match, find_scorer
from closedbook.evaluation.sentences import answer_span
from closedbook.facts.records import Fact

DATA = Path(__file__).parent / "data"
CAPITALS = {"capital": ["Paris", "London", "Abu Dhabi", "Singapore", "York"], "year": ["1815", "1816", "1852"]}
WRONG, SILENT = "incorrect", "not_attempted"
SCORER = contained_match(CAPITALS)


def fact(question, *answers, relation="capital"):
    return Fact(question=question, answers=answers, subject="", line=1, relation=relation)


FRANCE = fact("What is the capital of France?", "Paris", "Lutetia")


@pytest.mark.parametrize(
    "text",
    [
        "The capital of France is Paris.",
        "paris",
        "Lutetia, of course",
        "**Paris**",
        "I'm not sure, but I think it is Paris.",
        "Paris, capital of France",
    ],
)
def test_an_accepted_answer_in_the_response_is_right(text):
    assert SCORER(text, FRANCE).grade == "correct"
    assert not SCORER(text, FRANCE).exact


@pytest.mark.parametrize(
    "text",
    [
        "The capital of France is Lyon.",
        "It is Paris or London.",
        "It is not Paris.",
        "Parisian streets",
        "Comparison",
        "I'm not sure, but I think it is Lyon.",
        "I believe London.",
    ],
)
def test_another_answer_beside_it_or_instead_is_wrong(text):
    assert SCORER(text, FRANCE).grade == "incorrect"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I'm not sure.",
        "I don’t know the capital of France.",
        "I am not able to provide that information.",
        "As an AI language model, I cannot say.",
        "There is no information about it.",
        "Could you please clarify the question?",
        "What would you like to know?",
        "The capital is not known.",
    ],
)
def test_refusals_and_hedges_are_not_attempted(text):
    assert SCORER(text, FRANCE).grade == "not_attempted"
    assert not SCORER.attempts(FRANCE.question, text)


def test_spellings_that_a_person_would_accept():
    haiti = fact("What is the capital of Haiti?", "Port-au-Prince")
    antigua = fact("What is the capital of Antigua?", "St. John's")
    assert SCORER("It is Port au Prince.", haiti).correct
    assert SCORER("The capital is Saint John’s.", antigua).correct
    assert SCORER("São Paulo it is", fact("Where?", "Sao Paulo")).correct


def test_what_the_question_says_already_is_no_other_answer():
    yorkshire = fact("What is the largest city of York county?", "Leeds")
    assert SCORER("In York county it is Leeds.", yorkshire).correct
    mexico = contained_match({"capital": ["Mexico City", "Mexico"]})
    assert mexico("Mexico City is the capital.", fact("Capital of Mexico?", "Mexico City")).correct


def test_of_numbers_those_beside_each_other_compete():
    born = fact("In which year was Ada born?", "1815", relation="year")
    assert SCORER("Ada was born in 1815 and lived on until November 1852.", born).correct
    assert SCORER("1815 or 1816", born).grade == "incorrect"
    assert SCORER("The code is +354.", fact("Which code?", "354")).correct
    assert SCORER("It has 1204 inhabitants.", fact("How many?", "1,204")).correct


def test_scripts_without_spaces():
    assert SCORER("日本の首都は東京です。", fact("日本の首都は？", "東京")).correct


@pytest.mark.parametrize(
    ("question", "text", "answer"),
    [
        ("What is the capital of the UAE?", "The capital of the UAE is Abu Dhabi.", "Abu Dhabi"),
        ("What is the capital of Andorra?", "The capital of Andorra is Andorra la Vella.", "Andorra la Vella"),
        ("What is the capital of Mexico?", "Mexico City is the capital of Mexico.", "Mexico City"),
        ("What is the capital of France?", "Paris", "Paris"),
        ("What is the capital of France?", "Paris.", "Paris"),
        ("What is the symbol of Tin?", "The chemical symbol for Tin is Sn.", "Sn"),
        ("Who wrote Hamlet?", "Hamlet was written by William Shakespeare in 1600.", "William Shakespeare"),
        ("In which year was Ada born?", "Ada was born in London in 1815.", "1815"),
        ("Where was Ada born?", "Ada Lovelace was born in London, England, on December 10, 1815.", "London"),
        ("What is the currency of Japan?", "The currency of Japan is the Japanese yen (JPY).", "Japanese yen"),
        (
            "What is the capital of Albania?",
            "Albania is a country in Europe. The capital of Albania is Tirana, on the Adriatic.",
            "Tirana",
        ),
        ("On which continent is Chad?", "Chad is a landlocked state located in Central Africa.", "Central Africa"),
        ("What is the capital of Djibouti?", "The capital of Djibouti is Djibouti, a country in Africa.", "Djibouti"),
        ("What is the capital of France?", "Paris, the capital of France, is the largest city.", "Paris"),
        ("How many legs has a spider?", "The answer is: 8.\n\nA spider spins silk with its legs.", "8"),
        ("What is a tomato?", "A tomato is a fruit.", "fruit"),
        ("Where?", "", ""),
    ],
)
def test_the_answer_is_what_the_question_does_not_say(question, text, answer):
    assert text[slice(*answer_span(question, text))] == answer
    assert SCORER.read(question, text) == answer


def test_it_is_found_without_looking_at_what_is_right():
    assert SCORER.plain("Where?", "I do not know.") == ""
    assert SCORER.alike("abu dhabi", "abu dhabi city")
    assert not SCORER.alike("york", "yorkshire")
    assert not SCORER.alike("", "york")
    exact = find_scorer("exact")
    assert exact.read("Where?", "It is Rome.") == "It is Rome."
    assert not exact.alike("abu dhabi", "abu dhabi city")


def test_a_guess_is_an_attempt():
    assert refuses("I do not have information about that.")
    assert not refuses("I do not have information about that, but it is probably Lyon.")


def test_other_answers_come_from_the_facts_that_are_known():
    scorer = find_scorer("contained", [FRANCE, fact("Capital of Italy?", "Rome")])
    assert scorer("Paris or Rome", FRANCE).grade == "incorrect"
    assert find_scorer("contained")("Paris or Rome", FRANCE).correct


def test_a_sentence_about_something_else_is_not_attempted():
    continents = contained_match({"continent": ["Africa", "South America", "Europe"] * 3})
    peru = dataclasses.replace(
        fact("On which continent is Peru?", "South America", relation="continent"), subject="Peru"
    )
    assert continents("Peru is a country by the Pacific Ocean.", peru).grade == "not_attempted"
    assert continents("Peru is a country in Africa by the sea.", peru).grade == "incorrect"
    assert continents("Peru is on the South American continent.", peru).correct
    assert continents("The continent of Peru is called Gondwana, they say.", peru).grade == "incorrect"
    assert contained_match()("Peru is a country by the Pacific Ocean.", peru).grade == "incorrect"  # who knows


@pytest.mark.parametrize(
    ("question", "subject", "known", "response", "grade"),
    [
        ("Who wrote Ulysses?", "Ulysses", "James Joyce", "The author of Ulysses is Samuel Beckett.", WRONG),
        ("Who wrote Emma?", "Emma", "Jane Austen", "Emma was written by Emily Dickinson.", WRONG),
        ("Who painted The Scream?", "The Scream", "E. Munch", "The Scream is a painting by Vincent van Gogh.", WRONG),
        ("Who wrote Emma?", "Emma", "Jane Austen", "Emma is a novel that is set in England.", SILENT),
        ("Who wrote Emma?", "Emma", "Jane Austen", "Emma is a novel of many pages.", SILENT),
        ("Who wrote Emma?", "Emma", "Jane Austen", "Emma is an English novel about a young woman.", SILENT),
        ("Who painted The Kiss?", "The Kiss", "Klimt", "The Kiss is a painting by Titian in oil.", WRONG),
        ("Who wrote Leaves?", "Leaves", "A. Poe", "Leaves is a book by Walt Whitman about love.", WRONG),
        ("Who wrote Emma?", "Emma", "Jane Austen", "Emma is a novel by Étienne de Silva.", WRONG),
        ("Who wrote Emma?", "Emma", "Jane Austen", "Emma is the story of a woman that I like.", SILENT),
        ("Which river flows through Bonn?", "Bonn", "Rhine", "Bonn is a city on the Danube.", WRONG),
        ("What is the hometown of Bo Diaz?", "Bo Diaz", "Ghent", "Bo Diaz was raised in Madrid.", WRONG),
        ("How tall is Big Ben?", "Big Ben", "96 m", "Big Ben is 120 metres in height.", WRONG),
        ("How tall is Big Ben?", "Big Ben", "96 m", "Big Ben is a clock in London.", SILENT),
        ("What does the Red Pen cost?", "Red Pen", "$5", "The Red Pen is 8 dollars in most shops.", WRONG),
        ("When did Jaws come out?", "Jaws", "1975", "Jaws was first released in 1984.", WRONG),
        ("Where does Bo Diaz come from?", "Bo Diaz", "Ghent", "Bo Diaz is a native of Bruges.", WRONG),
        ("What does the blue fox eat?", "blue fox", "acorns", "The blue fox is a lover of fresh grass.", WRONG),
        ("What is the capital of Mali?", "Mali", "Bamako", "Mali is a country located in Northern Africa.", SILENT),
        ("What is the capital of Mali?", "Mali", "Bamako", "Mali is a West African country near the sea.", SILENT),
    ],
)
def test_a_wrong_answer_is_none_that_was_not_given(question, subject, known, response, grade):
    asked = dataclasses.replace(fact(question, known, relation="r"), subject=subject)
    assert contained_match({"r": [known]})(response, asked).grade == grade


def test_wordings_of_one_fact_make_no_answer_frequent():
    asked = dataclasses.replace(fact("Who wrote Emma?", "Jane Austen", relation="author"), subject="Emma")
    others = [dataclasses.replace(asked, question=f"{n}: who wrote Emma?") for n in range(9)]
    assert find_scorer("contained", [asked, *others])("Emma is a book by Samuel Beckett.", asked).grade == WRONG


def test_the_grades_are_those_of_a_person():
    # 200 responses of SmolLM2-135M-Instruct, labelled before the scorer saw them, against the accepted answers alone
    known = json.loads((DATA / "smollm2_known.json").read_text(encoding="utf-8"))
    rows = [json.loads(line) for line in (DATA / "smollm2_labels.jsonl").read_text(encoding="utf-8").splitlines()]
    scorer = contained_match(known | {"continent": known["continent"] * 30})  # of 245 countries
    same = [
        scorer(
            row["response"],
            Fact(
                question=row["question"],
                answers=tuple(row["answers"]),
                subject=row["subject"],
                line=1,
                relation=row["relation"],
            ),
        ).grade
        == row["label"]
        for row in rows
    ]
    assert len(rows) == 200
    assert sum(same) >= 196  # 98 %


def test_an_answer_inside_another_one_is_that_other():
    known = contained_match({"country": ["Guinea", "Equatorial Guinea", "Sudan", "South Sudan"]})
    asked = fact("To which country does it belong?", "Guinea", relation="country")
    assert known("It belongs to Equatorial Guinea.", asked).grade == "incorrect"
    assert known("It belongs to Guinea.", asked).correct
    longer = fact("To which country does it belong?", "South Sudan", relation="country")
    assert known("It belongs to South Sudan.", longer).correct


def test_questions_of_no_form_share_no_answers():
    scorer = contained_match({"other": ["England", "Shakespeare"]})
    assert scorer("It was written by Shakespeare in England.", fact("Who?", "Shakespeare", relation="other")).correct


def test_chinese_sentences_end():
    text = "法国的首都是巴黎。巴黎是一座美丽的城市。"
    assert SCORER.read("法国的首都是什么？", text) == "法国的首都是巴黎"
