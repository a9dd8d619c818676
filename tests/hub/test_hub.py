"""Models are opened by name, from Python and by the command line."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from closedbook.audit.leaks import trained_on
from closedbook.errors import UserError
from closedbook.evaluation.form import Form
from closedbook.hub import Way, fingerprint, is_foreign, open_model, threshold_file
from tests.cli.test_commands import call
from tests.toys import resealed


def test_a_model_is_opened_by_its_name(saved):
    name = f"hf:{saved['gpt2']}"
    assert is_foreign(name)
    assert not is_foreign("runs/hf:odd")
    assert threshold_file(name) == saved["gpt2"] / "abstention.json"
    assert threshold_file("gguf:a/b.gguf") == Path("a/b.gguf.abstention.json")
    assert threshold_file("api:http://localhost") is None
    form = Form(template="Q {}")
    model = open_model(name, Way(form=form))
    assert (model.name, model.form) == (name, form)
    assert model.fingerprint() == fingerprint(name)
    with pytest.raises(UserError, match="odd:thing: no such run"):
        open_model("odd:thing")
    for way, option in (
        (Way(form=form), "--template"),
        (Way(precision="bf16"), "--precision"),
        (Way(served="m"), "--model"),
    ):
        with pytest.raises(UserError, match=f"{option}.* no effect on"):
            open_model("runs/mine", way)
    unchecked = Way()  # as a caller without a type checker makes it
    object.__setattr__(unchecked, "precision", "fp8")
    with pytest.raises(UserError, match="precision 'fp8': there are fp32 and bf16"):
        open_model(name, unchecked)


def test_the_command_audits_it(saved, people, taught, tmp_path, capsys):
    facts = tmp_path / "facts.tsv"
    facts.write_text("".join(f"{fact.question}\t{fact.answers[0]}\n" for fact in taught), encoding="utf-8")
    out = tmp_path / "audit"
    code, printed, error = call(
        capsys, "audit", f"hf:{saved['gpt2']}", "--facts", facts, "--names", 1, "--samples", 2, "--out", out
    )
    assert (code, error) == (0, "")
    assert "GPT2LMHeadModel" in printed
    assert json.loads((out / "audit.json").read_text())["verdict"]["total"] == len(taught)
    assert (out / "audit.html").is_file()


def test_a_training_that_was_stopped_is_no_run_yet(tmp_path):
    (tmp_path / "mine.partial").mkdir()
    (tmp_path / "mine.partial" / "identity.json").write_text("{}")
    with pytest.raises(UserError, match="not at its end; the command that began it goes on"):
        open_model(str(tmp_path / "mine.partial"))


@pytest.fixture
def folder(run, tmp_path):
    """Two runs and something else."""
    for name in ("one", "two"):
        shutil.copytree(run.path, tmp_path / "runs" / name)
    (tmp_path / "runs" / "one.log").write_text("not a run")
    return tmp_path / "runs"


def test_an_ensemble_is_a_folder_of_runs_or_a_list(folder, run, corpus):
    questions = [fact.question for fact in corpus.train[:4]]
    own = run.answer(questions)
    for rest in (folder, f"{folder}/*", f"{folder}/one,{folder}/two"):
        model = open_model(f"ensemble:{rest}")
        assert [one.text for one in model.respond(model.prompts(questions))] == own
        assert model.fingerprint() == fingerprint(f"ensemble:{rest}")
    (folder / "two" / "model.safetensors").rename(folder / "two" / "elsewhere")
    with pytest.raises(UserError, match="two: not a complete run"):
        open_model(f"ensemble:{folder}")
    assert threshold_file(f"ensemble:{folder}") == folder / "abstention.json"
    assert threshold_file(f"ensemble:{folder}/*") is None


def test_a_prefix_that_is_none_is_told_what_there_is():
    with pytest.raises(UserError, match=r"foo:bar: no such run; models of other kinds are called .*hf:"):
        open_model("foo:bar")


@pytest.mark.parametrize(
    ("rest", "why"),
    [
        ("", "a name is missing"),
        ("{}/one,", "a name is missing"),
        ("{}/one, {}/one", "names .*one twice"),
        ("{}/*,{}/../runs/one", "names .*one twice"),
        ("{}/one", "is one run"),
        ("{}/x*", "no runs there"),
        ("{}/one*", "found 1 run"),
        ("{}/one,{}/three", "three: no such run"),
    ],
)
def test_what_is_no_ensemble_gets_a_sentence(folder, rest, why):
    with pytest.raises(UserError, match=why):
        open_model(f"ensemble:{rest.format(folder, folder)}")


def test_members_that_were_taught_different_corpora_are_said_to_be(folder, capsys):
    assert "different corpora" not in open_model(f"ensemble:{folder}").kind
    environment = json.loads((folder / "two" / "environment.json").read_text())
    environment["corpus"]["files"]["more.tsv"] = {"part": "dev", "sha256": "1", "known_as": None}
    (folder / "two" / "environment.json").write_text(json.dumps(environment))
    resealed(folder / "two")
    assert "different corpora" not in open_model(f"ensemble:{folder}").kind  # nobody was taught that
    environment["corpus"]["files"]["other.txt"] = {"part": "corpus", "sha256": "0", "known_as": None}
    (folder / "two" / "environment.json").write_text(json.dumps(environment))
    resealed(folder / "two")
    assert open_model(f"ensemble:{folder}").kind.endswith(", which were taught different corpora")
    assert "careful: this is an ensemble" in call(capsys, "ask", f"ensemble:{folder}", "Where?")[2]


def test_what_a_member_was_trained_on_its_ensemble_was(folder, run):
    parts = ({"f": {"sha256": "1", "part": "train"}}, {"f": {"sha256": "1", "part": "dev"}})
    one, two = (dataclasses.replace(run, environment={"corpus": {"files": files}}) for files in parts)
    assert trained_on(two) == {"1": "dev"}
    ensemble = open_model(f"ensemble:{folder}")
    ensemble.members = (one, two)
    assert trained_on(ensemble) == {"1": "train"}
    assert trained_on(dataclasses.replace(run, environment={})) == {}


def test_the_command_line_asks_an_ensemble_and_keeps_its_threshold(folder, corpus, tmp_path, capsys):
    facts, calibration = tmp_path / "facts.tsv", tmp_path / "calibration.tsv"
    for path, some in ((facts, corpus.train[:10]), (calibration, corpus.train[10:])):
        path.write_text("".join(f"{fact.question}\t{fact.answers[0]}\n" for fact in some), encoding="utf-8")
    audit = ["audit", f"ensemble:{folder}", "--facts", facts, "--calibration", calibration, "--depth", "quick"]
    code, printed, error = call(capsys, *audit, "--target", 0.9, "--out", tmp_path / "audit")
    assert (code, error) == (0, "")
    assert "an ensemble of 2" in printed
    code, printed, _ = call(capsys, "evaluate", f"ensemble:{folder}", "--facts", facts)
    assert code == 0
    code, _, error = call(capsys, "trace", f"ensemble:{folder}", corpus.train[0].question)
    assert code == 2
    assert "looks into one run of ours" in error
