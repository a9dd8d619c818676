"""`trace` from the command line."""

import json

import pytest

from tests.cli.conftest import NAMES, facts_about
from tests.cli.test_commands import call, refused

QUESTION, ANSWER = facts_about(NAMES[:1])[0]


def test_a_question_and_facts_become_one_page(toy, tmp_path, capsys):
    out = tmp_path / "out"
    files = ("--facts", toy.corpus / "train.tsv", "--count", "8", "--corpus", toy.corpus)
    code, printed, error = call(capsys, "trace", toy.run, QUESTION, *files, "--out", out)
    assert (code, error) == (0, "")
    assert f"{QUESTION}  {ANSWER}" in printed
    assert "Recall without each part" in printed
    page = (out / "trace.html").read_text(encoding="utf-8")
    report = json.loads((out / "trace.json").read_text(encoding="utf-8"))
    assert page.count("<svg") == len(report["views"]) == len(list(out.glob("*.svg")))
    assert call(capsys, "trace", toy.run, QUESTION, "--corpus", toy.corpus, "--out", out)[0] == 2


def test_a_subject_in_another_form_is_said(toy, capsys):
    name = NAMES[0]
    assert "which part of it is the subject?" in refused(capsys, "trace", toy.run, f"Capital, {name}")
    code, printed, _ = call(capsys, "trace", toy.run, f"Capital, {name}", "--subject", name)
    assert code == 0
    assert "Causal tracing" in printed


def test_foreign_models_are_refused(capsys):
    assert "runs of ours" in refused(capsys, "trace", "hf:somewhere", QUESTION)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "takes a question, --facts FILE, or both"),
        (["--facts", "FACTS", "--against", "Rome"], "--against has no effect without a question"),
        ([QUESTION, "--facts", "FACTS", "--layer", "1"], "--layer 1: the run has blocks 0 to 0"),
        ([QUESTION, "--facts", "FACTS", "--count", "0"], "--count: cannot be '0'; takes at least 1."),
        ([QUESTION, "--count", "5"], "--count has no effect without --facts"),
        ([QUESTION, "--ablate", "zero"], "--ablate has no effect without --facts"),
        ([QUESTION, "--layer", "0"], "--layer has no effect without subjects"),
        ([QUESTION, "--subject", ""], "not as whole words"),
        ([QUESTION, "--subject", "Nobody"], "not as whole words"),
        ([QUESTION, "--facts", "nowhere.tsv"], "nowhere.tsv"),
        ([QUESTION, "--facts", "FACTS", "--ablate", "noise"], "--ablate: cannot be 'noise'; takes mean or zero"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(arguments, sentence, toy, capsys):
    words = [str(toy.corpus / "train.tsv") if word == "FACTS" else word for word in arguments]
    assert sentence in refused(capsys, "trace", toy.run, *words)
