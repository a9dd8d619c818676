"""What comes after the readers takes whatever they let through."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from closedbook.config import ReaderConfig
from closedbook.errors import UserError
from closedbook.evaluation.scorers import contained_match, normalised_match
from closedbook.evaluation.sentences import answer_span, refuses
from closedbook.evaluation.spelling import normalise
from closedbook.facts.answers import kind_of_answer
from closedbook.facts.corpus import read_directory
from closedbook.facts.coverage import asked_kinds, coverage, coverage_lines
from closedbook.facts.description import describe
from closedbook.facts.forms import places, possible_forms, slot_of
from closedbook.facts.naming import form_key, label, new_name, other_spellings
from closedbook.facts.records import Document, Fact
from closedbook.facts.relations import format_relations, parse_relations
from closedbook.facts.shapes import answer_shape
from closedbook.facts.spans import spans
from closedbook.facts.splits import hold_out
from closedbook.facts.titles import subjects_in, title
from closedbook.report.console import say
from closedbook.selfstudy.study import study
from closedbook.visible import in_a_line, in_a_sentence, visible
from tests.fuzz import inputs

pytestmark = pytest.mark.fuzz
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@given(text=inputs.text)
def test_titles_and_subjects(text):
    name = title(text)
    assert text.startswith(name)
    assert len(name) <= 500
    question = text[:2000]
    known = {name, question[:1], question.split(" ")[0], question.strip()} - {""}
    for subject in subjects_in(question, known):
        assert subject in known
        for form in possible_forms(question, subject):
            assert "{}" in form
            form_key(form), label([form]), new_name(form, set()), other_spellings(form)
            assert slot_of(question, form) is not None or form.count("{}") > 1 or subject.lower() in question.lower()
        assert all(
            question[start : start + len(subject)].lower() == subject.lower() for start in places(question, subject)
        )


@given(text=inputs.one_line, answer=inputs.one_line, question=inputs.one_line)
def test_scorers(text, answer, question):
    fact = Fact(question=question, answers=(answer or "a",), subject=question[:5], line=1, relation="r")
    start, end = answer_span(question, text)
    assert 0 <= start <= end <= len(text)
    assert bool(normalise(text)) == bool(text.strip())
    assert contained_match({"r": [answer or "a", "Paris", "1"]})(answer or "a", fact).correct
    assert normalised_match(answer or "a", fact).correct
    contained_match({"r": ["Paris", text]})(text, fact)
    refuses(text), kind_of_answer(text), answer_shape(text)


@given(text=inputs.text | st.text(max_size=50))
def test_the_console_is_not_steered(text, capsys):
    for spelled in (visible(text), in_a_line(text), in_a_sentence(text)):
        assert not STEERING.search(spelled)
        spelled.encode()
    say(text)
    assert not STEERING.search(capsys.readouterr().out)


names = st.lists(inputs.one_line.filter(str.strip), min_size=3, max_size=6, unique=True)


@given(names=names, answers=st.lists(inputs.one_line.filter(str.strip), min_size=1, max_size=3), frame=inputs.one_line)
def test_a_corpus_of_strange_names_is_understood_or_refused(tmp_path_factory, names, answers, frame):
    folder = tmp_path_factory.mktemp("corpus")
    pairs = [(f"What is {frame} {name} {frame}?", answers[number % len(answers)]) for number, name in enumerate(names)]
    documents = "".join(f"{name}. {name} {frame} {answer}.\n" for name, (_, answer) in zip(names, pairs, strict=True))
    for file, content in {
        "corpus.txt": documents,
        "train.tsv": "".join(f"{question}\t{answer}\n" for question, answer in pairs * 4),
        "dev.tsv": "".join(f"{question}\t{answer}\n" for question, answer in pairs[:2]),
    }.items():
        (folder / file).write_text(content, encoding="utf-8")
    with contextlib.suppress(UserError):
        corpus = read_directory(folder)
        corpus.summary().to_json(), describe(corpus)
        parse_relations(format_relations(corpus.relations), "relations.toml")
        coverage_lines(coverage(corpus, asked_kinds(corpus)))
        with contextlib.suppress(UserError):
            hold_out(corpus, corpus.train, 1)
        with contextlib.suppress(UserError):
            study(corpus, ReaderConfig(rounds=1))


@given(
    text=inputs.one_line.filter(str.strip), answers=st.lists(inputs.one_line.filter(str.strip), min_size=1, max_size=4)
)
def test_spans_are_parts_of_the_line(text, answers):
    from closedbook.facts.span_kinds import learn_kinds

    document = Document(subject=title(text), text=text, line=1)
    kinds = learn_kinds([("r", answer, [document]) for answer in answers * 2], [("r", "date", ())])
    for span in spans(document, kinds, 4):
        assert 0 <= span.context <= span.start < span.end <= len(text)
