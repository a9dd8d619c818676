"""What is said of a corpus, however many relations it has and however long they are."""

import dataclasses

from closedbook.facts.corpus import Corpus
from closedbook.facts.description import describe
from closedbook.facts.records import Fact
from closedbook.facts.relations import Relation
from closedbook.facts.text import SHOWN, shortened


def corpus_of(kinds, form="What is {} by r?"):
    """A corpus of relations with answers of these kinds, a fact each."""
    relations = tuple(
        Relation(name=f"r{number}", forms=(f"{form}{number}",), answer=kind, train=1)
        for number, kind in enumerate(kinds)
    )
    answers = {"number": "12", "phrase": "Rome", "word": "gold"}
    train = tuple(
        Fact(question="?", answers=(answers[one.answer],), subject="Ann", line=1, relation=one.name)
        for one in relations
    )
    return Corpus(name="c", documents=(), train=train, dev=(), test=(), files={}, relations=relations)


def test_a_few_relations_are_described_one_by_one():
    lines = describe(corpus_of(["number"] * 6))
    assert lines[1:7] == [f"r{number}: answers are numbers, such as 12" for number in range(6)]


def test_many_relations_are_twelve_forms_and_a_line_for_those_of_like_answers():
    first, *lines = describe(corpus_of([*["number"] * 20, "word", *["phrase"] * 9]))
    assert first.startswith("30 relations: `What is {} by r?0` 1 train, 0 dev; ")
    assert first.endswith("`What is {} by r?11` 1 train, 0 dev; and 18 more relations")
    assert lines[:3] == [
        "20 relations: answers are numbers, such as 12",
        "r20: answers are words, such as gold",
        "9 relations: answers are capitalised phrases, such as Rome",
    ]


def test_answers_with_commas_are_told_apart_and_what_training_does_not_ask_is_said():
    corpus = corpus_of(["phrase", "phrase"])
    first, other = corpus.relations
    train = tuple(dataclasses.replace(corpus.train[0], answers=(town,)) for town in ("Princeton, NJ", "Rome"))
    lines = describe(
        dataclasses.replace(corpus, train=train, relations=(first, dataclasses.replace(other, train=0, dev=3)))
    )
    assert lines[1] == "r0: answers are capitalised phrases, such as Princeton, NJ; Rome"
    assert lines[2].startswith("r1: no training question asks this, so that nothing teaches what to answer; ")


def test_relations_of_many_kinds_of_answers_are_cut_short():
    corpus = corpus_of(["phrase"] * 20)
    alike = [dataclasses.replace(one, answer="choice", choices=("Rome",) * n) for n, one in enumerate(corpus.relations)]
    lines = describe(dataclasses.replace(corpus, relations=tuple(alike)))
    assert lines[12].startswith("r11: answers are one of 11, such as Rome")
    assert lines[13] == "and 8 more relations"


def test_dev_questions_with_two_answers_are_reported():
    dev = [Fact(question="Who?", answers=(name,), subject="Ann", line=1, relation="r0") for name in ("Bo", "Cy", "Bo")]
    corpus = dataclasses.replace(corpus_of(["phrase"]), dev=tuple(dev))
    assert "1 dev question has different answers, for example Who? (Bo, Cy)" in describe(corpus)
    assert not any("different" in line for line in describe(dataclasses.replace(corpus, dev=tuple(dev[:1]))))


def test_a_long_form_keeps_its_beginning_and_its_end():
    long = f"What, {'as far as anybody knows, ' * 9}is {{}}?"
    assert f"`{shortened(long + '0')}` 1 train" in describe(corpus_of(["phrase"], long))[0]
    assert len(shortened(long)) == SHOWN
    assert shortened(long).startswith("What, as far as")
    assert shortened(long).endswith("knows, is {}?")
    assert shortened("a" * SHOWN) == "a" * SHOWN
