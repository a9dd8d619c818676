import dataclasses

import pytest

from closedbook.config import PeopleConfig
from closedbook.errors import UserError
from closedbook.facts.built_in import built_in_corpus
from closedbook.facts.corpus import read_directory
from closedbook.facts.people_data import RELATIONS
from closedbook.facts.records import Document, Fact
from closedbook.facts.splits import groups, hold_out, write_split


def fact(subject, line=1):
    return Fact(question=f"Where was {subject} born?", answers=("X",), subject=subject, line=line)


def test_a_name_and_an_identical_line_make_one_group(people):
    texts = [("Ann", "Same ."), ("Bo", "Same ."), ("Cy", "Other ."), ("Ann", "More .")]
    documents = tuple(Document(subject=name, text=text, line=i) for i, (name, text) in enumerate(texts))
    corpus = dataclasses.replace(people, documents=documents)
    assert groups(corpus, [fact("Ann"), fact("Ann"), fact("Bo"), fact("Cy")]) == [0, 0, 0, 1]


def test_nobody_stands_on_both_sides(course):
    kept, held = hold_out(course, course.train, 400, seed=1)
    assert len(kept) + len(held) == 2000
    assert 400 <= len(held) <= 410
    assert not {fact.subject for fact in kept} & {fact.subject for fact in held}
    lines = [{d.text for fact in side for d in course.documents_of(fact)} for side in (kept, held)]
    assert not lines[0] & lines[1]
    assert hold_out(course, course.train, 400, seed=1) == (kept, held)
    assert hold_out(course, course.train, 400, seed=2) != (kept, held)


@pytest.mark.parametrize("count", [0, 30, 99])
def test_both_sides_need_a_fact(people, count):
    facts = list(people.train)[:30]
    with pytest.raises(UserError, match=r"--held-out .* both sides need one"):
        hold_out(people, facts, count)


def test_all_facts_of_a_subject_stay_together():
    corpus = built_in_corpus(PeopleConfig(count=60, relations=tuple(RELATIONS)))
    kept, held = hold_out(corpus, corpus.train, 30)
    assert len(held) % len(RELATIONS) == 0
    assert not {fact.subject for fact in kept} & {fact.subject for fact in held}


def test_a_split_of_tables_and_files_is_a_corpus_again(tmp_path):
    directory = tmp_path / "d"
    (directory / "corpus").mkdir(parents=True)
    rows = ["note,question,answer"]
    for number in range(6):
        (directory / "corpus" / f"Town {number}.txt").write_text(f"Lies in Land {number}.")
        rows += [f'"a\nb",Where is Town {number}?,Land {number}', f"c,Which land has Town {number}?,Land {number}"]
    (directory / "train.csv").write_text("\n".join(rows))
    (directory / "dev.tsv").write_text("Where is Town 9?\tLand 9\n")
    written = write_split(directory, 4, tmp_path / "s")
    assert written == {"train.csv": 8, "calibration.csv": 4}
    corpus = read_directory(tmp_path / "s")
    (tmp_path / "s" / "calibration.csv").rename(tmp_path / "s" / "test.csv")
    held = read_directory(tmp_path / "s").test
    assert len(corpus.train) == 8
    assert len(corpus.documents) == 6
    assert not {fact.subject for fact in corpus.train} & {fact.subject for fact in held}
    assert all(fact.answers for fact in held)
