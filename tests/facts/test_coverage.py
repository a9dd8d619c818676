import dataclasses

import pytest

from closedbook.facts.corpus import Corpus
from closedbook.facts.coverage import Coverage, asked_kinds, coverage, coverage_lines
from closedbook.facts.records import Document, Fact


def corpus_of(train, dev=()):
    """A corpus of (subject, text after the title, answer) with a question about each."""

    def facts(rows):
        return tuple(
            Fact(question=f"What of {name}?", answers=(answer,), subject=name, line=line, relation="what")
            for line, (name, _, answer) in enumerate(rows, 1)
        )

    documents = tuple(
        Document(subject=name, text=f"{name}. {text}", line=line)
        for line, (name, text, _) in enumerate([*train, *dev], 1)
        if text
    )
    return Corpus(name="c", documents=documents, train=facts(train), dev=facts(dev), test=(), files={})


TRAIN = [("Ann", "Paid in gold .", "gold"), ("Bo", "Paid in salt .", "salt"), ("Cy", "Paid in tin .", "tin")]


def lines(corpus):
    return coverage_lines(coverage(corpus, asked_kinds(corpus)))


def test_what_is_reached_whole_is_one_line():
    assert lines(corpus_of(TRAIN)) == ["3 of 3 answers stand in what training asks for"]
    assert lines(corpus_of([])) == []


def test_what_is_asked_for_is_like_the_accepted_answer_that_stands_there():
    corpus = corpus_of([(name, "Lies in the United States .", "USA") for name in ("Ann", "Bo", "Cy")])
    several = [dataclasses.replace(fact, answers=("USA", "the United States")) for fact in corpus.train]
    assert lines(dataclasses.replace(corpus, train=tuple(several))) == [
        "3 of 3 answers stand in what training asks for"
    ]


def test_answers_longer_than_a_span_are_said_to_be():
    long = "one two three four five six seven eight nine ten eleven twelve more"
    found = lines(corpus_of([(name, f"Means {long} .", long) for name in ("Ann", "Bo", "Cy")]))
    assert found == [
        "what, train: 3 answers stand there in no form that training asks for, such as "
        + "; ".join(f"{long} ({name}), which is longer than 12 words" for name in ("Ann", "Bo", "Cy")),
        "0 of 3 answers stand in what training asks for",
    ]


def test_what_is_not_reached_is_named_with_the_reason():
    dev = [("Di", "Paid in tea .", "coffee"), ("Ed", "Paid in Rhine wine .", "Rhine wine"), ("Flo", "", "tea")]
    assert lines(corpus_of(TRAIN, dev)) == [
        "what, dev: 2 of 3 answers stand in no document of their subject, such as coffee (Di); tea (Flo)",
        "what, dev: 1 answer stands there in no form that training asks for, such as Rhine wine (Ed)",
        "3 of 6 answers stand in what training asks for",
    ]
    assert lines(corpus_of(TRAIN, dev[2:]))[0] == (
        "what, dev: none of 1 answer stands in a document of its subject, such as tea (Flo): nothing to learn"
    )


@pytest.mark.parametrize(
    ("answer", "there", "said"),
    [("3 km", "3km", "3km"), ("3km", "3 km", "3 km"), ("Ann.", "Ann", "Ann"), ("1-2", "1\u22122", "1\u22122 (U+2212)")],
)
def test_units_full_stops_and_signs_that_look_alike_are_told(answer, there, said):
    assert lines(corpus_of([("Bo", f"It is {there} .", answer)]))[0].endswith(f", written {said} there")


@pytest.mark.parametrize(
    ("answer", "written"),
    [("89672", "89,672"), ("89,672", "89672"), ("1234567", "1.234.567"), ("89672 men", "89\u2019672 men")],
)
def test_thousands_may_be_parted_otherwise_there(answer, written):
    assert lines(corpus_of([("Ann", f"Counted {written} .", answer)]))[0].endswith(f", written {written} there")
    assert "written" not in lines(corpus_of([("Ann", f"Counted 1{written} .", answer)]))[0]


def without_subjects(corpus, part, number):
    facts = getattr(corpus, part)
    nameless = [dataclasses.replace(fact, subject="") for fact in facts[:number]]
    return dataclasses.replace(corpus, **{part: (*nameless, *facts[number:])})


def test_where_no_subject_was_found_in_questions_that_is_the_reason():
    remedy = "name it in a column `subject` of the questions, or give their forms in relations.toml"
    assert lines(without_subjects(corpus_of(TRAIN), "train", 3)) == [
        f"what, train: no subject was found in these 3 questions, such as that for gold (What of Ann?); {remedy}",
        "0 of 3 answers stand in what training asks for",
    ]
    assert lines(without_subjects(corpus_of(TRAIN), "train", 1))[0] == (
        "what, train: 1 of 3 answers stand in no document of their subject, such as gold (What of Ann?); no subject "
        f"was found in 1 of these questions: {remedy}"
    )


def row(number, **fields):
    several = {"facts": 2, "in_document": 0, "asked": 0, "missed": (), "absent": (f"a{number} (Ann)",)}
    return Coverage(**{"relation": f"r{number}", "part": "train", **several, **fields})


def test_many_relations_that_miss_all_for_one_reason_are_one_line():
    lost, named = [row(number) for number in range(5)], "r0, r1, r2, ..."
    nothing = "none of 10 answers stands in a document of its subject, such as a0 (Ann): nothing to learn"
    assert coverage_lines(lost) == [
        f"5 relations ({named}), train: {nothing}",
        "0 of 10 answers stand in what training asks for",
    ]
    assert len(coverage_lines([*lost[:3], row(8, part="dev"), row(9, nameless=2)])) == 6


def test_of_many_relations_the_last_are_one_line():
    some = [row(number, in_document=1, asked=1) for number in range(20)]
    *first, last, _ = coverage_lines(some)
    assert [line.partition(",")[0] for line in first] == [f"r{number}" for number in range(12)]
    assert last == (
        "8 more relations (r12, r13, r14, ...), train: 8 of 16 answers stand in no document of their subject, such as "
        "a12 (Ann); a13 (Ann); a14 (Ann)"
    )


def test_an_answer_that_is_spelled_otherwise_there_is_shown_as_it_stands_there():
    rows = [("Ann", "Lived 1900–1904 .", "1900-1904"), ("Bo", "Says “Hi\u00a0Ho” .", '"Hi ho"'), ("Cy", "No.", "gold")]
    (line,) = [line for line in lines(corpus_of(TRAIN, rows)) if "none of 3" in line]
    assert line.endswith(" of its subject, such as 1900-1904 (Ann), written 1900–1904 there")
    rows.append(("Di", "Paid in gold .", "gold"))
    (line,) = [line for line in lines(corpus_of(TRAIN, rows)) if "in no document" in line]
    assert line == (
        "what, dev: 3 of 4 answers stand in no document of their subject, such as 1900-1904 (Ann), written 1900–1904 "
        'there; "Hi ho" (Bo), written “Hi\u00a0Ho” there; gold (Cy)'
    )
