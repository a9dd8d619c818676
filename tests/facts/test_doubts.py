import pytest

from closedbook.errors import UserError
from closedbook.facts.corpus import read_directory
from closedbook.facts.description import describe

NAMES = {"Chad": "N'Djamena", "Peru": "Lima", "Mali": "Bamako", "Laos": "Vientiane"}


def doubts_of(directory, relations, train=None, dev="What is the capital of Laos?\tVientiane\n"):
    directory.mkdir(exist_ok=True)
    files = {
        "corpus.txt": "".join(f"{name}. The capital of {name} is {city} .\n" for name, city in NAMES.items()),
        "train.tsv": train
        or "".join(f"What is the capital of {name}?\t{city}\n" for name, city in list(NAMES.items())[:3]),
        "dev.tsv": dev,
        "relations.toml": "".join(f"[[relation]]\n{text}\n" for text in relations),
    }
    for name, text in files.items():
        (directory / name).write_text(text, encoding="utf-8")
    corpus = read_directory(directory)
    assert set(corpus.doubts) <= set(describe(corpus))
    assert all(doubt.startswith(f"{directory}/relations.toml") for doubt in corpus.doubts)
    return [doubt.removeprefix(f"{directory}/relations.toml") for doubt in corpus.doubts]


CAPITAL = "name = 'capital'\nforms = ['What is the capital of {}?']"


@pytest.mark.parametrize(
    ("relations", "expected"),
    [
        ([CAPITAL], []),
        ([f"{CAPITAL}\nanswer = 'phrase'"], []),
        (
            [f"{CAPITAL}\nanswer = 'number'"],
            [", relation capital: 3 of 3 training answers are no numbers, such as N'Djamena, Lima, Bamako"],
        ),
        (
            [f"{CAPITAL}\nanswer = 'choice'\nchoices = ['Lima', 'Bamako']"],
            [", relation capital: 1 of 3 training answers is none of its choices, such as N'Djamena"],
        ),
        ([f"{CAPITAL}\nanswer = 'choice'"], []),
        (
            [CAPITAL.replace("capital of", "captial of")],
            [
                ", relation capital: no question has the form 'What is the captial of {}?' "
                "(did you mean 'What is the capital of {}?'?)"
            ],
        ),
        ([CAPITAL.replace("What", "what").replace("?", "")], []),
        ([CAPITAL, "name = 'x'\nforms = ['Why {}?']"], [", relation x: no question has the form 'Why {}?'"]),
        (
            [CAPITAL, "name = 'x'\nlabel = 'y'"],
            [", relation x: without forms, and named by no column of the facts, it has no effect"],
        ),
    ],
)
def test_what_the_files_do_not_bear_out_is_said(tmp_path, relations, expected):
    assert doubts_of(tmp_path / "d", relations) == expected


def test_relations_that_nothing_teaches(tmp_path):
    dev = "What is the capital of Laos?\tVientiane\nWhere is Laos?\tAsia\n"
    where = "name = 'where'\nforms = ['Where is {}?']"
    assert doubts_of(tmp_path / "d", [CAPITAL, where], dev=dev) == [
        ", relation where: no training question asks this, but 1 other does: nothing teaches what answers"
    ]
    message = r"relations.toml, relation where: answer = \"choice\" without training answers needs 'choices'"
    with pytest.raises(UserError, match=message):
        doubts_of(tmp_path / "d", [CAPITAL, f"{where}\nanswer = 'choice'"], dev=dev)


def test_questions_with_forms_of_two_relations(tmp_path):
    relations = ["name = 'a'\nforms = ['Where is {}?']", "name = 'b'\nforms = ['Where is {} located?']"]
    train = "Where is Chad?\tAfrica\nWhere is Peru located?\tAmerica\n"
    assert doubts_of(tmp_path / "d", relations, train, "Where is Mali?\tAfrica\n") == []  # titles tell
    train += "Where is Old Rome located?\tItaly\nWhere is New Rome located?\tItaly\n"
    assert doubts_of(tmp_path / "d", relations, train, "Where is Mali?\tAfrica\n") == [
        ": 2 questions have forms of a and b, such as 'Where is Old Rome located?', which counts as b"
    ]


def test_a_column_that_says_otherwise(tmp_path):
    directory = tmp_path / "d"
    doubts_of(directory, [CAPITAL])
    (directory / "train.tsv").unlink()
    (directory / "train.csv").write_text("question,answer,relation\nWhat is the capital of Peru?,Lima,seat\n")
    (doubt, _) = read_directory(directory).doubts
    assert doubt.endswith(
        "relation capital: no training question asks this, but 1 other does: nothing teaches what answers"
    )
    assert (
        read_directory(directory)
        .doubts[1]
        .endswith("relation capital: 1 question has one of its forms, but counts as 'seat' by a column of the facts")
    )
