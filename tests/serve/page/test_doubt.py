import dataclasses
import json

import numpy as np
import pytest

from closedbook.api import evaluate as public_evaluate
from closedbook.audit.abstention import upper_bound
from closedbook.audit.answers_file import KeptAnswers, is_answers_file, read_answers
from closedbook.audit.audit import audit
from closedbook.audit.inquiry import Material
from closedbook.audit.reliability import believe, risk_coverage
from closedbook.audit.settings import Settings
from closedbook.errors import UserError
from closedbook.evaluation.evaluate import evaluate
from closedbook.evaluation.form import Form
from closedbook.facts.readers import read_facts
from closedbook.facts.records import Fact
from closedbook.files import write_lines
from closedbook.serve.limits import Limits
from closedbook.serve.state import Shown
from tests.audit.conftest import Parrot, response
from tests.audit.test_abstention import abstention
from tests.serve.conftest import Slow, running
from tests.serve.page.conftest import opened
from tests.serve.test_service import is_problem

SURE = {
    "A?": ("Rome", 0.9),
    "B?": ("Oslo", 0.8),
    "C?": ("Rome", 0.7),
    "D?": ("Rome", 0.7),
    "E?": ("no such subject", 0.99),
}
FACTS = tuple(Fact(question=each, answers=("Rome",), subject="", line=number) for number, each in enumerate(SURE, 1))

CITIES = {"Norway": "Oslo", "Peru": "Lima", "France": "Paris", "Italy": "Rome", "Chile": "Santiago"}
RIVERS = {"Lyon": "Rhône", "Cologne": "Rhine", "Turin": "Po", "Bremen": "Weser", "Dresden": "Elbe"}
TWO_RELATIONS = [
    ("What is the capital of Norway?", "Bergen"),
    *((f"What is the capital of {place}?", city) for place, city in CITIES.items()),
    *((f"Which river flows through {place}?", river) for place, river in RIVERS.items()),
]


class Graded(Parrot):
    """A parrot that is not always as sure."""

    def respond(self, prompts):
        return [response(SURE[prompt.question][0], float(np.log(SURE[prompt.question][1]))) for prompt in prompts]


def line(question, right=True, attempted=True, **signals):
    return json.dumps({"question": question, "answer": "x", "right": right, "attempted": attempted, **signals}) + "\n"


def asked(client, model=None):
    """Asks all facts, a batch at a time, and how often that took."""
    times, told = 0, {"asked": 0, "of": 1}
    while told["asked"] < told["of"]:
        told = client.post("/page/doubt/ask", json={"model": model, "first": told["asked"]}).json()
        times += 1
    return times


def test_facts_are_asked_a_batch_at_a_time_and_kept():
    with running({"m": Graded()}, shown=Shown(facts=FACTS), limits=Limits(batch=2)) as client:
        assert client.get("/page/doubt").json()["total"] == 0
        assert client.post("/page/doubt/ask", json={"first": 0}).json() == {"asked": 2, "of": 5}
        assert client.post("/page/doubt/ask", json={"first": 0}).json() == {"asked": 2, "of": 5}
        assert client.get("/page/doubt").json()["total"] == 2
        assert asked(client) == 3
        told = client.get("/page/doubt").json()
    assert (told["total"], told["of"], told["silent"], told["untold"]) == (5, 5, 1, 0)
    assert [(row["question"], row["answer"], row["right"]) for row in told["rows"]] == [
        ("A?", "Rome", True), ("B?", "Oslo", False), ("C?", "Rome", True), ("D?", "Rome", True)
    ]  # fmt: skip
    assert told["rows"][1]["expected"] == "Rome"
    assert np.array(told["curve"]) == pytest.approx(np.array([(0.2, 0), (0.4, 1 / 2), (0.6, 1 / 3), (0.8, 1 / 4)]))
    wrong, given = np.array([0, 1, 1, 1]), np.arange(1, 5)
    assert told["bounds"] == pytest.approx(upper_bound(wrong, given, 0.05).tolist())
    assert told["certified"] is None


def test_a_run_is_graded_as_evaluate_grades_it(run, corpus):
    facts = corpus.dev[:20]
    with running({"m": run}, shown=Shown(facts=facts)) as client:
        asked(client)
        told = client.get("/page/doubt").json()
    evaluation = evaluate(run, facts)
    right = {
        fact.question: score.correct for fact, score in zip(facts, evaluation.scores, strict=True) if score.attempted
    }
    assert {row["question"]: row["right"] for row in told["rows"]} == right
    sure = np.array([row["confidence"] for row in told["rows"]])
    _, risk = risk_coverage(np.array([row["right"] for row in told["rows"]]), sure)
    assert [point[1] for point in told["curve"]] == pytest.approx(risk.tolist())


class Writer(Parrot):
    """A parrot that writes sentences."""

    form = Form()


def test_facts_are_read_as_evaluate_reads_them(tmp_path):
    path = tmp_path / "facts.tsv"
    path.write_text("".join(f"{question}\t{answer}\n" for question, answer in TWO_RELATIONS))
    said = {
        "What is the capital of Norway?": "Bergen.",
        "What is the capital of Peru?": "Peru is a land of mountains and of old towns by the sea.",
        "Which river flows through Lyon?": "The Rhône, that goes on from Lyon to the sea far from Paris.",
    }
    facts = tuple(read_facts(path))
    models = {"writer": Writer(said), "other": Writer({"What is the capital of Norway?": "Oslo"})}
    told = {}
    with running(models, shown=Shown(facts=facts)) as client:
        for name in models:
            asked(client, name)
            told[name] = client.get("/page/doubt", params={"model": name}).json()
    for name, model in models.items():
        evaluation = public_evaluate(model, path)
        assert [row["right"] for row in told[name]["rows"]] == [
            score.correct for score in evaluation.scores if score.attempted
        ]
        assert told[name]["silent"] == sum(not score.attempted for score in evaluation.scores)
    assert told["writer"]["silent"] == 1
    right = {row["question"]: row["right"] for row in told["writer"]["rows"]}
    assert right["What is the capital of Norway?"]
    assert right["Which river flows through Lyon?"]


def test_an_interval_is_the_audits():
    rng = np.random.default_rng(5)
    right_N, sure_N = rng.random(80) < 0.5, rng.random(80)
    questions = tuple(f"{number}?" for number in range(80))
    kept = KeptAnswers(
        questions=questions,
        answers=questions,
        expected=(None,) * 80,
        right_N=right_N,
        attempted_N=np.arange(80) != 3,
        signals={"sequence_probability": sure_N},
    )
    with running({"m": Parrot()}, shown=Shown(answers=kept)) as client:
        told = client.get("/page/doubt", params={"source": "audit"}).json()
    believed = believe(right_N[kept.attempted_N], sure_N[kept.attempted_N])
    assert told["auroc"] == dataclasses.asdict(believed.auroc)


def test_an_audits_answers_are_shown_by_any_of_its_signals(tmp_path):
    facts = [fact for fact in FACTS if fact.question != "E?"]
    report = audit(Graded(), Material(facts=facts), Settings(names=0))
    write_lines(tmp_path / "answers.jsonl", report.answer_lines())
    kept = read_answers(tmp_path / "answers.jsonl")
    assert is_answers_file(tmp_path / "answers.jsonl")
    assert list(kept.right_N) == [True, False, True, True]
    with running({"m": Parrot()}, shown=Shown(answers=kept)) as client:
        told = client.get("/page/doubt", params={"source": "audit"}).json()
        assert set(told["signals"]) == set(report.signals)
        assert told["signal"] == "sequence_probability"
        other = client.get("/page/doubt", params={"source": "audit", "signal": "token_probability"}).json()
        assert [row["confidence"] for row in other["rows"]] == pytest.approx([0.9**0.5, 0.8**0.5, 0.7**0.5, 0.7**0.5])
        assert "not among these answers" in is_problem(
            client.get("/page/doubt", params={"source": "audit", "signal": "probe"}), 422
        )
        assert "--facts" in is_problem(client.get("/page/doubt"), 422)
        is_problem(client.get("/page/doubt", params={"source": "audit", "signal": "luck"}), 422)
        is_problem(client.post("/page/doubt/ask", json={"first": -1}), 422)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "empty"),
        (line("a") + "{", "line 2: not an answer as an audit keeps it"),
        ('{"question": "a", "answer": "b"}', "line 1: not an answer as an audit keeps it"),
        ("[1]", "line 1: not an answer"),
        (line("a", sequence_probability=1.5), "line 1: sequence_probability must be a number from 0 to 1"),
        (line("a", margin=True), "line 1: margin must be a number from 0 to 1"),
        (line("a", margin="high"), "line 1: margin must be a number"),
        (line("\ud800"), "line 1: holds half a character"),
    ],
)
def test_what_no_audit_keeps_gets_a_sentence(tmp_path, text, sentence):
    path = tmp_path / "answers.jsonl"
    path.write_text(text)
    with pytest.raises(UserError, match=sentence):
        read_answers(path)


def test_facts_that_cannot_be_asked_get_a_sentence():
    facts = (*FACTS[:2], Fact(question="Why!", answers=("Rome",), subject="", line=3))
    with running({"m": Graded()}, shown=Shown(facts=facts), limits=Limits(batch=2)) as client:
        assert client.post("/page/doubt/ask", json={"first": 0}).json()["asked"] == 2
        refused = is_problem(client.post("/page/doubt/ask", json={"first": 2}), 422)
        assert refused == "--facts, from the fact of line 3 on: question 1: no exclamations."


def test_a_slow_model_is_said_to_be_asked(chromium):
    slow = Slow()
    with running({"m": slow}, shown=Shown(facts=FACTS)) as client, opened(chromium, client.url, "/doubt") as tab:
        tab.get_by_text("Asking: 0 of 5 …").wait_for()
        slow.let.set()
        tab.get_by_text("5 answers of m.").wait_for()


def test_the_threshold_moves_what_is_answered_with_the_keyboard(chromium):
    with running({"m": Graded()}, shown=Shown(facts=FACTS)) as client, opened(chromium, client.url, "/doubt") as tab:
        slider = tab.get_by_role("slider", name="Threshold")
        slider.wait_for()
        told = tab.locator("#told")
        assert told.inner_text().startswith("At 0.700: 4 of 5 answered, 1 of them wrong (25.0 %")
        counts = tab.locator("#counts").inner_text()
        assert "answered rightly: 3" in counts
        assert "silent anyway: 1" in counts
        slider.press("ArrowRight")
        assert told.inner_text().startswith("At 0.800: 2 of 5 answered, 1 of them wrong (50.0 %")
        assert slider.get_attribute("aria-valuetext") == told.inner_text()
        assert tab.locator("#wrong tbody tr").all_inner_texts() == ["B?\tOslo\tRome\t80.00 %"]
        assert len(tab.locator("#lost tbody tr").all()) == 2
        assert told.inner_text() in tab.locator("#curve svg").get_attribute("aria-label")
        slider.press("End")
        assert told.inner_text() == "Nothing is answered."
        assert "None of them." in tab.inner_text("#wrong")


def test_it_begins_at_the_threshold_in_force(chromium):
    models = {"m": (Graded(), abstention(threshold=0.75, target=0.9))}
    with running(models, shown=Shown(facts=FACTS)) as client, opened(chromium, client.url, "/doubt") as tab:
        tab.locator("#told", has_text="2 of 5 answered").wait_for()
        assert "certified for 90 % right answers, 0.750" in tab.inner_text("#caption")


def test_nothing_to_doubt_is_said_to_be(chromium):
    with running({"m": Parrot()}) as client, opened(chromium, client.url, "/doubt") as tab:
        tab.get_by_text("There is nothing to doubt yet: start the service with --facts FILE").wait_for()
    silent = Parrot(lacking=("log_probabilities",))
    with running({"m": silent}, shown=Shown(facts=FACTS)) as client, opened(chromium, client.url, "/doubt") as tab:
        tab.get_by_text("does not tell how sure it is").wait_for()


def test_answers_of_an_audit_and_of_models_are_told_apart(chromium, tmp_path):
    (tmp_path / "answers.jsonl").write_text(line("Audited?", margin=0.4) + line("Wrong?", right=False, margin=0.5))
    shown, models = Shown(facts=FACTS, answers=read_answers(tmp_path / "answers.jsonl")), {"a": Graded(), "b": Parrot()}
    with running(models, shown=shown) as client, opened(chromium, client.url, "/doubt") as tab:
        tab.get_by_text("5 answers of a.").wait_for()
        tab.get_by_label("Model", exact=True).select_option("b")
        tab.get_by_text("5 answers of b.").wait_for()
        tab.locator("#told", has_text="5 of 5 answered, 0 of them wrong").wait_for()
        tab.get_by_label("Answers of").select_option("audit")
        tab.locator("#told", has_text="2 of 2 answered, 1 of them wrong").wait_for()
        assert tab.get_by_label("Confidence", exact=True).input_value() == "margin"
