"""`closedbook experiment NAME`: several trainings that answer one question."""

from collections.abc import Sequence
from typing import Any

from closedbook.cli.options import parse, summary


def run(arguments: Sequence[str]) -> None:
    """Lists the experiments, or runs one and shows what it came to."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage(), end="")
        return
    from closedbook.experiments.registry import find_experiment

    run_experiment(f"closedbook experiment {arguments[0]}", find_experiment(arguments[0]), arguments[1:])


def usage() -> str:
    """What `closedbook experiment --help` prints."""
    from closedbook.experiments.registry import EXPERIMENTS

    rows = "\n".join(f"  {name:<12}{summary(experiment.options)}" for name, experiment in EXPERIMENTS.items())
    return (
        "usage: closedbook experiment NAME ...\n\n"
        "Several trainings that answer one question; killed and started again, each goes on where it was.\n\n"
        f"experiments:\n{rows}\n\n"
        "closedbook experiment NAME --help says more.\n"
        "example: closedbook experiment compare --seeds 1\n"
    )


def run_experiment(command: str, experiment: Any, arguments: Sequence[str]) -> None:
    """Runs an experiment with the options of its dataclass, and shows its result."""
    options = parse(command, experiment.options, arguments, example=f"{command} --out runs/{experiment.name}")
    from closedbook.report.console import Reporter

    reporter = Reporter()
    reporter.show(experiment.run(options, reporter), options.out)
