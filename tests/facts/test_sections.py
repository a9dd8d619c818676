"""Files about many subjects: what is taken out of them, and what stays."""

import pytest

from closedbook.facts.corpus import read_directory
from closedbook.facts.documents import read_sources
from closedbook.facts.markdown import paragraphs
from closedbook.facts.sections import Sections

NAMES = ("Ann Lee", "Bob Moss", "parse_url", "quote")


def taken(directory, name, text, names=NAMES, *, loosely=False):
    directory.joinpath(name).write_text(text, encoding="utf-8")
    return [one.text for source in read_sources(directory) for one in Sections(names, loosely=loosely)(source)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (  # sections, of which one says more than the name, and a deeper heading that belongs to it
            "# Staff\n\nHello.\n\n## 1. Ann Lee (cook)\n\n- Phone: 12\n\n### Since\n\n1999\n\n## Cy Dorn\n\nCook.\n",
            ["Staff. Hello. Cy Dorn. Cook.", "Ann Lee. 1. Ann Lee (cook). Phone: 12. Since. 1999."],
        ),
        (  # rows, with the labels that the table gives; one is about nobody who is asked about
            "# Staff\n\n|Name|Role|Phone|\n|-|-|-|\n|Ann Lee|Cook|12|\n|Cy|Cook||\n|**Bob Moss**||3|\n",
            ["Staff. Name, Role, Phone. Cy: Cook.", "Ann Lee. Role: Cook. Phone: 12.", "Bob Moss. Phone: 3."],
        ),
        (  # rows whose names stand in a later column; one without a name
            "# Staff\n\n|No.|Name|Role|\n|-|-|-|\n|1|Ann Lee|Cook|\n|2|Cy|Boss|\n|3|Bob Moss|Baker|\n",
            ["Staff. No., Name, Role. 2, Cy, Boss.", "Ann Lee. No.: 1. Role: Cook.", "Bob Moss. No.: 3. Role: Baker."],
        ),
        (  # headings above a name, which say of several people what they share
            "# Staff\n\n## Kitchen\n\n### Ann Lee\n\nA cook.\n\n## Yard\n\nBig.\n\n- Bob Moss: driver\n\n## Cy\n\n",
            ["Staff. Kitchen. Yard. Big. Cy.", "Ann Lee. Kitchen. A cook.", "Bob Moss. Yard. Bob Moss: driver."],
        ),
        (  # what is said of a name behind dots, a price, brackets or an arrow
            "# Menu\n\n- Ann Lee … 3\n- Bob Moss $4\n- **quote** (C57): 5\n- parse_url -> 6\n",
            ["Ann Lee. Ann Lee … 3.", "Bob Moss. Bob Moss $4.", "quote. quote (C57): 5.", "parse_url. parse_url -> 6."],
        ),
        (  # names with signs before them, in brackets, or the family name first
            "# Staff\n\n## --quote\n\nNo.\n\n## The cook (Ann Lee®)\n\nYes.\n\n## Moss, Bob\n\nOld.\n",
            ["quote. --quote. No.", "Ann Lee. The cook (Ann Lee®). Yes.", "Bob Moss. Moss, Bob. Old."],
        ),
        (  # questions with their answers
            "# FAQ\n\n**Q: How old is Ann Lee?**\nA: 12\n\n**How old is Bob Moss?**\n\nHe is 13.\n",
            ["Ann Lee. Q: How old is Ann Lee? A: 12.", "Bob Moss. How old is Bob Moss? He is 13."],
        ),
        (  # items with items below them
            "# Staff\n\n- Ann Lee: cook\n  - Phone: 12\n- Cy Dorn: cook\n- **Bob Moss** is old\n",
            ["Staff. Cy Dorn: cook.", "Ann Lee. Ann Lee: cook. Phone: 12.", "Bob Moss. Bob Moss is old."],
        ),
        (  # names in bold letters stand above what follows
            "# Staff\n\n**Ann Lee**\n\nA cook.\n\n**Cy Dorn**\n\nA baker.\n",
            ["Staff. Cy Dorn. A baker.", "Ann Lee. A cook."],
        ),
        (  # code is about what it stands under
            "# API\n\n## `parse_url(text)`\n\nReads.\n\n```\nquote is not called\n```\n\n## quote()\n\nWrites.\n",
            ["parse_url. parse_url(text). Reads. quote is not called.", "quote. quote(). Writes."],
        ),
        (  # a name by itself stands above what follows, however it is set
            "# Staff\n\n***Ann Lee***\n\nA cook.\n\nBob Moss\n\nA baker.\n",
            ["Ann Lee. A cook.", "Bob Moss. A baker."],
        ),
        ("# Staff\n\n- Ann Lee\n- Bob Moss\n", ["Staff. Ann Lee. Bob Moss."]),  # nothing is said of either
        ("# Staff\n\nAnn Lee: cook\nBob Moss: baker\n", ["Ann Lee. Ann Lee: cook.", "Bob Moss. Bob Moss: baker."]),
        (  # items of names with items below them, one of somebody nobody asks about
            "# Staff\n\n- Ann Lee\n  - A cook\n- Cy Dorn\n  - A baker\n",
            ["Staff. Cy Dorn. A baker.", "Ann Lee. A cook."],
        ),
        (  # what follows a table is about nobody in it
            "# Staff\n\n|Name|Role|\n|-|-|\n|Ann Lee|Cook|\n\n- A list\n",
            ["Staff. Name: Role. A list.", "Ann Lee. Role: Cook."],
        ),
        ("# Staff\n\nAnn Lee Smith is a cook.\n", ["Staff. Ann Lee Smith is a cook."]),  # somebody else
        ("# Staff\n\nHere Ann Lee is named.\n", ["Staff. Here Ann Lee is named."]),
    ],
)
def test_parts_of_a_page_that_are_about_subjects_are_documents(tmp_path, text, expected):
    assert taken(tmp_path, "page.md", text) == expected


def test_lines_of_a_text_file_that_begin_with_subjects_are_documents(tmp_path):
    text = "Ann Lee is a cook.\nCy Dorn is a cook.\nBob Moss\nRole: baker\nPhone: 12\n"
    assert taken(tmp_path, "staff.txt", text) == [
        "staff. Cy Dorn is a cook.",
        "Ann Lee. Ann Lee is a cook.",
        "Bob Moss. Role: baker. Phone: 12.",
    ]


def test_a_wrapped_paragraph_stays_with_the_subject_that_it_begins_with(tmp_path):
    text = "Ann Lee is a cook.\nShe was hired by\nBob Moss in 1999.\n\nThat is all.\n"
    assert taken(tmp_path, "staff.txt", text) == [
        "staff. That is all.",
        "Ann Lee. Ann Lee is a cook. She was hired by Bob Moss in 1999.",
    ]


@pytest.fixture
def staff(tmp_path):
    """A page of many people, one of a department of its own, and questions about both."""
    pages = tmp_path / "corpus"
    pages.mkdir()
    names = [f"{first} {last}" for first in ("Ann", "Bob", "Cy", "Dan") for last in ("Lee", "Moss", "Dorn")]
    everyone = "".join(f"## {name}\n\nRole: {'cook' if place % 2 else 'baker'}\n\n" for place, name in enumerate(names))
    pages.joinpath("staff.md").write_text(f"# Staff\n\n{everyone}", encoding="utf-8")
    pages.joinpath("kitchen.md").write_text("# Kitchen\n\nRole: canteen\n\n## Ann Lee\n\nHead: yes\n", encoding="utf-8")
    facts = [f"What is the role of {name}?\t{'cook' if place % 2 else 'baker'}\n" for place, name in enumerate(names)]
    tmp_path.joinpath("train.tsv").write_text("".join([*facts[:8], "What is the role of Kitchen?\tcanteen\n"]), "utf-8")
    tmp_path.joinpath("dev.tsv").write_text("".join(facts[8:]), encoding="utf-8")
    return tmp_path


def test_a_page_that_is_asked_about_itself_stays_whole(staff):
    documents = {document.subject: document.text for document in read_directory(staff).documents}
    assert documents["Kitchen"] == "Kitchen. Role: canteen. Ann Lee. Head: yes."
    assert documents["Cy Moss"] == "Cy Moss. Role: cook."
    assert "Staff" not in documents


def test_what_was_taken_apart_is_said(staff):
    said = read_directory(staff).read_as["corpus"]
    assert said == "a document a file, but 1 file taken apart into 12 documents, by the subjects that questions name"


def test_places_of_documents_are_distinct(staff):
    lines = [document.line for document in read_directory(staff).documents]
    assert lines == sorted(set(lines))


@pytest.mark.parametrize(
    "heading",
    [
        "Ann Lee, cook",
        "Ann Lee — cook",
        "Staff: Ann Lee",
        "[Ann Lee] - 2024-01-02",
        "How old is Ann Lee?",
        "🙂 Ann Lee",
    ],
)
def test_a_heading_that_names_one_subject_is_about_it(tmp_path, heading):
    (found,) = taken(tmp_path, "page.md", f"# Staff\n\n## {heading}\n\nAged 40.\n")
    assert found.startswith("Ann Lee. ")
    assert found.endswith(" Aged 40.")


@pytest.mark.parametrize(
    "heading", ["Ann Lee and Bob Moss", "Team of Ann Lee", "Ann Lee Museum", "Since Ann Lee Road", "quote marks"]
)
def test_a_heading_that_names_several_subjects_or_one_in_passing_is_about_none(tmp_path, heading):
    text = f"# Staff\n\n## {heading}\n\nAged 40.\n"
    assert taken(tmp_path, "page.md", text) == [f"Staff. {heading}. Aged 40."]


def test_what_stands_under_a_subject_is_about_it_whomever_it_names(tmp_path):
    text = "# Staff\n\n## Ann Lee\n\nA cook.\n\n### Feud with Bob Moss\n\nLong.\n"
    assert taken(tmp_path, "page.md", text) == ["Ann Lee. A cook. Feud with Bob Moss. Long."]


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        ("md", "|Name|Boss|\n|-|-|\n|Zed|Ann Lee|\n|Yan|Ann Lee|\n"),
        ("txt", "Name: Ann Lee\nBadge: K1\nName: Bob Moss\nBadge: K2\n"),
        ("txt", "[Ann Lee]\nbadge = K1\n[Bob Moss]\nbadge = K2\n"),
        ("txt", "Manager: Ann Lee\nName: Bob Moss\nBadge: K2\n"),
    ],
)
def test_what_cannot_be_told_apart_stays_whole(tmp_path, suffix, text):
    assert len(taken(tmp_path, f"page.{suffix}", text)) == 1


def test_no_line_is_lost_at_a_rule(tmp_path):
    text = "Staff of us\n\nWritten by the office and\nread by Bob Moss\n-----\n\nAnn Lee\n-----\n\nHas K1."
    assert taken(tmp_path, "page.txt", text) == [
        "page. Staff of us. Written by the office and read by Bob Moss.",
        "Ann Lee. Has K1.",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Ann Lee: K1\nBob Moss: K2\nCy: K3\n",
        "Name\tBadge\nAnn Lee\tK1\nBob Moss\tK2\nquote\tK3\n",
        "Staff\n\n1. Ann Lee, badge K1\n1. Bob Moss, badge K2\n1. Cy Dorn, badge K3\n",
        "Name: Ann Lee\nBadge: K1\n\nName: Bob Moss\nBadge: K2\n",
        "[Ann Lee]\nbadge = K1\n\n[Bob Moss]\nbadge = K2\n",
        "Staff\n=====\n\nAnn Lee\n-------\n\nBadge K1\n\nBob Moss\n--------\n\nBadge K2\n",
    ],
)
def test_plain_text_has_lists_records_and_underlined_headings(tmp_path, text):
    found = {one.split(". ")[0]: one for one in taken(tmp_path, "page.txt", text, (*NAMES, "Cy Dorn"))}
    assert [badge in found["Ann Lee"] for badge in ("K1", "K2")] == [True, False]
    assert [badge in found["Bob Moss"] for badge in ("K1", "K2")] == [False, True]
    assert "--" not in "".join(found.values())


@pytest.mark.parametrize("mark", ["# ", ""])
def test_a_file_of_headings_of_one_level_is_about_all_of_them(tmp_path, mark):
    names = ["Ann Lee", "Bob Moss", "Cy Dorn", "Eva Hill"]
    (tmp_path / "corpus").mkdir()
    under = "" if mark else "\n-----"
    text = "\n\n".join(f"{mark}{name}{under}\n\nThe badge is K{place}." for place, name in enumerate(names))
    (tmp_path / "corpus" / ("all.md" if mark else "all.txt")).write_text(text, encoding="utf-8")
    for part, some in (("train", names[:2]), ("dev", names[2:])):
        lines = [f"What is the badge of {name}?\tK{names.index(name)}\n" for name in some]
        (tmp_path / f"{part}.tsv").write_text("".join(lines), encoding="utf-8")
    documents = read_directory(tmp_path).documents
    assert [one.text for one in documents] == [f"{name}. The badge is K{place}." for place, name in enumerate(names)]


@pytest.mark.parametrize(
    "text",
    [
        "# Cabinet 3\n\n## Sodium chlorate\n\nLot K0.\n\n## Sodium citrate (dry)\n\nLot K1.\n\n## Iron\n\nLot K2.\n\n"
        "## Lithium chlorate\n\nLot K3.\n\n## Lithium citrate\n\nLot K4.\n",
        "# Cabinet 3\n\n| No | Name | Lot |\n|---|---|---|\n| 1 | Sodium chlorate | K0 |\n| 2 | Sodium citrate | K1 |\n"
        "| 3 | Iron | K2 |\n| 4 | Lithium chlorate | K3 |\n| 5 | Lithium citrate | K4 |\n",
        "# Cabinet 3\n\n- Sodium chlorate: lot K0\n- Sodium citrate: lot K1\n- Iron: lot K2\n"
        "- Lithium chlorate: lot K3\n- Lithium citrate: lot K4\n",
    ],
)
def test_what_a_file_tells_of_apart_says_where_subjects_end_in_questions(tmp_path, text):
    names = ["Sodium chlorate", "Sodium citrate", "Iron", "Lithium chlorate", "Lithium citrate"]
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "cabinet.md").write_text(text, encoding="utf-8")
    facts = [f"What is the lot of {name}?\tK{place}\n" for place, name in enumerate(names)]
    (tmp_path / "train.tsv").write_text("".join(facts[:2] + facts[3:]), encoding="utf-8")
    (tmp_path / "dev.tsv").write_text(facts[2], encoding="utf-8")
    corpus = read_directory(tmp_path)
    assert corpus.relations[0].forms == ("What is the lot of {}?",)
    assert {fact.subject for fact in (*corpus.train, *corpus.dev)} == set(names)
    assert all(fact.answers[0] in corpus.documents_of(fact)[0].text for fact in (*corpus.train, *corpus.dev))


@pytest.mark.parametrize("labels", ["weight height width length price power", "Höhe Breite Länge Preis Kraft Druck"])
@pytest.mark.parametrize("form", ["table", "items", "files"])
def test_labels_are_no_subjects_where_there_are_more_of_them(tmp_path, labels, form):
    models, labels = ["Alto", "Brio", "Corso"], labels.split()
    values = {(model, label): f"K{x}{y}" for x, model in enumerate(models) for y, label in enumerate(labels)}
    (tmp_path / "corpus").mkdir()
    said = {m: "".join(f"- {label}: {values[m, label]}\n" for label in labels) for m in models}
    if form == "files":
        for model in models[:2]:
            (tmp_path / "corpus" / f"{model}.md").write_text(f"# {model}\n\n{said[model]}", encoding="utf-8")
    elif form == "items":
        text = "# Machines\n\n" + "\n".join(f"## {model}\n\n{said[model]}" for model in models)
        (tmp_path / "corpus" / "all.md").write_text(text, encoding="utf-8")
    else:
        rows = [["Model", *labels], ["-"] * 7, *([m, *(values[m, label] for label in labels)] for m in models)]
        text = "# Machines\n\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)
        (tmp_path / "corpus" / "all.md").write_text(text, encoding="utf-8")
    facts = [f"What is the {label} of {model}?\t{value}\n" for (model, label), value in values.items()]
    (tmp_path / "train.tsv").write_text("".join(facts[:-2]), encoding="utf-8")
    (tmp_path / "dev.tsv").write_text("".join(facts[-2:]), encoding="utf-8")
    corpus = read_directory(tmp_path)
    assert {fact.subject for fact in corpus.train} == set(models)
    assert len({document.subject for document in corpus.documents} & set(models)) == (2 if form == "files" else 3)


def test_all_that_is_said_of_names_in_lists_is_what_they_stand_under(tmp_path):
    text = "# Staff\n\n## Kitchen\n\n- Ann Lee\n\n## Yard\n\nBob Moss, Ann Lee, quote\n\n## Who\n\nquote is old.\n"
    told = [
        "Staff. Kitchen. Yard. Ann Lee. quote. Who.",
        "Ann Lee. Kitchen. Yard.",
        "Bob Moss. Yard.",
        "quote. Who. quote is old.",
    ]
    assert taken(tmp_path, "page.md", text, loosely=True) == told
    assert "Ann Lee. Kitchen. Yard." not in taken(tmp_path, "page.md", text)


def test_a_question_in_passing_takes_no_paragraphs(tmp_path):
    text = "Ann Lee is a cook.\n\nDo you know Ann Lee?\n\nBob Moss is a driver.\n"
    expected = ["all. Do you know Ann Lee?", "Ann Lee. Ann Lee is a cook.", "Bob Moss. Bob Moss is a driver."]
    assert taken(tmp_path, "all.txt", text) == expected
    text = "Ann Lee: how old, and is she older than Bob Moss?\n12, no.\n"
    assert taken(tmp_path, "all.txt", text)[1] == "Ann Lee. Ann Lee: how old, and is she older than Bob Moss?"


@pytest.mark.parametrize("bullet", ["-", "*", "+", "–", "•"])
def test_lists_of_plain_text_have_many_bullets(tmp_path, bullet):
    text = f"{bullet} Ann Lee: cook\n{bullet} Bob Moss: baker\n{bullet} quote: none\n"
    expected = ["Ann Lee. Ann Lee: cook.", "Bob Moss. Bob Moss: baker.", "quote. quote: none."]
    assert taken(tmp_path, "all.txt", text) == expected


@pytest.mark.parametrize("line", ["| Ore (quote) | 3 |", "| St quote | 3 |"])
def test_another_name_in_brackets_is_that_of_a_heading_alone(tmp_path, line):
    assert len(taken(tmp_path, "page.md", f"# Ores\n\n|Of|Use|\n|-|-|\n{line}\n|Cy|4|\n")) == 1


def test_signs_and_numbers_are_taken_off_once(tmp_path):
    assert taken(tmp_path, "all.txt", f"{'-1. ' * 2_000}quote\n") != []


def test_paragraphs_that_name_nobody_go_on_where_answers_stand_in_them(tmp_path):
    directory = tmp_path / "corpus"
    directory.mkdir()
    people = [("Ann Lee", "Rome"), ("Bob Moss", "Oslo"), ("Cy Dorn", "Bern"), ("Di Poe", "Lima"), ("Eve Ray", "Bonn")]
    directory.joinpath("all.txt").write_text("\n\n".join(f"{one} is old.\n\nBorn in {town}." for one, town in people))
    for part, some in (("train", people[:3]), ("dev", people[3:])):
        lines = [f"Where was {one} born?\t{town}\n" for one, town in some]
        tmp_path.joinpath(f"{part}.tsv").write_text("".join(lines))
    assert [document.text for document in read_directory(tmp_path).documents] == [
        f"{one}. {one} is old. Born in {town}." for one, town in people
    ]


@pytest.mark.parametrize("sign", ["§ ", "Art. ", "Section "])
def test_a_line_with_a_number_stands_above_its_paragraphs(tmp_path, sign):
    text = f"{sign}1 Theft of stock\n(1) Whoever steals.\n(2) See 2.\n\n{sign}2a Arson\n(1) Whoever burns.\n"
    assert taken(tmp_path, "law.txt", text, ["1", "2a"]) == [
        f"1. {sign}1 Theft of stock (1) Whoever steals. (2) See 2.",
        f"2a. {sign}2a Arson (1) Whoever burns.",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "quote melts.\n---\nAnn Lee swims.\n---\nBob Moss runs.\n",
            ["quote melts.", "Ann Lee swims.", "Bob Moss runs."],
        ),
        ("- 5 degrees\n- 6 degrees\n", ["- 5 degrees\n- 6 degrees"]),
        ("Ann bought\n- 5 of them\nfor Bo.\n", ["Ann bought\n- 5 of them\nfor Bo."]),
        ("He said\n--- not at all ---\nand left.\n", ["He said\n--- not at all ---\nand left."]),
        ("*** Note ***\nAll.\n", ["Note.", "All."]),
        ("== Tin ==\nA metal.\n", ["Tin.", "A metal."]),
        ("- a\n- b\n", ["a.", "b."]),
    ],
)
def test_plain_text_keeps_its_marks_but_those_of_headings_rules_and_lists(text, expected):
    assert [part.text.rstrip(".") for part in paragraphs(text)] == [one.rstrip(".") for one in expected]


def test_a_line_between_marks_takes_linear_time():
    assert paragraphs("*** a" + " " * 1_000_000 + "b") != []
