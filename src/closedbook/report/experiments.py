"""What readers see of an experiment: tables on the console, and a page for those that have one."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from closedbook.drawing import save
from closedbook.errors import counted, interval, percent
from closedbook.evaluation.metrics import proportion
from closedbook.experiments.ablate import Ablation
from closedbook.experiments.attribute import Attribution
from closedbook.experiments.capacity import Capacity
from closedbook.experiments.compare import Comparison
from closedbook.experiments.extraction import Extraction
from closedbook.experiments.reader import ReaderReport
from closedbook.experiments.reproduction import Reproduction
from closedbook.experiments.results import Result
from closedbook.experiments.sweep import Sweep
from closedbook.experiments.unknowns import UnknownFacts
from closedbook.report.compare_page import comparison_tables, write_comparison
from closedbook.report.console import say, say_table
from closedbook.report.figures import extraction_curves
from closedbook.report.numbers import decimals, percents, points, points_interval, shares, thousands
from closedbook.report.page import write_page
from closedbook.report.result_tables import compared_table, relation_tables, reproduction_tables
from closedbook.report.table import Columns, Table, tabulated

Shown = Sequence[Table | str]


def show(result: Result, out: Path) -> None:
    """Prints what an experiment came to and writes its page, if it has one, into its output directory."""
    for part in SHOWN[type(result)](result):
        say(part) if isinstance(part, str) else say_table(part)
    path = PAGES[type(result)](out, result) if type(result) in PAGES else out / "report.json"
    say(f"report: {path}")


def ablation_tables(report: Ablation) -> Shown:
    """Every variant against the recipe itself."""
    facts, seeds = counted(report.held_out, "held-out training fact"), counted(report.seeds, "seed")
    further: Columns = {
        "parameters": lambda row: thousands(row.parameters),
        "seconds": lambda row: thousands(row.seconds),
    }
    title = f"{report.recipe}: recall of {facts}, {seeds}"
    return [compared_table(title, "variant", report.rows, further), *relation_tables(report.rows)]


def sweep_tables(report: Sweep) -> Shown:
    """Every setting, best first, and what trains the best."""
    names: Columns = {"setting": lambda row: row.name}
    figures: Columns = {
        "recall": lambda row: percent(row.recall),
        "95 % interval": lambda row: interval(row.interval),
        "of the training": lambda row: f"{row.percent} %",
        "seconds": lambda row: thousands(row.seconds) if row.percent == 100 else "",
    }
    facts, seeds = counted(report.held_out, "held-out training fact"), counted(report.seeds, "seed")
    lines: list[Table | str] = [
        tabulated(f"{report.recipe}: recall of {facts}, {seeds}", report.rows, names, figures),
    ]
    if given_up := sum(row.percent < 100 for row in report.rows):
        lines.append(f"{counted(given_up, 'setting')} given up on the way, with the recall that was reached there.")
    finished = {row.recall for row in report.rows if row.percent == 100}
    if len(finished) > 1:
        lines.append("The first was chosen by these facts: on others expect less.")
    elif len(report.rows) > 1:
        lines.append("Nothing tells them apart.")
    lines.append("On all training facts the first is trained by")
    return [*lines, *(f"  {command}" for command in report.commands)]


def extraction_tables(report: Extraction) -> Shown:
    """Storage and recall, along training questions and along exposures."""
    figures: Columns = {
        "stored": lambda row: percent(row.stored and row.stored.value),
        "recall": lambda row: percent(row.recall.value),
        "95 % interval": lambda row: interval(row.recall.interval),
        "of the stored": lambda row: percent(row.of_stored),
        "of the others": lambda row: percent(row.of_others),
        "seconds": lambda row: thousands(row.seconds),
    }
    facts, seeds = counted(report.held_out, "held-out training fact"), counted(report.seeds, "seed")
    first = report.rows[0]
    axes = {
        f"{first.exposures} exposures": (
            "training questions",
            report.by_questions,
            lambda row: thousands(row.questions),
        ),
        f"{first.questions:,} training questions": ("exposures", report.by_exposures, lambda row: str(row.exposures)),
    }
    return [
        tabulated(
            f"{report.recipe}, {fixed}: {facts}, {seeds}",
            [report.rows[index] for index in chosen],
            {axis: cell},
            figures,
        )
        for fixed, (axis, chosen, cell) in axes.items()
        if len(chosen) > 1 or axis == "training questions"
    ]


def write_extraction(out: Path, report: Extraction) -> Path:
    """Writes the figure as `extraction.svg` and `extraction.png`; returns the report's path."""
    save(extraction_curves(report), out / "extraction", "what is stored and what is recalled")
    return out / "report.json"


def attribution_tables(report: Attribution) -> Shown:
    """Recall of the three kinds of model, and the two differences."""
    recalls = {
        "read the subject's document": report.read,
        "read the other documents": report.left_out,
        "was not pretrained": report.not_pretrained,
    }
    differences = {"difference: knowledge": report.knowledge, "difference: features": report.features}
    rows = [
        (name, percent(found.value), interval(found.interval), percents(found.by_seed))
        for name, found in recalls.items()
    ]
    rows += [
        (name, f"{points(found.value)} points", points_interval(found.interval), " ".join(map(points, found.by_seed)))
        for name, found in differences.items()
    ]
    facts, seeds = counted(report.questions, "dev fact"), counted(report.seeds, "seed")
    figures = ["recall", "95 % interval", "by seed, %"]
    return [
        Table(f"{report.recipe}: recall of {facts}, {seeds}", ["the model"], figures, rows),
        f"Always the most frequent answer: {percent(report.most_frequent_answer)}.",
    ]


def unknowns_tables(report: UnknownFacts) -> Shown:
    """Every mixture against known facts alone."""
    facts, seeds = counted(report.questions, "dev fact"), counted(report.seeds, "seed")
    further: Columns = {
        "facts": lambda row: " ".join(map(thousands, row.facts)),
        "fitted": lambda row: percent(row.fitted),
        "wrong attempts, %": lambda row: percents(row.made_up),
        "their confidence": lambda row: decimals(row.confidence_wrong),
    }
    title = f"{report.recipe}: {facts} after {counted(report.epochs, 'epoch')} of finetuning, {seeds}"
    pairs = zip(report.known, report.unknown, strict=True)
    known = " ".join(f"{known:,} of {known + unknown:,}" for known, unknown in pairs)
    return [
        compared_table(title, "finetuned on", report.rows, further),
        *relation_tables(report.rows),
        f"Known after pretraining on documents alone: {known} training facts.",
    ]


def capacity_tables(report: Capacity) -> Shown:
    """Bits held for every number of subjects."""
    figures: Columns = {
        "facts": lambda row: thousands(row.facts),
        "bits taught": lambda row: thousands(row.bits_taught),
        "bits held": lambda row: thousands(row.bits_held),
        "parameters": lambda row: thousands(row.parameters),
        "bits a parameter": lambda row: decimals(row.bits_a_parameter),
        "seconds": lambda row: thousands(row.seconds),
    }
    subjects: Columns = {"subjects": lambda row: thousands(row.subjects)}
    exposures = counted(report.exposures, "exposure")
    return [
        tabulated("what a model of this size holds", report.rows, subjects, figures),
        f"capacity: at least {report.capacity:.2f} bits a parameter after {exposures}",
    ]


def reader_tables(report: ReaderReport) -> Shown:
    """The reader's cross-validated accuracy, by relation and by confidence."""
    cards = f"{counted(report.cards, 'card')}, mean confidence {report.mean_confidence:.3f}"
    if report.right is None:
        return [cards]
    parts = [("all", report.right)]
    if len(report.relations) > 1:
        parts += report.relations.items()
    parts += [(f"confidence {bar.low:.1f} to {bar.high:.1f}", proportion(bar.right, bar.total)) for bar in report.bins]
    rows = [(label, f"{right.hits}/{right.total}", percent(right.value), shares(right)) for label, right in parts]
    title = f"open book, cross-validated in {counted(report.folds, 'fold')} on training subjects"
    return [Table(title, ["readings"], ["right", "share", "95 % interval"], rows), cards]


SHOWN: dict[type[Result], Callable[[Any], Shown]] = {
    Reproduction: reproduction_tables,
    Comparison: comparison_tables,
    Ablation: ablation_tables,
    Sweep: sweep_tables,
    Extraction: extraction_tables,
    Attribution: attribution_tables,
    UnknownFacts: unknowns_tables,
    Capacity: capacity_tables,
    ReaderReport: reader_tables,
}
PAGES: dict[type[Result], Callable[[Path, Any], Path]] = {
    Reproduction: write_page,
    Comparison: write_comparison,
    Extraction: write_extraction,
}
