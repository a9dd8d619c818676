"""Answers of several processes are those of one, in the order of the questions; the processes are pretended here."""

import contextlib
import pickle

import pytest

from closedbook import cli
from closedbook.cluster import pool as engines


class Pretended:
    """Makes its function from what could be sent elsewhere, and calls it batch by batch."""

    def answers(self, make, items, batch):
        function = pickle.loads(pickle.dumps(make))()
        for first in range(0, len(items), batch):
            yield from function(items[first : first + batch])


@pytest.fixture
def pretended(monkeypatch):
    monkeypatch.setattr(engines, "opened", lambda request: contextlib.nullcontext(Pretended()))


def predict(model, facts, out, *more):
    return cli.main(["predict", str(model), "--facts", str(facts), "--out", str(out), "--threads", "1", *more])


def questions(path, toy, last=""):
    """More than a process gets at a time."""
    lines = (toy.corpus / "dev.tsv").read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines * 40, *([last] if last else [])]) + "\n", encoding="utf-8")
    return path


def test_answers_of_several_processes_are_those_of_one(toy, pretended, tmp_path, capsys):
    facts = questions(tmp_path / "facts.tsv", toy)
    assert predict(toy.run, facts, tmp_path / "one") == 0
    assert predict(toy.run, facts, tmp_path / "two", "--workers", "2") == 0
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert "480 answers in" in capsys.readouterr().out


def test_a_question_that_is_refused_elsewhere_has_its_own_number(toy, pretended, tmp_path, capsys):
    facts = questions(tmp_path / "facts.tsv", toy, "What is the capital of " + "Xyz " * 200 + "?\tnothing")
    sentences = []
    for more in ((), ("--workers", "2")):
        assert predict(toy.run, facts, tmp_path / "out", *more) == 2
        sentences.append(capsys.readouterr().err)
    assert "facts.tsv, question 481: " in sentences[0]
    assert sentences[1] == sentences[0]
    assert not (tmp_path / "out").exists()


def test_a_model_that_cannot_be_loaded_elsewhere_is_a_sentence(toy, pretended, tmp_path, capsys):
    facts = questions(tmp_path / "facts.tsv", toy)
    assert predict(tmp_path / "nothing", facts, tmp_path / "out", "--workers", "2") == 2
    assert "nothing" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
