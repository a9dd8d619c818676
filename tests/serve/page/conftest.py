"""The page in a real Chromium, which must be on this machine: nothing is fetched for it."""

import contextlib

import pytest

NARROW, WIDE = {"width": 360, "height": 740}, {"width": 1100, "height": 800}
PATIENCE = 20_000  # milliseconds; nothing takes as long


@contextlib.contextmanager
def opened(chromium, url, path="/", *, quiet=True, **settings):
    """A tab at a view, which may ask nobody but the service, and whose errors are errors unless they are looked for."""
    context = chromium.new_context(**({"viewport": WIDE, "reduced_motion": "reduce"} | settings))
    context.set_default_timeout(PATIENCE)
    tab, tab.asked, tab.wrong = context.new_page(), [], []
    tab.on("request", lambda request: tab.asked.append(request.url))
    tab.on("pageerror", lambda error: tab.wrong.append(str(error)))
    tab.on("console", lambda said: tab.wrong.append(said.text) if said.type in ("error", "warning") else None)
    tab.on("dialog", lambda dialog: (tab.wrong.append("a dialog"), dialog.dismiss()))
    try:
        tab.goto(url + path)
        yield tab
        assert [asked for asked in tab.asked if not asked.startswith(url + "/")] == []
        assert not quiet or tab.wrong == []
    finally:
        context.close()


@contextlib.contextmanager
def before_it_begins(tab):
    """The view as it is before the service has told what models there are, which it does at the end."""
    held = []
    tab.route("**/page/about", lambda route: held.append(route))
    tab.reload()
    yield
    tab.wait_for_function("1")  # what was done has come to the page
    for route in held:
        route.continue_()


def sideways(tab):
    """How many pixels the page is wider than the window."""
    return tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def violations(tab):
    """What axe finds fault with: rule and place of each."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install 'closedbook[test]'")
    found = axe.Axe().run(tab).response["violations"]
    return [(rule["id"], node["target"], node["failureSummary"]) for rule in found for node in rule["nodes"]]
