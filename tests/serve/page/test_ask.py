import dataclasses
import math
import threading

import pytest

from closedbook.audit.replies import reply_to
from closedbook.evaluation.form import Form
from closedbook.facts.records import Fact
from closedbook.serve.recital import marked
from closedbook.serve.state import Shown
from closedbook.visible import visible
from tests.audit.conftest import Parrot, response
from tests.audit.test_abstention import abstention
from tests.hub.conftest import opened as opened_model
from tests.serve.conftest import NASTY, Reciter, running
from tests.serve.page.conftest import opened
from tests.serve.test_service import is_problem

TURNED = "A\u202eB\x1b[31mC"


def said(tab, question):
    """Asks, and what it says."""
    tab.get_by_label("Question").fill(question)
    tab.get_by_role("button", name="Ask", exact=True).click()
    tab.locator(".answer .given", has_text=question).wait_for()
    return tab.locator("[data-said]").inner_text()


class Writer(Parrot):
    """A parrot that is asked in a form and knows whole responses that it might give."""

    form = Form()


def test_candidates_that_are_whole_responses_are_said_to_be(chromium):
    question = "Where?"
    others = {question: (response("It is Rome."), response("It is Oslo."))}
    for model, said in ((Writer(others=others), 1), (Parrot(others=others), 0)):
        with running({"m": model}) as client, opened(chromium, client.url) as tab:
            tab.get_by_label("Question").fill(question)
            tab.keyboard.press("Enter")
            tab.get_by_role("heading", name="Candidates").wait_for()
            assert tab.get_by_text("Each is a whole response").count() == said


def test_an_answer_with_what_speaks_for_it(chromium, client, run, corpus):
    known = [fact for fact in corpus.train if run.ask(fact.question) == fact.answers[0]]
    fact = known[0]
    (reply,) = reply_to(run, [fact.question], alternatives=True)
    with opened(chromium, client.url) as tab:
        tab.get_by_label("Question").fill(fact.question)
        tab.keyboard.press("Enter")
        tab.locator("[data-said]").wait_for()
        assert tab.locator("[data-said]").inner_text() == reply.text == fact.answers[0]
        assert f"{100 * reply.confidence:.1f} % sure" in tab.inner_text("#reply")
        rows = tab.locator("section:has(h2:text('Candidates')) tbody tr").all_inner_texts()
        first = reply.alternatives[0]
        assert rows[0].split("\t")[0] == first.text
        assert f"{100 * math.exp(first.nats):.1f} %" in rows[0]
        document = tab.locator("section:has(h2:text('The document'))")
        assert corpus.documents_of(fact)[0].text in document.inner_text()
        assert fact.answers[0] in document.locator("mark").all_inner_texts()
        assert tab.get_by_role("link", name="Look inside: where").get_attribute("href").startswith("/inside?question=")


def test_the_recited_line_has_the_answer_marked(chromium, metals):
    with running({"m": Reciter()}, corpus=metals) as client, opened(chromium, client.url) as tab:
        assert said(tab, "Where was Tin found?") == "Rome"
        line = tab.locator("section:has(h2:text('In the book')) blockquote")
        assert line.inner_text() == "Tin. Tin was found in … Rome, in in"
        assert line.locator("mark").all_inner_texts() == ["Rome"]


def test_nearest_names_can_be_asked_about(chromium, metals):
    with running({"m": Reciter()}, corpus=metals) as client, opened(chromium, client.url) as tab:
        said(tab, "Where was Tinn found?")
        assert "none of the corpus's" in tab.inner_text("#reply")
        assert "no document about Tinn" in tab.inner_text("#reply")
        tab.get_by_role("button", name="Tin", exact=True).click()
        tab.locator(".answer .given", has_text="Where was Tin found?").wait_for()
        assert "question=Where+was+Tin+found%3F" in tab.url


def test_why_it_is_silent(chromium):
    taught = Parrot(said={"Where is Oz?": "no such subject", "Who?": "not in the book"})
    models = {"careful": (Parrot({"Nothing?": ""}), abstention(threshold=0.9)), "taught": taught}
    with running(models) as client, opened(chromium, client.url) as tab:
        assert said(tab, "Where?") == "I don't know"
        assert "Silent because of its threshold: sequence probability 0.64 is below 0.9" in tab.inner_text("#reply")
        assert not tab.locator("details b").is_visible()
        tab.get_by_text("What it would have said").click()
        assert tab.locator("details b").inner_text() == "Rome"
        assert said(tab, "Nothing?") == "I don't know"
        assert "Silent: what the model says is no answer." in tab.inner_text("#reply")
        tab.get_by_label("Model", exact=True).select_option("taught")
        for question, silence in (("Where is Oz?", "knows no such subject"), ("Who?", "does not say")):
            assert said(tab, question) == "I don't know"
            assert "It was taught to be silent" in tab.inner_text("#reply")
            assert silence in tab.inner_text("#reply")


def test_a_threshold_for_other_questions_is_said_to_be(chromium):
    threshold = dataclasses.replace(abstention(threshold=0.1), forms=("Where was {} found?",))
    with running({"m": (Parrot(), threshold)}) as client, opened(chromium, client.url) as tab:
        said(tab, "Who is it?")
        assert "questions of another form" in tab.inner_text("#reply")


@pytest.mark.parametrize("text", [NASTY, pytest.param(TURNED, marks=pytest.mark.slow)])
def test_no_text_is_more_than_text(chromium, metals, text):
    said_so = {f"Where was {text} found?": f"{text} answers", f"Why {text}?": text}
    others = {question: [response(f"{text} instead")] for question in said_so}
    with running({text: Reciter(said_so, others)}, corpus=metals) as client, opened(chromium, client.url) as tab:
        seen = visible(text)
        for question, answer in said_so.items():
            tab.get_by_label("Question").fill(question)
            tab.keyboard.press("Enter")
            tab.locator("[data-said]", has_text=answer.replace(text, seen)).wait_for()
        assert f"{seen} instead" in tab.inner_text("#reply")
        assert tab.locator("#model option").inner_text() == seen
        assert tab.locator("img").count() == 0
        assert tab.evaluate("window.hacked") is None


@pytest.mark.parametrize(
    ("question", "sentence"),
    [("no!", "no exclamations"), pytest.param("a" * 4001, "at most 4,000 characters", marks=pytest.mark.slow)],
)
def test_what_cannot_be_asked_gets_a_sentence(chromium, question, sentence):
    with running({"m": Parrot()}) as client, opened(chromium, client.url, quiet=False) as tab:
        said(tab, "Where?")
        tab.evaluate("document.getElementById('question').removeAttribute('maxlength')")
        tab.get_by_label("Question").fill(question)
        tab.keyboard.press("Enter")
        tab.get_by_role("alert").filter(has_text=sentence).wait_for()
        assert tab.locator("[data-said]").count() == 0
        assert said(tab, "Where?") == "Rome"


def test_a_model_that_is_not_there_is_said_not_to_be(chromium):
    models = {"first": Parrot(), "second": Parrot()}
    with running(models) as client, opened(chromium, client.url, "/?question=Where%3F&model=frist") as tab:
        tab.locator("[data-said]", has_text="Rome").wait_for()
        assert "frist is not served here; first is asked instead." in tab.inner_text("main")
        tab.get_by_label("Model", exact=True).select_option("second")
        assert "frist" not in tab.inner_text("main")


def test_a_service_that_has_gone_is_said_to_be(chromium):
    with running({"m": Parrot()}) as client, opened(chromium, client.url, quiet=False) as tab:
        tab.route("**/page/ask", lambda route: route.abort())
        tab.get_by_label("Question").fill("Where?")
        tab.keyboard.press("Enter")
        tab.get_by_role("alert").filter(has_text="cannot be reached").wait_for()


def test_only_the_last_question_counts(chromium):
    """An answer that comes late is not shown in place of a later one."""
    late = threading.Event()

    class Late(Parrot):
        def inquire(self, prompts, **options):
            if prompts[0].question == "First?":
                late.wait(10)
            return super().inquire(prompts, **options)

    model = Late(said={"First?": "one", "Second?": "two"})
    with running({"m": model}) as client, opened(chromium, client.url) as tab:
        for question in ("First?", "Second?"):
            tab.get_by_label("Question").fill(question)
            tab.keyboard.press("Enter")
        late.set()
        tab.locator("[data-said]", has_text="two").wait_for()
        assert tab.locator("[data-said]").count() == 1


def test_the_key_is_asked_for_once_and_kept_for_the_tab(chromium):
    key = "a key of some length"
    with running({"m": Parrot()}, key=key) as client, opened(chromium, client.url, quiet=False) as tab:
        assert not tab.get_by_text("That key was refused.").is_visible()
        for wrong in ("another key, a wrong one", "ключ ключ ключ ключ"):  # the second cannot be sent
            tab.get_by_label("Key", exact=True).fill(wrong)
            tab.get_by_role("button", name="Go on").click()
            tab.get_by_text("That key was refused.").wait_for()
        tab.get_by_label("Key", exact=True).fill(key)
        tab.get_by_role("button", name="Go on").click()
        tab.locator("#model option").wait_for(state="attached")
        assert said(tab, "Where?") == "Rome"
        tab.reload()
        assert said(tab, "Where?") == "Rome"


def test_who_gives_no_key_is_told(chromium):
    with (
        running({"m": Parrot()}, key="a key of some length") as client,
        opened(chromium, client.url, quiet=False) as tab,
    ):
        tab.get_by_label("Key", exact=True).wait_for()
        tab.keyboard.press("Escape")
        tab.get_by_text("Without its key this service says nothing").wait_for()
        assert not tab.get_by_label("Key", exact=True).is_visible()


def model_of(tab):
    """Which model is chosen, once they are listed."""
    tab.locator("#model option").first.wait_for(state="attached")
    return tab.locator("#model").input_value()


def test_one_comes_back_to_every_question_here_and_beside(chromium):
    with running({"other": Parrot(), "m": Parrot()}) as client, opened(chromium, client.url, "/?model=m") as tab:
        for question in ("Where?", "Who?"):
            said(tab, question)
        tab.go_back()
        tab.locator("[data-said]").wait_for()
        assert tab.get_by_label("Question").input_value() == "Where?"
        assert model_of(tab) == "m"
        tab.get_by_role("link", name="Skip to the content").focus()
        tab.keyboard.press("Enter")
        assert tab.get_by_label("Question").input_value() == "Where?"
        tab.get_by_role("link", name="Look inside").first.click()
        tab.wait_for_url("**/inside?question=Where%3F&model=m")
        assert model_of(tab) == "m"
        assert tab.get_by_label("Question").input_value() == "Where?"
        tab.get_by_role("link", name="Doubt").click()
        tab.wait_for_url("**/doubt*")
        assert model_of(tab) == "m"


def test_examples_are_questions_that_can_be_asked(metals):
    facts = [Fact(question=text, answers=("Rome",), subject="", line=1) for text in ("a" * 4001, "Why?")]
    with running({"m": Parrot()}, corpus=metals, shown=Shown(facts=tuple(facts))) as client:
        assert client.get("/page/about").json()["examples"] == ["Why?", *(fact.question for fact in metals.dev)]


def test_what_is_marked():
    parts = [(part.text, part.marked) for part in marked("York, Yorkshire and York.", "York")]
    assert parts == [("York", True), (", Yorkshire and ", False), ("York", True), (".", False)]
    assert [part.text for part in marked("a.c abc", "a.c") if part.marked] == ["a.c"]
    assert [(part.text, part.marked) for part in marked("首都是巴黎。", "巴黎")] == [
        ("首都是", False),
        ("巴黎", True),
        ("。", False),
    ]
    assert [part.text for part in marked("巴巴巴巴巴", "巴巴")] == ["巴巴", "巴巴", "巴"]
    assert [part.marked for part in marked("nothing", "")] == [False]


@pytest.mark.parametrize("body", [{}, {"question": ""}, {"question": 3}, {"question": "a", "more": 1}])
def test_what_is_wrong_gets_a_problem(client, body):
    is_problem(client.post("/page/ask", json=body), 422)


def test_a_model_from_elsewhere_is_asked_the_same(saved, taught):
    model, fact = opened_model(saved["gpt2"]), taught[0]
    with running({"gpt2": model}) as client:
        told = client.post("/page/ask", json={"question": fact.question}).json()
        assert told["answer"] == reply_to(model, [fact.question])[0].response.text
        assert told["candidates"][0]["answer"]
        assert (told["documents"], told["nearest"]) == (None, None)
        assert told["recited"] is not None or told["no_recital"]
        is_problem(client.post("/page/inside", json={"question": fact.question}), 422)
