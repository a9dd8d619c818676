"""The experiments by name, as the command line lists them; importing this loads no torch."""

import importlib
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from closedbook.errors import named
from closedbook.experiments import options
from closedbook.experiments.options import Kept
from closedbook.locks import locked

if TYPE_CHECKING:
    from closedbook.experiments.reporter import Reporter
    from closedbook.experiments.results import Result


@dataclass(frozen=True)
class Experiment:
    """An experiment as it can be asked for.

    Args:
        name: On the command line; a module here has the same.
        options: A frozen dataclass.
    """

    name: str
    options: type[Any]

    def run(
        self, options: Any, reporter: "Reporter", show: "Callable[[Result, Path], None]" = lambda result, out: None
    ) -> "Result":
        """Trains and measures what is not finished yet, and writes `report.json` into `options.out`.

        Args:
            options: What is asked for.
            reporter: Who watches.
            show: Gets the result and the output directory while other processes are kept out of that.

        Raises:
            UserError: The data do not fit, or the output directory holds something else or is being written.
        """
        experiment = importlib.import_module(f"closedbook.experiments.{self.name}")
        with locked(options.out) if issubclass(self.options, Kept) else nullcontext():  # else it is written at the end
            result: Result = experiment.run(options, reporter)
            show(result, options.out)
        return result


REPRODUCE = Experiment("reproduce", options.ReproduceConfig)
EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        Experiment("compare", options.CompareConfig),
        Experiment("ablate", options.AblateConfig),
        Experiment("sweep", options.SweepConfig),
        Experiment("extraction", options.ExtractionConfig),
        Experiment("attribute", options.AttributeConfig),
        Experiment("unknowns", options.UnknownsConfig),
        Experiment("capacity", options.CapacityConfig),
        Experiment("reader", options.ReaderExperimentConfig),
    )
}


def find_experiment(name: str) -> Experiment:
    """The experiment of that name.

    Raises:
        UserError: There is none; the sentence suggests the nearest.
    """
    return named(EXPERIMENTS, name, "experiment")
