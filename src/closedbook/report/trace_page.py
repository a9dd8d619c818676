"""What readers see of `trace`: lines on the console, and a page a question, self-contained, for screens and print."""

from pathlib import Path
from typing import Any

from closedbook.drawing import save, to_svg
from closedbook.errors import UserError
from closedbook.files import new_directory, write_json, write_text
from closedbook.report.console import say
from closedbook.report.templates import environment
from closedbook.trace.report import Report

SHOWN = 5
EXPLAINED = {
    "Logit lens": "Each state of the residual stream, read by the model's own last LayerNorm and head: the likeliest "
    "token in each cell, darker where the first token of the answer is more probable.",
    "Attribution": "What every head and MLP adds to the logit of the first token of the answer, at the mask; the scale "
    "of the last LayerNorm frozen, the bars sum to the logit. Averages are relative to the mean logit.",
    "Causal tracing": "The name's embeddings are corrupted with noise, then one state is put back: where the answer "
    "comes back, that state carries what is needed.",
    "Attention": "Rows look, columns are looked at. Panels: layer.head.",
    "Nearest names": "By the model's own representation of the name, the mean over all names taken off.",
    "How the answer": "Probability of the first token of the model's own answer after each layer, at the mask; 95 % "
    "intervals over questions.",
    "Where the heads": "Attention from the mask, summed over the tokens of a role, mean over the questions.",
    "Recall without": "One part at a time is switched off at every token; 95 % intervals over questions.",
}


def explanation(title: str) -> str:
    """What a view of that title shows."""
    return next((text for start, text in EXPLAINED.items() if title.startswith(start)), "")


def line(entry: dict[str, Any]) -> str:
    """An entry of a view in a line: numbers to three digits, names as they are."""
    return ", ".join(f"{key.replace('_', ' ')} {_short(value)}" for key, value in entry.items() if value is not None)


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, list):
        return "(" + ", ".join(_short(item) for item in value) + ")"
    if isinstance(value, dict):
        return "(" + ", ".join(f"{key} {_short(item)}" for key, item in value.items()) + ")"
    return str(value)


def say_report(report: Report) -> None:
    """The answer, and what matters most in every view."""
    if report.question:
        say(f"{report.question['question']}  {report.question['answer']}")
    if report.facts:
        say(f"{report.facts['right']} of {report.facts['asked']} facts answered rightly")
    for title, view in report.views.items():
        say("")
        say(title)
        for entry in view.top(SHOWN):
            say(f"  {line(entry)}")


def check_output(out: Path) -> None:
    """Refuses, before anything is computed, a directory that exists."""
    if out.exists():
        raise UserError(f"{out}: exists already; choose another --out or remove it.")


def write_trace(out: Path, report: Report) -> Path:
    """Writes `trace.html`, `trace.json` and every view as SVG and PNG; returns the page's path.

    Raises:
        UserError: The directory exists, or the file system refuses.
    """
    drawn = {title: view.figure() for title, view in report.views.items()}
    templates = environment(line=line, explanation=explanation, thousands=lambda value: f"{value:,}")
    text = templates.get_template("trace.html.j2").render(
        report=report, figures={title: to_svg(figure, title) for title, figure in drawn.items()}
    )
    with new_directory(out) as partial:
        for index, (title, figure) in enumerate(drawn.items()):
            words = "".join(c if c.isalnum() else " " for c in title.split(":")[0].lower()).split()
            save(figure, partial / f"{index}-{'-'.join(words)}", title)
        write_json(partial / "trace.json", report.as_dict())
        write_text(partial / "trace.html", text)
    return out / "trace.html"
