import dataclasses
from collections import Counter

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from closedbook.config import PeopleConfig, ReaderConfig
from closedbook.errors import UserError
from closedbook.facts.built_in import built_in_corpus
from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Card, Document, Fact
from closedbook.facts.relations import Relation
from closedbook.selfstudy import reader
from closedbook.selfstudy import study as module
from closedbook.selfstudy.candidates import MOST_TOKENS, Forms, count_tokens, kind, tokens
from closedbook.selfstudy.features import View
from closedbook.selfstudy.parts import Together
from closedbook.selfstudy.reader import Reader, conditional_logit
from closedbook.selfstudy.study import (
    cross_validate,
    examples,
    question_forms,
    questions_of,
    study,
    unreadable,
    unstudied,
)

PLACES = ["Rome", "New Ulm", "Oslo", "Bern", "Lima"]
ONCE = ReaderConfig(rounds=1)


def toy_corpus(people=60, taught=40):
    """Born in the first place, living in the second; a month stands before both."""
    documents, facts = [], []
    for number in range(people):
        name = f"Ann{number} Lee{number % 7}"
        born, lives = PLACES[number % 5], PLACES[(number + 1 + number % 3) % 5]
        text = f"{name}. {name} (born 3 May 19{number:02} in {born}) lives in {lives} ."
        documents.append(Document(subject=name, text=text, line=number + 1))
        facts.append(Fact(question=f"Where was {name} born?", answers=(born,), subject=name, line=number + 1))
    return Corpus(
        name="toy",
        documents=tuple(documents),
        train=tuple(facts[:taught]),
        dev=tuple(facts[taught:]),
        test=(),
        files={},
    )


def test_an_example_is_where_an_accepted_answer_stands_as_whole_words():
    lines = [
        "Ann Club. Ann Club was set up in 1903.",
        "Ann Club. Ann Club has 3 members.",
        "USA. It is the United States.",
    ]
    documents = tuple(
        Document(subject=line.split(".")[0], text=line, line=number) for number, line in enumerate(lines, 1)
    )
    facts = (
        Fact(question="How many members has Ann Club?", answers=("3",), subject="Ann Club", line=1),
        Fact(question="What is USA?", answers=("America", "the United States"), subject="USA", line=2),
        Fact(question="Who is USA?", answers=("nobody",), subject="USA", line=3),
    )
    corpus = Corpus(name="toy", documents=documents, train=facts, dev=(), test=(), files={})
    found = [(document.line, answer) for document, answer in examples(corpus, facts)]
    assert found == [(1, "3"), (3, "the United States"), (3, "nobody")]  # what there is about one is read together


def test_tokens_leave_out_the_title_and_know_where_they_stand():
    document = Document(subject="Ann Lee", text="Ann Lee. O'Neill's dog, 1920 .", line=1)
    found = tokens(document)
    assert [token.text for token in found] == ["O'Neill", "'", "s", "dog", ",", "1920", "."]
    assert all(document.text[token.start : token.end] == token.text for token in found)
    assert [kind(text) for text in ("Rome", "rome", "1920", ",")] == ["X", "x", "0", ","]
    assert [token.normal for token in found[3:6]] == ["dog", ",", "#4"]


@pytest.mark.parametrize(
    ("answers", "text", "found"),
    [
        (["Rome", "Oslo"], "de l'Italie, d'O'Neill", ["Italie", "O'Neill"]),
        (["Rome", "New Ulm"], "in Oslo, Bern; New Ulm.", ["Oslo", "Bern", "New", "New Ulm", "Ulm"]),
        (["Porto-Novo", "Sint-Jan", "Lima"], "from Baden-Baden; X", ["Baden", "Baden-Baden", "Baden", "X"]),
        (["Porto-Novo", "Lima"], "Baden-Baden", ["Baden", "Baden-Baden", "Baden"]),  # one of two is like many
        (["Porto-Novo", *["Lima"] * 150], "Baden-Baden", ["Baden", "Baden"]),  # one of 151 is not
        (["May 27, 1877", "July 1, 1900"], "on May 2, 1901, it", ["May", "May 2", "May 2, 1901"]),
        (["12.5", "3.75"], "at 48.85; -7", ["48", "48.85", "85", "7"]),
        (["-12.5", "-3.75", "4.0", "5.0"], "at -7.5", ["7", "-7", "7.5", "-7.5", "5"]),
        (["+41", "+354"], "by +39 or 7", ["39", "+39", "7"]),
        (
            ["ann@mail.org", "bo@web.net"],
            "to; cy@post.io.",
            ["to", "cy", "cy@post", "cy@post.io", "post", "post.io", "io"],
        ),
        (["St. Gall", "St. Paul"], "St. Louis", ["St", "St. Louis", "Louis"]),
        (["230 °C", "180 °C"], "at 95 °C and", ["95", "95 °C"]),
        (["Ulm (Hesse)", "Ur (Iraq)"], "in Bonn (Texas).", ["Bonn", "Bonn (Texas", "Bonn (Texas)", "Texas", "Texas)"]),
        (
            ["Simon & Paul", "Hall & Oates"],
            "by Salt & Pepa & Young",
            ["Salt", "Salt & Pepa", "Pepa", "Pepa & Young", "Young"],
        ),
        (["4.2 × 10^6", "3.1 × 10^9"], "is 5.7 × 10^8", None),
        (["https://ab.org/x", "https://cd.org/y"], "see https://ef.org/z", None),
        (["北京", "上海"], "生于重庆。", ["生于", "于重", "重庆"]),
        (["1893年", "1901年"], "他1950年出生", ["1950", "1950年"]),
    ],
)
def test_what_looks_like_training_answers_may_be_one(answers, text, found):
    line = tokens(Document(subject="", text=text, line=1))
    candidates = Forms.of(Counter(answers)).candidates(line, text)
    texts = [candidate.text for candidate in candidates]
    assert texts == found if found is not None else text.partition(" ")[2] in texts
    for candidate in candidates:
        covered = text[line[candidate.first].start : line[candidate.last].end]
        assert candidate.text == covered


def test_answers_in_a_script_without_spaces_are_read():
    towns = ["北京", "成都", "厦门", "大连", "昆明"]
    documents, facts = [], []
    for number in range(40):
        name = "王李张刘陈"[number % 5] + "明丽华强芳军敏静"[number // 5]
        born, lives = towns[number % 5], towns[(number + 1 + number % 3) % 5]
        text = f"{name}。{name}18{number + 10}年出生于{born}。后来移居{lives}生活。"
        documents.append(Document(subject=name, text=text, line=number + 1))
        facts.append(Fact(question=f"{name}出生在哪里?", answers=(born,), subject=name, line=number + 1))
    corpus = Corpus(name="t", documents=tuple(documents), train=tuple(facts[:25]), dev=(), test=(), files={})
    answers = {fact.question: fact.answers[0] for fact in facts[25:]}
    assert {card.question: card.answer for card in study(corpus, ONCE).cards} == answers


def test_the_reader_reads_what_it_was_not_taught():
    corpus = toy_corpus()
    studied = study(corpus, ONCE)
    assert len(studied.cards) == 20
    assert studied.train == corpus.train
    answers = {fact.question: fact.answers[0] for fact in corpus.dev}
    assert all(answers[card.question] == card.answer for card in studied.cards)
    assert all(0.5 < card.confidence <= 1 for card in studied.cards)
    assert {card.line for card in studied.cards} == set(range(41, 61))


def test_answers_of_several_words_are_found():
    assert "New Ulm" in {card.answer for card in study(toy_corpus(), ONCE).cards}


def test_a_second_round_takes_read_answers_as_known():
    corpus = toy_corpus()
    assert len(study(corpus, ReaderConfig(rounds=2)).cards) == 20


def test_cards_below_the_confidence_are_left_out():
    corpus = toy_corpus()
    sure = study(corpus, dataclasses.replace(ONCE, at_least=1.0))
    assert len(sure.cards) < 20


def test_the_same_corpus_gives_the_same_cards():
    assert study(toy_corpus(), ONCE).cards == study(toy_corpus(), ONCE).cards


def test_an_own_answer_does_not_count_as_known_from_elsewhere():
    corpus = toy_corpus()
    pairs = [(corpus.documents[0], "Rome"), (corpus.documents[1], "New Ulm")]
    knowledge = Reader(pairs, "Where was {} born?", count_tokens(corpus.documents))._knowledge
    taught = View(corpus.documents[0], knowledge, "Rome").features()
    rome = next(row for row in taught if "text=rome" in row)
    assert "known=False" in rome
    read = View(corpus.documents[0], knowledge, None).features()
    assert "known=True" in next(row for row in read if "text=rome" in row)


def test_documents_are_read_some_at_a_time_as_all_at_once(monkeypatch):
    corpus = toy_corpus()
    pairs = examples(corpus, corpus.train)
    trained = Reader(pairs, "Where was {} born?", count_tokens(corpus.documents))
    together = trained.read(corpus.documents)
    at_once = []
    monkeypatch.setattr(reader, "AT_ONCE", 7)
    monkeypatch.setattr(reader, "_HASHER", Watched(reader._HASHER, at_once))
    assert trained.read(corpus.documents) == together
    assert len(at_once) == 9
    assert trained.read([]) == []


class Watched:
    """A hasher that notes how many rows it is given at once."""

    def __init__(self, hasher, rows):
        self.hasher, self.rows = hasher, rows

    def transform(self, rows):
        rows = list(rows)
        self.rows.append(len(rows))
        return self.hasher.transform(rows)


def test_the_words_of_a_corpus_are_counted_once(monkeypatch):
    counted = []
    monkeypatch.setattr(module, "count_tokens", lambda documents: counted.append(1) or count_tokens(documents))
    cross_validate(toy_corpus(), ReaderConfig(rounds=2), folds=3)
    assert counted == [1]


def test_cross_validation_never_teaches_who_is_asked():
    book = cross_validate(toy_corpus(), ONCE, folds=4)
    assert len(book.facts) == len({fact.question for fact in book.facts}) == 40
    assert sum(book.exact) >= 38


def test_the_built_in_people_are_read():
    corpus = built_in_corpus(PeopleConfig(count=200, seed=1))
    book = cross_validate(corpus, ONCE, folds=2)
    assert sum(book.exact) / len(book.exact) > 0.9


def test_two_choices_are_logistic_regression():
    """With one right and one wrong choice a document the model is a logistic regression on the difference."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(200, 2, 4))
    first_is_right = generator.random(200) < 1 / (1 + np.exp(-(x[:, 0] - x[:, 1]) @ [1.0, -2.0, 0.5, 0.0]))
    right = np.stack([first_is_right, ~first_is_right], axis=1).ravel()
    ours = conditional_logit(sparse.csr_matrix(x.reshape(400, 4)), right, np.arange(0, 400, 2), penalty=2.0)
    theirs = LogisticRegression(C=0.5, fit_intercept=False, tol=1e-8).fit(x[:, 0] - x[:, 1], first_is_right)
    np.testing.assert_allclose(ours, theirs.coef_[0], atol=1e-3)


def test_without_a_common_form_there_is_nothing_to_learn():
    corpus = toy_corpus()
    with pytest.raises(UserError, match="10 training questions of one form"):
        study(dataclasses.replace(corpus, train=corpus.train[:9]), ONCE)


def test_answers_that_stand_nowhere_are_refused():
    corpus = toy_corpus()
    absent = tuple(dataclasses.replace(fact, answers=("Atlantis",)) for fact in corpus.train)
    with pytest.raises(UserError, match="finds no training answer"):
        study(dataclasses.replace(corpus, train=absent), ONCE)


def two_forms(made, sorts, *, sort="red"):
    """Lines that name a sort and no maker, with so many training questions about either."""
    names = [f"Aa{number}" for number in range(12)]
    facts = [
        Fact(question=f"Who made {name}?", answers=("Bo Lind",), subject=name, line=1, relation="made")
        for name in names[:made]
    ] + [
        Fact(question=f"What sort is {name}?", answers=(sort,), subject=name, line=1, relation="sort")
        for name in names[:sorts]
    ]
    documents = [Document(subject=name, text=f"{name}. {name} is {sort} .", line=n) for n, name in enumerate(names, 1)]
    return Corpus(name="t", documents=tuple(documents), train=tuple(facts), dev=(), test=(), files={})


@pytest.mark.parametrize(
    "corpus",
    [
        two_forms(12, 4),  # the answers that stand in their documents are of a form that is too rare
        two_forms(12, 4, sort="red------hot"),
        two_forms(0, 12, sort="red------hot"),  # stands there, but is no run of words
        two_forms(4, 4),
    ],
    ids=["rare form", "rare and no words", "no words", "too few"],
)
def test_what_study_refuses_is_unreadable(corpus):
    reason = unreadable(corpus)
    assert reason is not None
    with pytest.raises(UserError) as refused:
        study(corpus, ONCE)
    assert str(refused.value) == reason


def test_a_form_whose_answers_stand_nowhere_is_passed_over():
    corpus = two_forms(12, 11)
    assert unreadable(corpus) is None
    assert [(card.subject, card.answer) for card in study(corpus, ONCE).cards] == [("Aa11", "red")]


def test_cross_validation_passes_over_the_forms_that_study_does():
    book = cross_validate(two_forms(12, 12), ONCE, folds=3)
    assert {fact.relation for fact in book.facts} == {"sort"}
    assert len(book.facts) == sum(book.exact) == 12
    with pytest.raises(UserError, match="finds no training answer of 'Who made"):
        cross_validate(two_forms(12, 4), ONCE, folds=3)


def test_nothing_is_read_where_the_other_folds_teach_nothing():
    corpus = two_forms(0, 12)
    train = [dataclasses.replace(fact, answers=("unread",)) for fact in corpus.train[1:]]
    book = cross_validate(dataclasses.replace(corpus, train=(corpus.train[0], *train)), ONCE, folds=3)
    assert len(book.facts) == 12
    unread = [fact for fact, reading in zip(book.facts, book.readings, strict=True) if reading.answer == ""]
    assert len(unread) >= 4
    assert corpus.train[0] in unread


def test_subjects_of_another_kind_get_no_cards():
    """Twelve countries with two relations, twelve elements with two of their own; one of each is not asked about."""
    kinds = {"Land": ("capital", "coin"), "Metal": ("symbol", "colour")}
    documents, facts = [], []
    for thing, relations in kinds.items():
        for number in range(12):
            name, value = f"{thing} {number}", PLACES[number % 5]
            text = f"{name}. Its {relations[0]} is {value} and its {relations[1]} Red{number % 4} ."
            documents.append(Document(subject=name, text=text, line=len(documents) + 1))
            for relation, answer in zip(relations, (value, f"Red{number % 4}"), strict=True):
                question = f"What is the {relation} of {name}?"
                facts.append(Fact(question=question, answers=(answer,), subject=name, line=1, relation=relation))
    train = [
        fact for fact in facts if fact.subject not in ("Land 11", "Metal 11") and fact.question != facts[0].question
    ]
    corpus = Corpus(name="t", documents=tuple(documents), train=tuple(train), dev=(), test=(), files={})
    asked = {(card.question.split()[3], card.subject) for card in study(corpus, ONCE).cards}
    free = {(relation, name) for pair in kinds.values() for relation in pair for name in ("Land 11", "Metal 11")}
    assert ("capital", "Land 0") in asked
    assert asked <= {("capital", "Land 0"), *free}
    alone = [fact for fact in train if fact.relation in ("capital", "symbol")]
    assert {("capital", "Metal 1"), ("symbol", "Land 1")} <= {
        (card.question.split()[3], card.subject)
        for card in study(
            dataclasses.replace(corpus, train=tuple(alone)), dataclasses.replace(ONCE, at_least=0.0)
        ).cards
    }


def test_short_subjects_are_whole_words_of_forms():
    facts = [
        Fact(question=f"What is the Colour of {subject} In Iron?", answers=("red",), subject=subject, line=1)
        for subject in ["I", "C"] * 8
    ]
    assert {form: len(found) for form, found in question_forms(facts).items()} == {
        "What is the Colour of {} In Iron?": 16
    }


def test_a_form_of_few_is_learned_from_its_relation():
    facts = [
        Fact(question=f"Where was P{n} born?", answers=("X",), subject=f"P{n}", line=1, relation="born")
        for n in range(12)
    ] + [
        Fact(question=f"Birthplace of Q{n}?", answers=("X",), subject=f"Q{n}", line=1, relation="born")
        for n in range(3)
    ]
    assert {form: len(found) for form, found in question_forms(facts).items()} == {
        "Where was {} born?": 12,
        "Birthplace of {}?": 15,
    }
    assert set(question_forms([*facts[:12], facts[-1]])) == {"Where was {} born?"}


def test_questions_are_as_small_as_those_of_training():
    foxes = [
        Fact(question=f"Where does the {color} fox live?", answers=("X",), subject=f"{color.title()} fox", line=1)
        for color in ("red", "grey", "white")
    ]
    assert questions_of("Where does the {} live?", foxes)("Arctic owl") == "Where does the arctic owl live?"
    assert questions_of("Where was {} born?", toy_corpus().train)("Ann Lee") == "Where was Ann Lee born?"


def test_forms_are_questions_without_their_subject():
    assert set(question_forms(toy_corpus().train)) == {"Where was {} born?"}


def test_the_reader_says_how_likely_it_is_that_a_document_does_not_tell():
    corpus = toy_corpus()
    silent = Document(subject="Ann Mute", text="Ann Mute. Ann Mute is a painter .", line=99)
    studied = study(dataclasses.replace(corpus, documents=(*corpus.documents, silent)), ONCE)
    cards = {card.subject: card for card in studied.cards}
    told = cards[corpus.dev[0].subject]
    assert told.none == pytest.approx(1 - sum(share for _, share in told.choices), abs=0.08)
    assert cards["Ann Mute"].none > 2 * told.none


def test_the_parts_of_a_long_document_are_read_together_and_namesakes_apart():
    def corpus(parts):
        documents = [("Ann Lee", f"Ann Lee. Part {number} of it.") for number in range(parts)]
        documents += [(f"S{number}", f"S{number}. It is.") for number in range(9)]
        rows = tuple(
            Document(subject=subject, text=text, line=line) for line, (subject, text) in enumerate(documents, 1)
        )
        return Corpus(name="toy", documents=rows, train=(), dev=(), test=(), files={})

    one = corpus(3)
    (read,) = Together(one).of(one.by_subject["Ann Lee"])
    assert (read.text, read.line) == ("Ann Lee. Part 0 of it. Part 1 of it. Part 2 of it.", 1)
    many = corpus(2 * MOST_TOKENS // 5)  # five words and marks a part
    assert len(Together(many).of(many.by_subject["Ann Lee"])) == 2
    namesakes = dataclasses.replace(
        one, documents=(*one.documents, *(dataclasses.replace(d, subject=f"T{d.line}") for d in one.documents))
    )
    assert len(Together(namesakes).of(namesakes.by_subject["Ann Lee"])) == 3
    assert Together(one).of(one.by_subject["S1"]) == one.by_subject["S1"]


def test_relations_without_a_card_are_named():
    facts = tuple(
        Fact(question=f"{form} of S{n}?", answers=("x",), subject=f"S{n}", line=1, relation=form)
        for form in ("A", "B")
        for n in range(3)
    )
    relations = tuple(Relation(name=name, forms=(f"{name} of {{}}?",), train=3 * (name != "C")) for name in "ABC")
    cards = (Card(question="A of S9?", subject="S9", answer="x", confidence=0.9, line=1),)
    corpus = Corpus(name="toy", documents=(), train=facts, dev=(), test=(), files={}, relations=relations, cards=cards)
    assert unstudied(corpus) == ["B"]
