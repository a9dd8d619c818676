"""`closedbook experiment NAME`: several trainings that answer one question."""

from collections.abc import Sequence

from closedbook.cli.options import overview, parse, summary
from closedbook.cli.shared import say_which_corpus
from closedbook.experiments.registry import EXPERIMENTS, Experiment, find_experiment


def run(arguments: Sequence[str]) -> None:
    """Lists the experiments, or runs one and shows what it came to."""
    if not arguments or arguments[0] in ("-h", "--help"):
        rows = {name: summary(experiment.options) for name, experiment in EXPERIMENTS.items()}
        about = "Several trainings that answer one question; killed and started again, each goes on where it was."
        example = "closedbook experiment compare --seeds 1"
        print(overview("closedbook experiment", "NAME", about, rows, example), end="")
        return
    run_experiment(f"closedbook experiment {arguments[0]}", find_experiment(arguments[0]), arguments[1:])


def run_experiment(command: str, experiment: Experiment, arguments: Sequence[str]) -> None:
    """Runs an experiment with the options of its dataclass, and shows its result."""
    over = " --over training.learning_rate=0.002,0.004" if experiment.name == "sweep" else ""
    options = parse(command, experiment.options, arguments, example=f"{command}{over} --out runs/{experiment.name}")
    say_which_corpus(getattr(options, "corpus", None))  # not all read one
    from closedbook.report.console import Reporter

    reporter = Reporter()
    experiment.run(options, reporter, reporter.show)
