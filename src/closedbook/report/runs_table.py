"""Runs in a folder, and what differs between them, as tables."""

from collections.abc import Callable, Sequence

from closedbook.errors import percent
from closedbook.experiments.listing import SHARES, Differences, ListedRun, Value
from closedbook.report.numbers import decimals, thousands
from closedbook.report.table import Columns, Table, tabulated

USUAL = (*"state recipe stage model.attention training.seed corpus teacher step seconds loss".split(), *SHARES)
TEXTS = ("state", "recipe", "stage", "attention", "corpus", "teacher")


def runs_table(runs: Sequence[ListedRun], extra: Sequence[str] = ()) -> Table:
    """A row a run; columns in which no run has anything are left out, and of text what all runs have is its title.

    Args:
        runs: In the order of the rows.
        extra: Fields that get a column although they usually have none.
    """
    names = [
        name
        for name in dict.fromkeys((*USUAL, *extra))
        if name != "name" and any(run.fields.get(name) is not None for run in runs)
    ]
    columns: Columns = {name.rpartition(".")[2]: _cell_of(name) for name in names}
    texts = {name: cell for name, cell in columns.items() if name in TEXTS}
    figures = {name: cell for name, cell in columns.items() if name not in texts}
    found = {name: {cell(run) for run in runs} for name, cell in texts.items() if len(runs) > 1}
    shared = {name: cells.pop() for name, cells in found.items() if len(cells) == 1}
    title = "all: " + ", ".join(f"{name} {value}" for name, value in shared.items()) if shared else ""
    own = {name: cell for name, cell in texts.items() if name not in shared}
    return tabulated(title, runs, {"run": lambda run: run.name, **own}, figures)


def differences_tables(found: Differences) -> list[Table]:
    """What differs in configuration and what in figures, a column a run."""
    parts = {"what differs in configuration": found.settings, "what differs in figures": found.figures}
    return [
        Table(
            title,
            [""],
            found.runs,
            [(name, *(written(name, value) for value in values)) for name, values in rows.items()],
        )
        for title, rows in parts.items()
        if rows
    ]


def written(name: str, value: Value) -> str:
    """A field's value for readers."""
    if value is None or isinstance(value, str | bool):
        return "-" if value is None else str(value).lower() if isinstance(value, bool) else value
    if name in SHARES:
        return percent(value)
    if name == "loss":
        return decimals(value, 3)
    if name in ("seconds", "left", "tokens", "parameters", "step", "steps"):
        return thousands(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _cell_of(name: str) -> Callable[[ListedRun], str]:
    def cell(run: ListedRun) -> str:
        if name == "step" and run.state != "finished" and run.figures.steps:
            return f"{written('step', run.figures.step)}/{written('steps', run.figures.steps)}"
        return written(name, run.fields.get(name))

    return cell
