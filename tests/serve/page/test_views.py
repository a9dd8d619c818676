"""What holds for every view: for whom, on which screen, and what leaves the machine."""

import re

import pytest

from closedbook.serve.page.views import HEADERS, VIEWS, files
from closedbook.serve.state import Shown
from tests.audit.conftest import Parrot
from tests.serve.conftest import running
from tests.serve.page.conftest import NARROW, WIDE, opened, sideways, violations
from tests.serve.page.test_runs import trained
from tests.serve.test_service import is_problem

SHOWN = {
    "/": "[data-said]",
    "/inside": ".heatmap",
    "/doubt": "#curve svg",
    "/lab": "[data-formula=printed-2] math",
    "/runs": "#loss svg",
}
"""What is there when a view is complete."""
LONG = "first_run_with_a_long_name_that_goes_on_and_on_without_a_space"
FOCUSED = "[document.activeElement.textContent, document.activeElement.id]"
USABLE = """[...document.querySelectorAll("main :is(input, select, button, a)")]
    .filter((one) => !one.disabled && one.checkVisibility()).map((one) => one.id).filter(Boolean)"""


BREAKING = """async () => {
    const broken = [];
    document.addEventListener("securitypolicyviolation", (event) => broken.push(event.effectiveDirective));
    await fetch("http://127.0.0.1:9/").catch(() => null);
    new Image().src = "http://127.0.0.1:9/a.png";
    document.body.setAttribute("style", "color: red");
    while (broken.length < 3) await new Promise((resolve) => setTimeout(resolve, 10));
    return broken.sort();
}"""


@pytest.fixture(scope="module")
def full(run, corpus, tmp_path_factory):
    """A client of a service that has everything to show."""
    folder = tmp_path_factory.mktemp("folder")
    trained(folder, LONG, [3.0, 2.0, 1.0])
    trained(folder, "second", [3.0, 1.5], batch=2)
    with running({"mine": run}, corpus=corpus, shown=Shown(facts=corpus.dev[:12], runs=folder)) as client:
        yield client


def address(path, corpus):
    """Where a view shows all that it can."""
    question = corpus.train[0].question.replace(" ", "+")
    wanted = {"/": f"question={question}", "/inside": f"question={question}", "/runs": f"name={LONG}&name=second"}
    return f"{path}?{wanted.get(path, '')}"


def some(*paths):
    """All views, of which these alone are quick tests."""
    return [pytest.param(path, marks=[] if path in paths else [pytest.mark.slow]) for path in VIEWS]


@pytest.mark.parametrize(
    ("scheme", "size"),
    [pytest.param("light", NARROW, id="light"), pytest.param("dark", WIDE, id="dark", marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("path", some("/", "/doubt", "/runs"))
def test_everybody_can_use_it(chromium, full, corpus, path, scheme, size):
    """axe finds no fault, and nothing is wider than a small telephone."""
    with opened(chromium, full.url, address(path, corpus), color_scheme=scheme, viewport=NARROW) as tab:
        tab.locator(SHOWN[path]).first.wait_for(state="attached")
        assert sideways(tab) == 0
        tab.set_viewport_size(size)
        assert sideways(tab) == 0
        assert violations(tab) == []


@pytest.mark.parametrize("path", some("/", "/runs"))
def test_every_view_is_reached_with_the_keyboard(chromium, full, corpus, path):
    with opened(chromium, full.url, address(path, corpus)) as tab:
        tab.locator(SHOWN[path]).first.wait_for(state="attached")
        reached = []
        for _ in range(70):
            tab.keyboard.press("Tab")
            reached.append(tab.evaluate(FOCUSED))
        assert {text for text, _ in reached} >= {"Skip to the content", *VIEWS.values()}
        assert set(tab.evaluate(USABLE)) <= {name for _, name in reached}


@pytest.mark.parametrize("path", VIEWS)
def test_nothing_begins_elsewhere(client, path):
    told = client.get(path)
    assert told.status_code == client.head(path).status_code == 200
    assert told.headers["content-type"] == "text/html; charset=utf-8"
    linked = re.findall(r'(?:src|href)="([^"]+)"', told.text)
    assert linked
    assert all(link.startswith(("/", "#")) and not link.startswith("//") for link in linked)
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", told.text)
    assert {link for link in linked if link.startswith("/static/")} <= files()


@pytest.mark.parametrize("path", sorted(files()))
def test_every_file_is_sent_with_the_policy(client, path):
    told = client.get(path)
    assert told.status_code == 200
    assert HEADERS.items() <= {name.title(): value for name, value in told.headers.items()}.items()
    policy = dict(part.strip().split(" ", 1) for part in told.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert all(source in ("'self'", "'none'", "'script'") for source in policy.values())
    if path.endswith((".js", ".css")):
        assert not re.search(r"https?://(?!www\.w3\.org/)|innerHTML|insertAdjacent|\beval\b|document\.write", told.text)


def test_the_policy_is_kept_by_the_browser(chromium, client):
    with opened(chromium, client.url, quiet=False) as tab:
        tab.locator("#model option").first.wait_for(state="attached")
        for attempt in ("document.body.innerHTML = '<b>x</b>'", "document.createElement('script').text = '1'"):
            assert (
                tab.evaluate(f"() => {{ try {{ {attempt}; }} catch (error) {{ return error.name; }} }}") == "TypeError"
            )
        broken = tab.evaluate(BREAKING)
        assert broken == ["connect-src", "img-src", "style-src-attr"]
        tab.asked.clear()  # what was refused is told there too


def test_files_that_are_not_there_get_a_problem(client):
    for path in ("/static/nothing.js", "/static/", "/static/../views.py", "/static/%2e%2e/views.py", "/page/nothing"):
        is_problem(client.get(path), 404)


def test_files_need_no_key_and_data_do():
    with running({"m": Parrot()}, key="a key of some length") as client:
        assert all(client.get(path).status_code == 200 for path in files())
        for path in ("/page/about", "/page/doubt", "/page/runs", "/page/lab", "/page/lab/formulas"):
            is_problem(client.get(path), 401)
        is_problem(client.post("/page/ask", json={"question": "Where?"}), 401)
        assert "parrot" not in "".join(client.get(path).text for path in files())


def test_no_data_stands_in_the_files(client, corpus):
    text = "".join(client.get(path).text for path in VIEWS)
    assert not [name for name in ("mine", corpus.name, corpus.documents[0].subject) if re.search(rf"\b{name}\b", text)]
