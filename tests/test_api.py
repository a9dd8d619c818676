"""closedbook in Python, end to end on a toy."""

import dataclasses
import re
import shutil
import subprocess
import sys
from math import nan

import pytest

import closedbook
from closedbook import hub
from closedbook.audit.abstention import save
from closedbook.config import TokenizerConfig
from closedbook.recipes import find_recipe
from tests.cli.conftest import NAMES, facts_about, write_corpus
from tests.cli.test_audit import threshold

(QUESTION, ANSWER), _ = facts_about(NAMES[:1])


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return closedbook.read_corpus(write_corpus(tmp_path_factory.mktemp("api") / "mine"))


@pytest.fixture(scope="module")
def run(corpus, tmp_path_factory):
    """The scratch stage of the default recipe, small enough for seconds."""
    config = find_recipe("default").scratch
    config = dataclasses.replace(
        config,
        tokenizer=TokenizerConfig(vocabulary_size=300),
        model=dataclasses.replace(config.model, layers=1, width=64, block=64),
        training=dataclasses.replace(config.training, epochs=80, batch_tokens=512, precision="fp32"),
    )
    return closedbook.train(config, corpus, tmp_path_factory.mktemp("api") / "run", device="cpu")


def test_what_was_trained_is_asked_evaluated_audited_and_looked_into(corpus, run):
    assert run.ask(QUESTION) == ANSWER
    learned = closedbook.evaluate(run, corpus.train)
    assert learned.accuracy.correct.value == 1.0
    assert {name: part.correct.total for name, part in learned.by_relation.items()} == {"capital": 18, "paid": 18}
    audit = closedbook.audit_model(
        run, corpus.dev, corpus=corpus, settings=closedbook.AuditSettings(samples=1, names=1)
    )
    assert audit.verdict.total == 12
    assert audit.verdict.correct == closedbook.evaluate(run, corpus.dev).accuracy.correct.hits
    view = closedbook.trace_answer(run, QUESTION, corpus=corpus)
    assert len(view.top(3)) == 3
    assert sum(entry["value"] for entry in view.top(99)) == pytest.approx(view.logit, abs=1e-3)


def test_files_stand_for_what_they_hold(corpus, run, tmp_path):
    mine = write_corpus(tmp_path / "mine")
    taught = closedbook.evaluate(str(run.path), mine / "train.tsv")
    assert taught.accuracy.correct.value == 1.0
    assert repr(taught) == f"<Evaluation of {run.path}: 36 of 36 right>"
    settings = closedbook.AuditSettings(samples=1, names=0)
    audit = closedbook.audit_model(run.path, mine / "dev.tsv", corpus=mine, settings=settings)
    assert audit.verdict.total == 12
    assert closedbook.trace_answer(str(run.path), QUESTION, corpus=str(mine)).top(1)
    assert repr(run).startswith(f"<Run {run.path}: a run of closedbook")
    assert repr(corpus) == "<Corpus mine: 24 documents; questions: 36 train, 12 dev, 0 test>"
    with pytest.raises(closedbook.UserError, match="no facts to audit"):
        closedbook.audit_model(run, [])


def test_a_reply_heeds_the_threshold_of_an_audit(run, tmp_path):
    copy = shutil.copytree(run.path, tmp_path / "copy")
    model = closedbook.load(copy)
    sure = closedbook.ask(model, QUESTION)
    assert (sure.text, sure.why_not) == (ANSWER, None)
    save(threshold(copy, None), copy / "abstention.json")
    assert closedbook.ask(str(copy), QUESTION).text == closedbook.ask(model, QUESTION).text == "I don't know"
    assert closedbook.ask(model, QUESTION, always=True).text == model.ask(QUESTION) == ANSWER
    for question in ("", " ", None, [QUESTION]):
        with pytest.raises(closedbook.UserError, match="one question"):
            closedbook.ask(model, question)
    with pytest.raises(closedbook.UserError, match="one question"):
        model.ask([QUESTION])


def test_a_run_is_loaded_from_its_directory(corpus, run):
    questions = [fact.question for fact in corpus.dev]
    assert closedbook.load(run.path).answer(questions) == run.answer(questions)


def test_a_recipe_is_named_and_its_stage_chosen(corpus, tmp_path):
    with pytest.raises(closedbook.UserError, match="did you mean 'default'"):
        closedbook.train("defualt", corpus, tmp_path / "run")
    with pytest.raises(closedbook.UserError, match="Finetuning starts from a pretrained run"):
        closedbook.train("default", corpus, tmp_path / "run", stage="finetune")
    assert not (tmp_path / "run").exists()


def test_any_model_is_opened_by_name(run):
    model = closedbook.open_model(str(run.path))
    assert [response.text for response in model.respond(model.prompts([QUESTION]))] == [ANSWER]
    with pytest.raises(closedbook.UserError, match="nowhere"):
        closedbook.open_model("hf:nowhere")


def test_a_model_is_computed_as_it_is_said(run, monkeypatch):
    ways = []
    monkeypatch.setitem(hub.OPENERS, "gguf", lambda rest, way: ways.append((rest, way)))
    closedbook.open_model("gguf:mine.gguf", backend="llama.cpp")
    closedbook.open_model("gguf:mine.gguf", precision="fp32")
    assert [(rest, way.backend, way.precision) for rest, way in ways] == [
        ("mine.gguf", "llama.cpp", None), ("mine.gguf", None, "fp32")
    ]  # fmt: skip
    with pytest.raises(closedbook.UserError, match="--backend has no effect"):
        closedbook.open_model(run.path, backend="llama.cpp")


def test_a_subject_that_is_not_known_is_asked_for(run):
    with pytest.raises(closedbook.UserError, match="which part of it is the subject"):
        closedbook.trace_answer(run, "Capital?")


def test_what_is_right_can_be_chosen(run):
    facts = [closedbook.Fact(question=QUESTION, answers=(ANSWER.upper(),), subject=NAMES[0], line=1)]
    assert closedbook.evaluate(run, facts).accuracy.correct.hits == 0
    assert closedbook.evaluate(run, facts, match="normalised").accuracy.correct.hits == 1


def test_importing_closedbook_imports_little():
    code = (
        "import sys, closedbook\n"
        "heavy = {'torch', 'numpy', 'pydantic', 'matplotlib', 'scipy'}\n"
        "assert not heavy & set(sys.modules)\n"
        "closedbook.read_corpus\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_name_is_there():
    for name in closedbook.__all__:
        assert getattr(closedbook, name).__name__
    assert set(dir(closedbook)) >= set(closedbook.__all__)
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        closedbook.trian  # noqa: B018


def test_what_a_run_was_asked_tells_the_subject_and_auto_is_a_device(run):
    assert closedbook.load(run.path, "auto").ask(QUESTION) == run.ask(QUESTION)
    assert closedbook.trace_answer(run, QUESTION).top(1)  # of a relation that nobody shipped


def test_a_threshold_is_not_chosen_on_what_was_trained_on(run, corpus):
    with pytest.raises(closedbook.UserError, match="subjects of the training questions"):
        closedbook.audit_model(run, corpus.dev, corpus=corpus, calibration=corpus.train)


def test_what_a_run_keeps_of_its_files_is_held_against_them(run, corpus, tmp_path):
    directory = write_corpus(tmp_path / "mine")
    lines = []
    with pytest.raises(closedbook.UserError, match=r"train\.tsv: .* subjects of the training questions"):
        closedbook.audit_model(run, directory / "dev.tsv", calibration=directory / "train.tsv")
    quick = closedbook.AuditSettings(depth="quick")
    report = closedbook.audit_model(run, directory / "train.tsv", settings=quick, say=lines.append)
    assert report.taught == report.verdict.total
    assert report.advice.headline.startswith("It was taught these facts")
    assert any("train.tsv" in line for line in lines if line.startswith("Careful: "))
    assert report.provenance.sha256("facts")


def test_an_audit_is_written_and_keeps_its_threshold(run, corpus, tmp_path, monkeypatch):
    copy = closedbook.load(shutil.copytree(run.path, tmp_path / "run"))
    settings = closedbook.AuditSettings(depth="quick", target=0.05)
    audited, calibration = corpus.dev[:4], corpus.dev[4:]
    assert audited
    assert calibration
    found = closedbook.audit_model(
        copy, iter(audited), calibration=iter(calibration), settings=settings, out=tmp_path / "a"
    )
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"answers.jsonl", "audit.html", "audit.json"}
    kept = found.abstention is not None and found.abstention.threshold is not None
    assert (copy.path / "abstention.json").exists() == kept
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine.txt").write_text("mine")
    with pytest.raises(closedbook.UserError, match="not an audit of ours"):
        closedbook.audit_model(copy, audited, out=tmp_path / "b")


def test_a_threshold_is_found_wherever_the_process_goes(run, tmp_path, monkeypatch):
    shutil.copytree(run.path, tmp_path / "run")
    save(threshold(tmp_path / "run", 1.0), tmp_path / "run" / "abstention.json")
    monkeypatch.chdir(tmp_path)
    model = closedbook.load("run")
    assert closedbook.ask(model, QUESTION).why_not
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert closedbook.ask(model, QUESTION).why_not


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        (None, "takes facts, or the path"),
        ([("Who?", "Ann")], "fact 1: tuple is no closedbook.Fact"),
        ([closedbook.Fact(question=QUESTION, answers="Oslo", subject="", line=1)], "'answers' is a tuple of texts"),
        ([closedbook.Fact(question=QUESTION, answers=(3,), subject="", line=1)], "'answers' is a tuple of texts"),
        ([closedbook.Fact(question=QUESTION, answers=(), subject="", line=1)], "has no accepted answer"),
        ([closedbook.Fact(question=QUESTION, answers=("A",), subject=None, line=1)], "subject and relation are texts"),
        ([closedbook.Fact(question=QUESTION, answers=("A",), subject="", line=1, popularity="9")], "is a number"),
        ([closedbook.Fact(question=" ", answers=("A",), subject="", line=1)], "the question is empty"),
    ],
)
@pytest.mark.parametrize("verb", [closedbook.evaluate, closedbook.audit_model])
def test_what_is_no_fact_gets_a_sentence(run, verb, facts, sentence):
    with pytest.raises(closedbook.UserError, match=re.escape(sentence)):
        verb(run, facts)


def test_facts_of_a_program_are_read_as_those_of_a_file(run):
    typed = closedbook.Fact(question=f" {QUESTION}\u200b", answers=(f"{ANSWER} ",), subject="", line=1, popularity=nan)
    found = closedbook.evaluate(run, iter([typed, typed]))
    assert found.accuracy.correct.hits == 2
    assert (found.facts[0].question, found.facts[0].answers, found.facts[0].popularity) == (QUESTION, (ANSWER,), None)
    assert list(found.by_relation) == [run.relations[0].name]
    other = dataclasses.replace(typed, answers=("Nowhere",))
    assert closedbook.evaluate(run, [typed, other]).accuracy.correct.hits == 2


def test_other_wrong_arguments_get_a_sentence(run, corpus, tmp_path):
    for act, sentence in (
        (lambda: closedbook.train("default", corpus, tmp_path / "x", stage="fine"), "no stage 'fine'"),
        (lambda: closedbook.train("default", None, tmp_path / "x"), "takes a Corpus"),
        (lambda: closedbook.audit_model(run, corpus.dev, settings={"depth": "quick"}), "AuditSettings, not dict"),
        (lambda: closedbook.open_model(tmp_path / "nowhere"), "nowhere"),
    ):
        with pytest.raises(closedbook.UserError, match=sentence):
            act()
