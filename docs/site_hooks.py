"""What mkdocs does beside rendering `docs/`: pages of notebooks, docstrings and files of the root, and no requests.

The notebooks of `examples/` are executed; every room of the package gets a page of its docstrings; links from the docs
to these files, which work in a checkout, lead to the pages. A site that would fetch anything from elsewhere is refused.
"""

import posixpath
import re
import tempfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "closedbook"
PAGES = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md", "README.md": "README.md"}
"""Files of the root by the page that they are."""
FETCHED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "video": "src"}
NOT_FETCHED = {"canonical", "next", "prev", "alternate", "edit"}  # kinds of <link>


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Puts the pages that are made from lists of files into the navigation."""
    decisions = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("*.md"))
    assert config.nav is not None, "mkdocs.yml has a navigation"
    config.nav += [
        {"Decisions": [f"decisions/{name}" for name in sorted(decisions, key=lambda name: name != "README.md")]},
        {"Reference": [f"reference/{name}.md" for name, _ in references()]},
    ]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are made."""
    for name, page in PAGES.items():
        if name != "README.md":
            files.append(File.generated(config, page, content=(ROOT / name).read_text(encoding="utf-8")))
    for path in sorted((ROOT / "examples").glob("*.ipynb")):
        for name, content in executed(path):
            files.append(File.generated(config, f"notebooks/{name}", content=content))
    for name, text in references():
        files.append(File.generated(config, f"reference/{name}.md", content=text))
    return files


def executed(path: Path) -> Iterator[tuple[str, str | bytes]]:
    """A notebook as a page, with the pictures that it draws, by their names."""
    import nbformat
    from nbclient import NotebookClient
    from nbconvert import MarkdownExporter

    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as directory:
        NotebookClient(
            notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": directory}}
        ).execute()
    for cell in notebook.cells:  # without what libraries remark on their surroundings
        cell.outputs = [output for output in cell.get("outputs", []) if output.get("name") != "stderr"]
    body, resources = MarkdownExporter().from_notebook_node(
        notebook, resources={"unique_key": path.stem, "output_files_dir": path.stem}
    )
    yield f"{path.stem}.md", body
    yield from resources["outputs"].items()


def references() -> Iterator[tuple[str, str]]:
    """A page for closedbook as Python has it, and one for every room."""
    yield "index", "# closedbook in Python\n\n::: closedbook.api\n    options: {show_root_heading: false}\n"
    for path in sorted(PACKAGE.iterdir()):
        room = path.stem
        if (
            path.suffix in ("", ".py")
            and room[0] != "_"
            and room != "api"
            and (path.is_file() or (path / "__init__.py").is_file())
        ):
            yield room, f"# {room}\n\n::: closedbook.{room}\n"


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Leads links to files outside of `docs/` to the pages that are made of them."""
    origin = page.file.src_uri
    directory = (
        "" if origin in PAGES.values() and origin != "README.md" else posixpath.join("docs", posixpath.dirname(origin))
    )

    def led(match: re.Match[str]) -> str:
        target, anchor = match[1], match[2] or ""
        path = posixpath.normpath(posixpath.join(directory, target))
        there = PAGES.get(path) or made_of(path)
        if path.startswith("docs/"):
            there = path.removeprefix("docs/")
        if there is None or "://" in target:
            return match[0]
        uri, _, own = there.partition("#")
        return f"]({posixpath.relpath(uri, posixpath.dirname(origin) or '.')}{'#' + own if own else anchor})"

    return re.sub(r"\]\(([^)#\s]+)(#[^)\s]*)?\)", led, markdown)


def made_of(path: str) -> str | None:
    """The page, with anchor, that is made of a notebook or of a module's docstrings; None of other files."""
    if path.startswith("examples/") and path.endswith(".ipynb"):
        return f"notebooks/{Path(path).stem}.md"
    if path.startswith("src/closedbook/") and path.endswith(".py"):
        module = path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        return f"reference/{module.split('.')[1]}.md#{module}"
    return None


def on_post_build(config: MkDocsConfig) -> None:
    """Refuses a site that would fetch anything from elsewhere."""
    if found := [line for path in sorted(Path(config.site_dir).rglob("*")) for line in fetches(path)]:
        raise PluginError("the site would fetch from elsewhere:\n" + "\n".join(found))


def fetches(path: Path) -> list[str]:
    """What a page or a style sheet would fetch from elsewhere, a line each."""
    found = []
    if path.suffix == ".html":
        reader = _Fetched()
        reader.feed(path.read_text(encoding="utf-8"))
        found = reader.found
    elif path.suffix == ".css":
        found = re.findall(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')\s]+)", path.read_text(encoding="utf-8"))
    return [f"{path}: {address}" for address in found]


class _Fetched(HTMLParser):
    """Collects the addresses on other machines that a browser fetches without being asked."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        kept = tag == "link" and set(values.get("rel", "").split()) <= NOT_FETCHED
        address = values.get(FETCHED.get(tag, ""), "")
        if not kept and re.match(r"(https?:)?//", address):
            self.found.append(address)
        self.found += re.findall(r"url\(\s*[\"']?((?:https?:)?//[^\"')\s]+)", values.get("style", ""))
