"""What people see on the console of `audit`, `attribute` and `unknowns`."""

from typing import Any

from rich import box
from rich.table import Table

from closedbook.report.console import percent, say, say_table


def say_audit(report: dict[str, Any]) -> None:
    """The verdict of `audit`, its signals and what follows from them."""
    table = Table(title="does its confidence tell right from wrong?", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("signal", no_wrap=True)
    for column in ("AUROC", "95 % interval", "calibration error", "Brier", "risk-coverage area"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, found in report["signals"].items():
        if not found["questions"]:
            continue
        value, interval = found["auroc"]["value"], found["auroc"]["interval"]
        table.add_row(
            name.replace("_", " ") + (" *" if name == report["winner"] else ""),
            "-" if value is None else f"{value:.3f}",
            "-" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}",
            f"{found['calibration_error']:.3f}",
            f"{found['brier']:.3f}",
            f"{found['area_under_risk_coverage']:.3f}",
        )
    say_table(table)
    say(report["advice"]["headline"])
    for sentence in report["advice"]["sentences"]:
        say(f"- {sentence}")


def say_attribution(report: dict[str, Any]) -> None:
    """The table of `attribute`."""
    title = f"{report['recipe']}: recall of {report['people']} dev people, {report['seeds']} seeds"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("the model", no_wrap=True)
    for column in ("recall", "95 % interval", "by seed"):
        table.add_column(column, justify="right", no_wrap=True)
    labels = {
        "read": "read the person's line",
        "left_out": "read everyone else's lines",
        "not_pretrained": "was not pretrained",
    }
    rows = [(labels[name], found, False) for name, found in report["recall"].items()]
    rows += [("difference: knowledge", report["knowledge"], True), ("difference: features", report["features"], True)]
    for label, found, signed in rows:
        form = "{:+.1f}" if signed else "{:.1f}"
        low, high = (form.format(100 * bound) for bound in found["interval"])
        by_seed = " ".join(form.format(100 * value) for value in found["by_seed"])
        table.add_row(label, form.format(100 * found["value"]), f"{low} to {high}", by_seed)
    say_table(table)
    say(f"Always the most frequent answer: {percent(report['most_frequent_answer'])}.")


def say_unknowns(report: dict[str, Any]) -> None:
    """The table of `unknowns`."""
    title = f"{report['recipe']}: {report['people']} dev people after finetuning, {report['seeds']} seeds"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("finetuned on", no_wrap=True)
    columns = ("facts", "fitted", "recall", "hallucination rate", "by seed", "more wrong", "95 % interval", "McNemar p")
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    for row in report["rows"]:
        low, high = row["interval"]
        table.add_row(
            row["diet"],
            " ".join(f"{count:,}" for count in row["facts"]),
            percent(row["fitted"]),
            percent(row["recall"]),
            percent(row["hallucination_rate"]),
            " ".join(f"{100 * rate:.1f}" for rate in row["hallucination_rate_by_seed"]),
            f"{100 * row['more_wrong_than_known']:+.1f}",
            f"{100 * low:+.1f} to {100 * high:+.1f}",
            " ".join(f"{p:.3f}" for p in row["p_values"]),
        )
    say_table(table)
