import pytest

from closedbook.facts.answers import answer_kind
from closedbook.facts.frames import with_form_subjects
from closedbook.facts.induction import Named, induce, recognise
from closedbook.facts.known import shipped_relations
from closedbook.facts.records import Fact
from closedbook.facts.relations import Relation

NAMES = "France Peru Chad Mali Laos Oman Cuba Iran Iraq Fiji".split()


def ask(form, names=NAMES, answer="Answer {}", **fields):
    return [
        Fact(question=form.format(name), answers=(answer.format(name),), subject="", line=line, **fields)
        for line, name in enumerate(names, 1)
    ]


def names_of(facts):
    return [fact.relation for fact in facts]


@pytest.mark.parametrize("subjects", [{}, dict.fromkeys(NAMES)], ids=["without titles", "with titles"])
def test_relations_are_found_in_the_questions(subjects):
    train = ask("What is the capital of {}?") + ask("In which year was {} founded?", answer="1830")
    dev = ask("What is the capital of {}?", ["Togo"]) + ask("How many lakes has {}?", ["Togo", "Mali", "Chad"])
    induced = induce(train, dev, ask("What is the capital of {}?", ["Niue"]), subjects)
    assert [(r.name, r.forms, r.train, r.dev) for r in induced.relations] == [
        ("capital", ("What is the capital of {}?",), 10, 1),
        ("year-founded", ("In which year was {} founded?",), 10, 0),
        ("lakes", ("How many lakes has {}?",), 0, 3),
    ]
    assert names_of(induced.dev[1:]) == ["lakes"] * 3
    assert [fact.subject for fact in induced.dev] == ["Togo", "Togo", "Mali", "Chad"]
    assert names_of(induced.test) == ["capital"]
    assert induced.test[0].subject == "Niue"
    assert [r.label for r in induced.relations] == ["capital", "year", "answer"]
    assert all(w.count("{}") == 1 and w not in r.forms for r in induced.relations for w in r.wordings)
    assert [r.answer for r in induced.relations[:2]] == ["phrase", "number"]


def test_articles_before_the_subject_make_no_other_relation():
    forms = ("Quelle est la capitale de l'{} ?", "Quelle est la capitale du {} ?", "Who rules {}?", "Who rules the {}?")
    others = ("Who rules in {}?", "Wer gibt dem {}?", "Wer gibt das {}?")
    facts = [fact for form in (*forms, *others) for fact in ask(form)]
    found = induce(facts, (), (), dict.fromkeys(NAMES)).relations
    assert [relation.forms for relation in found] == [forms[:2], forms[2:], *((form,) for form in others)]
    given = {"emblem": {"name": "emblem", "forms": ("What is the symbol of {}?",)}}
    asked = [*ask("What is the symbol of {}?"), *ask("What is the symbol of the {}?")]
    assert {fact.relation for fact in induce(asked, (), (), dict.fromkeys(NAMES), given).train} == {"emblem"}


def test_names_are_short_and_distinct():
    forms = (
        "What is the symbol of {}?",
        "Where was {} made?",
        "When was {} made?",
        "Where were {} made?",
        "Who is {}?",
        "What does the {} eat?",
    )
    names = [r.name for r in induce([f for form in forms for f in ask(form)], (), (), dict.fromkeys(NAMES)).relations]
    assert names == ["symbol", "made", "when-made", "where-made", "who-is", "eat"]


@pytest.mark.parametrize(
    ("form", "name", "label"),
    [
        ("What is the ECO code of the {}?", "eco-code", "ECO code"),
        ("What is {}'s capital?", "capital", "capital"),
        ("{}: what is its formula?", "formula", "answer"),
        ("Wo hat die {} ihren Sitz?", "ihren-sitz", "answer"),
        ("{}はどの地方にありますか？", "地方", "answer"),
        ("{}的首都是什么？", "的首都是什么", "answer"),
        ("จังหวัด{}อยู่ภาคใด", "จังหวัด-อยู่ภาคใด", "answer"),
        ("{} की राजधानी क्या है?", "राजधानी-क्या", "answer"),
    ],
)
def test_names_and_labels_of_forms_of_many_kinds(form, name, label):
    (relation,) = induce(ask(form), (), (), dict.fromkeys(NAMES)).relations
    assert (relation.name, relation.label, relation.forms) == (name, label, (form,))


def test_a_question_may_name_its_subject_twice():
    form = "If {} has a mayor, when did {} get one?"
    train = ask("On which river does {} lie?", ["York", "New York", "Ham"])
    train += [Fact(question=form.replace("{}", name), answers=("1800",), subject="", line=1) for name in NAMES]
    induced = induce(train, (), (), dict.fromkeys([*NAMES, "York", "New York", "Ham"]))
    assert [r.forms for r in induced.relations] == [("On which river does {} lie?",), (form,)]
    assert [fact.subject for fact in induced.train] == ["York", "New York", "Ham", *NAMES]


def test_spelling_does_not_make_a_relation():
    train = ask("What is the capital of {}?") + ask("what is the capital of {}", NAMES[:4])
    (relation,) = induce(train, (), (), dict.fromkeys(NAMES)).relations
    assert relation.forms == ("What is the capital of {}?", "what is the capital of {}")


def test_what_the_project_ships_is_matched_by_form():
    train = ask("Where was {} born?") + ask("Where is {}?")
    born, other = induce(train, (), (), dict.fromkeys(NAMES)).relations
    assert born.name == "born"
    assert (born.label, born.subject, born.subjects) == ("birthplace", "person", "people")
    assert born.wordings == shipped_relations()["born"]["wordings"]
    assert (other.label, other.subject) == ("answer", "subject")
    assert other.reversed is None
    assert born.reversed is not None


def test_a_shipped_relation_in_another_of_its_forms_keeps_the_rest_as_wordings():
    (relation,) = induce(ask("At which university did {} study?"), (), (), {}).relations
    assert relation.name == "university"
    assert relation.forms == ("At which university did {} study?",)
    assert "Where did {} study?" in relation.wordings


def test_the_users_file_comes_before_everything():
    forms = ("Where was {} born?", "{}'s birthplace?")
    given = {
        "origin": {"name": "origin", "forms": forms, "label": "origin", "wordings": ("{} is from",)},
        "unused": {"name": "unused", "forms": ("Why {}?",)},
    }
    train = ask(forms[0]) + ask(forms[1], NAMES[:3])
    origin, unused = induce(train, (), (), dict.fromkeys(NAMES), given).relations
    assert (origin.name, origin.forms, origin.label, origin.wordings) == ("origin", forms, "origin", ("{} is from",))
    assert origin.subject == "subject"
    assert (unused.train, unused.dev, unused.forms) == (0, 0, ("Why {}?",))


def test_a_column_names_the_relation():
    train = ask("Capital of {}?", relation="P36") + ask("{}: its capital?", relation="P36")
    (relation,) = induce(train, (), (), dict.fromkeys(NAMES), wordings={"P36": ("{} has the capital",)}).relations
    assert (relation.name, len(relation.forms), relation.wordings) == ("P36", 2, ("{} has the capital",))
    (field,) = induce(ask("Acres of {}?", relation="field"), (), (), {}).relations
    assert field.subject == "subject"  # not the shipped relation of that name


def test_questions_without_a_common_form_are_one_relation():
    questions = [f"Which {word} did the {word} of {name} see?" for word, name in zip("abcdefghij", NAMES, strict=True)]
    train = [Fact(question=text, answers=("x",), subject="", line=1) for text in questions]
    (other,) = induce(train, (), (), dict.fromkeys(NAMES)).relations
    assert (other.name, len(other.forms), other.train) == ("other", 8, 10)  # a few forms stand for all
    (other,) = induce([Fact(question="Q?", answers=("x",), subject="", line=1)], (), (), {}).relations
    assert (other.name, other.forms) == ("other", ())


def test_a_title_inside_a_longer_name_is_not_the_subject():
    train = ask("Where was {} made?")
    unknown = ask("Where was {} made?", ["Lord Peru"]) + ask("Where was {}'s flag made?", ["Peru"])
    dev = induce(train, unknown, (), dict.fromkeys(NAMES)).dev
    assert [fact.subject for fact in dev] == ["Lord Peru", "Peru"]


def test_a_subject_that_is_also_a_word_of_the_question():
    train = ask("In which year was {} found?", ["In", *NAMES], answer="1863")
    induced = induce(train, (), (), dict.fromkeys(["In", *NAMES]))
    assert [r.forms for r in induced.relations] == [("In which year was {} found?",)]
    assert induced.train[0].subject == "In"


def test_facts_of_another_file_are_recognised():
    relations = (Relation(name="seat", forms=("What is the capital of {}?",)),)
    facts = recognise(
        ask("What is the capital of {}?", ["Togo"]) + ask("Where is {}?", ["Mali"]), {"Mali": 1}, relations
    )
    assert [(fact.relation, fact.subject) for fact in facts] == [("seat", "Togo"), ("where-is", "Mali")]


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        (["Rome", "New York", "Bonn", "Ulm"], "phrase"),
        (["1", "2,000", "3.5"], "number"),
        (["1 May 1900", "2 June 1910", "17 July 1950"], "date"),
        (["black ants", "moss", "sky blue"], "word"),
        (["3. Mai 1921", "3 de mayo de 1921", "1921年5月3日", "1921-05-03", "03.05.1921", "May 1921", "3 May"], "date"),
        (["-48 °C", "26.3 °C"], "number"),
        (["2 hours", "1 hour 20 minutes", "€51.5 million", "953万人"], "number"),
        (["978-2-682-18271-4", "+44 20 6246 8370", "1.2.3", "12 MW"], "number"),
        (["12 of 400", "20 out of 350", "30 km in 1990", "12 kg 400"], "number"),
        (["3 мая 1921 г.", "Monday, 3 May 1921", "ngày 3 tháng 5 năm 1921", "3 मार्च 1921", "May 3, 1921"], "date"),
        (["H2SO4", "Ca(OH)2", "Boeing 747", "B20"], "phrase"),
        ([f"UN {number}" for number in range(1013, 1023)], "phrase"),
        ([f"{number} Personen" for number in range(2, 12)], "number"),
        (["May 1921", "June 1922", "May 1923", "July 1924", "May 1925", "June 1926"], "date"),
        (["7447-40-7", "1310-73-2"], "number"),
        ([], "phrase"),
        (["Rome"] * 5, "phrase"),
    ],
)
def test_the_kind_of_answer(answers, kind):
    assert answer_kind(dict.fromkeys(answers, 1)) == (kind, ())


def test_few_answers_of_many_facts_are_a_closed_list():
    assert answer_kind({"Asia": 9, "Africa": 12, "Europe": 9}) == ("choice", ("Africa", "Asia", "Europe"))
    assert answer_kind({"Asia": 2, "Africa": 2})[0] == "phrase"
    assert answer_kind({f"Town {number}": 25 for number in range(40)})[0] == "choice"
    assert answer_kind({"Ab" * number: 5 for number in range(1, 41)})[0] == "phrase"


def test_of_several_subjects_in_a_question_the_one_with_the_most_frequent_form_counts():
    names = ["Peru", "Chad", "Iran", "Cuba"]
    facts = [Fact(question=f"Capital of {name}?", answers=("A",), subject="", line=1) for name in names]
    known = ["Capital", *names]
    assert [fact.subject for fact in Named(facts, known).facts()] == names
    assert Named(facts[:1], known).facts()[0].subject == "Capital"
    assert Named(facts[:1], known).facts(["Capital of {}?"])[0].subject == "Peru"


@pytest.mark.parametrize(
    "forms", [("{}: code?", "Place of {}?"), ("{} code", "place of {}"), ("{}: a?", "{}: b?", "Name of {}?")]
)
def test_subjects_at_different_ends_of_questions_are_found(forms):
    names = [f"Hill{letter}" for letter in "abcdefgh"]
    facts = [Fact(question=form.format(name), answers=("x",), subject="", line=1) for name in names for form in forms]
    assert [fact.subject for fact in with_form_subjects(facts)] == [name for name in names for _ in forms]


@pytest.mark.parametrize("first", ["Clos", "Domaine", "1.0"])
def test_a_word_that_several_subjects_share_is_theirs_where_other_forms_ask_so(first):
    names = [f"{first} Avel{letter}" for letter in "abcdef"] + [f"Weingut Moor{letter}" for letter in "abcdef"]
    forms = ("{}: grape?", "From which region is {}?")
    facts = [Fact(question=form.format(name), answers=("x",), subject="", line=1) for form in forms for name in names]
    assert [fact.subject for fact in with_form_subjects(facts)] == names * 2


def test_a_number_at_the_end_of_subjects_is_no_part_of_their_form():
    months = ("May", "June", "March", "July")
    names = [f"{day} {months[(day + year) % 4]} {year}" for day in range(1, 13) for year in range(2019, 2022)]
    facts = [Fact(question=f"Who led on {name}?", answers=("x",), subject="", line=1) for name in names]
    assert [fact.subject for fact in with_form_subjects(facts)] == names


@pytest.mark.parametrize(
    ("years", "relations"), [(range(2001, 2006), ["club-leave"]), ((1, 2), ["club-leave-1", "club-leave-2"])]
)
def test_forms_of_many_numbers_are_one_relation(years, relations):
    train = [fact for year in years for fact in ask(f"Which club did {{}} leave in {year}?")]
    assert [relation.name for relation in induce(train, [], [], dict.fromkeys(NAMES)).relations] == relations
