"""Texts about nobody who is asked about, and the subjects that they alone name."""

import pytest

from closedbook.facts.corpus import read_directory

METALS = (("Tin", "Sn"), ("Iron", "Fe"), ("Gold", "Au"), ("Lead", "Pb"), ("Ann Lee", "Al"))


def subjects(directory, texts, question="What is the symbol of {}?", answers=METALS):
    if texts:
        directory.joinpath("corpus.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    rows = [f"{question.format(name)}\t{symbol}\n" for name, symbol in answers]
    held_out = 1 + len(rows) // 4
    directory.joinpath("train.tsv").write_text("".join(rows[:-held_out]), encoding="utf-8")
    directory.joinpath("dev.tsv").write_text("".join(rows[-held_out:]), encoding="utf-8")
    return [document.subject for document in read_directory(directory).documents]


@pytest.mark.parametrize(
    "line",
    [
        "{} soft metal. Symbol {}.",
        "{} [fatal] pump jammed. Code {}.",
        "1. {}: {}. Much used.",
        "{}? Code {}. Much used.",
        "Carved bowl of stone, {}, century XV. Number {}.",
        "Subject: {}. Code {}.",
        "**{}** has code {}.",
        "#{} has code {}. Much used.",
        "Entry {}: code {}.",
    ],
)
def test_a_text_is_about_the_subject_that_it_alone_names(tmp_path, line):
    assert subjects(tmp_path, [line.format(*one) for one in METALS]) == [name for name, _ in METALS]


def test_what_names_several_or_is_named_by_several_texts_is_about_none(tmp_path):
    texts = [f"Bowl of {name}, {symbol}. Old." for name, symbol in METALS[:3]]
    texts += ["Bowls of Lead, or of tin. Old.", "Shelf List. Lead, Ann Lee.", "Bowl of Ann Lee North. Old."]
    assert subjects(tmp_path, texts) == [
        "Tin",
        "Iron",
        "Gold",
        "Bowls of Lead, or of tin",
        "Shelf List",
        "Bowl of Ann Lee North",
    ]


def test_texts_that_merely_mention_somebody_are_left_as_they_are(tmp_path):
    texts = [f"Bowl number {n}. Seen by {name}." for n, (name, _) in enumerate(METALS)]
    assert subjects(tmp_path, texts) == [f"Bowl number {n}" for n in range(len(METALS))]
    assert subjects(tmp_path, texts[:2]) == ["Bowl number 0", "Bowl number 1"]


def test_an_answer_stands_in_a_text_as_a_whole_word(tmp_path):
    pupils = [(name, grade) for (name, _), grade in zip(METALS, "aboba", strict=True)]
    texts = [f"Chess club {n}. Founded in a barn, once kept by {name}." for n, (name, _) in enumerate(pupils)]
    asked = [(name, {"a": "o", "b": "n", "o": "e"}[grade]) for name, grade in pupils]
    assert subjects(tmp_path, texts, "What grade did {} get?", asked) == [f"Chess club {n}" for n in range(5)]


def test_a_subject_that_has_a_text_gets_no_other(tmp_path):
    texts = [f"{name}. A metal, {symbol}." for name, symbol in METALS]
    assert subjects(tmp_path, [*texts, "Bowl of tin, or Tin, Sn. Old."])[-1].startswith("Bowl")


@pytest.mark.parametrize("name", ["00-{}.md", "{}_v2_final.txt", "metal-{}.md", "2021-03-01-{}.md"])
def test_the_name_of_a_file_may_hold_the_subject(tmp_path, name):
    tmp_path.joinpath("corpus").mkdir()
    for metal, symbol in METALS:
        tmp_path.joinpath("corpus", name.format(metal.lower().replace(" ", "-"))).write_text(
            f"Code {symbol}. Much used.\n"
        )
    subjects(tmp_path, [])
    found = {document.subject for document in read_directory(tmp_path).documents}
    assert found == {metal for metal, _ in METALS}


def test_a_subject_without_a_text_is_another_name_of_the_one_whose_text_names_it(tmp_path):
    table = [("EWP", "Karese mavas", "cent"), ("HPF", "Pelish havick", "bani"), ("RTX", "Dalian gevand", "para")]
    tmp_path.joinpath("corpus.csv").write_text("code,currency,unit\n" + "".join(f"{','.join(row)}\n" for row in table))
    asked = [(code, unit) for code, _, unit in table] + [(f"the {name}", unit) for _, name, unit in table]
    found = subjects(tmp_path, [], "What is {} divided into?", asked)
    assert found == [name for code, other, _ in table for name in (code, f"the {other}")]
    said = "3 subjects are other names of those with a document, such as the Karese mavas (EWP)"
    assert read_directory(tmp_path).doubts == (said,)


def test_a_text_that_names_many_gives_them_no_other_name(tmp_path):
    texts = ["Tin. Sn. Fe. Au. Pb. Al. Beside Iron, Gold, Lead and Ann Lee."]
    assert subjects(tmp_path, texts) == ["Tin"]


def test_a_title_with_brackets_is_asked_for_in_other_words(tmp_path):
    texts = ["Hedart (1976). Made by Bo.", "Hedart (1966). Made by Al.", "Rising (1976). Made by Cy."]
    asked = [("the 1976 film Hedart", "Bo"), ("Hedart (1966)", "Al"), ("the 1976 film Rising", "Cy")]
    found = subjects(tmp_path, texts, "Who made {}?", asked)
    assert [name for name, _ in asked if name in found] == [name for name, _ in asked]


def test_what_else_stands_in_a_file_about_one_subject_is_about_it(tmp_path):
    tmp_path.joinpath("corpus").mkdir()
    for name, symbol in METALS:
        text = f"From: {symbol} Inc.\nTo: Cy\n\n{name} has left.\n\nBest, Bo\n"
        tmp_path.joinpath("corpus", f"{ord(name[0])}.txt").write_text(text)
    found = subjects(tmp_path, [], answers=[(name, f"{symbol} Inc.") for name, symbol in METALS])
    assert sorted(set(found)) == sorted(name for name, _ in METALS)


def test_names_of_lists_are_asked_for_with_the_forename_first(tmp_path):
    texts = ["Lee, Ann. Room 12.", "Moss, Bob. Room 13.", "Dorn, Cy. Room 14."]
    asked = [("Ann Lee", "12"), ("Bob Moss", "13"), ("Cy Dorn", "14")]
    assert subjects(tmp_path, texts, "Which room has {}?", asked) == [name for name, _ in asked]


@pytest.mark.parametrize(
    ("question", "text"), [("How much is the {} Pass?", "{} Pass"), ("Where is Lake {}?", "Lake {}")]
)
def test_a_word_in_capitals_beside_subjects_is_theirs_where_texts_never_lack_it(tmp_path, question, text):
    texts = [f"You pay {symbol} for the {text.format(name)}." for name, symbol in METALS]
    assert subjects(tmp_path, texts, question) == [text.format(name) for name, _ in METALS]
    assert read_directory(tmp_path).relations[0].forms == (question.replace(text, "{}"),)
    assert subjects(tmp_path, [*texts, "Tin is a metal."], question)[-1] == "Tin"


def test_who_is_an_answer_about_somebody_is_not_called_so(tmp_path):
    texts = [
        f"{one}. {one} married {other}." for one, other in (("Tin", "Iron"), ("Gold", "Lead"), ("Zinc", "Ann Lee"))
    ]
    asked = [
        ("Iron", "Tin"),
        ("Lead", "Gold"),
        ("Ann Lee", "Zinc"),
        ("Tin", "Iron"),
        ("Gold", "Lead"),
        ("Zinc", "Ann Lee"),
    ]
    assert subjects(tmp_path, texts, "Who married {}?", asked) == ["Tin", "Gold", "Zinc"]


def test_titles_are_not_lengthened_by_words_beside_them(tmp_path):
    tmp_path.joinpath("corpus").mkdir()
    for name, symbol in METALS:
        tmp_path.joinpath("corpus", f"{name.lower()}.md").write_text(f"At {symbol}, Lake {name} is near Lake Como.\n")
    assert set(subjects(tmp_path, [], "Where is Lake {}?")) == {name for name, _ in METALS}


def test_two_names_of_a_row_are_in_its_order(tmp_path):
    rows = [("X1", "Aro Mav", "Bel Hav", "c"), ("X2", "Cor Gev", "Dal Pev", "b"), ("X3", "Eri Nev", "Fol Sev", "a")]
    tmp_path.joinpath("corpus.csv").write_text("code,one,two,unit\n" + "".join(f"{','.join(row)}\n" for row in rows))
    asked = [(row[at], row[3]) for at in (0, 1, 2) for row in rows]
    found = subjects(tmp_path, [], "Which unit has {}?", asked)
    assert found == [name for row in rows for name in row[:3]]
    assert read_directory(tmp_path).doubts[0].startswith("6 subjects are other names")


def test_a_name_with_brackets_is_that_of_no_longer_word(tmp_path):
    texts = [
        "Red Foxes are a band of 1976, by Bo.",
        "Hedart is a film of 1966, by Al.",
        "Rising is one of 1977, by Cy.",
    ]
    asked = [("Hedart (1966)", "Al"), ("Rising (1977)", "Cy"), ("Red Fox (1976)", "Bo")]
    found = subjects(tmp_path, texts, "Who made {}?", asked)
    assert (found[1:], "Red Fox (1976)" in found) == (["Hedart (1966)", "Rising (1977)"], False)
