"""`closedbook runs`: the runs in a folder."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from closedbook.config.validation import POSITIONAL
from closedbook.errors import UserError, counted
from closedbook.experiments.conditions import where
from closedbook.experiments.listing import ListedRun, by_field, differences, field_named, list_runs
from closedbook.visible import in_a_line, writable

EXAMPLE = "closedbook runs runs --where recipe=standard --sort recall"


@dataclass(frozen=True, kw_only=True)
class Options:
    """List the runs in a folder, finished, going on or interrupted, or say what differs between them.

    Args:
        directory: The folder, searched with the folders in it.
        where: Show only runs for which all of these hold: recipe=standard, seed=0,1, state!=finished, 'recall>=0.9'.
        sort: A setting or a figure: figures the highest first, text from A to Z.
        reverse: Sort the other way round.
        compare: Show what differs in configuration and in figures, a column a run.
        json: Print JSON: every run with all its settings and figures, or with --compare what differs.
    """

    directory: Annotated[Path, POSITIONAL] = Path("runs")
    where: tuple[str, ...] = ()
    sort: str | None = None
    reverse: bool = False
    compare: bool = False
    json: bool = False


def run(options: Options) -> None:
    """Prints a table, or JSON."""
    if options.reverse and options.sort is None:
        raise UserError("--reverse: has no effect without --sort; give that too.")
    every = list_runs(options.directory)
    chosen = where(every, options.where)
    if options.sort is not None:
        chosen = by_field(chosen, field_named(every, options.sort, "--sort") if every else "", reverse=options.reverse)
    if options.json:
        shown = asdict(differences(chosen)) if options.compare else [asdict(run) for run in chosen]
        print(writable(json.dumps(shown, indent=2, ensure_ascii=False)))
    elif not chosen:
        none = f"none of {counted(len(every), 'run')}" if every else "no runs"
        print(f"{in_a_line(str(options.directory))}: {none}.")
    else:
        _show(chosen, options, every)


def _show(runs: Sequence[ListedRun], options: Options, every: Sequence[ListedRun]) -> None:
    from closedbook.report.console import say, say_table
    from closedbook.report.runs_table import differences_tables, runs_table

    if options.compare:
        if len(runs) < 2:
            raise UserError(f"--compare: takes two runs or more, and {runs[0].name} is the only one here.")
        tables = differences_tables(differences(runs))
        for table in tables:
            say_table(table)
        if not tables:
            say("nothing differs")
        return
    say_table(runs_table(runs, [field_named(every, options.sort, "--sort")] if options.sort else []))
    for damaged in (run for run in runs if run.state == "damaged"):
        say(damaged.problem)
