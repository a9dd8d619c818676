"""Tables as corpora: whom a row is about, what it says, and what is refused."""

import pytest

from closedbook.errors import UserError
from closedbook.facts.contents import Streams
from closedbook.facts.corpus import find_files, read_directory
from closedbook.facts.documents import read_sources, windowed
from closedbook.facts.rows import columns_read


def written(directory, name, text):
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "name,port\nTin,Oslo\nZinc,Rome\n", [("Tin", "Tin. port: Oslo."), ("Zinc", "Zinc. port: Rome.")]),
        ("a.csv", "no;ship;built\n1;Tin;1901\n2;Zinc;1902\n", [("Tin", "Tin. no: 1. built: 1901."), ("Zinc", None)]),
        ("a.csv", ",ship,built\n0,Tin,1901\n1,Zinc,1901\n", [("Tin", "Tin. built: 1901."), ("Zinc", None)]),
        ("a.csv", "port,ship\nOslo,Tin\nOslo,Zinc\n", [("Tin", "Tin. port: Oslo."), ("Zinc", None)]),
        ("a.csv", "year,of\n1901,5\n1902,5\n", [("1901", "1901. of: 5."), ("1902", None)]),
        ("a.csv", 'Name,"says, thinks"\nTin,"No, ""no"".\nNever."\n', [("Tin", 'Tin. says, thinks: No, "no". Never.')]),
        ("a.csv", "sep=|\nship|port\nTin|Oslo\n", [("Tin", "Tin. port: Oslo.")]),
        ("a.tsv", "ship\thome_port\nTin\tOslo, Rome\n", [("Tin", "Tin. home port: Oslo, Rome.")]),
        ("a.tsv", "title\ttext\tnote\nTin\tA metal.\tx\n", [("Tin", "Tin. A metal.")]),
        ("a.csv", "name,Content\nTin,A metal.\n", [("Tin", "Tin. A metal.")]),
        ("a.csv", "name,content,text\nTin,x,A metal.\n", [("Tin", "Tin. A metal.")]),
        ("a.csv", "car,body,year\nFiat X,coupe,1987\n", [("Fiat X", "Fiat X. body: coupe. year: 1987.")]),
        ("a.csv", "text\nTin. A metal.\n\n", [("Tin", "Tin. A metal.")]),
        ("a.csv", "\nname;density, g/cm3;at, C\nTin;7,3;232\n", [("Tin", "Tin. density, g/cm3: 7,3. at, C: 232.")]),
        ("a.csv", '"ship\n(name)";built;port:\nTin;1901;Oslo\n', [("Tin", "Tin. built: 1901. port: Oslo.")]),
        (
            "a.csv",
            "Name,Title\nAnn Lee,cook\nBo Moss,cook\n",
            [("Ann Lee", "Ann Lee. title: cook."), ("Bo Moss", None)],
        ),
        ("a.csv", '"","mpg"\n"Mazda RX4",21\n"Fiat X",22\n', [("Mazda RX4", "Mazda RX4. mpg: 21."), ("Fiat X", None)]),
        ("a.csv", "note,ship\n,Tin\nold,Zinc\n", [("Tin", None), ("Zinc", "Zinc. note: old.")][1:]),
        ("a.csv", "name,port,built\nTin,,\nZinc,,1902\n,,\n", [("Zinc", "Zinc. built: 1902.")]),
    ],
)
def test_a_row_is_a_document(tmp_path, name, text, said):
    found = windowed(read_sources(written(tmp_path, name, text))).documents
    assert [document.subject for document in found] == [subject for subject, _ in said]
    assert found[0].text == said[0][1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,port\nTin,Oslo,x\n", "line 2: 3 cells, but the header has 2"),
        ("name,port\n,Oslo\n", "line 2: nothing in 'name', the column of whom a row is about"),
        ("port,port\na,b\n", "line 1: the column 'port' stands there twice"),
        (
            "question,answer\na,b\n",
            "line 1: columns 'question', 'answer'; call the column of texts 'text', or",
        ),
        ("name\nTin\n", "line 1: columns 'name'; a table of documents has"),
        ('name,port\n"Tin,Oslo\n', "line 2: a quote is opened and not closed"),
        ("name,port\n", "a.csv: no row below the header of the table"),
        (f"{','.join(f'c{n}' for n in range(1001))}\n", "line 1: 1,001 columns"),
    ],
)
def test_what_is_no_table_of_documents_is_refused(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        windowed(read_sources(written(tmp_path, "a.csv", text)))


@pytest.mark.parametrize(
    ("text", "subjects", "about"),
    [
        ("symbol,metal,melts\nSn,Tin,232\nFe,Iron,1538\nAu,Gold,1064\n", "Tin Iron Gold", "metal"),
        ("title,metal,melts\nSn,Tin,232\nFe,Iron,1538\nAu,Gold,1064\n", "Tin Iron Gold", "metal"),
        ("name,kin,melts\nTin,metal,232\nIron,metal,1538\nGold,metal,1064\n", "Tin Iron Gold", "name"),
        ("name,also\nTin,Stannum\nIron,Tin\nGold,Iron\n", "Tin Iron Gold", "name"),
        ("id,metal,year\nx1,Tin,1901\nx2,Tin,1902\nx3,Iron,1901\nx4,Gold,1901\n", "Tin Tin Iron Gold", "metal"),
        ("id,metal,year\nx1,Tin,1901\nx2,,1902\nx3,Iron,1901\n", "x1 x2 x3", "id"),
        ("metal,text\nTin,Soft.\nIron,Hard.\nGold,Heavy.\n", "Tin Iron Gold", "metal"),
    ],
)
def test_the_column_that_questions_name_most_is_what_rows_are_about(tmp_path, text, subjects, about):
    written(tmp_path, "corpus.csv", text)
    written(tmp_path, "train.tsv", "How hot must the metal Tin be?\t232\nHow hot must the metal Iron be?\t1538\n")
    written(tmp_path, "dev.tsv", "How hot must the metal Gold be?\t1064\n")
    corpus = read_directory(tmp_path)
    assert [document.subject for document in corpus.documents] == subjects.split()
    assert corpus.read_as["corpus.csv"].startswith(f"a document a row, about {about!r}: ")
    streams = Streams(find_files(tmp_path), 1)
    streams.settle(lambda: streams.facts("train"))
    assert [document.subject for _, document in streams.documents()] == subjects.split()


def test_a_title_that_questions_name_stays_whatever_else_they_name(tmp_path):
    rows = [(f"Inn {letter}", town) for letter, town in zip("ABCDEF", ["Leeds", "York", "Bath"] * 2, strict=True)]
    written(tmp_path, "corpus.csv", "title,town\n" + "".join(f"{inn},{town}\n" for inn, town in rows))
    asked = [f"In {town}, who keeps the {inn if inn != 'Inn B' else 'B inn'}?\tBo\n" for inn, town in rows]
    written(tmp_path, "train.tsv", "".join(asked[:4]))
    written(tmp_path, "dev.tsv", "".join(asked[4:]))
    assert "about 'title'" in read_directory(tmp_path).read_as["corpus.csv"]


def test_a_column_of_subjects_tells_what_rows_are_about(tmp_path):
    written(tmp_path, "corpus.csv", "symbol,metal\nSn,Tin\nFe,Iron\n")
    written(tmp_path, "train.csv", "question,answer,subject\nWhich letters has the metal of cans?,Sn,Tin\n")
    written(tmp_path, "dev.csv", "question,answer,subject\nWhich letters has the metal of ships?,Fe,Iron\n")
    assert [document.subject for document in read_directory(tmp_path).documents] == ["Tin", "Iron"]


def test_a_corpus_may_be_a_table_and_says_how_it_was_read(tmp_path):
    written(tmp_path, "corpus.csv", "no,ship,home port\n1,Tin,Oslo\n2,Zinc,Rome\n3,Lead,Bonn\n")
    written(tmp_path, "train.tsv", "Where is Tin at home?\tOslo\nWhere is Zinc at home?\tRome\n")
    written(tmp_path, "dev.tsv", "Where is Lead at home?\tBonn\n")
    corpus = read_directory(tmp_path)
    assert [fact.subject for fact in (*corpus.train, *corpus.dev)] == ["Tin", "Zinc", "Lead"]
    assert corpus.read_as["corpus.csv"] == "a document a row, about 'ship': no, home port"
    assert columns_read(written(tmp_path, "b.csv", "text\nTin. A metal.\n")) == "a document a row: text"
    assert columns_read(tmp_path / "corpus.txt") == ""


@pytest.mark.parametrize("header", ["First name,Last name,office", "Last,First,office"])
def test_two_columns_that_questions_name_together_are_one(tmp_path, header):
    people = [("Ann", "Lee"), ("Ann", "Moss"), ("Bob", "Lee"), ("Cy", "Moss")]
    rows = [(first, last) if header.startswith("F") else (last, first) for first, last in people]
    lines = [header, *(f"{one},{other},{number}" for number, (one, other) in enumerate(rows))]
    path = written(tmp_path, "corpus.csv", "\n".join(lines) + "\n")
    asked = [f"Which office has {first} {last}?" for first, last in people]
    assert [source.text for source in read_sources(path, asked)] == [
        f"{first} {last}. office: {number}." for number, (first, last) in enumerate(people)
    ]
    assert columns_read(path, asked).endswith("name': office" if header.startswith("F") else "'First Last': office")


def test_columns_that_do_not_tell_rows_apart_are_no_name_and_gaps_in_one_are_filled(tmp_path):
    path = written(tmp_path, "a.csv", "code,colour,shape\nT1,Red,Square\nT2,Red,Round\nT3,Red,Square\n")
    asked = ["How heavy is the Red Square T1?", "How heavy is the Red Round T2?", "How heavy is the Red Square T3?"]
    assert [source.subject for source in read_sources(path, asked)] == ["T1", "T2", "T3"]
    path = written(tmp_path, "b.csv", "id,first,last,room\n1,Ann,Lee,5\n2,Bob,Moss,6\n3,,,7\n4,Cy,,8\n")
    found = [source.subject for source in read_sources(path, ["Where is Ann Lee?", "Where is Bob Moss?"])]
    assert found == ["Ann Lee", "Bob Moss", "3", "Cy"]
