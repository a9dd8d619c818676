"""What readers see of `trace` on the console: the short answer, with the figures beside."""

from closedbook.errors import percent
from closedbook.report.console import say, say_accuracies, say_table
from closedbook.report.numbers import p_value, points, points_interval
from closedbook.report.table import Table
from closedbook.trace.ablation import Ablations, Without
from closedbook.trace.averages import GROUPS, FactsTrace
from closedbook.trace.findings import facts_findings, heads_finding, question_findings
from closedbook.trace.question import QuestionTrace
from closedbook.trace.report import Report

COSTLIEST = 5


def say_trace(report: Report) -> None:
    """Where the answer to the question comes from, and those to the facts."""
    if report.question:
        _say_question(report.question)
    if report.question and report.facts:
        say("")
    if report.facts:
        _say_facts(report.facts)


def _say_question(trace: QuestionTrace) -> None:
    say(trace.prompt.question)
    say(f"{trace.prompt.answer or '(nothing)'}, {percent(trace.prompt.probability)} sure")
    rows = [(finding.words, *finding.figures) for finding in question_findings(trace)]
    say_table(Table("", ["where the answer comes from"], [""], rows))


def _say_facts(trace: FactsTrace) -> None:
    say_accuracies("the facts", trace.accuracy, trace.by_relation)
    rows = [(finding.words, *finding.figures) for finding in facts_findings(trace)]
    say_table(Table("", ["where the answers come from", *(GROUPS[name] for name in trace.groups)], [], rows))
    heads = heads_finding(trace.looks)
    say(f"{heads.words} ({heads.figures[0]})")
    _say_ablations(trace.ablations)


def _say_ablations(ablations: Ablations) -> None:
    relations = list(ablations.by_relation) if len(ablations.by_relation) > 1 else []
    figures = ["recall", "points", "95 % interval", "p", *relations]
    everything = ("(everything on)", percent(ablations.recall), *["-"] * 3, *_shares(ablations.by_relation, relations))
    rows = [_ablation(row, relations) for row in ablations.costliest(COSTLIEST) if row.difference < 0]
    say_table(Table("the parts that recall needs most", ["without"], figures, [everything, *rows]))


def _ablation(row: Without, relations: list[str]) -> tuple[str, ...]:
    return (
        row.component,
        percent(row.recall),
        points(row.difference),
        points_interval(row.interval),
        p_value(row.p),
        *_shares(row.by_relation, relations),
    )


def _shares(recalls: dict[str, float], relations: list[str]) -> list[str]:
    return [percent(recalls[relation]) for relation in relations]
