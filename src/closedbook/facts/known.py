"""What the project knows of particular data: shipped relations, files by their SHA-256, figures for comparison."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from closedbook.facts.forms import subject_by_forms
from closedbook.facts.relations import Fields, parse_relations

if TYPE_CHECKING:
    from closedbook.facts.corpus import Corpus


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Accuracies that others report for one system on one dev file, in [0, 1], None where there is none.

    Args:
        assignment: The solved assignment's.
        public_median: The median of public prediction files.
        public_best: The best of them.
        public_worst: The worst of them.
        public_files: How many there are.
    """

    assignment: float | None = None
    public_median: float | None = None
    public_best: float | None = None
    public_worst: float | None = None
    public_files: int | None = None


@cache
def _files() -> dict[str, str]:
    """The texts of the shipped data files by name, in the order of their names."""
    paths = sorted((resources.files("closedbook.facts") / "data").iterdir(), key=lambda path: path.name)
    return {path.name: path.read_text(encoding="utf-8") for path in paths if path.name.endswith(".toml")}


@cache
def shipped_relations() -> Mapping[str, Fields]:
    """The relations that the project ships, by name; they are matched to any data by their forms."""
    files = [(name, text) for name, text in _files().items() if "relation" in tomllib.loads(text)]
    return {relation: fields for name, text in files for relation, fields in parse_relations(text, name).items()}


@cache
def _data_sets() -> tuple[dict[str, Any], ...]:
    """The data sets that the project knows: `name`, `names`, `files` and `figures`."""
    return tuple(data for text in _files().values() if "figures" in (data := tomllib.loads(text)))


def usual_names(part: str) -> list[str]:
    """Under which names known data sets hold a part: `corpus`, `train`, `dev` or `test`."""
    return [data["names"][part] for data in _data_sets() if part in data["names"]]


def known_as(sha256: str) -> str | None:
    """The name of a file that the project knows, as in `CS224n 2021, wiki.txt`."""
    for data in _data_sets():
        if sha256 in data["files"]:
            return f"{data['name']}, {data['files'][sha256]}"
    return None


def reference_figures(corpus: "Corpus") -> dict[str, Reference]:
    """Figures of others by the name of the system, for the corpus's own dev file alone; empty for any other data."""
    hashes = set(corpus.files.values())
    for data in _data_sets():
        if data["figures"]["dev"] in hashes:
            return {name: Reference(**figures) for name, figures in data["figures"]["systems"].items()}
    return {}


def subject_of(question: str) -> str:
    """The subject of a question in a form or wording of a shipped relation, "" if it is in none."""
    relations = shipped_relations().values()
    return subject_by_forms(
        question, (form for fields in relations for form in (*fields["forms"], *fields.get("wordings", ())))
    )
