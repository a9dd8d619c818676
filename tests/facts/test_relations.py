import tomllib

import pytest

from closedbook.errors import UserError
from closedbook.facts.relations import (
    Relation,
    format_relations,
    parse_relations,
    read_relations,
    write_relations,
)

FULL = Relation(
    name="capital",
    forms=("What is the capital of {}?", "{}'s capital?"),
    wordings=('Which town is the "capital" of {}?',),
    reversed="Of which country is {} the capital?",
    answer="choice",
    choices=("Paris", "Lima\\"),
    label="capital",
    subject="country",
    subjects="countries",
)
PLAIN = Relation(name="größe", forms=("Wie groß ist {}?",), answer="number")


def test_what_is_written_is_read_back():
    text = format_relations([FULL, PLAIN])
    read = parse_relations(text, "relations.toml")
    assert [Relation(**fields) for fields in read.values()] == [FULL, PLAIN]
    assert "correct" in text.lower()
    assert len(tomllib.loads(text)["relation"]) == 2
    assert parse_relations(format_relations([]), "f") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[relation]\n", r"f.toml: not TOML \(.*line 1"),
        ("[[relations]]\nname = 'a'\n", "f.toml: unknown key 'relations' .did you mean 'relation'"),
        ("[relation]\nname = 'a'\n", "f.toml: write ..relation.. with double brackets"),
        ("[[relation]]\nforms = ['a {}']\n", "f.toml, relation 1: no 'name'"),
        ("[[relation]]\nname = 'a'\nlable = 'x'\n", "relation a: unknown key 'lable' .did you mean 'label'"),
        ("[[relation]]\nname = 'a'\nforms = 'a {}'\n", "relation a: 'forms' must be a list of strings"),
        ("[[relation]]\nname = 'a'\nforms = [3]\n", "relation a: 'forms' must be a list of strings"),
        ("[[relation]]\nname = 3\n", "relation 3: 'name' must be a string"),
        ("[[relation]]\nname = 'a'\nforms = ['no slot']\n", "relation a: 'no slot' must hold {}"),
        ("[[relation]]\nname = 'a'\nreversed = 'no slot'\n", "relation a: 'no slot' must hold {}"),
        ("[[relation]]\nname = 'a'\nanswer = 'colour'\n", "relation a: 'answer' is one of phrase, number"),
        ("[[relation]]\nname = 'a'\nchoices = ['x']\n", "relation a: 'choices' has no effect"),
        ("[[relation]]\nname = 'a'\n[[relation]]\nname = 'a'\n", "relation a: the name stands there twice"),
        (
            "[[relation]]\nname = 'a'\nforms = ['{}?']\n[[relation]]\nname = 'b'\nforms = ['{}?']\n",
            "relation b: the form '{}.' belongs to relation a already",
        ),
        (
            "[[relation]]\nname = 'a'\nforms = ['Who is {}?']\n[[relation]]\nname = 'b'\nforms = ['who is {}']\n",
            "relation b: the form 'who is {}' belongs to relation a already",
        ),
    ],
)
def test_mistakes_are_named_with_file_and_relation(text, message):
    with pytest.raises(UserError, match=message):
        parse_relations(text, "f.toml")


def test_a_form_of_several_relations_stands_in_the_first():
    shared = [Relation(name="a", forms=("Who is {}?",)), Relation(name="b", forms=("who is {}", "{}: who?"))]
    read = parse_relations(format_relations(shared), "f")
    assert [fields["forms"] for fields in read.values()] == [("Who is {}?",), ("{}: who?",)]


def test_what_is_too_much_to_be_read_back_is_not_written(tmp_path):
    path = tmp_path / "relations.toml"
    forms = tuple(f"Which of the many things numbered {number} is {{}}?" for number in range(25_000))
    with pytest.raises(UserError, match="25,000 forms of questions would take 1,339,740 bytes"):
        write_relations([Relation(name="thing", forms=forms)], path)
    assert not path.exists()
    write_relations([Relation(name="thing", forms=forms[:19_000])], path)
    assert len(read_relations(path)["thing"]["forms"]) == 19_000
