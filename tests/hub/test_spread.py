"""What a model says in several processes is what it says in one, in order; the processes are pretended here."""

import contextlib
import json
import pickle
import uuid

import pytest

from closedbook import cli
from closedbook.cluster import pool as engines
from closedbook.evaluation.ensemble import Ensemble
from closedbook.evaluation.form import Form
from closedbook.evaluation.journal import CHUNK, Journal, JournaledModel
from closedbook.evaluation.language_model import LanguageModel
from closedbook.hub.spread import LEAST, SpreadModel
from closedbook.runs import runs_in
from tests.audit.conftest import Parrot


class Pretended:
    """Makes its function once from what could be sent elsewhere, and sends it what could be."""

    count = 2
    asked = 0

    def replicas(self, make):
        self.function = pickle.loads(pickle.dumps(make))()
        return self

    def each(self, items):
        for item in items:
            self.asked += 1
            yield pickle.loads(pickle.dumps(self.function(pickle.loads(pickle.dumps(item)))))


@pytest.fixture
def pretended(monkeypatch):
    """Other processes that are none."""
    pool = Pretended()
    monkeypatch.setattr(engines, "require_engine", lambda request: None)
    monkeypatch.setattr(engines, "opened", lambda request: contextlib.nullcontext(pool))
    return pool


def spread(model):
    """The model in pretended processes, and these."""
    processes = Pretended()
    processes.function = lambda call: call.on(model)
    return SpreadModel(model, lambda: processes), processes


@pytest.mark.slow
def test_every_way_of_asking_is_shared_out_and_equal(run, corpus):
    facts = (corpus.train * 4)[: 8 * LEAST + 9]
    prompts, answers = run.prompts([fact.question for fact in facts]), [fact.answers[0] for fact in facts]
    subjects, before = [fact.subject for fact in facts], ["was born in"] * len(facts)
    ways = [
        lambda model: model.respond(prompts),
        lambda model: model.inquire(prompts, samples=3, alternatives=True, seed=5),
        lambda model: model.log_probability(prompts, answers),
        lambda model: model.choose(prompts, sorted(set(answers))[:9]),
        lambda model: model.continue_documents(subjects, before),
        lambda model: model.continuation_log_probability(subjects, before, answers),
        lambda model: model.represent(prompts, subjects).tolist(),
        lambda model: model.represent_answers(prompts, run.respond(prompts)).tolist(),
    ]
    model, processes = spread(run)
    for number, way in enumerate(ways, 1):
        told, whole = way(model), way(run)
        assert len(told) == len(facts)
        assert close([plain(one) for one in told], [plain(one) for one in whole])
        assert processes.asked == 8 * number


def plain(said):
    """What was said as texts and numbers."""
    if hasattr(said, "response"):
        return [plain(said.response), [one.text for one in said.samples], [plain(one) for one in said.alternatives]]
    return [said.text, said.nats] if hasattr(said, "nats") else said


def close(one, two):
    """Whether two reports are equal, numbers nearly."""
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(close(value, two[name]) for name, value in one.items())
    if isinstance(one, list):
        return len(one) == len(two) and all(map(close, one, two))
    return one == pytest.approx(two, abs=1e-4) if isinstance(one, float) else one == two


def test_what_is_short_is_asked_here_and_starts_nothing(run):
    model = SpreadModel(run, lambda: pytest.fail("nothing is to be started"))
    prompts = run.prompts(["Where was nobody born?"] * LEAST)
    assert model.respond(prompts) == run.respond(prompts)
    assert model.respond([]) == []


def test_it_is_a_language_model_and_still_a_run(run):
    model, _ = spread(run)
    assert isinstance(model, LanguageModel)
    assert runs_in(model) == [run]
    assert (model.name, model.kind, model.parameters, model.processes) == (run.name, run.kind, run.parameters, 2)
    assert (model.form, model.chats) == (None, False)


def test_an_ensemble_is_shared_out(run, corpus):
    whole = Ensemble("both", [run, run])
    model, processes = spread(whole)
    prompts = whole.prompts([fact.question for fact in corpus.train[: LEAST + 1]])
    assert [one.text for one in model.respond(prompts)] == [one.text for one in whole.respond(prompts)]
    assert processes.asked == 2


class Formed(Parrot):
    """A parrot that is asked in a form."""

    form = Form(template="{}")

    def asked_by(self, form):
        other = Formed()
        other.form = form
        return other


def test_the_form_goes_with_every_call_and_journals_are_kept(tmp_path):
    parrot = Formed()
    inner, processes = spread(parrot)
    model = JournaledModel(inner, Journal(tmp_path / "journal.jsonl", "parrot"))
    asked = model.asked_by(Form(template="Q: {}"))
    assert (asked.form.template, asked.processes, parrot.form == asked.form) == ("Q: {}", 2, False)
    forms = []
    processes.function = lambda call: (forms.append(call.form), call.on(parrot))[1]
    asked.respond(asked.prompts([f"Where is {number}?" for number in range(3 * CHUNK)]))
    assert set(forms) == {asked.form}
    assert processes.asked == 2 * 8  # chunks of both processes, calls of each
    assert asked.journal.kept == 3 * CHUNK


def call(*arguments):
    return cli.main([*map(str, arguments), "--threads", "1"])


@pytest.fixture
def facts(corpus, tmp_path):
    """More than a process gets at a time."""
    path = tmp_path / "facts.tsv"
    lines = [f"{fact.question}\t{fact.answers[0]}\n" for fact in (corpus.dev * 20)[:120]]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def test_predictions_of_several_processes_are_those_of_one(run, facts, pretended, tmp_path, capsys):
    assert call("predict", run.path, "--facts", facts, "--out", tmp_path / "one") == 0
    assert pretended.asked == 0
    assert call("predict", run.path, "--facts", facts, "--out", tmp_path / "two", "--workers", "2") == 0
    assert pretended.asked > 0
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert "120 answers in" in capsys.readouterr().out


def test_an_evaluation_in_several_processes_is_that_of_one(run, facts, pretended, tmp_path):
    for name, more in (("one", ()), ("two", ("--workers", "2"))):
        out = tmp_path / f"{name}.json"
        assert call("evaluate", run.path, "--facts", facts, "--candidates", facts, "--out", out, *more) == 0
    assert pretended.asked > 0
    one, two = (json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8")) for name in ("one", "two"))
    assert [row["answer"] for row in one["answers"]] == [row["answer"] for row in two["answers"]]
    assert (one["accuracy"], one["ranking"]["accuracy"]) == (two["accuracy"], two["ranking"]["accuracy"])


@pytest.mark.slow
def test_an_audit_in_several_processes_is_that_of_one(run, facts, pretended, tmp_path):
    reports = []
    for name, more in (("one", ()), ("two", ("--workers", "2"))):
        out = tmp_path / name
        assert call("audit", run.path, "--facts", facts, "--depth", "full", "--out", out, *more) == 0
        reports.append(json.loads((out / "audit.json").read_text(encoding="utf-8")))
        reports[-1] |= {"seconds": 0, "provenance": None}
    assert pretended.asked > 0
    assert close(reports[0], reports[1])


def test_a_question_that_is_refused_has_its_own_number(run, facts, pretended, tmp_path, capsys):
    with facts.open("a", encoding="utf-8") as file:
        file.write("What is the capital of " + "Xyz " * 200 + "?\tnothing\n")
    sentences = []
    for more in ((), ("--workers", "2")):
        assert call("predict", run.path, "--facts", facts, "--out", tmp_path / "out", *more) == 2
        sentences.append(capsys.readouterr().err)
    assert "facts.tsv, question 121: " in sentences[0]
    assert sentences[1] == sentences[0]
    assert not (tmp_path / "out").exists()


def test_a_model_that_is_another_elsewhere_is_refused(run, facts, pretended, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(type(run), "fingerprint", lambda self: uuid.uuid4().hex)
    assert call("predict", run.path, "--facts", facts, "--out", tmp_path / "out", "--workers", "2") == 2
    assert "is not the same model on all machines" in capsys.readouterr().err


def test_an_endpoint_is_not_shared_out(facts, tmp_path, capsys):
    assert call("predict", "api:http://x/v1", "--facts", facts, "--out", tmp_path / "out", "--workers", "2") == 2
    assert "an endpoint answers elsewhere; CLOSEDBOOK_REQUESTS" in capsys.readouterr().err


def test_a_model_that_is_not_there_is_refused_before_processes_are_started(facts, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(engines, "require_engine", lambda request: None)
    monkeypatch.setattr(engines, "opened", lambda request: pytest.fail("nothing is to be started"))
    assert call("predict", tmp_path / "nothing", "--facts", facts, "--out", tmp_path / "out", "--workers", "2") == 2
    assert "nothing" in capsys.readouterr().err
