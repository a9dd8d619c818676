import json

import pytest

from closedbook.errors import UserError
from closedbook.facts.readers import read_corpus, read_facts


def write(path, data):
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


@pytest.mark.parametrize(
    "data",
    ["Q1?\tA\nQ2?\tÉ\n", "Q1?\tA\nQ2?\tÉ", "Q1?\tA\r\nQ2?\tÉ\r\n", "\ufeffQ1?\tA\nQ2?\tÉ\n", "Q1?\tA\n\nQ2?\tÉ\n"],
    ids=["plain", "no final newline", "CRLF", "BOM", "blank line"],
)
def test_line_ends_and_marks_are_read_as_meant(tmp_path, data):
    facts = read_facts(write(tmp_path / "f.tsv", data))
    assert [(fact.question, fact.answers) for fact in facts] == [("Q1?", ("A",)), ("Q2?", ("É",))]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("f.tsv", "Q1?\tA\nQ2?\n", "f.tsv, line 2: no tab"),
        ("f.tsv", "Q1?\tA\nQ2?\t \n", "f.tsv, line 2: the answer is empty"),
        ("f.tsv", "\tA\n", "f.tsv, line 1: the question is empty"),
        ("f.tsv", "Q?\tA\tB\n", "f.tsv, line 1: 2 tabs"),
        ("f.tsv", b"Q?\tA\nQ?\t\xff\n", "f.tsv, line 2: not UTF-8"),
        ("f.tsv", "\n \n", "f.tsv: no questions"),
        ("f.jsonl", "{\n", "f.jsonl, line 1: not JSON"),
        ("f.jsonl", "[1]\n", "line 1: not an object"),
        ("f.jsonl", "[" * 100_000 + "\n", "line 1: JSON that cannot be read"),
        (
            "f.jsonl",
            '{"question": "Q", "answer": "A", "sbject": "S"}\n',
            "unknown key 'sbject' .did you mean 'subject'",
        ),
        ("f.jsonl", '{"question": "", "answer": "A"}\n', "'question' must be"),
        ("f.jsonl", '{"question": "Q", "answer": []}\n', "'answer' must be"),
        ("f.jsonl", '{"question": "Q", "answer": ["A", ""]}\n', "'answer' must be"),
        ("f.jsonl", '{"question": "Q", "answer": "A", "subject": 3}\n', "'subject' must be"),
        ("f.jsonl", json.dumps({"question": "Q\tR", "answer": "A"}) + "\n", "holds a tab"),
    ],
)
def test_bad_facts_are_refused_with_their_place(tmp_path, name, data, message):
    with pytest.raises(UserError, match=message.replace("[", r"\[")):
        read_facts(write(tmp_path / name, data))


def test_jsonl_takes_one_answer_or_several(tmp_path):
    lines = [
        {"question": "Q1?", "answer": "A"},
        {"question": "Q2?", "answer": ["B", "C"], "subject": "S"},
    ]
    facts = read_facts(write(tmp_path / "f.jsonl", "\n".join(map(json.dumps, lines))))
    assert [(fact.answers, fact.subject) for fact in facts] == [(("A",), ""), (("B", "C"), "S")]


def test_questions_without_answers_are_read_where_none_are_needed(tmp_path):
    facts = read_facts(write(tmp_path / "f.tsv", "Q1?\nQ2?\tA\nQ3?\t\n"), answers_required=False)
    assert [fact.answers for fact in facts] == [(), ("A",), ()]
    with pytest.raises(UserError, match="line 2: blank"):
        read_facts(write(tmp_path / "f.tsv", "Q1?\n\nQ2?\n"), answers_required=False)


def test_an_empty_or_missing_corpus_is_refused(tmp_path):
    with pytest.raises(UserError, match="the corpus is empty"):
        read_corpus(write(tmp_path / "c.txt", " \n\n"))
    with pytest.raises(UserError, match="no such file"):
        read_corpus(tmp_path / "none.txt")


def test_documents_keep_their_line_and_text(tmp_path):
    documents = read_corpus(write(tmp_path / "c.txt", "Ann Lee. Ünïcode  kept .\n\nBo. B .\n"))
    assert [(d.subject, d.text, d.line) for d in documents] == [
        ("Ann Lee", "Ann Lee. Ünïcode  kept .", 1),
        ("Bo", "Bo. B .", 3),
    ]
