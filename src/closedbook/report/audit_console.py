"""What readers see of `audit` on the console."""

from closedbook.audit.report import AuditReport
from closedbook.errors import percent
from closedbook.report.console import say, say_table
from closedbook.report.numbers import bounds, decimals, shares, thousands
from closedbook.report.table import Table


def say_audit(report: AuditReport) -> None:
    """The forms tried, the signals, the relations where there are several, the verdict and what follows."""
    if report.forms:
        _say_forms(report)
    figures = ["AUROC", "95 % interval", "calibration error", "Brier", "risk-coverage area"]
    rows = [
        (
            name.replace("_", " ") + (" *" if name == report.winner else ""),
            decimals(signal.auroc.value, 3),
            bounds(signal.auroc),
            decimals(signal.calibration_error, 3),
            decimals(signal.brier, 3),
            decimals(signal.area_under_risk_coverage, 3),
        )
        for name, signal in report.signals.items()
    ]
    say_table(Table("does its confidence tell right from wrong? (*: best)", ["signal"], figures, rows))
    if len(report.by_relation) > 1:
        figures = ["questions", "right", "95 % interval", "AUROC", "favourite wrong answer"]
        rows = [
            (
                report.titles[relation.name],
                thousands(relation.accuracy.correct.total),
                percent(relation.accuracy.correct.value),
                shares(relation.accuracy.correct),
                decimals(relation.auroc.value, 3),
                next((row.answer for row in report.made_up.repeated_of(relation.name)), "-"),
            )
            for relation in report.by_relation
        ]
        say_table(Table("by relation", ["asked for"], figures, rows))
    say(report.advice.headline)
    for sentence in report.advice.sentences:
        say(f"- {sentence}")
    for what, why in report.left_out.items():
        say(f"Left out: {what.replace('_', ' ')}, {why}")


def _say_forms(report: AuditReport) -> None:
    """What came of each form that was tried."""
    rows = [
        (
            trial.name + (" *" if trial.chosen else ""),
            thousands(trial.accuracy.correct.total),
            percent(trial.accuracy.correct.value),
            shares(trial.accuracy.correct),
        )
        for trial in report.forms
    ]
    say_table(Table("how it is asked (*: taken)", ["form"], ["questions", "right", "95 % interval"], rows))
