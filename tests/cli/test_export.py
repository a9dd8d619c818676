"""`closedbook export` and `closedbook import` as a user calls them, with good and with bad input."""

import shutil

import pytest
import torch
from benchmarks.course import CharCorruption, CourseGPT

from tests.cli.test_commands import call, refused


def test_a_run_is_passed_on_and_asked_again(toy, tmp_path, capsys):
    facts, out = toy.corpus / "train.tsv", tmp_path / "passed"
    code, printed, _ = call(capsys, "export", toy.run, "--to", "hf", out, "--facts", facts, "--threads", 1)
    assert code == 0
    assert f"GPT2LMHeadModel in {out}, its logits are the run's" in printed
    assert "These are the questions that it was trained on" in (out / "README.md").read_text(encoding="utf-8")
    figure = printed.split(" parameters: ")[1].splitlines()[0]
    asked = ("--facts", facts, "--match", "exact", "--precision", "fp32", "--threads", 1)
    code, printed, _ = call(capsys, "evaluate", f"hf:{out}", *asked)
    assert code == 0
    assert figure in printed


def test_a_file_says_whether_its_answers_were_compared(toy, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("closedbook.hub.export.is_installed", lambda: False)
    code, printed, _ = call(capsys, "export", toy.run, "--to", "gguf", tmp_path / "a.gguf", "--threads", 1)
    assert code == 0
    assert "its answers not compared" in printed
    facts = ("--facts", toy.corpus / "train.tsv", "--threads", 1)
    code, printed, _ = call(capsys, "export", toy.run, "--to", "gguf", tmp_path / "b.gguf", *facts)
    assert code == 0
    assert "the run with llama.cpp's GELU gives the run's answers to 36 questions" in printed


def test_bad_input_to_export_is_one_sentence(toy, tmp_path, capsys):
    out = tmp_path / "out"
    assert "no such run" in refused(capsys, "export", tmp_path / "none", "--to", "hf", out)
    assert "--to must be given" in refused(capsys, "export", toy.run, out)
    assert "OUT must be given" in refused(capsys, "export", toy.run, "--to", "hf")
    assert "--to" in refused(capsys, "export", toy.run, "--to", "onnx", out)
    assert "exists already; choose another place" in refused(
        capsys, "export", toy.run, "--to", "gguf", toy.corpus / "dev.tsv"
    )
    assert "no such file" in refused(capsys, "export", toy.run, "--to", "hf", out, "--facts", tmp_path / "none.tsv")
    assert not out.exists()


@pytest.fixture
def course_corpus(toy, tmp_path):
    """The toy's, with the characters of its questions in the documents, as the course's vocabulary wants it."""
    shutil.copytree(toy.corpus, tmp_path / "mine")
    with (tmp_path / "mine" / "corpus.txt").open("a", encoding="utf-8") as file:
        file.write("What of the quick brown fox, which jumps over my lazy dog? Is it paid with a coin?\n")
    return tmp_path / "mine"


@pytest.fixture
def course_file(course_corpus, tmp_path):
    rows = CharCorruption((course_corpus / "corpus.txt").read_text(encoding="utf-8"), 64)
    torch.save(CourseGPT(len(rows.vocabulary), layers=1, heads=2, width=16, block=64).state_dict(), tmp_path / "m.pt")
    return tmp_path / "m.pt"


def test_a_course_file_becomes_a_run_that_is_evaluated(toy, course_corpus, course_file, tmp_path, capsys):
    out = tmp_path / "run"
    code, printed, _ = call(capsys, "import", course_file, "--corpus", course_corpus, "--out", out, "--heads", 2)
    assert code == 0
    assert "1 layer, 2 heads, learned positions" in printed
    code, printed, said = call(capsys, "evaluate", out, "--facts", toy.corpus / "dev.tsv")
    assert code == 0, said
    assert "recipe imported" in printed


def test_bad_input_to_import_is_one_sentence(toy, course_corpus, course_file, tmp_path, capsys):
    out, good = ("--out", tmp_path / "run"), ("--corpus", course_corpus)
    assert "--corpus must be given" in refused(capsys, "import", course_file, *out)
    assert "no such file" in refused(capsys, "import", tmp_path / "none.pt", *good, *out)
    assert "must divide model.width" in refused(capsys, "import", course_file, *good, *out, "--heads", 3)
    assert "not weights alone" in refused(capsys, "import", toy.corpus / "dev.tsv", *good, *out)
    assert "exists already" in refused(capsys, "import", course_file, *good, "--out", toy.run)
    other = tmp_path / "other"
    shutil.copytree(toy.corpus, other)
    (other / "corpus.txt").write_text("Żółw. A zoo.\n", encoding="utf-8")
    assert "it was pretrained on another file" in refused(capsys, "import", course_file, "--corpus", other, *out)
    assert not (tmp_path / "run").exists()
