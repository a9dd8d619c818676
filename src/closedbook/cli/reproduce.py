"""`closedbook reproduce`: the main job."""

from collections.abc import Sequence

from closedbook.cli.experiment import run_experiment
from closedbook.experiments.registry import REPRODUCE


def run(arguments: Sequence[str]) -> None:
    """Trains every system of the preset on every seed, prints the tables, writes the report."""
    run_experiment("closedbook reproduce", REPRODUCE, arguments)
