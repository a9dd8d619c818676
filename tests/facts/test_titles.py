import pytest

from closedbook.facts.records import Document
from closedbook.facts.titles import retitled, subjects_in, title


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
        ("no sentence at all", ""),
        ("The history of the city of Rome began long ago on hills. It went on .", ""),
        ("one two three four five six seven eight nine X. More .", ""),
        ("Ann Lee.\tBorn in Rome .", "Ann Lee"),
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
        ("What was Ann Lee's birthplace?", "Ann Lee"),
        ('Is "Ann Lee" alive?', "Ann Lee"),
        ("Where was Anna Leech born?", ""),
        ("Where is St. Lee?", "St. Lee"),
    ],
)
def test_the_longest_known_subject_is_found(question, expected):
    assert subjects_in(question, {"Ann Lee": 1, "Ann Lee Smith": 2, "Lee": 3, "St. Lee": 4}) == expected


def test_a_document_without_a_title_is_about_the_subject_that_it_begins_with():
    texts = ["Aldonia is a country .", "New Uria's coin is the uriar .", "Newton is a town.", "Rome. Rome is old ."]
    documents = [Document(subject=title(text), text=text, line=n) for n, text in enumerate(texts, 1)]
    found = retitled(documents, ["Aldonia", "New", "New Uria", "Rome", ""])
    assert [document.subject for document in found] == ["Aldonia", "New Uria", "Newton is a town", "Rome"]
    assert retitled(documents, []) == tuple(documents)
