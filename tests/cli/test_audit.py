"""`audit`, and what `ask` and `predict` do with its threshold."""

import dataclasses
import json
import shutil

import pytest

from closedbook.audit.abstention import Abstention, save
from closedbook.cli.shared import WithModel
from closedbook.errors import UserError
from closedbook.evaluation.form import Form
from closedbook.facts.corpus import sha256
from closedbook.runs import load
from tests.cli.conftest import NAMES, write_facts
from tests.cli.test_commands import call, refused
from tests.toys import resealed


@pytest.fixture
def model(toy, tmp_path):
    """A copy of the run, so that thresholds do not stay."""
    return shutil.copytree(toy.run, tmp_path / "model")


@pytest.fixture
def files(toy, tmp_path):
    """Facts that it knows, other ones to calibrate on, and the documents alone."""
    write_facts(tmp_path / "facts.tsv", NAMES[:8])
    write_facts(tmp_path / "calibration.tsv", NAMES[8:18])
    shutil.copyfile(toy.corpus / "corpus.txt", tmp_path / "corpus.txt")
    return tmp_path


def threshold(model, value):
    """A threshold for the model's own weights."""
    return Abstention(
        signal="sequence_probability",
        threshold=value,
        target=0.9,
        delta=0.05,
        samples=0,
        calibration_facts=9,
        answered=5,
        wrong=0,
        bound=0.1,
        made="today",
        forms=("What is the capital of {}?",),
        weights_sha256=sha256(model / "model.safetensors"),
    )


def test_an_audit_from_the_command_line(model, files, capsys):
    arguments = (
        *("audit", model, "--facts", files / "facts.tsv", "--corpus", files / "corpus.txt"),
        *("--calibration", files / "calibration.tsv", "--target", "0.5"),
        *("--names", "1", "--samples", "2", "--out", files / "audit"),
    )
    code, printed, error = call(capsys, *arguments)
    assert (code, error) == (0, "")
    assert "elieve it" in printed
    assert "the training questions are not known" in printed
    report = json.loads((files / "audit" / "audit.json").read_text(encoding="utf-8"))
    assert report["provenance"]["files"]["facts"] == [str(files / "facts.tsv"), sha256(files / "facts.tsv")]
    assert [relation["accuracy"]["correct"]["hits"] for relation in report["by_relation"]] == [8, 8]
    assert len((files / "audit" / "answers.jsonl").read_text(encoding="utf-8").splitlines()) == 16
    assert (files / "audit" / "audit.html").is_file()
    assert json.loads((model / "abstention.json").read_text(encoding="utf-8"))["weights_sha256"]


def test_the_built_in_corpus_is_read_by_its_name(model, files, capsys):
    arguments = ("audit", model, "--facts", files / "facts.tsv", "--names", "0", "--samples", "1", "--corpus", "people")
    code, printed, _ = call(capsys, *arguments, "--out", files / "audit")
    assert code == 0
    assert "the run was not trained on this corpus" in printed
    report = json.loads((files / "audit" / "audit.json").read_text(encoding="utf-8"))
    assert report["provenance"]["corpus"] == "people"
    assert "train.tsv" in report["provenance"]["corpus_files"]


def test_documents_alone_are_about_the_subjects_that_they_begin_with(model, files, capsys):
    text = (files / "corpus.txt").read_text(encoding="utf-8")
    (files / "untitled.txt").write_text("".join(f"{line.split('. ', 1)[1]}\n" for line in text.splitlines()))
    arguments = ("audit", model, "--facts", files / "facts.tsv", "--names", "0", "--samples", "1")
    assert call(capsys, *arguments, "--corpus", files / "untitled.txt", "--out", files / "audit")[0] == 0
    report = json.loads((files / "audit" / "audit.json").read_text(encoding="utf-8"))
    assert report["stored"]["recall"]["in_document"]["yes"]["total"] == 16


def test_an_audit_may_be_repeated_and_keeps_the_threshold(model, files, capsys):
    save(threshold(model, 0.5), model / "abstention.json")
    arguments = ("audit", model, "--facts", files / "facts.tsv", "--names", "0", "--samples", "1")
    for _ in range(2):
        code, printed, _ = call(capsys, *arguments, "--out", files / "audit")
        assert code == 0
        assert "The threshold of an earlier audit stays in force" in printed
    assert "audit.html, in place of an earlier one" in printed


@pytest.mark.parametrize(
    ("part", "both", "taught"), [("train", [], 36), ("dev", [], 0), ("test", [], 0), ("dev", ["Who?"], None)]
)
def test_a_run_knows_which_files_it_was_trained_on(model, toy, tmp_path, capsys, part, both, taught):
    facts = toy.corpus / ("train.tsv" if part == "train" else "dev.tsv")
    environment = json.loads((model / "environment.json").read_text(encoding="utf-8"))
    environment["corpus"]["files"] = {"facts.tsv": {"sha256": sha256(facts), "part": part, "known_as": None}}
    environment["corpus"]["dev_questions_in_train"] = both
    (model / "environment.json").write_text(json.dumps(environment), encoding="utf-8")
    resealed(model)
    arguments = ("audit", model, "--facts", facts, "--names", "0", "--samples", "1", "--target", "0.01")
    code, printed, _ = call(capsys, *arguments, "--out", tmp_path / "audit")
    assert code == 0
    report = json.loads((tmp_path / "audit" / "audit.json").read_text(encoding="utf-8"))
    assert report["taught"] == taught
    assert ("was not checked" in printed) == ("which is not known" in printed) == (taught is None)


def test_only_files_that_a_run_does_not_know_are_unchecked(model, toy, files, capsys):
    arguments = ("audit", model, "--facts", toy.corpus / "dev.tsv", "--names", "0", "--samples", "1")
    more = ("--calibration", files / "calibration.tsv", "--out", files / "audit")
    code, printed, _ = call(capsys, *arguments, *more)
    assert code == 0
    assert "so whether the calibration facts were among them was not checked" in printed


def test_a_template_is_that_of_the_threshold_however_its_line_break_is_written(model, monkeypatch):
    monkeypatch.setattr("closedbook.hub.fingerprint", lambda name: sha256(model / "model.safetensors"))
    save(dataclasses.replace(threshold(model, 0.5), form=Form(template="Q: {}\nA:")), model / "abstention.json")
    for written in ("Q: {}\\nA:", "Q: {}\nA:"):
        assert WithModel(model=f"hf:{model}", template=written).threshold().threshold == 0.5
    with pytest.raises(UserError, match="ask so, or --always"):
        WithModel(model=f"hf:{model}", template="A: {}").threshold()


def test_ask_says_i_dont_know_and_why(model, capsys):
    question = "What is the capital of Nowhereland?"
    answer = load(model).ask(question)
    assert call(capsys, "ask", model, question)[1].strip() == answer
    save(threshold(model, 0.99999999), model / "abstention.json")
    code, printed, reason = call(capsys, "ask", model, question)
    assert (code, printed) == (0, "I don't know\n")
    assert "is below 1, the threshold for 90 % right answers" in reason
    assert "careful" not in reason
    assert call(capsys, "ask", model, question, "--always")[1].strip() == answer
    save(threshold(model, 0.0), model / "abstention.json")
    code, _, reason = call(capsys, "ask", model, "Who rules Nowhereland?")
    assert "careful: the threshold is for questions like What is the capital of {}?" in reason
    (model / "abstention.json").write_text('{"signal": 3}')
    assert "damaged" in refused(capsys, "ask", model, question)


def test_a_threshold_for_other_weights_is_refused(model, toy, capsys):
    save(threshold(model, 0.5), model / "abstention.json")
    weights = bytearray((model / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (model / "model.safetensors").write_bytes(weights)
    assert "was chosen for other weights" in refused(capsys, "ask", model, "What is the capital of Nowhereland?")


def test_predict_abstains_when_told_to(model, files, capsys):
    questions, out = files / "facts.tsv", files / "answers.txt"
    error = refused(capsys, "predict", model, "--facts", questions, "--out", out, "--abstain")
    assert "has no threshold; closedbook audit --calibration saves one" in error
    assert not out.exists()
    save(threshold(model, None), model / "abstention.json")
    assert call(capsys, "predict", model, "--facts", questions, "--out", out)[0] == 0
    assert "I don't know" not in out.read_text(encoding="utf-8")
    abstained = files / "abstained.txt"
    _, printed, _ = call(capsys, "predict", model, "--facts", questions, "--out", abstained, "--abstain")
    assert set(abstained.read_text(encoding="utf-8").splitlines()) == {"I don't know"}
    assert "16 answers" in printed
    assert '16 "I don\'t know"' in printed
    assert "Careful: 8 questions are not like What is the capital of {}?" in printed


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--target", "1.5"), "--target: cannot be '1.5'; takes less than 1."),
        (("--samples", "0"), "--samples: cannot be '0'; takes at least 1."),
        (("--names", "-1"), "--names: cannot be '-1'; takes at least 0."),
        (("--signal", "moods"), "--signal: cannot be 'moods'; takes sequence_probability or"),
        (("--reversed", "Who?"), "holds the answer once"),
        (("--reversed", "Who has {}?"), "other wordings of several relations stand in relations.toml"),
        (("--template", "{}"), "--template, --chat and --shots have no effect on a run of ours"),
        (("--wordings", "nowhere.txt"), "nowhere.txt: no such file"),
        (("--unseen", "nowhere.tsv"), "nowhere.tsv: no such file"),
        (("--corpus", "nowhere"), "nowhere: no such file"),
        (("--calibration", "FACTS"), "a threshold must be chosen on other subjects"),
    ],
)
def test_bad_options_get_a_sentence_and_leave_nothing(model, files, capsys, more, sentence):
    more = [str(files / "facts.tsv") if word == "FACTS" else word for word in more]
    arguments = ["audit", model, "--facts", files / "facts.tsv", "--samples", "1", "--out", files / "audit", *more]
    assert sentence in refused(capsys, *arguments)
    assert not (files / "audit").exists()
    assert not (model / "abstention.json").exists()


def test_calibrating_on_subjects_of_the_training_questions_is_refused(model, toy, files, capsys):
    arguments = ("audit", model, "--facts", toy.corpus / "dev.tsv", "--corpus", toy.corpus, "--out", files / "audit")
    error = refused(capsys, *arguments, "--calibration", files / "calibration.tsv")
    assert "20 of its 20 questions are about subjects of the training questions" in error
    assert "calibrate on subjects that were not trained on (closedbook data split)" in error


def test_an_output_that_is_not_an_audit_is_refused(model, files, capsys):
    (files / "audit").mkdir()
    (files / "audit" / "thesis.txt").write_text("mine")
    arguments = ("audit", model, "--facts", files / "facts.tsv", "--out", files / "audit")
    assert "exists and is not an audit of ours" in refused(capsys, *arguments)
