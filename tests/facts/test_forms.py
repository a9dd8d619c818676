import pytest

from closedbook.errors import UserError
from closedbook.facts.forms import (
    form_of,
    otherwise,
    possible_forms,
    slot_of,
    subject_by_forms,
    up_to_subjects,
)
from closedbook.facts.frames import with_form_subjects
from closedbook.facts.records import Fact


def facts(*questions, subject=""):
    return [Fact(question=question, answers=("x",), subject=subject, line=1) for question in questions]


def subjects(questions, forms=()):
    return [fact.subject for fact in with_form_subjects(facts(*questions), forms)]


@pytest.mark.parametrize(
    ("questions", "expected"),
    [
        (("Where was Ann Lee born?", "Where was Bo Diaz born?"), ["Ann Lee", "Bo Diaz"]),
        (("Where was Anna born?", "Where was Anders born?"), ["Anna", "Anders"]),
        (("Ann's capital?", "Bo's capital?"), ["Ann", "Bo"]),
        (("What is the height of Ann", "What is the height of Bo"), ["Ann", "Bo"]),
        (("one", "two"), ["", ""]),
        (("Who?", "Who?"), ["", ""]),
        (("Where was Ann Lee born?",), [""]),
    ],
)
def test_what_differs_is_the_subject(questions, expected):
    assert subjects(questions) == expected


NAMES = "France|Peru|New Zealand|St. Lucia|Guinea-Bissau|Côte d'Ivoire|Chad|Mali|Laos|Oman".split("|")
ASKED = (
    "What is the capital of {}?",
    "What is the currency of {}?",
    "On which continent is {}?",
    "Where was {} born?",
    "Where was {} raised?",
    "{}'s anthem?",
)


def test_questions_of_several_relations_fall_apart_by_their_frames():
    questions = [form.format(name) for name in NAMES for form in ASKED]
    assert subjects(questions) == [name for name in NAMES for _ in ASKED]


def test_relations_are_words_in_capitals_too():
    forms = ("Was ist die Hauptstadt von {}?", "Was ist die Währung von {}?")
    assert subjects([form.format(name) for name in NAMES for form in forms]) == [name for name in NAMES for _ in forms]


def test_words_that_many_subjects_share_belong_to_the_subjects():
    names = [f"{first} {last}" for first in ("Ann", "Bo", "Cy", "Di") for last in ("Lee", "Li", "Diaz", "Otto")]
    forms = ("Where was {} born?", "When was {} born?")
    assert subjects([form.format(name) for name in names for form in forms]) == [name for name in names for _ in forms]


def test_questions_that_have_nothing_in_common_have_no_subject():
    questions = [
        f"Which of the {n} towns that a {m} saw on the way from {n} to {m} was the one that burned"
        for n, m in (("ten", "king"), ("two", "monk"))
    ] + ["Who sang?", "What is it?"]
    assert set(subjects(questions)) == {""}


def test_known_subjects_and_forms_come_first():
    known = facts("Where was Ann Lee born?", "Where was Ann Lee raised?", subject="Ann Lee")
    assert with_form_subjects(known) == tuple(known)
    assert [f.subject for f in with_form_subjects([*known, *facts("Where was Bo born?")])] == ["Ann Lee"] * 2 + ["Bo"]
    assert subjects(["Capital of Peru?", "Who?"], ["Capital of {}?"]) == ["Peru", ""]


def test_the_longest_form_gives_the_subject():
    forms = ["Where {}?", "Where was {} born?", "Where was {}?"]
    assert subject_by_forms("Where was Ann Lee born?", forms) == "Ann Lee"
    assert subject_by_forms("When was Ann Lee born?", forms) == ""
    assert subject_by_forms("Where was  born?", ["Where was {} born?"]) == ""


@pytest.mark.parametrize(
    ("question", "subject", "expected"),
    [
        ("Where was Li born in Lisbon?", "Li", ["Where was {} born in Lisbon?"]),
        (
            "In which year was In found?",
            "In",
            ["{} which year was In found?", "In which year was {} found?", "{} which year was {} found?"],
        ),
        ("法国的首都?", "法国", ["{}的首都?"]),
        ("法国和法国的首都?", "法国", ["{}和法国的首都?", "法国和{}的首都?", "{}和{}的首都?"]),
        ("What is the symbol of I?", "I", ["What is the symbol of {}?"]),
        ("Where was Ann born?", "Bo", []),
        ("Where was {} born?", "born", []),
        ("Where was Ann born?", "", []),
    ],
)
def test_a_form_takes_the_subject_out_as_a_whole_word(question, subject, expected):
    assert possible_forms(question, subject) == expected
    fact = facts(question, subject=subject)[0]
    assert form_of(fact) == (expected[-1] if expected else None)


def test_questions_up_to_their_subjects():
    assert up_to_subjects(["In which year was I in India?"], ["I"]) == ["In which year was I"]
    assert up_to_subjects(["法国的首都?"], ["法国"]) == ["法国"]
    with pytest.raises(UserError, match="'Who was Bo?' does not name its subject, 'Ann'".replace("?", r"\?")):
        up_to_subjects(["Who was Bo?"], ["Ann"])


def test_a_form_may_name_the_subject_twice():
    form = "If {} has a mayor, when did {} get one?"
    assert slot_of("If New York has a mayor, when did New York get one?", form) == "New York"
    assert slot_of("If York has a mayor, when did Ghent get one?", form) is None
    assert slot_of("If York has a mayor, when did York lose one?", form) is None
    assert slot_of("Who?", "Who?") is None
    assert slot_of("Who was ?", "Who was {}?") == ""
    assert subject_by_forms("If Bo has a mayor, when did Bo get one?", ["If {} get one?", form]) == "Bo"


def test_a_subject_in_other_capitals_has_a_form_where_it_stands_in_none_of_its_own():
    assert possible_forms("Where does the fox live?", "Fox") == ["Where does the {} live?"]
    assert possible_forms("Does the fox like Fox?", "Fox") == ["Does the fox like {}?"]
    assert possible_forms("Where do foxes live?", "Fox") == []


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("where was ada lovelace born?", ["ada lovelace", "Ada Lovelace"]),
        ("where was jean-paul o'hara born", ["jean-paul o'hara", "Jean-Paul O'Hara", "Jean-Paul O'hara"]),
        (
            "where was hélène d'arvieux born?",
            ["hélène d'arvieux", "Hélène D'Arvieux", "Hélène D'arvieux", "Hélène d'Arvieux"],
        ),
        ("WHERE WAS ADA LOVELACE BORN?", ["ADA LOVELACE", "Ada Lovelace"]),
        ("Where was Ada lovelace born?", ["Ada Lovelace"]),
        ("Where was Ada Lovelace born", ["Ada Lovelace"]),
        ("where was Ada born?", ["Ada"]),
        (
            "where was ludwig van beethoven born?",
            ["ludwig van beethoven", "Ludwig Van Beethoven", "Ludwig van Beethoven"],
        ),
        ("when was ada born?", []),  # no name has a capital
        ("When was Ada Lovelace born?", ["Ada Lovelace"]),
        ("Ada Lovelace was born in which place?", ["Ada Lovelace", "Lovelace"]),
        (
            "Was Ada Lovelace or Charles de Gaulle born first?",
            ["Was Ada Lovelace", "Ada Lovelace", "Charles de Gaulle"],
        ),
        ("Who was born first: Ada's friend, or the “Count of Turin”?", ["Ada", "Count of Turin"]),
        ("Tell me, Ada: born where, Oslo?", ["Ada", "Oslo"]),
        ("In which place was J.R.R. Tolkien born?", ["J.R.R. Tolkien"]),
        ("Where was Leonardo DiCaprio born?", []),
        ("Where was Jan van der Ley born?", []),
        ("Where was Sammy D. Jr. born?", []),
        ("where was sammy jr. born", ["sammy jr.", "Sammy Jr.", "sammy jr", "Sammy Jr"]),
        ("where was WASP born?", ["WASP", "Wasp"]),
        ("Who?", []),
        ("", []),
        ("where was 47 born?", ["47"]),
        ("Where was Bo born?", []),  # whose letters occur in another word
        ("Where was bo born?", ["Bo"]),
    ],
)
def test_a_question_in_other_words_is_put_in_a_form(question, expected):
    forms = ["Where was {} born?", "What is {}?"]
    assert otherwise(question, forms) == [f"Where was {name} born?" for name in expected]


def test_a_code_keeps_its_small_letters_and_a_name_behind_a_mark_does_not():
    assert otherwise("What is .cz?", ["What is {}?"]) == []
    assert "Who sang (I Can't Get No) Satisfaction?" in otherwise(
        "who sang (i can't get no) satisfaction?", ["Who sang {}?"]
    )


def test_of_several_forms_those_are_taken_that_share_most_words():
    forms = ["What is the capital of {}?", "What is the currency of {}?", "On which continent is {}?"]
    small = ["where was {} born"]
    assert otherwise("where was Ann Lee born", small) == ["where was ann lee born"]
    assert otherwise("Where was Ann Lee born?", small)[0] == "where was ann lee born"
    assert otherwise("where was ann lee born", small) == ["where was Ann Lee born"]
    assert otherwise("Kyoto is where?", ["{} is where?"]) == []
    assert otherwise("Peru's capital?", forms) == ["What is the capital of Peru?"]
    assert otherwise("Which currencies has Peru?", forms) == ["What is the currency of Peru?"]
    assert otherwise("How large is Peru?", forms) == []
    assert otherwise("How big is Peru?", [*forms, "How large is {}?"]) == ["How large is Peru?"]
    assert otherwise("capital of Peru?", forms) == ["What is the capital of Peru?"]
    spanish = ["¿Cuándo nació {}?", "¿Dónde vive {}?"]
    assert otherwise("Cuándo murió Ana Dolbe?", spanish) == ["¿Cuándo nació Ana Dolbe?"]
    assert otherwise("who wrote the dog in the night time of the long day", ["Who wrote {}?"])[0].endswith("long day?")
    assert otherwise("How large is Peru?", []) == []


@pytest.mark.parametrize("question", ["Tin: symbol?", "Tin, symbol?", "Tin - symbol", "Tin – symbol?", "Tin symbol?"])
def test_a_subject_of_one_word_that_stands_first_is_seen(question):
    assert otherwise(question, ["What is the symbol of {}?", "How hard is {}?"]) == ["What is the symbol of Tin?"]


@pytest.mark.parametrize("question", ["What symbol?", "symbol?", "Symbol?", "Hard", "Who?", "How is the symbol?"])
def test_a_word_of_a_form_that_stands_first_is_no_subject(question):
    assert otherwise(question, ["What is the symbol of {}?", "How hard is {}?"]) == []


def test_a_mark_before_the_first_word_is_no_first_word():
    names = ["Muth Fousur", "Ana Dolbe", "Pia Grais", "Leo Marn", "Ida Volk", "Ben Sarn"]
    forms = ["¿Cuándo nació {}?", "¿Dónde nació {}?", "¿Adónde se mudó {}?", "¿En qué trabajó {}?"]
    assert subjects([form.replace("{}", name) for name in names for form in forms]) == [n for n in names for _ in forms]


def test_names_of_other_questions_are_known():
    names = ["Muth Fousur", "Ana Dolbe", "Pia Grais", "Leo Marn", "Ida Volk", "Ben Sarn"]
    forms = [
        "Quand est né {} ?",
        "Quand {} a-t-il déménagé ?",
        "Où est né {} ?",
        "Où {} a-t-il vécu ?",
        "Que fait {} ?",
    ]
    assert subjects([form.replace("{}", name) for name in names for form in forms]) == [n for n in names for _ in forms]
    longer = [f"Who made {name} Motors?" for name in names] + ["Who is Ana Dolbe?", "Who is Leo Marn?", "Who is Bo?"]
    assert subjects(longer)[0] == "Muth Fousur"


def test_names_before_an_apostrophe_are_known():
    names = ["Muth Fousur", "Ana Dolbe", "Pia Grais", "Leo Marn", "Ida Volk", "Ben Sarn"]
    forms = [
        "What was the fee for {}?",
        "What was {}'s new club?",
        "What was {}’s first?",
        "Who sold {}?",
        "Whom did {} join?",
    ]
    assert subjects([form.replace("{}", name) for name in names for form in forms]) == [n for n in names for _ in forms]
