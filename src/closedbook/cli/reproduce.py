"""`closedbook reproduce`: the main job."""

from collections.abc import Sequence

from closedbook.cli.experiment import run_experiment


def run(arguments: Sequence[str]) -> None:
    """Trains every system of the preset on every seed, prints the tables, writes the report."""
    from closedbook.experiments.options import ReproduceConfig
    from closedbook.experiments.registry import Experiment

    reproduce = Experiment(name="reproduce", summary="the main job", options=ReproduceConfig)
    run_experiment("closedbook reproduce", reproduce, arguments)
