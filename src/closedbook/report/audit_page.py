"""The one-page HTML report of `audit`: self-contained, for screens light and dark, and for print."""

from closedbook.audit.made_up import labels_of
from closedbook.audit.neighbours import LABELS as LIKENESSES
from closedbook.audit.report import AuditReport
from closedbook.drawing import to_svg
from closedbook.errors import counted
from closedbook.report import audit_figures as figures
from closedbook.report.templates import environment

WRONG_SHOWN = 25


def audit_page(report: AuditReport) -> str:
    """The page's HTML."""
    drawn = {
        "verdict": (figures.verdict_bars(report), "correct, wrong and not attempted answers"),
    }
    if report.signals:
        drawn["reliability"] = figures.reliability_diagrams(report), "share of right answers against confidence"
        drawn["risk"] = figures.risk_coverage(report), "error against coverage"
    if report.popularity:
        drawn["popularity"] = figures.popularity_figure(report.popularity), "recall by popularity"
    if report.frequency:
        drawn["frequency"] = figures.frequency_bars(report.frequency), "recall by frequency"
    for unseen in report.unseen:
        drawn[f"unseen {unseen.relation}"] = figures.seen_and_unseen(report, unseen), "confidence for names"
        drawn[f"bias {unseen.relation}"] = figures.bias(unseen.by_origin), "answers by name origin"
    templates = environment(short=lambda value: f"{value:.4g}", signal=figures.label, counted=counted)
    return templates.get_template("audit.html.j2").render(
        report=report,
        figures={name: to_svg(figure, title) for name, (figure, title) in drawn.items()},
        kinds=labels_of(report.made_up),
        likenesses=LIKENESSES,
        titles=report.titles,
        wrong=report.made_up.examples[:WRONG_SHOWN],
    )
