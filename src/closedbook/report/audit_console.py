"""What readers see of `audit` on the console."""

from closedbook.audit.report import AuditReport
from closedbook.report.console import say, say_table, table
from closedbook.report.numbers import decimals, interval, percent, thousands


def say_audit(report: AuditReport) -> None:
    """The verdict, the signals, the relations where there are several, and what follows."""
    figures = ["AUROC", "95 % interval", "calibration error", "Brier", "risk-coverage area"]
    rows = [
        (
            name.replace("_", " ") + (" *" if name == report.winner else ""),
            decimals(signal.auroc.value, 3),
            "-" if signal.auroc.low is None else f"{signal.auroc.low:.3f} to {signal.auroc.high:.3f}",
            decimals(signal.calibration_error, 3),
            decimals(signal.brier, 3),
            decimals(signal.area_under_risk_coverage, 3),
        )
        for name, signal in report.signals.items()
    ]
    say_table(table("does its confidence tell right from wrong?", ["signal"], figures, rows))
    if len(report.by_relation) > 1:
        rows = [
            (
                report.titles[relation.name],
                thousands(relation.accuracy.correct.total),
                percent(relation.accuracy.correct.value),
                interval((relation.accuracy.correct.low or 0.0, relation.accuracy.correct.high or 0.0)),
                decimals(relation.auroc.value, 3),
                relation.repeated[0].answer if relation.repeated else "-",
            )
            for relation in report.by_relation
        ]
        figures = ["questions", "right", "95 % interval", "AUROC", "favourite wrong answer"]
        say_table(table("by relation", ["asked for"], figures, rows))
    say(report.advice.headline)
    for sentence in report.advice.sentences:
        say(f"- {sentence}")
    for what, why in report.left_out.items():
        say(f"Left out: {what.replace('_', ' ')}, {why}")
