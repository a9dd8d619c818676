import pytest

from closedbook.facts.titles import subjects_in, title
from closedbook.facts.untitled import Beginnings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("John Stephen. Born in Glasgow, Stephen became an apprentice .", "John Stephen"),
        ("Daniel M. Hausman. Daniel M. Hausman (born 1947) is a philosopher .", "Daniel M. Hausman"),
        ("J.C. Patterson. Born in Armagh .", "J.C. Patterson"),
        ("A. G. E. Blake. Anthony Blake was born in Bristol .", "A. G. E. Blake"),
        ("Asa G. Yancey, Sr.. Asa G Yancey Sr., M.D., was born in Atlanta .", "Asa G. Yancey, Sr."),
        ("Malcolm X. Malcolm X was born in Omaha .", "Malcolm X"),
        ("Anastasius I. Pope Saint Anastasius I, born in Rome the son of Maximus, was pope from 399 .", "Anastasius I"),
        ("Mary St. Clair. She was born in Leeds .", "Mary St. Clair"),
        ("Zofia Łódzka.", "Zofia Łódzka"),
        ("Symphony No. 1. Symphony No. 1 is in C minor .", "Symphony No. 1"),
        ("Sonata Op. 27 No. 2. Written in 1801 .", "Sonata Op. 27 No. 2"),
        ("No. 5. A scent .", "No. 5"),
        ("Roe vs. Wade. Decided in 1973 .", "Roe vs. Wade"),
        ("The answer was No. It was late .", "The answer was No"),
        ("Ft. Worth. Ft. Worth lies in Texas .", "Ft. Worth"),
        ("J. S. Bach (31. March 1685). A composer .", "J. S. Bach (31. March 1685)"),
        ("Apollo 8. It flew around the Moon .", "Apollo 8"),
        ("Boléro. It is by Ravel. It is loud .", "Boléro"),
        ("no sentence at all", ""),
        ("The history of the city of Rome began long ago on hills. It went on .", ""),
        ("one two three four five six seven eight nine X. More .", ""),
        ("Ann Lee.\tBorn in Rome .", "Ann Lee"),
        ("法国。法国是欧洲国家。", "法国"),
        ("水。水是液体。", "水"),
        ("国" * 40 + "。", ""),
        ("राम दास। राम दास दिल्ली में रहते हैं।", "राम दास"),
        ("احمد علی۔ احمد علی لاہور میں پیدا ہوئے۔", "احمد علی"),
        ("မောင်။မောင်သည်", "မောင်"),
        ("", ""),
    ],
)
def test_title(text, expected):
    assert title(text) == expected


@pytest.mark.parametrize("unit", ["St. ", "A. ", "a. b ", "word ", "."])
def test_a_title_is_not_looked_for_in_all_of_a_long_text(unit):
    class Counted(str):
        looked_at = 0

        def __getitem__(self, key):
            part = super().__getitem__(key)
            Counted.looked_at += len(part)
            return part

    Counted.looked_at = 0
    title(Counted(unit * 10_000))
    assert Counted.looked_at < 20_000


def test_every_course_question_finds_its_own_line(course):
    facts = [*course.train, *course.dev, *course.test]
    found = sum(number in [d.line for d in course.documents_of(fact)] for number, fact in enumerate(facts, 1))
    assert found == len(facts) == 2937
    assert all(fact.question == f"Where was {fact.subject} born?" for fact in facts)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Where was Ann Lee born?", "Ann Lee"),
        ("Where was Ann Lee Smith born?", "Ann Lee Smith"),
        ("Who was Ann Lee?", "Ann Lee"),
        ("أين ولد Ann Lee؟", "Ann Lee"),
        ("Ann Lee।", "Ann Lee"),
        ("What was Ann Lee's birthplace?", "Ann Lee"),
        ('Is "Ann Lee" alive?', "Ann Lee"),
        ("Where was Anna Leech born?", ""),
        ("Where is St. Lee?", "St. Lee"),
        ("D'où vient l'Ann Lee ?", "Ann Lee"),
        ("Quelle est la mère d’Ann Lee ?", "Ann Lee"),
        ("Where was O'Lee born?", ""),
        ("Where was Jeanne d'Ann Lee born?", "Lee"),
        ("Where is what they're Ann Lees for?", ""),
    ],
)
def test_the_longest_known_subject_is_found(question, expected):
    assert subjects_in(question, ["Ann Lee", "Ann Lee Smith", "Lee", "St. Lee"]) == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("Aldonia is a country .", "Aldonia"),
        ("Aldonia is a country. It lies in the north .", "Aldonia"),
        ("Aldonia, which is one of the countries in the far north, is old .", "Aldonia"),
        ("New Uria's coin is the uriar .", "New Uria"),
        ("New Uria's coin is the uriar. It is old .", "New Uria"),
        ("The aardvark is a mammal .", "aardvark"),
        ("Aardvark burrows are deep .", "aardvark"),
        ("Aardvarks dig .", ""),
        ("Newton is a town.", ""),
        ("Paris Hilton. Paris Hilton is a celebrity .", ""),
        ("Paris Hilton.", ""),
        ("Paris syndrome. A state of mind .", ""),
        ("Paris is burning. Paris is burning is a film .", ""),
        ("The aardvark hunts at night. It eats ants .", "aardvark"),
        ("Paris: a city. It is old .", "Paris"),
        ("Paris - a city. It is old .", "Paris"),
        ("Paris of the north. A book .", ""),
        ("Paris in winter time. A book .", ""),
        ("Paris stone mining. It pays .", ""),
        ("Das Aldonia ist ein Land. Es ist alt .", "Aldonia"),
        ("法国是一个国家。", "法国"),
        ("法国是一个国家。首都是巴黎。", "法国"),
        ("法国大革命。法国大革命爆发于1789年。", ""),
        ("", ""),
    ],
)
def test_what_a_document_without_a_title_begins_with(text, subject):
    beginnings = Beginnings(["Aldonia", "New", "New Uria", "Paris", "aardvark", "法国", ""])
    assert beginnings.about(text, title(text)) == subject


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("In Paris, Ann Lee opened a shop.", "Ann Lee"),
        ("In Paris, Ann Lee opened a shop. She sold hats.", "Ann Lee"),
        ("It was Paris where Ann Lee grew up.", "Ann Lee"),
        ("Paris is the capital of France. It lies on the Seine.", "France"),
        ("Long before any other painter of the town, Dr. Ann Lee met Bo. Bo wept.", "Ann Lee"),
        ("Nobody of whom there is anything to tell in this book came. Ann Lee did not.", ""),
        ("巴黎是法国的首都。", "法国"),
        ("Love in France. A novel about Ann Lee.", ""),
        ("Letters of Ann Lee. A book .", ""),
        ("What is France. What is France is a film .", ""),
        ("Paris, France.", ""),
        ("Geography of France since 1900. It has hills.", ""),
        ("East France was a country.", ""),
        ("In 1900 the Bo River was deep.", ""),
        ("Bob was, as often, the guest of Ann Lee.", "Ann Lee"),
        ("In forests, the red fox hunts at night.", "Red fox"),
        ("", ""),
    ],
)
def test_what_a_document_without_a_title_names_first(text, subject):
    assert Beginnings(["Ann Lee", "Bo", "France", "法国", "Red fox", ""]).within(text, title(text)) == subject


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("What does the Golden Gate bridge cross?", "Golden Gate bridge"),
        ("what does the golden gate bridge cross?", "golden gate bridge"),
        ("Who saw the red fox?", "red fox"),
        ("Who rang at the gate?", ""),
        ("Who likes Belia’s well?", "Belia’s well"),
    ],
)
def test_a_known_subject_is_found_in_other_letters(question, asked):
    known = ["Golden Gate Bridge", "Red fox", "The Gate", "At the Gate", "Belia's Well"]
    assert subjects_in(question, known) == ([asked] if asked else [])


@pytest.mark.parametrize("question", ["法国的首都是什么？", "iPhone的首都是什么？", "프랑스의 수도는?"])
def test_subjects_stand_inside_words_where_words_are_not_spaced(question):
    known = ["法国", "国", "iPhone", "Phone", "프랑스", "Ann"]
    assert subjects_in(question, known) == [next(name for name in known if question.startswith(name))]


def test_punctuation_alone_names_no_subject():
    assert subjects_in("法国的首都是什么 ？", ["法国", ""]) == ["法国"]


def test_of_subjects_inside_one_another_only_the_longest_counts():
    known = ["Capital", "New Uria", "Uria", "of"]
    assert subjects_in("Capital of New Uria?", known) == ["New Uria", "Capital", "of"]
    assert subjects_in("Is Mali larger than Somalia?", ["Mali", "Somalia"]) == ["Somalia", "Mali"]


@pytest.mark.parametrize("name", ['"Heroes"', "Hey, You!", "Mr.", "(No) Reason", "Who?"])
@pytest.mark.parametrize("form", ["Who sang {}?", "Who sang “{}”?", "{}: who sang it?"])
def test_punctuation_may_belong_to_a_subject(name, form):
    assert subjects_in(form.format(name), [name]) == [name]


def test_marks_belong_to_the_letter_before_them():
    assert subjects_in("भारती कहाँ है?", ["भारत"]) == []
    assert subjects_in("भारत की राजधानी क्या है?", ["भारत"]) == ["भारत"]


def test_a_title_of_several_words_is_found_in_small_letters():
    assert subjects_in("Where does the red fox live?", {"Red fox", "Fox"}) == ["red fox"]
    assert subjects_in("What is tin?", {"Tin"}) == []  # a word is left to the forms of the questions
