"""The hooks of the documentation site: links that lead to made pages, and nothing that is fetched from elsewhere."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def hooks():
    pytest.importorskip("mkdocs", reason="needs pip install 'closedbook[docs]'")
    specification = importlib.util.spec_from_file_location("site_hooks", ROOT / "docs" / "site_hooks.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("origin", "link", "led"),
    [
        ("README.md", "](../CONTRIBUTING.md)", "](contributing.md)"),
        ("decisions/0001-examples-as-segments.md", "](../../CONTRIBUTING.md)", "](../contributing.md)"),
        ("decisions/README.md", "](../results.md#speed)", "](../results.md#speed)"),
        ("contributing.md", "](docs/concepts.md)", "](concepts.md)"),
        ("audit.md", "](../src/closedbook/audit/signals.py)", "](reference/audit.md#closedbook.audit.signals)"),
        ("attention_lab.md", "](../examples/attention_lab.ipynb)", "](notebooks/attention_lab.md)"),
        ("audit.md", "](figures/audit-risk.svg)", "](figures/audit-risk.svg)"),
        ("audit.md", "](https://example.org/docs/x.md)", "](https://example.org/docs/x.md)"),
        ("audit.md", "](#the-verdict)", "](#the-verdict)"),
    ],
)
def test_links_out_of_the_docs_lead_to_pages_of_the_site(hooks, origin, link, led):
    page = SimpleNamespace(file=SimpleNamespace(src_uri=origin))
    assert hooks.on_page_markdown(f"[words{link}", page, None, None) == f"[words{led}"


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("a.html", '<script src="https://cdn.example/x.js"></script>', ["https://cdn.example/x.js"]),
        ("a.html", '<link rel="stylesheet" href="//fonts.example/x.css">', ["//fonts.example/x.css"]),
        ("a.html", '<link rel="preconnect" href="https://fonts.example">', ["https://fonts.example"]),
        ("a.html", '<img src="http://example.org/x.png">', ["http://example.org/x.png"]),
        ("a.html", '<p style="background: url(https://example.org/x.png)">', ["https://example.org/x.png"]),
        ("a.html", '<a href="https://example.org">read</a><script src="assets/x.js"></script>', []),
        ("a.html", '<link rel="canonical" href="https://example.org/a.html">', []),
        ("a.css", "@font-face{src:url(https://fonts.example/x.woff2)}", ["https://fonts.example/x.woff2"]),
        ("a.css", '@import "https://fonts.example/x.css"; .a{background:url(x.svg)}', ["https://fonts.example/x.css"]),
    ],
)
def test_what_is_fetched_from_elsewhere_is_noticed(hooks, name, text, found, tmp_path):
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert hooks.fetches(tmp_path / name) == [f"{tmp_path / name}: {address}" for address in found]


def test_every_room_and_notebook_has_a_page(hooks):
    pages = {name for name, _ in hooks.references()}
    rooms = {path.stem for path in (ROOT / "src" / "closedbook").iterdir() if path.suffix in ("", ".py")}
    assert pages == {room for room in rooms if room[0] != "_"} - {"api"} | {"index"}
    listed = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert all(f"- notebooks/{path.stem}.md" in listed for path in (ROOT / "examples").glob("*.ipynb"))


def test_every_page_of_the_docs_is_in_the_navigation():
    listed = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert all(f"- {path.name}\n" in listed for path in (ROOT / "docs").glob("*.md"))
