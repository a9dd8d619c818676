"""The page of `reproduce`: self-contained, for screens light and dark, and for print."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from closedbook.drawing import to_svg
from closedbook.experiments.reproduction import Reproduction, SystemRow
from closedbook.files import write_text
from closedbook.manifest import read_manifest
from closedbook.report.figures import Bar, Curves, learning_curves, recall_bars
from closedbook.report.result_tables import (
    coverage_tables,
    knowledge_table,
    pair_table,
    plain,
    relation_tables,
    results_table,
    run_table,
    tracks,
    verdicts,
)
from closedbook.report.table import Table
from closedbook.report.templates import environment

STAGES = ("pretrain", "finetune", "scratch")


@dataclass(frozen=True, kw_only=True)
class Section:
    """A track on the page."""

    track: str  # its name, "" where there is but one
    results: Table  # the systems
    verdicts: list[str]  # whether the assignment's figures are reproduced, where that is asked
    bars: str  # their accuracies, an `<svg>` element
    relations: list[Table]  # by relation, none where there is but one
    knowledge: Table  # what is known of which facts, without rows where no system has a model


def write_page(out: Path, report: Reproduction) -> Path:
    """Writes `report.html` beside `report.json`.

    Args:
        out: The output directory of `reproduce`, for the metrics of its runs.
        report: What it came to.
    """
    by_track = tracks(report)
    loss, recall = _curves(out, report, "metrics", "loss"), _curves(out, report, "recall", "recall")
    text = (
        environment()
        .get_template("page.html.j2")
        .render(
            report=report,
            sections=[_section(report, track if len(by_track) > 1 else "", rows) for track, rows in by_track.items()],
            referred=any(row.reference for row in report.systems),
            pairs=pair_table(report),
            coverage=coverage_tables(report),
            curves=to_svg(learning_curves(loss, "loss"), "loss against step"),
            recall=to_svg(learning_curves(recall, "recall"), "recall against step") if recall else "",
            counts=_counts(report.systems),
            runs=run_table(report),
            seeds=max(len(row.runs) for row in report.systems),
        )
    )
    path = out / "report.html"
    write_text(path, text)
    return path


def _section(report: Reproduction, track: str, rows: Sequence[SystemRow]) -> Section:
    return Section(
        track=track,
        results=results_table(report, rows),
        verdicts=verdicts(rows),
        bars=to_svg(recall_bars([_bar(row) for row in rows], "the assignment's"), f"accuracy of every system {track}"),
        relations=relation_tables(rows, intervals=True),
        knowledge=knowledge_table(
            {plain(row.name): found for row in rows if (found := [run.knowledge for run in row.runs if run.knowledge])}
        ),
    )


def _bar(row: SystemRow) -> Bar:
    known = row.reference.assignment if row.reference else None
    return Bar(plain(row.name), row.accuracy, row.interval, () if known is None else (known,))


def _counts(rows: Sequence[SystemRow]) -> list[str]:
    """What each system's trainings split, cut, left out or drew from the documents, where there was something."""
    lines = []
    for row in rows:
        if counts := {plain(name): value for name, value in row.runs[0].counts.items() if value}:
            lines.append(f"{plain(row.name)}: " + ", ".join(f"{name} {value:,}" for name, value in counts.items()))
    return lines


def _curves(out: Path, report: Reproduction, file: str, key: str) -> Curves:
    """The points of every run that has the file, by stage and system."""
    curves: dict[str, dict[str, list[list[tuple[int, float]]]]] = {stage: {} for stage in STAGES}
    for row in report.systems:
        for run in row.runs:
            for stage in STAGES if run.run else ():
                path = out / f"{run.cell}-{stage}" / f"{file}.jsonl"
                if path.is_file():
                    curves[stage].setdefault(plain(row.name), []).append(_points(path, key))
    return {stage: lines for stage, lines in curves.items() if lines}


def _points(path: Path, key: str) -> list[tuple[int, float]]:
    """Step and value of every line of a run's log.

    Raises:
        UserError: It is not what was written.
    """
    read_manifest(path.parent).check(path.parent, path.name)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [(line["step"], line[key]) for line in lines]
