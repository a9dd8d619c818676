"""What readers see of an experiment: tables on the console, and a page for those that have one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from closedbook.experiments.ablate import Ablation
from closedbook.experiments.attribute import Attribution
from closedbook.experiments.capacity import Capacity
from closedbook.experiments.compare import Comparison, VariantRow
from closedbook.experiments.comparing import Estimate
from closedbook.experiments.reader import ReaderReport
from closedbook.experiments.reproduce import Reproduction, SystemRow
from closedbook.experiments.unknowns import UnknownFacts
from closedbook.report.compare_page import write_comparison
from closedbook.report.console import say, say_table, table
from closedbook.report.numbers import (
    decimals,
    interval,
    mean_correct,
    mebibytes,
    p_values,
    percent,
    percents,
    points,
    points_interval,
    thousands,
)
from closedbook.report.page import tracks, write_page


def show(result: Any, out: Path) -> None:
    """Prints what an experiment came to and writes its page, if it has one, into its output directory."""
    path = out / "report.json"
    match result:
        case Reproduction():
            show_reproduction(result)
            path = write_page(out, result)
        case Comparison():
            show_comparison(result)
            path = write_comparison(out, result)
        case Ablation():
            show_ablation(result)
        case Attribution():
            show_attribution(result)
        case UnknownFacts():
            show_unknowns(result)
        case Capacity():
            show_capacity(result)
        case ReaderReport():
            show_reader(result)
        case _:
            raise AssertionError(f"no table for {type(result).__name__}")
    say(f"report: {path}")


def show_reproduction(report: Reproduction) -> None:
    """The results tables, one a track, by relation where there are several."""
    by_track = tracks(report)
    figures = ["parameters", "correct", "accuracy", "95 % interval", "normalised", "seconds"]
    referred = any(row.reference for row in report.systems)
    figures += ["the assignment's", "public median", "public best"] if referred else []
    for track, rows in by_track.items():
        of_track = f", {track} track" if len(by_track) > 1 else ""
        title = f"{report.preset} on {report.corpus.name}: exact match on dev{of_track}"
        lines = [_system_cells(row) + (_reference_cells(row) if referred else ()) for row in rows]
        say_table(table(title, ("system", "attention"), figures, lines))
        for row in rows:
            if row.verdict:
                say(row.verdict)
        if len(rows[0].relations) > 1:
            columns = ("questions", *(row.name.replace("_", " ") for row in rows))
            relations = [
                (cells[0].label, str(cells[0].questions), *(percent(cell.accuracy) for cell in cells))
                for cells in zip(*(row.relations for row in rows), strict=True)
            ]
            say_table(table(f"by relation{of_track}", ("relation",), columns, relations))


def _system_cells(row: SystemRow) -> tuple[str, ...]:
    return (
        row.label,
        row.attention or "no model",
        thousands(row.parameters),
        mean_correct([run.correct for run in row.runs], row.runs[0].total),
        percent(row.accuracy),
        interval(row.interval),
        percent(row.normalised_accuracy),
        thousands(row.seconds),
    )


def _reference_cells(row: SystemRow) -> tuple[str, ...]:
    known = row.reference
    figures = (known.assignment, known.public_median, known.public_best) if known else (None, None, None)
    return tuple(map(percent, figures))


def show_comparison(report: Comparison) -> None:
    """Recall and its tests, then costs."""
    title = f"{report.recipe} on {report.corpus.name}: {report.questions} dev questions, {report.seeds} seeds"
    figures = ("recall", "95 % interval", "by seed", "against the first", "p", "loss", "answer nats")
    say_table(table(title, ("variant", "positions"), figures, map(_recall_cells, report.rows)))
    costs = ("parameters", "MLP width", "training tokens/s", "questions/s", "kept for backward", "cached/token")
    say_table(table("what it costs", ("variant",), costs, map(_cost_cells, report.rows)))
    say("p: permutation test over questions of the means over seeds; speed: medians of five rounds, in turns.")


def _recall_cells(row: VariantRow) -> tuple[str, ...]:
    return (
        row.variant,
        row.positions,
        percent(row.recall.value),
        interval(row.recall.interval),
        percents(row.recall.by_seed),
        against(row),
        decimals(row.against_first.permutation_p if row.against_first else None, 4),
        decimals(row.loss, 3),
        decimals(row.answer_nats),
    )


def _cost_cells(row: VariantRow) -> tuple[str, ...]:
    return (
        row.variant,
        thousands(row.parameters),
        thousands(row.mlp_width),
        thousands(row.costs.train_tokens_per_second),
        thousands(row.costs.questions_per_second),
        mebibytes(row.costs.kept_bytes),
        thousands(row.cached_numbers_per_token),
    )


def against(row: VariantRow) -> str:
    """`-3.4 (-5.1 to -1.8)` in points, or a dash for the first."""
    difference = row.against_first
    return f"{points(difference.difference)} ({points_interval(difference.interval)})" if difference else "-"


def show_ablation(report: Ablation) -> None:
    """Every variant against the recipe itself."""
    title = f"{report.recipe}: recall of {report.held_out} held-out training facts, {report.seeds} seeds"
    figures = ("recall", "by seed", "difference", "95 % interval", "McNemar p", "parameters", "seconds")
    rows = [
        (
            row.variant,
            percent(row.recall.value),
            percents(row.recall.by_seed),
            points(row.against.difference),
            points_interval(row.against.interval),
            p_values(row.against.p_values),
            thousands(row.parameters),
            thousands(row.seconds),
        )
        for row in report.rows
    ]
    say_table(table(title, ("variant",), figures, rows))


def show_attribution(report: Attribution) -> None:
    """Recall of the three kinds of model, and the two differences."""

    def line(label: str, estimate: Estimate, sign: str = "") -> Sequence[str]:
        low, high, value, *by_seed = (
            f"{100 * share:{sign}.1f}" for share in (*estimate.interval, estimate.value, *estimate.by_seed)
        )
        return (label, value, f"{low} to {high}", " ".join(by_seed))

    rows = [
        line("read the subject's document", report.read),
        line("read the other documents", report.left_out),
        line("was not pretrained", report.not_pretrained),
        line("difference: knowledge", report.knowledge, "+"),
        line("difference: features", report.features, "+"),
    ]
    title = f"{report.recipe}: recall of {report.questions} dev facts, {report.seeds} seeds"
    say_table(table(title, ("the model",), ("recall", "95 % interval", "by seed"), rows))
    say(f"Always the most frequent answer: {percent(report.most_frequent_answer)}.")


def show_unknowns(report: UnknownFacts) -> None:
    """Every mixture against known facts alone."""
    title = f"{report.recipe}: {report.questions} dev facts after finetuning, {report.seeds} seeds"
    figures = ("facts", "fitted", "recall", "hallucination by seed", "against known", "95 % interval", "McNemar p")
    rows = [
        (
            row.mixture,
            " ".join(map(thousands, row.facts)),
            percent(row.fitted),
            percent(row.recall.value),
            percents(row.made_up),
            points(row.against_known.difference),
            points_interval(row.against_known.interval),
            p_values(row.against_known.p_values),
        )
        for row in report.rows
    ]
    say_table(table(title, ("finetuned on",), figures, rows))


def show_capacity(report: Capacity) -> None:
    """Bits held for every number of subjects."""
    figures = ("facts", "bits taught", "bits held", "parameters", "bits a parameter", "seconds")
    rows = [
        (
            thousands(row.subjects),
            thousands(row.facts),
            thousands(row.bits_taught),
            thousands(row.bits_held),
            thousands(row.parameters),
            decimals(row.bits_a_parameter),
            thousands(row.seconds),
        )
        for row in report.rows
    ]
    say_table(table("what a model of this size holds", ("subjects",), figures, rows))
    say(f"capacity: at least {report.capacity:.2f} bits a parameter after {report.exposures} exposures")


def show_reader(report: ReaderReport) -> None:
    """The reader's cross-validated accuracy, by relation and by confidence."""
    parts = [("all", report.right)] if report.right else []
    if len(report.relations) > 1:
        parts += [(part.relation, part.right) for part in report.relations]
    parts += [(f"confidence {part.low:.1f} to {part.high:.1f}", part.right) for part in report.bins]
    rows = [
        (label, f"{right.hits}/{right.total}", percent(right.value), interval((right.low or 0.0, right.high or 0.0)))
        for label, right in parts
    ]
    title = f"open book, cross-validated in {report.folds} folds on training subjects"
    if rows:
        say_table(table(title, ("readings",), ("right", "share", "95 % interval"), rows))
    say(f"{report.cards:,} cards, mean confidence {report.mean_confidence:.3f}")
