"""The page of `trace`: self-contained, for screens and print, and every view as a file of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from closedbook.drawing import save
from closedbook.files import new_directory, write_json, write_text
from closedbook.report.templates import environment
from closedbook.trace.averages import GROUPS
from closedbook.trace.findings import facts_findings, heads_finding, question_findings
from closedbook.trace.report import SHOWN, Report, View

TRACED = (
    "The name's embeddings are corrupted with noise, then one state is put back: where the answer comes back, that "
)
ADDED = "What every head and MLP adds to the logit of the first token of the answer, at the mask"
VIEWS = {
    "logit_lens": (
        "Logit lens: what it would say after each layer",
        "Each state of the residual stream, read by the model's own last LayerNorm and head: the likeliest token in "
        "each cell, darker where the first token of the answer is more probable.",
    ),
    "causal_tracing": ("Causal tracing: which state brings the answer back", f"{TRACED}state carries what is needed."),
    "attribution": (
        "Attribution: what adds to the answer's logit",
        f"{ADDED}; the scale of the last LayerNorm frozen, the bars sum to the logit.",
    ),
    "attention": (
        "Attention: where each head looks",
        "A panel is a head, layer.head. Rows look, columns are looked at; the last row is the mask, from which the "
        "answer is written.",
    ),
    "nearest_names": (
        "Nearest names",
        "Other names in the same question, by the model's own representation, the mean over all names taken off.",
    ),
    "average_lens": (
        "How the answer comes up through the layers",
        "Probability of the first token of the model's own answer after each layer, at the mask; 95 % intervals over "
        "the questions.",
    ),
    "looks": (
        "Where the heads look from the mask",
        "Attention from the mask, summed over the tokens of a role, mean over the questions.",
    ),
    "ablation": (
        "Recall without each part",
        "One part at a time is switched off at every token; 95 % intervals over questions.",
    ),
    "ablation_by_relation": (
        "Recall without each part, by relation",
        "How many of the facts of each relation are right: a part may be needed by all relations, or by one of them.",
    ),
}
"""Title and explanation of each view."""
AVERAGED = {
    "causal_tracing": ("Causal tracing", f"{TRACED}state carries what is needed. Means by role of the token."),
    "attribution": ("Attribution", f"{ADDED}, relative to the mean logit; 95 % intervals over the questions."),
}
"""Of views of which there is one for each group of questions."""


@dataclass(frozen=True)
class Section:
    """A view on the page.

    Args:
        title: Its heading.
        explanation: What is seen.
        svg: The figure.
        entries: The ten largest entries.
    """

    title: str
    explanation: str
    svg: str
    entries: list[dict[str, Any]]


def write_trace(out: Path, report: Report) -> Path:
    """Writes `trace.html`, `trace.json` and every view as SVG and PNG; returns the page's path.

    Raises:
        UserError: The directory exists, or the file system refuses.
    """
    with new_directory(out) as partial:
        sections = {name: _section(name, view, partial) for name, view in report.views().items()}
        write_json(partial / "trace.json", report.to_json())
        write_text(partial / "trace.html", _page(report, sections))
    return out / "trace.html"


def _section(name: str, view: View, directory: Path) -> Section:
    """The view on the page, its figure written into the directory."""
    base, group = _parts(name)
    title, explanation = AVERAGED[base] if group else VIEWS[base]
    title += f", {group}" if group else ""
    svg = save(view.figure(), directory / name.replace("_", "-"), title)
    return Section(title, explanation, svg, view.top(SHOWN))


def _parts(name: str) -> tuple[str, str]:
    """A view's name without its group, and the group for readers, "" for none."""
    for group, label in GROUPS.items():
        if name.endswith(f"_{group}"):
            return name.removesuffix(f"_{group}"), label
    return name, ""


def _page(report: Report, sections: dict[str, Section]) -> str:
    """The page's HTML."""
    page = environment(cell=cell).get_template("trace.html.j2")
    return page.render(
        report=report,
        question_rows=_rows([(name, sections[name]) for name in report.question_views()]),
        facts_rows=_rows([(name, sections[name]) for name in report.facts_views()]),
        question_findings=question_findings(report.question) if report.question else (),
        facts_findings=facts_findings(report.facts) if report.facts else (),
        heads=heads_finding(report.facts.looks) if report.facts else None,
        groups=[GROUPS[name] for name in report.facts.groups] if report.facts else [],
    )


def _rows(sections: Sequence[tuple[str, Section]]) -> list[list[Section]]:
    """Views of right and of made-up answers stand side by side."""
    rows: dict[str, list[Section]] = {}
    for name, section in sections:
        rows.setdefault(_parts(name)[0], []).append(section)
    return list(rows.values())


def cell(value: Any) -> str:
    """A value of an entry: numbers to three digits, names as they are, a dash for None."""
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, list | tuple):
        return ", ".join(cell(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {cell(item)}" for key, item in value.items())
    return "-" if value is None else str(value)
