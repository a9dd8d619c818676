"""`audit`, and what `ask`, `predict` and `split` do with it."""

import json
import shutil

import pytest

from closedbook.audit.abstention import save
from closedbook.facts.corpus import sha256
from tests.audit.conftest import corpus, examinee, run  # noqa: F401  # fixtures
from tests.audit.test_abstention import abstention
from tests.cli.test_commands import call, refused


@pytest.fixture
def model(run, tmp_path):  # noqa: F811
    """A copy of the run, so that thresholds do not stay."""
    return shutil.copytree(run.path, tmp_path / "model")


@pytest.fixture
def files(corpus, tmp_path):  # noqa: F811
    """Facts that it knows, some of them to calibrate on; and the corpus as a file."""
    for name, facts in (("facts", corpus.train[:15]), ("calibration", corpus.train[15:])):
        lines = "".join(f"{fact.question}\t{fact.answers[0]}\n" for fact in facts)
        (tmp_path / f"{name}.tsv").write_text(lines, encoding="utf-8")
    (tmp_path / "corpus.txt").write_text("\n".join(document.text for document in corpus.documents), encoding="utf-8")
    return tmp_path


def audited(capsys, model, files, *more):
    return call(
        capsys,
        "audit",
        model,
        *("--facts", files / "facts.tsv"),
        *("--corpus", files / "corpus.txt"),
        *("--calibration", files / "calibration.tsv"),
        *("--target", "0.6", "--names", "1", "--samples", "2", "--out", files / "audit"),
        *more,
    )


def test_an_audit_from_the_command_line(model, files, capsys):
    code, printed, error = audited(capsys, model, files)
    assert (code, error) == (0, "")
    assert "Believe it" in printed or "Do not believe it" in printed
    report = json.loads((files / "audit" / "audit.json").read_text(encoding="utf-8"))
    assert report["data"]["facts"]["sha256"]
    assert report["abstention"]["threshold"] is not None
    assert len((files / "audit" / "answers.jsonl").read_text(encoding="utf-8").splitlines()) == 15
    assert (files / "audit" / "audit.html").is_file()
    assert (model / "abstention.json").is_file()
    assert audited(capsys, model, files)[0] == 0  # an audit may be repeated


def test_ask_says_i_dont_know_and_why(model, run, capsys):  # noqa: F811
    question = "Where was Nobody Atall born?"
    weights = sha256(model / "model.safetensors")
    assert call(capsys, "ask", model, question)[1].strip() == run.ask(question)
    save(abstention(threshold=0.999999, weights_sha256=weights), model)
    code, printed, reason = call(capsys, "ask", model, question)
    assert (code, printed) == (0, "I don't know\n")
    assert "is below 0.999999, the threshold for 90 % right answers" in reason
    assert call(capsys, "ask", model, question, "--always")[1].strip() == run.ask(question)
    save(abstention(threshold=0.0, weights_sha256=weights), model)
    assert call(capsys, "ask", model, question)[1].strip() == run.ask(question)
    save(abstention(threshold=0.0, weights_sha256="other"), model)
    assert "was chosen for other weights" in refused(capsys, "ask", model, question)


def test_predict_abstains_when_told_to(model, files, capsys):
    questions, out = files / "facts.tsv", files / "answers.txt"
    sentence = refused(capsys, "predict", model, "--facts", questions, "--out", out, "--abstain")
    assert "has no threshold; closedbook audit --calibration saves one" in sentence
    assert not out.exists()
    weights = sha256(model / "model.safetensors")
    save(abstention(threshold=None, weights_sha256=weights), model)
    assert call(capsys, "predict", model, "--facts", questions, "--out", out)[0] == 0
    assert "I don't know" not in out.read_text(encoding="utf-8")
    abstained = files / "abstained.txt"
    _, printed, _ = call(capsys, "predict", model, "--facts", questions, "--out", abstained, "--abstain")
    assert set(abstained.read_text(encoding="utf-8").splitlines()) == {"I don't know"}
    assert "15 of them" in printed


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--target", "1.5"), "--target 1.5: takes a share between 0 and 1"),
        (("--target", "nan"), "--target nan: takes a number"),
        (("--samples", "0"), "--samples 0: takes a whole number from 1"),
        (("--names", "-1"), "--names -1: takes a whole number from 0"),
        (("--signal", "moods"), "--signal moods: takes sequence_probability"),
        (("--reversed", "Who?"), "holds the answer once"),
        (("--template", "{}"), "--template has no effect on a run of ours"),
        (("--wordings", "nowhere.txt"), "nowhere.txt: no such file"),
        (("--unseen", "nowhere.tsv"), "nowhere.tsv: no such file"),
        (("--corpus", "nowhere"), "nowhere: no such file"),
    ],
)
def test_bad_options_get_a_sentence_and_leave_nothing(model, files, capsys, more, sentence):
    arguments = ["audit", model, "--facts", files / "facts.tsv", "--out", files / "audit", *more]
    assert sentence in refused(capsys, *arguments)
    assert not (files / "audit").exists()
    assert not (model / "abstention.json").exists()


def test_calibrating_on_training_people_is_refused(model, corpus, files, capsys):  # noqa: F811
    directory = files / "corpus"
    directory.mkdir()
    (directory / "corpus.txt").write_text((files / "corpus.txt").read_text(encoding="utf-8"), encoding="utf-8")
    for name in ("train", "dev"):
        shutil.copyfile(files / "calibration.tsv", directory / f"{name}.tsv")
    sentence = refused(
        capsys,
        *("audit", model, "--facts", files / "facts.tsv", "--corpus", directory),
        *("--calibration", files / "calibration.tsv", "--out", files / "audit"),
    )
    assert (
        "are about people of the training questions; calibrate on people that were not trained on (closedbook split)"
        in sentence
    )


def test_an_output_that_is_not_an_audit_is_refused(model, files, capsys):
    (files / "audit").mkdir()
    (files / "audit" / "thesis.txt").write_text("mine")
    assert "exists and is not an audit of ours" in refused(
        capsys, "audit", model, "--facts", files / "facts.tsv", "--out", files / "audit"
    )


def test_split_writes_calibration_people(tmp_path, capsys):
    assert call(capsys, "people", "--count", 60, "--unseen", 0.1, "--out", tmp_path / "people")[0] == 0
    arguments = ("split", "--corpus", tmp_path / "people", "--out", tmp_path / "split")
    code, printed, _ = call(capsys, *arguments, "--held-out", 8)
    assert code == 0
    assert "calibration.tsv" in printed
    before = (tmp_path / "people" / "train.tsv").read_text(encoding="utf-8").splitlines()
    parts = [
        (tmp_path / "split" / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
        for name in ("train", "calibration")
    ]
    assert sorted(before) == sorted([*parts[0], *parts[1]])
    assert len(parts[1]) == 8
    for name in ("corpus.txt", "dev.tsv", "unseen.tsv"):
        assert (tmp_path / "split" / name).read_bytes() == (tmp_path / "people" / name).read_bytes()
    assert "exists already" in refused(capsys, *arguments, "--held-out", 8)
    assert "Cannot hold out 0" in refused(capsys, *arguments[:-1], tmp_path / "other", "--held-out", 0)
    assert not (tmp_path / "other").exists()
