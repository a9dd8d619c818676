"""The results of `compare`: tables for the console, and a page with figures, self-contained, for screens and print."""

from pathlib import Path

import numpy as np

from closedbook.drawing import save
from closedbook.errors import counted
from closedbook.experiments.compare import Comparison
from closedbook.files import write_text
from closedbook.report.figures import Bar, costs, recall_bars
from closedbook.report.numbers import decimals, mebibytes, thousands
from closedbook.report.result_tables import compared_table, knowledge_table, plain, relation_tables
from closedbook.report.table import Columns, Table, tabulated
from closedbook.report.templates import environment
from closedbook.trace.patterns import head_panels


def comparison_tables(report: Comparison) -> list[Table | str]:
    """Recall and its tests, by relation where there are several, then costs."""
    note = "p: permutation test over questions of the means over seeds; speed: medians of five rounds, in turns."
    return [recall_table(report), *relation_tables(report.rows), cost_table(report), note]


def recall_table(report: Comparison) -> Table:
    """Every variant against the first."""
    questions, seeds = counted(report.questions, "dev question"), counted(report.seeds, "seed")
    further: Columns = {
        "positions": lambda row: row.positions,
        "loss": lambda row: decimals(row.loss, 3),
        "answer, nats": lambda row: decimals(row.answer_nats),
    }
    title = f"{report.recipe} on {report.corpus.name}: {questions}, {seeds}"
    return compared_table(title, "variant", report.rows, further)


def cost_table(report: Comparison) -> Table:
    """Size, speed and memory of every variant."""
    figures: Columns = {
        "parameters": lambda row: thousands(row.parameters),
        "MLP width": lambda row: thousands(row.mlp_width),
        "FLOPs/token": lambda row: thousands(row.training_flops_per_token),
        "training tokens/s": lambda row: thousands(row.costs.train_tokens_per_second),
        "questions/s": lambda row: thousands(row.costs.questions_per_second),
        "kept for backward": lambda row: mebibytes(row.costs.kept_bytes),
        "cached numbers/token": lambda row: thousands(row.cached_numbers_per_token),
        "training, s": lambda row: thousands(row.seconds),
    }
    return tabulated("what it costs", report.rows, {"variant": lambda row: plain(row.name)}, figures)


def write_comparison(out: Path, report: Comparison) -> Path:
    """Writes `report.html` and its figures as SVG and PNG; returns the page's path.

    Raises:
        UserError: The file system refuses.
    """
    labels = [plain(row.name) for row in report.rows]
    bars = [
        Bar(plain(row.name), row.recall.value, row.recall.interval, row.recall.by_seed if report.seeds > 1 else ())
        for row in report.rows
    ]
    for old in out.glob("maps-*"):  # of variants that are no longer compared
        old.unlink()
    recall = save(recall_bars(bars, "a seed"), out / "recall", "recall of every variant")
    cost = save(costs(report.rows, labels), out / "costs", "costs of every variant")
    patterns = []
    for index, (name, maps) in enumerate(zip(labels, report.maps, strict=True)):  # a row is the token that looks
        figure = head_panels(np.array(maps.pattern), maps.labels, top=0.5)
        patterns.append(save(figure, out / f"maps-{index}", f"learned maps of {name}"))
    text = (
        environment()
        .get_template("compare.html.j2")
        .render(
            report=report,
            parameters=[row.parameters for row in report.rows],
            recall=(recall, recall_table(report)),
            relations=relation_tables(report.rows, intervals=True),
            costs=(cost, cost_table(report)),
            knowledge=knowledge_table({plain(row.name): row.knowledge for row in report.rows}),
            maps=zip(labels, report.maps, patterns, strict=True),
        )
    )
    path = out / "report.html"
    write_text(path, text)
    return path
