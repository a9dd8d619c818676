"""The results of `reproduce` as tables, for the console and for the page."""

from collections.abc import Callable, Mapping, Sequence

from closedbook.errors import interval, percent
from closedbook.evaluation.knowledge import GROUPINGS, Knowledge
from closedbook.experiments.comparing import Compared, Difference
from closedbook.experiments.reproduction import Reproduction, SystemRow
from closedbook.facts.coverage import Coverage
from closedbook.facts.relations import titles
from closedbook.report.numbers import (
    decimals,
    mean,
    mean_correct,
    p_value,
    p_values,
    percents,
    points,
    points_interval,
    thousands,
)
from closedbook.report.table import Columns, Table, tabulated

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
    """A system's or a variant's name for readers."""
    return name.replace("_", " ").replace("+", " + ").replace(":", ",").replace(",", ", ")


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
    figures: Columns = {
        "parameters": lambda row: thousands(row.parameters),
        "correct": lambda row: mean_correct([sum(run.exact) for run in row.runs], len(row.runs[0].exact)),
        "accuracy": lambda row: percent(row.accuracy),
        "95 % interval": lambda row: interval(row.interval),
        "normalised": lambda row: percent(row.normalised_accuracy),
        "seconds": lambda row: thousands(row.seconds),
    }
    known: Columns = {
        "the assignment's": lambda row: percent(row.reference and row.reference.assignment),
        "public median": lambda row: percent(row.reference and row.reference.public_median),
        "public best": lambda row: percent(row.reference and row.reference.public_best),
    }
    referred = any(row.reference for row in report.systems)
    return tabulated(
        f"{report.preset} on {report.corpus.name}: exact match on dev{of_track}",
        rows,
        {"system": lambda row: row.label, "attention": lambda row: row.attention or "no model"},
        {**figures, **(known if referred else {})},
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


def compared_table(title: str, what: str, rows: Sequence[Compared], further: Columns) -> Table:
    """The arms of an experiment, each against the first; `what` says what an arm is."""

    def difference(form: Callable[[Difference], str]) -> Callable[[Compared], str]:
        return lambda row: form(row.against_first) if row.against_first else "-"

    figures: Columns = {
        "recall": lambda row: percent(row.recall.value),
        "95 % interval": lambda row: interval(row.recall.interval),
        "against the first": difference(lambda found: f"{points(found.difference)} points"),
        "its 95 % interval": difference(lambda found: points_interval(found.interval)),
        "p": difference(lambda found: p_value(found.permutation_p)),
    }
    by_seed: Columns = {
        "recall by seed, %": lambda row: percents(row.recall.by_seed),
        "McNemar p by seed": difference(lambda found: p_values(found.p_values)),
    }
    several = len(rows[0].recall.by_seed) > 1
    names: Columns = {what: lambda row: plain(row.name)}
    return tabulated(title, rows, names, {**figures, **(by_seed if several else {}), **further})


def pair_table(report: Reproduction) -> Table:
    """The second system against the first, for every pair of one track."""
    seeds = ", seed by seed" if any(len(row.runs) > 1 for row in report.systems) else ""
    figures: Columns = {
        "difference": lambda pair: f"{points(pair.difference)} points",
        "95 % interval": lambda pair: points_interval(pair.interval),
        f"McNemar p{seeds}": lambda pair: p_values(pair.p_values),
    }
    names: Columns = {"second minus first": lambda pair: f"{plain(pair.second)} − {plain(pair.first)}"}
    return tabulated("", report.comparisons, names, figures)


def knowledge_table(known: Mapping[str, Sequence[Knowledge]]) -> Table:
    """Right answers for the kinds of facts that there are, and what is stored of them, means over the seeds.

    Args:
        known: What is known, seed by seed, by what was trained.
    """
    columns = list(known.values())
    if not columns:
        return Table("", [], [], [])
    everywhere = set.intersection(*({*each.recall} for seeds in columns for each in seeds))
    totals = {
        (name, kind): cell.total
        for name, kinds in columns[0][0].recall.items()
        if name in everywhere
        for kind, cell in kinds.items()
    }
    lines = [
        (
            f"{GROUPINGS[name].label}: {kind}",
            *(mean_correct([each.recall[name][kind].hits for each in seeds], total) for seeds in columns),
        )
        for (name, kind), total in totals.items()
        if total
    ]
    lines += [
        (label, *(mean([getattr(each, name) for each in seeds]) for seeds in columns)) for name, label in STORED.items()
    ]
    lines += [(label, *(_mean_nats(seeds, name) for seeds in columns)) for name, label in NATS.items()]
    return Table("", ["right answers"], list(known), lines)


def _mean_nats(seeds: Sequence[Knowledge], name: str) -> str:
    values = [value for each in seeds if (value := getattr(each, name)) is not None]
    return decimals(sum(values) / len(values) if values else None)


def coverage_tables(report: Reproduction) -> list[tuple[str, Table]]:
    """What training can reach, with the systems that it is said of: once for all that reach the same."""
    labels = _labels(report.systems)
    names: dict[tuple[Coverage, ...], list[str]] = {}
    for row in report.systems:
        if row.coverage:
            names.setdefault(row.coverage, []).append(plain(row.name))
    texts: Columns = {"relation": lambda row: labels.get(row.relation, row.relation), "part": lambda row: row.part}
    figures: Columns = {
        "facts": lambda row: thousands(row.facts),
        "in the subject's document": lambda row: thousands(row.in_document),
        "in what is asked for": lambda row: thousands(row.asked),
    }
    remarks: Columns = {"not reached, such as": lambda row: "; ".join((*row.absent, *row.missed))}
    return [(", ".join(systems), tabulated("", reach, texts, figures, remarks)) for reach, systems in names.items()]


def run_table(report: Reproduction) -> Table:
    """Every run."""
    figures: Columns = {
        "seed": lambda pair: str(pair[1].seed),
        "correct": lambda pair: f"{sum(pair[1].exact)}/{len(pair[1].exact)}",
        "seconds": lambda pair: f"{pair[1].seconds:.1f}",
    }
    pairs = [(row, run) for row in report.systems for run in row.runs]
    names: Columns = {"system": lambda pair: plain(pair[0].name)}
    return tabulated("", pairs, names, figures, {"run": lambda pair: pair[1].run or "-"})
