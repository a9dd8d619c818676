"""The results of `reproduce` as tables, for the console and for the page."""

from collections.abc import Mapping, Sequence

from closedbook.evaluation.knowledge import GROUPINGS
from closedbook.experiments.comparing import Compared
from closedbook.experiments.reproduction import Reproduction, SystemRow
from closedbook.facts.coverage import Coverage
from closedbook.facts.relations import titles
from closedbook.report.numbers import (
    decimals,
    interval,
    mean_correct,
    p_value,
    p_values,
    percent,
    percents,
    points,
    points_interval,
    thousands,
)
from closedbook.report.table import Table

STORED = {
    "stored_and_extracted": "stored and extracted",
    "stored_alone": "stored, not extracted",
    "extracted_alone": "extracted, not stored in the document's words",
    "neither": "neither",
}
NATS = {
    "mean_question_nats": "log-probability of the answer after the question, nats",
    "mean_line_nats": "log-probability of the answer after the document's own words, nats",
}


def plain(name: str) -> str:
    """A system's name for readers."""
    return name.replace("_", " ")


def reproduction_tables(report: Reproduction) -> list[Table | str]:
    """The results, a table a track, each by relation where there are several."""
    by_track = tracks(report)
    shown: list[Table | str] = []
    for track, rows in by_track.items():
        of_track = f", {track} track" if len(by_track) > 1 else ""
        shown += [results_table(report, rows, of_track), *verdicts(rows), *relation_tables(rows, of_track)]
    return shown


def verdicts(rows: Sequence[SystemRow]) -> list[str]:
    """Whether the assignment's figures are reproduced, where that is asked."""
    return [row.verdict for row in rows if row.verdict]


def tracks(report: Reproduction) -> dict[str, list[SystemRow]]:
    """The rows of each track; a table never mixes two."""
    by_track: dict[str, list[SystemRow]] = {}
    for row in report.systems:
        by_track.setdefault(row.track, []).append(row)
    return by_track


def results_table(report: Reproduction, rows: Sequence[SystemRow], of_track: str = "") -> Table:
    """Every system's accuracy, and known figures beside it where the data are known."""
    figures = ["parameters", "correct", "accuracy", "95 % interval", "normalised", "seconds"]
    referred = any(row.reference for row in report.systems)
    figures += ["the assignment's", "public median", "public best"] if referred else []
    title = f"{report.preset} on {report.corpus.name}: exact match on dev{of_track}"
    return Table(title, ["system", "attention"], figures, [_result(row, referred=referred) for row in rows])


def _result(row: SystemRow, *, referred: bool) -> tuple[str, ...]:
    known = row.reference
    references = (known.assignment, known.public_median, known.public_best) if known else (None, None, None)
    return (
        row.label,
        row.attention or "no model",
        thousands(row.parameters),
        mean_correct([sum(run.exact) for run in row.runs], len(row.runs[0].exact)),
        percent(row.accuracy),
        interval(row.interval),
        percent(row.normalised_accuracy),
        thousands(row.seconds),
        *(map(percent, references) if referred else ()),
    )


def relation_tables(
    rows: Sequence[SystemRow] | Sequence[Compared], of_track: str = "", *, intervals: bool = False
) -> list[Table]:
    """Recall by relation, a row each; no table where there is but one."""
    labels = _labels(rows)
    if len(labels) < 2:
        return []
    lines = [
        (
            labels[cells[0].relation],
            thousands(cells[0].questions),
            *(percent(cell.accuracy) + (f" ({interval(cell.interval)})" if intervals else "") for cell in cells),
        )
        for cells in zip(*(row.relations for row in rows), strict=True)
    ]
    return [Table(f"by relation{of_track}", ["relation"], ["questions", *(plain(row.name) for row in rows)], lines)]


def _labels(rows: Sequence[SystemRow] | Sequence[Compared]) -> dict[str, str]:
    """What tells each relation from the others, by its name."""
    return titles({relation.relation: relation.label for relation in rows[0].relations})


def compared_table(title: str, what: str, rows: Sequence[Compared], further: Mapping[str, Sequence[str]]) -> Table:
    """The arms of an experiment, each against the first.

    Args:
        title: The table's.
        what: What an arm is.
        rows: The arms.
        further: Cells of further columns, by heading.
    """
    figures = ["recall", "95 % interval", "against the first", "95 % interval", "p"]
    by_seed = len(rows[0].recall.by_seed) > 1
    figures += ["recall by seed, %", "McNemar p by seed"] if by_seed else []
    cells = [_compared(row, by_seed=by_seed) for row in rows]
    lines = [(plain(row.name), *own, *more) for row, own, *more in zip(rows, cells, *further.values(), strict=True)]
    return Table(title, [what], [*figures, *further], lines)


def _compared(row: Compared, *, by_seed: bool) -> tuple[str, ...]:
    difference = row.against_first
    seeds = (percents(row.recall.by_seed), p_values(difference.p_values) if difference else "-")
    return (
        percent(row.recall.value),
        interval(row.recall.interval),
        f"{points(difference.difference)} points" if difference else "-",
        points_interval(difference.interval) if difference else "-",
        p_value(difference.permutation_p) if difference else "-",
        *(seeds if by_seed else ()),
    )


def pair_table(report: Reproduction) -> Table:
    """The second system against the first, for every pair of one track."""
    rows = [
        (
            f"{plain(pair.second)} − {plain(pair.first)}",
            f"{points(pair.difference)} points",
            points_interval(pair.interval),
            p_values(pair.p_values),
        )
        for pair in report.comparisons
    ]
    seeds = ", seed by seed" if any(len(row.runs) > 1 for row in report.systems) else ""
    return Table("", ["second minus first"], ["difference", "95 % interval", f"McNemar p{seeds}"], rows)


def knowledge_table(rows: Sequence[SystemRow]) -> Table:
    """Right answers of each trained system for the kinds of facts that there are, and what is stored of them."""
    trained = {plain(row.name): knowledge for row in rows if (knowledge := row.runs[0].knowledge)}
    known = list(trained.values())
    kinds = [
        (f"{grouping.label}: {kind}", [knowledge.recall[name][kind] for knowledge in known])
        for name, grouping in GROUPINGS.items()
        for kind, _ in grouping.kinds
    ]
    lines = [
        (label, *(f"{cell.hits}/{cell.total}" for cell in cells))
        for label, cells in kinds
        if any(cell.total for cell in cells)
    ]
    lines += [(label, *(thousands(getattr(each, name)) for each in known)) for name, label in STORED.items()]
    lines += [(label, *(decimals(getattr(each, name)) for each in known)) for name, label in NATS.items()]
    return Table("", ["right answers of seed 0"], list(trained), lines)


def coverage_tables(report: Reproduction) -> list[tuple[str, Table]]:
    """What training can reach, with the systems that it is said of: once for all that reach the same."""
    labels = _labels(report.systems)
    names: dict[tuple[Coverage, ...], list[str]] = {}
    for row in report.systems:
        if row.coverage:
            names.setdefault(row.coverage, []).append(plain(row.name))
    tables = []
    for reach, systems in names.items():
        rows = [_reached(row, labels) for row in reach]
        figures = ["facts", "in the subject's document", "in what is asked for"]
        table = Table("", ["relation", "part"], figures, rows, ["not reached, such as"])
        tables.append((", ".join(systems), table))
    return tables


def _reached(row: Coverage, labels: dict[str, str]) -> tuple[str, ...]:
    return (
        labels.get(row.relation, row.relation),
        row.part,
        thousands(row.facts),
        thousands(row.in_document),
        thousands(row.asked),
        "; ".join((*row.absent, *row.missed)),
    )


def run_table(report: Reproduction) -> Table:
    """Every run."""
    rows = [
        (plain(row.name), str(run.seed), f"{sum(run.exact)}/{len(run.exact)}", f"{run.seconds:.1f}", run.run or "-")
        for row in report.systems
        for run in row.runs
    ]
    return Table("", ["system"], ["seed", "correct", "seconds"], rows, ["run"])
