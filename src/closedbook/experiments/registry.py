"""The experiments by name, as the command line lists them; importing this loads no torch."""

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from closedbook.errors import named
from closedbook.experiments import options

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

    def run(self, options: Any, reporter: "Reporter") -> "Result":
        """Trains and measures what is not finished yet, and writes `report.json` into `options.out`.

        Raises:
            UserError: The data do not fit, or the output directory holds something else.
        """
        result: Result = importlib.import_module(f"closedbook.experiments.{self.name}").run(options, reporter)
        return result


REPRODUCE = Experiment("reproduce", options.ReproduceConfig)
EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        Experiment("compare", options.CompareConfig),
        Experiment("ablate", options.AblateConfig),
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
