"""What a file may hold (docs/limits.md), and that time grows with its length and not with the square of it."""

import json
import os
import socket
import time

import pytest

from closedbook.errors import UserError
from closedbook.evaluation.scorers import contained_match
from closedbook.evaluation.sentences import answer_span, refuses
from closedbook.evaluation.spelling import normalise
from closedbook.facts import markdown
from closedbook.facts.documents import Source, read_sources, windowed
from closedbook.facts.doubts import doubts
from closedbook.facts.forms import possible_forms
from closedbook.facts.naming import form_key, label, new_name
from closedbook.facts.readers import read_facts
from closedbook.facts.records import Document, Fact
from closedbook.facts.relations import parse_relations, read_relations
from closedbook.facts.shapes import answer_shape
from closedbook.facts.spans import SpanKinds, spans
from closedbook.facts.text import MOST_LINE, composed, read_text
from closedbook.facts.titles import subjects_in, title
from closedbook.selfstudy.candidates import MOST_TOKENS, tokens


def pipe(path):
    os.mkfifo(path)


def listening(path):
    socket.socket(socket.AF_UNIX).bind(str(path))


def endless(path):
    path.symlink_to("/dev/zero")


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize(("make", "kind"), [(pipe, "a pipe"), (listening, "a socket"), (endless, "a device")])
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path, monkeypatch, make, kind):
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    for read in (read_facts, read_sources, read_relations, read_text):
        path = tmp_path / f"{read.__name__}.txt"
        make(path.relative_to(tmp_path))
        with pytest.raises(UserError, match=f"{path.name}: {kind}; it must be a file"):
            read(path)
    (tmp_path / "pages").mkdir()
    make((tmp_path / "pages" / "a.txt").relative_to(tmp_path))
    with pytest.raises(UserError, match=f"a.txt: {kind}; it must be a file"):
        read_sources(tmp_path / "pages")


def test_a_line_without_end_is_read_no_further_than_its_limit(tmp_path):
    path = tmp_path / "f.tsv"
    with path.open("wb") as file:
        file.write(b"Q?\tA\n")
        file.truncate(2**40)  # takes no room on the disk
    with pytest.raises(UserError, match=r"f\.tsv, line 2: longer than 4 MB, which no line may be"):
        read_facts(path)


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_many_lines_may_be_longer_together(tmp_path, end):
    (tmp_path / "t").write_text(("a" * (MOST_LINE // 4) + end) * 8, newline="")
    assert read_text(tmp_path / "t") == ("a" * (MOST_LINE // 4) + "\n") * 8


def test_marks_of_byte_order_go_where_files_were_joined(tmp_path):
    (tmp_path / "t").write_text("\ufeffa\n\ufeffb\n")
    assert read_text(tmp_path / "t") == "a\nb\n"


def good(**fields):
    return json.dumps({"question": "Q?", "answer": "A", **fields})


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (good(**{f"k{number}": 1 for number in range(200_000)}), "an object of 200,002 keys"),
        (good(**{f"k{number}": 1 for number in range(2_000)}), "an object of 2,002 keys; a record has at most 1,000"),
        ('{"question": ' + "[" * 100_000, "it is nested too deeply"),
        (json.dumps({"question": "Q?", "answers": "[" * 100_000}), "'answers': JSON that cannot be read"),
        ('{"question": "\\ud800", "answer": "A"}', "half a character"),
        ('{"\\udfff": 1}', "half a character"),
        ('{"question": "Q?", "answer": ' + "1" * 10**5 + "}", "a number of 100,000 digits"),
        ('{"question": "Q?", "answer": "A", "popularity": ' + "1" * 390 + "}", "'popularity' must be a number"),
        ('{"question": "Q?", "answer": 1e999}', "1e999 is too large a number"),
        ('{"question": "Q?", "answer": NaN}', "NaN is no number"),
        ('{"question": "Q?", "answers": "[NaN]"}', "NaN is no number"),
        ('{"question": "Q?", "question": "R?"}', "the key 'question' stands there twice"),
        ('{"question": null, "answer": "A"}', "'question' must be a string that is not empty"),
        (good(subject="x" * 501), "a subject of 501 characters"),
        (good(relation="x" * 10_001), "a question or answer of 10,001 characters"),
        (good(answer="a" + "\u0323\u0301" * 1000), "more than 30 accents on one letter"),
        (json.dumps({"question": "Q?", "answer": "a" + "\u0323" * 31}, ensure_ascii=False), "more than 30 accents"),
    ],
)
def test_a_record_that_cannot_be_meant_is_refused(tmp_path, line, why):
    (tmp_path / "f.jsonl").write_text(good() + "\n" + line + "\n")
    with pytest.raises(UserError, match=r"f\.jsonl, line [12]\b.*" + why):
        read_facts(tmp_path / "f.jsonl")


def test_a_table_of_too_many_columns_is_refused(tmp_path):
    (tmp_path / "f.csv").write_text(",".join(f"c{number}" for number in range(200_000)) + "\n")
    with pytest.raises(UserError, match="line 1: 200,000 columns; a table has at most 1,000"):
        read_facts(tmp_path / "f.csv")
    (tmp_path / "f.tsv").write_text("a\t" * 500_000 + "\n")
    with pytest.raises(UserError, match="line 1: 500000 tabs"):
        read_facts(tmp_path / "f.tsv")


def test_a_title_of_a_document_is_no_text(tmp_path):
    (tmp_path / "c.jsonl").write_text(json.dumps({"title": "x" * 501, "text": "A text."}) + "\n")
    with pytest.raises(UserError, match="line 1: a title of 501 characters"):
        read_sources(tmp_path / "c.jsonl")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a = " + "[" * 100_000, "nested too deeply"),
        ("a = " + "1" * 10**5, "a number has too many digits"),
        ("a." * 20_000 + "a = 1", "a key of more than 50 parts"),
        ('a = {"b" . ' + "'c'. " * 20_000 + "d = 1}", "a key of more than 50 parts"),
        ('[[relation]]\nname = "a"\nforms = ["{}' + "x" * 10_000 + '"]', "'forms' holds more than 10,000 characters"),
    ],
)
def test_relations_that_cannot_be_meant_are_refused(text, why):
    with pytest.raises(UserError, match=f"^r.toml.*{why}"):
        parse_relations(text, "r.toml")


def test_a_word_without_end_makes_no_window_without_end():
    documents = windowed([Source("a", "a. " + "b" * 100_000, 1, True)]).documents
    assert "".join(document.text.removeprefix("a. ") for document in documents) == "b" * 100_000
    assert max(len(document.text) for document in documents) < 20_000
    assert len(tokens(Document(subject="", text="1 " * 5000, line=1))) == MOST_TOKENS


def test_a_title_ends_where_no_name_would():
    assert title("x" * 500 + ". It") == "x" * 500
    assert title("x" * 501 + ". It") == ""
    assert title("." * 1000) == ""


def test_a_subject_that_stands_everywhere_makes_one_form():
    assert len(possible_forms("a " * 20, "a")) == 21
    assert possible_forms("a " * 21, "a") == ["{} " * 21]
    names = {f"N{number}" for number in range(200)}
    assert len(subjects_in(" ".join(sorted(names)), names)) == 50


def seconds(function, argument):
    """Of the processor, at best."""
    times = []
    for _ in range(2):
        start = time.process_time()
        function(argument)
        times.append(time.process_time() - start)
    return min(times)


def fact(**fields):
    return Fact(**{"question": "Q?", "answers": ("a",), "subject": "a", "line": 1, **fields})


KINDS = SpanKinds(shapes=frozenset({"x x", "0 X 0"}), rare_shapes=frozenset({"X (0)"}), inner=frozenset({1, 2}))
CONTAINED = contained_match({"": ["a", "b", "c 1"]})


def windows_and_spans(text):
    for document in windowed([Source(title(text), text, 1)]).documents[:40]:
        spans(document, KINDS, 4)


def form_names(text):
    for form in possible_forms(text, "a"):
        form_key(form), label([form]), new_name(form, set())


def doubt(text):
    return doubts({"r": {"forms": (text + "{}",)}}, [fact(question=f"{text} a {end}?") for end in "xxyy"], (), {}, "r")


PLACES = {
    title: ("a.\t", "A. ", "St. ", "a. ", "."),
    lambda text: subjects_in(text, {"a", "A", "St."}): ("(", "((a ", "a "),
    form_names: ("a ", "a", "(a"),
    windows_and_spans: ("St. ", "a-", "X ", "1,", "国。", '".'),
    markdown.parts: (
        "[",
        "![",
        "`",
        " ",
        "<!--",
        "<script ",
        "<style></style ",
        "<b <b>",
        "- ",
        "|-",
        "a|\n",
        "> ",
        "1. ",
        "```\n",
    ),
    markdown.split_heading: ("# ", " ", "#", "=\n"),
    lambda text: markdown.parts(f"a{text}b"): (" ", "\t"),
    answer_shape: ("1", "-", "X, "),
    normalise: ("-", "+-", "1,111,", "1."),
    lambda text: CONTAINED(text, fact()): ("A. ", "a1 ", "+", "not a "),
    lambda text: CONTAINED("a is " + text, fact(question=text, answers=("b",))): ("-", "is a "),
    lambda text: answer_span("What is the capital of a?", text): ("Answer ", "。", "X "),
    refuses: ("I do not ", "i am not ", "is "),
    doubt: ("ab ", "a"),
    lambda text: composed("é" + text, "t"): ("\u3000", "ア"),
}


@pytest.mark.parametrize(
    ("function", "atom"),
    [
        pytest.param(function, atom, marks=[] if number < 2 else [pytest.mark.slow])
        for function, atoms in PLACES.items()
        for number, atom in enumerate(atoms)
    ],
    ids=lambda part: getattr(part, "__name__", repr(part)),
)
def test_twelve_times_the_text_takes_no_more_than_thirty_times_as_long(function, atom):
    short, long = (atom * (size // len(atom)) for size in (1_000, 12_000))
    least = 0.002  # below which a clock tells nothing
    assert seconds(function, long) < 30 * max(seconds(function, short), least)
