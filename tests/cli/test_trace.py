"""`trace` from the command line."""

import json
import shutil

import pytest

from closedbook.cli.trace import in_turn
from closedbook.facts.records import Fact
from tests.cli.conftest import NAMES, facts_about
from tests.cli.test_commands import call, refused

QUESTION, ANSWER = facts_about(NAMES[:1])[0]


def test_a_question_and_facts_become_one_page(toy, tmp_path, capsys):
    out = tmp_path / "out"
    files = ("--facts", toy.corpus / "train.tsv", "--count", "8", "--corpus", toy.corpus)
    code, printed, error = call(capsys, "trace", toy.run, QUESTION, *files, "--out", out)
    assert (code, error) == (0, "")
    lines = [line.strip() for line in printed.splitlines()]
    assert lines[lines.index(QUESTION) + 1].startswith(f"{ANSWER}, ")
    assert "where the answer comes from" in lines
    assert "depends on the name" in printed
    assert any(line.startswith("where the answers come from") for line in lines)
    assert any(
        line.split() == ["without", "recall", "points", "95", "%", "interval", "p", "capital", "paid"] for line in lines
    )
    page = (out / "trace.html").read_text(encoding="utf-8")
    report = json.loads((out / "trace.json").read_text(encoding="utf-8"))
    assert page.count("<svg") == len(report["views"]) == len(list(out.glob("*.svg")))
    assert report["facts"]["by_relation"]["capital"] == {"asked": 4, "right": 4}
    assert report["question"]["answer"] == ANSWER
    assert f"<b>{ANSWER}</b>" in page
    assert call(capsys, "trace", toy.run, QUESTION, "--corpus", toy.corpus, "--out", out)[0] == 2


def test_a_subject_in_another_form_is_said(toy, capsys):
    name = NAMES[0]
    assert "which part of it is the subject?" in refused(capsys, "trace", toy.run, f"Capital, {name}")
    code, printed, _ = call(capsys, "trace", toy.run, f"Capital, {name}", "--subject", name)
    assert code == 0
    assert f"noise on “{name}”" in printed


def test_a_run_knows_the_subjects_of_its_own_questions(toy, capsys):
    code, printed, _ = call(capsys, "trace", toy.run, QUESTION)
    assert code == 0
    assert f"noise on “{NAMES[0]}”" in printed


def test_a_corpus_that_is_not_the_runs_is_said_to_be_and_takes_nothing_away(toy, tmp_path, capsys):
    changed = tmp_path / "changed"
    shutil.copytree(toy.corpus, changed)
    with (changed / "corpus.txt").open("a", encoding="utf-8") as file:
        file.write("Zora. Zora is new .\n")
    for corpus, careful in (
        (toy.corpus, ""),
        (changed, "Careful: corpus.txt is not what the run was trained on."),
        ("people", "Careful: the run was not trained on this corpus."),
    ):
        code, printed, _ = call(capsys, "trace", toy.run, QUESTION, "--corpus", corpus)
        assert (code, "Careful" in printed, careful in printed) == (0, bool(careful), True), corpus


def test_the_built_in_corpus_has_its_name(toy, capsys):
    code, printed, _ = call(capsys, "trace", toy.run, QUESTION, "--corpus", "people", "--subject", NAMES[0])
    assert code == 0
    assert "Nearest to the name, for the model: " in printed


def test_facts_are_taken_from_every_relation_in_turn():
    facts = [Fact(question=relation, answers=(), subject="", relation=relation, line=1) for relation in "aaaabbbc"]
    assert "".join(fact.relation for fact in in_turn(facts, 5)) == "aabbc"
    assert in_turn(facts, 99) == facts


def test_foreign_models_are_refused(capsys):
    assert "one run of ours" in refused(capsys, "trace", "hf:somewhere", QUESTION)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "A question, --facts FILE or both must be given"),
        (["--facts", "FACTS", "--against", "Rome"], "--against has no effect without a question"),
        ([QUESTION, "--facts", "FACTS", "--layer", "1"], "--layer 1: the run has blocks 0 to 0"),
        ([QUESTION, "--facts", "FACTS", "--count", "0"], "--count: cannot be '0'; takes at least 1."),
        ([QUESTION, "--count", "5"], "--count has no effect without --facts"),
        ([QUESTION, "--ablate", "zero"], "--ablate has no effect without --facts"),
        ([QUESTION, "--layer", "0"], "--layer has no effect without subjects"),
        ([QUESTION, "--subject", ""], "not as whole words"),
        ([QUESTION, "--subject", "Nobody"], "nowhere"),
        ([QUESTION, "--facts", "nowhere.tsv"], "nowhere.tsv"),
        ([QUESTION, "--facts", "FACTS", "--ablate", "noise"], "--ablate: cannot be 'noise'; takes mean or zero"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(arguments, sentence, toy, capsys):
    words = [str(toy.corpus / "train.tsv") if word == "FACTS" else word for word in arguments]
    assert sentence in refused(capsys, "trace", toy.run, *words)
