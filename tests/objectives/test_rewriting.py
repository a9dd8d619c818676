import dataclasses

from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Card, Document, Fact
from closedbook.objectives.rewriting import clauses

NAMES = ["Ann Lee", "Bo Day", "Cy Fox", "Di Roe"]


def fact(name, form, answer):
    return Fact(question=form.format(name), answers=(answer,), subject=name, line=1)


CORPUS = Corpus(
    name="toy",
    documents=tuple(
        Document(subject=name, text=f"{name}. {name} was born in Rome and worked at Acme .", line=1) for name in NAMES
    ),
    train=(
        *(fact(name, "Where was {} born?", "Rome") for name in NAMES[:2]),
        *(fact(name, "Who employed {}?", "Acme") for name in NAMES[:2]),
    ),
    dev=(),
    test=(),
    files={},
    cards=(Card(question="Where was Cy Fox born?", subject="Cy Fox", answer="Rome", confidence=1.0, line=3),),
)


def test_every_subject_with_an_answer_gets_the_wordings_of_its_question():
    found = clauses(CORPUS, 1)
    assert [clause for clause in found if clause[1] == "Rome"] == [
        (f"{name} was born in", "Rome") for name in NAMES[:3]
    ]
    employed = [clause for clause in found if clause[1] == "Acme"]
    assert employed == [(f"{name} was born in Rome and worked at", "Acme") for name in NAMES[:2]]


def test_a_wording_must_be_shared():
    lone = Corpus(name="toy", documents=CORPUS.documents, train=CORPUS.train[:1], dev=(), test=(), files={})
    assert clauses(lone, 3) == []


def test_short_subjects_are_found_as_whole_words():
    names = ["I", "In"]
    corpus = dataclasses.replace(
        CORPUS,
        documents=tuple(
            Document(subject=name, text=f"{name}. Inside, Ions: {name} melts in Rome .", line=1) for name in names
        ),
        train=tuple(fact(name, "Who sees Ingots of {} melt?", "Rome") for name in names),
        cards=(Card(question="Who sees Ingots of C melt?", subject="C", answer="Bern", confidence=1.0, line=3),),
    )
    assert clauses(corpus, 1) == [("I melts in", "Rome"), ("In melts in", "Rome"), ("C melts in", "Bern")]
