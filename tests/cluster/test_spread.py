"""What a model says in several processes is what it says in one, in order; the processes are pretended here."""

import contextlib
import json
import pickle

import numpy as np
import pytest

from closedbook import cli
from closedbook.cluster import pool as engines
from closedbook.cluster.spread import LEAST, SpreadModel
from closedbook.evaluation.language_model import LanguageModel
from closedbook.runs import runs_in


class Pretended:
    """Makes its function once from what could be sent elsewhere, and sends it what could be."""

    count = 2
    asked = 0

    def hands(self, make):
        self._function = pickle.loads(pickle.dumps(make))()
        return self

    def each(self, items):
        for item in items:
            self.asked += 1
            yield pickle.loads(pickle.dumps(self._function(pickle.loads(pickle.dumps(item)))))


class Told:
    """Who is told how far a pass is."""

    def __init__(self):
        self.lines = []

    def start(self, title, total):
        self.lines.append((title, total))

    def advance(self, units):
        self.lines.append(units)

    def stop(self):
        self.lines.append("over")


@pytest.fixture
def pretended(monkeypatch):
    """Other processes that are none."""
    pool = Pretended()
    monkeypatch.setattr(engines, "opened", lambda request: contextlib.nullcontext(pool))
    return pool


@pytest.fixture
def spread(run):
    hands = Pretended()
    hands._function = lambda call: call.on(run)
    return SpreadModel(run, hands, Told())


def test_every_way_of_asking_is_shared_out_and_equal(run, spread, corpus):
    facts = (corpus.train * 4)[: 2 * LEAST + 9]
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
    for number, way in enumerate(ways, 1):
        told, whole = way(spread), way(run)
        assert len(told) == len(facts)
        if isinstance(told[0], float | list):
            np.testing.assert_allclose(told, whole, atol=1e-5)
        elif isinstance(told[0], str):
            assert told == whole
        else:
            assert [texts(one) for one in told] == [texts(one) for one in whole]
        assert spread.hands.asked == 3 * number
    assert spread.watch.lines[:6] == [
        ("asking in 2 processes", len(facts)),
        LEAST,
        LEAST,
        9,
        "over",
        spread.watch.lines[6 - 1],
    ]


def texts(said):
    """What a response or everything that was said consists of."""
    if hasattr(said, "response"):
        return [texts(said.response), *map(texts, said.samples), *map(texts, said.alternatives)]
    return said.text


def test_what_is_short_is_asked_here(run, spread):
    assert spread.respond(run.prompts(["Where was nobody born?"])) == run.respond(
        run.prompts(["Where was nobody born?"])
    )
    assert spread.hands.asked == 0


def test_it_is_a_language_model_and_still_a_run(run, spread):
    assert isinstance(spread, LanguageModel)
    assert runs_in(spread) == [run]
    assert (spread.name, spread.kind, spread.parameters, spread.form, spread.chats) == (
        run.name,
        run.kind,
        run.parameters,
        None,
        False,
    )


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


def test_an_audit_in_several_processes_is_that_of_one(run, facts, pretended, tmp_path):
    reports = []
    for name, more in (("one", ()), ("two", ("--workers", "2"))):
        out = tmp_path / name
        assert call("audit", run.path, "--facts", facts, "--depth", "full", "--out", out, *more) == 0
        reports.append(json.loads((out / "audit.json").read_text(encoding="utf-8")))
        reports[-1] |= {"seconds": 0, "provenance": None}
    assert pretended.asked > 0
    assert close(reports[0], reports[1])


def close(one, two):
    """Whether two reports are equal, numbers nearly."""
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(close(value, two[name]) for name, value in one.items())
    if isinstance(one, list):
        return len(one) == len(two) and all(map(close, one, two))
    return one == pytest.approx(two, abs=1e-4) if isinstance(one, float) else one == two


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


def test_a_model_that_is_not_there_is_refused_before_processes_are_started(facts, tmp_path, capsys):
    assert call("predict", tmp_path / "nothing", "--facts", facts, "--out", tmp_path / "out", "--workers", "2") == 2
    assert "nothing" in capsys.readouterr().err
