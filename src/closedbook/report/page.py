"""The one-page HTML report of `reproduce`: self-contained, for screens light and dark, and for print."""

import json
from collections.abc import Sequence
from pathlib import Path

from closedbook.drawing import to_svg
from closedbook.evaluation.knowledge import GROUPINGS
from closedbook.evaluation.metrics import Proportion
from closedbook.experiments.reproduce import Reproduction, SystemRow
from closedbook.facts.coverage import Coverage
from closedbook.files import write_text
from closedbook.report import numbers
from closedbook.report.plots import Curves, accuracy_bars, learning_curves
from closedbook.report.templates import environment

STAGES = ("pretrain", "finetune", "scratch")


def tracks(report: Reproduction) -> dict[str, list[SystemRow]]:
    """The rows of each track; a table never mixes two."""
    by_track: dict[str, list[SystemRow]] = {}
    for row in report.systems:
        by_track.setdefault(row.track, []).append(row)
    return by_track


def write_page(out: Path, report: Reproduction) -> Path:
    """Writes `report.html` beside `report.json`.

    Args:
        out: The output directory of `reproduce`, for the metrics of its runs.
        report: What it came to.
    """
    by_track = tracks(report)
    bars = {
        track: to_svg(accuracy_bars(rows), f"accuracy of every system, {track} track")
        for track, rows in by_track.items()
    }
    recall = _curves(out, report, "recall", "recall")
    text = (
        environment()
        .get_template("page.html.j2")
        .render(
            report=report,
            tracks=by_track,
            trained={track: [row for row in rows if row.runs[0].knowledge] for track, rows in by_track.items()},
            referred=any(row.reference for row in report.systems),
            recall_by_kind={track: _recall_by_kind(rows) for track, rows in by_track.items()},
            bars=bars,
            curves=to_svg(learning_curves(_curves(out, report, "metrics", "loss"), "loss"), "loss against step"),
            recall=to_svg(learning_curves(recall, "recall"), "recall against step") if recall else "",
            coverage=_coverage(report.systems),
            counts=_counts(report.systems),
            many_seeds=any(len(row.runs) > 1 for row in report.systems),
            correct=lambda row: numbers.mean_correct([run.correct for run in row.runs], row.runs[0].total),
        )
    )
    path = out / "report.html"
    write_text(path, text)
    return path


def _recall_by_kind(rows: Sequence[SystemRow]) -> list[tuple[str, list[Proportion]]]:
    """Right answers of each trained system for the kinds of facts that there are, by what the kind is called."""
    known = [knowledge for row in rows if (knowledge := row.runs[0].knowledge)]
    table = [
        (f"{grouping.label}: {kind}", [knowledge.recall[name][kind] for knowledge in known])
        for name, grouping in GROUPINGS.items()
        for kind, _ in grouping.kinds
    ]
    return [(label, cells) for label, cells in table if any(cell.total for cell in cells)]


def _coverage(rows: Sequence[SystemRow]) -> list[tuple[str, tuple[Coverage, ...]]]:
    """What training can reach, once for all systems that reach the same."""
    names: dict[tuple[Coverage, ...], list[str]] = {}
    for row in rows:
        if row.coverage:
            names.setdefault(row.coverage, []).append(row.name)
    return [(", ".join(systems), reached) for reached, systems in names.items()]


def _counts(rows: Sequence[SystemRow]) -> list[str]:
    """What each system's trainings split, cut, left out or drew from the documents, where there was something."""
    lines = []
    for row in rows:
        if counts := {key.replace("_", " "): value for key, value in row.runs[0].counts.items() if value}:
            lines.append(f"{row.name}: " + ", ".join(f"{key} {value:,}" for key, value in counts.items()))
    return lines


def _curves(out: Path, report: Reproduction, file: str, key: str) -> Curves:
    """The points of every run that has the file, by stage."""
    curves: dict[str, dict[str, list[tuple[int, float]]]] = {stage: {} for stage in STAGES}
    for row in report.systems:
        for run in row.runs:
            label = row.name if len(row.runs) == 1 else f"{row.name}, seed {run.seed}"
            for stage in STAGES:
                path = out / "runs" / f"{row.name}-seed-{run.seed}-{stage}" / f"{file}.jsonl"
                if path.is_file():
                    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
                    curves[stage][label] = [(line["step"], line[key]) for line in lines]
    return {stage: lines for stage, lines in curves.items() if lines}
