from urllib.parse import urlencode

import numpy as np
import pytest

from closedbook.trace.question import trace_question
from tests.audit.conftest import Parrot
from tests.serve.conftest import running
from tests.serve.page.conftest import NARROW, before_it_begins, opened
from tests.serve.test_service import is_problem


@pytest.fixture(scope="module")
def fact(corpus):
    """One that the run was trained on."""
    return corpus.train[0]


def test_what_is_shown_is_what_trace_finds(client, run, fact):
    told = client.post("/page/inside", json={"question": fact.question}).json()
    trace = trace_question(run, fact.question, fact.subject)
    assert (told["answer"], told["subject"]) == (trace.prompt.answer, fact.subject)
    assert tuple(told["tokens"]) == trace.prompt.labels
    assert tuple(told["span"]) == trace.prompt.span
    assert np.array(told["causal"]["restored"]) == pytest.approx(trace.causal.restored_NT, abs=2e-3)
    assert np.array(told["lens"]["probability"]) == pytest.approx(trace.lens.answer_NT, abs=2e-3)
    assert np.array(told["attention"]) == pytest.approx(trace.attention.pattern_LHTS, abs=2e-3)
    assert told["lens"]["likeliest"][-1][-1][0] == trace.lens.likeliest_NTK[-1][-1][0]
    assert any(fact.subject in finding["words"] for finding in told["findings"])


def test_others_say_why_not(run, corpus):
    with running({"bird": Parrot(), "mine": run}, corpus=corpus) as client:
        ask = {"question": corpus.train[0].question, "model": "bird"}
        assert "bird is a parrot; one run" in is_problem(client.post("/page/inside", json=ask), 422)
        about = {model["name"]: model["no_inside"] for model in client.get("/page/about").json()["models"]}
        assert about["mine"] is None
        assert "one run of closedbook at a time" in about["bird"]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"question": "What?"}, "Which part of the question is the subject?"),
        ({"question": "Where is Ann?", "subject": "Bob"}, "holds the name 'Bob' nowhere"),
        ({"question": "Where is " + "Ann " * 30, "subject": "is"}, "tokens"),
        ({"question": "Where?", "subject": ""}, "subject"),
        ({"question": "Where?", "layer": 1}, "layer"),
    ],
)
def test_what_cannot_be_looked_into_gets_a_sentence(client, asked, sentence):
    assert sentence in is_problem(client.post("/page/inside", json=asked), 422)


def test_a_question_is_looked_into(chromium, client, run, fact):
    with opened(chromium, client.url, "/inside") as tab:
        tab.get_by_label("Question").fill(fact.question)
        tab.keyboard.press("Enter")
        tab.locator("[data-said]").wait_for()
        assert tab.locator("[data-said]").inner_text() == run.ask(fact.question)
        for title in ("Where the answer comes from", "Causal trace", "Logit lens", "Attention"):
            assert tab.get_by_role("heading", name=title).count() == 1
        trace = trace_question(run, fact.question, fact.subject)
        rows = tab.locator("section:has(h2:text('Causal trace')) tbody tr")
        assert [row.split("\t")[0] for row in rows.all_inner_texts()] == list(trace.causal.states)
        cell = rows.last.locator("td").last
        assert cell.get_attribute("title").endswith(f"at mask: {trace.causal.restored_NT[-1, -1]:.2f}")
        tab.get_by_label("The whole pattern of head").select_option("1.1")
        tab.get_by_text("Head 1.1: rows look").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_labels_stay_beside_what_they_label(chromium, client, fact, scheme):
    url = "/inside?" + urlencode({"question": fact.question})
    with opened(chromium, client.url, url, viewport=NARROW, color_scheme=scheme) as tab:
        tab.locator(".heatmap").first.wait_for()
        assert tab.evaluate("document.querySelector('.heatmap').parentElement.scrollLeft") > 0
        told = tab.evaluate(
            """[...document.querySelectorAll('.heatmap')].map((table) => {
              const left = (node) => node.getBoundingClientRect().left, edge = left(table.parentElement);
              const corner = table.tHead.rows[0].cells[0], box = corner.getBoundingClientRect();
              const seen = [0.1, 0.3, 0.5, 0.7, 0.9].map((share) =>
                document.elementFromPoint(box.left + box.width * share, box.top + box.height / 2));
              return {
                labels: left(table.tBodies[0].rows[0].cells[0]) - edge, corner: box.left - edge,
                caption: left(table.caption.firstElementChild ?? table.caption) - edge,
                over: seen.every((at) => at === null || corner.contains(at)),
                background: getComputedStyle(corner).backgroundColor,
              };
            })"""
        )
    assert len(told) == 4
    for each in told:
        assert (each["labels"], each["corner"], each["caption"]) == pytest.approx((0, 0, 0), abs=1)
        assert each["over"]
        assert each["background"] == {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 23, 24)"}[scheme]


@pytest.mark.parametrize("view", ["/", "/inside"])
def test_who_asks_before_the_models_are_known_is_answered_once(chromium, client, run, fact, view):
    with opened(chromium, client.url, view) as tab:
        with before_it_begins(tab):
            tab.get_by_label("Question").fill(fact.question)
            tab.keyboard.press("Enter")
        tab.locator("[data-said]").wait_for()
        assert tab.locator("[data-said]").inner_text() == run.ask(fact.question)
        assert sum(asked.endswith(("/page/ask", "/page/inside")) for asked in tab.asked) == 1


def test_the_name_can_be_said(chromium, client):
    question = "Whither Ann Lee?"
    with opened(chromium, client.url, "/inside", quiet=False) as tab:
        tab.get_by_label("Question").fill(question)
        tab.keyboard.press("Enter")
        tab.get_by_role("alert").filter(has_text="Which part of the question is the subject?").wait_for()
        tab.get_by_label("Name", exact=True).fill("Ann Lee")
        tab.keyboard.press("Enter")
        tab.locator(".named").first.wait_for()
        assert "subject=Ann+Lee" in tab.url


def test_a_model_that_is_no_run_says_so_on_the_page(chromium):
    with running({"bird": Parrot()}) as client, opened(chromium, client.url, "/inside") as tab:
        tab.get_by_text("bird is a parrot; one run of closedbook at a time can be looked into.").wait_for()
