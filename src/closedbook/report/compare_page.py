"""The page of `compare`, with figures, self-contained, for screens and print."""

from pathlib import Path

from closedbook.drawing import save, to_svg
from closedbook.evaluation.knowledge import GROUPINGS
from closedbook.experiments.compare import Comparison, KindRow
from closedbook.files import write_text
from closedbook.report import compare_figures as figures
from closedbook.report.templates import environment


def write_comparison(out: Path, report: Comparison) -> Path:
    """Writes `report.html` and its figures as SVG and PNG; returns the page's path.

    Raises:
        UserError: The file system refuses.
    """
    drawn = {"recall": figures.recall_bars(report.rows), "costs": figures.costs(report.rows)}
    maps = [
        (row.variant, learned, figures.learned_maps(learned))
        for row, learned in zip(report.rows, report.maps, strict=True)
    ]
    for old in out.glob("maps-*"):  # of variants that are no longer compared
        old.unlink()
    for name, figure in drawn.items():
        save(figure, out / name, name)
    for index, (name, _, figure) in enumerate(maps):
        save(figure, out / f"maps-{index}", f"learned maps of {name}")
    kinds: dict[str, list[KindRow]] = {}
    for row in report.kinds:
        title = GROUPINGS[row.grouping].label if row.grouping in GROUPINGS else row.grouping
        kinds.setdefault(title, []).append(row)
    text = (
        environment(label=figures.label)
        .get_template("compare.html.j2")
        .render(
            report=report,
            parameters=[row.parameters for row in report.rows],
            figures={name: to_svg(figure, name) for name, figure in drawn.items()},
            maps=[(name, learned.prompts, to_svg(figure, f"learned maps of {name}")) for name, learned, figure in maps],
            kinds=kinds,
        )
    )
    path = out / "report.html"
    write_text(path, text)
    return path
