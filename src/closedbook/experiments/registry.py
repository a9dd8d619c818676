"""The experiments by name, as the command line lists them; importing this loads no torch."""

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from closedbook.errors import UserError, nearest
from closedbook.experiments import options

if TYPE_CHECKING:
    from closedbook.experiments.reporter import Reporter
    from closedbook.experiments.results import Result


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """An experiment as it can be asked for.

    Args:
        name: On the command line; a module here has the same.
        summary: One line.
        options: A frozen dataclass.
    """

    name: str
    summary: str
    options: type[Any]

    def run(self, options: Any, reporter: "Reporter") -> "Result":
        """Trains and measures what is not finished yet, and writes `report.json` into `options.out`.

        Raises:
            UserError: The data do not fit, or the output directory holds something else.
        """
        module = importlib.import_module(f"closedbook.experiments.{self.name}")
        result: Result = module.run(options, reporter)
        return result


def _experiment(name: str, config: type[Any]) -> Experiment:
    return Experiment(name=name, summary=(config.__doc__ or "").split("\n")[0], options=config)


REPRODUCE = _experiment("reproduce", options.ReproduceConfig)
EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in (
        _experiment("compare", options.CompareConfig),
        _experiment("ablate", options.AblateConfig),
        _experiment("attribute", options.AttributeConfig),
        _experiment("unknowns", options.UnknownsConfig),
        _experiment("capacity", options.CapacityConfig),
        _experiment("reader", options.ReaderExperimentConfig),
    )
}


def find_experiment(name: str) -> Experiment:
    """The experiment of that name.

    Raises:
        UserError: There is none; the sentence suggests the nearest.
    """
    if name not in EXPERIMENTS:
        raise UserError(f"{name}: no such experiment{nearest(name, EXPERIMENTS)}; there are {', '.join(EXPERIMENTS)}.")
    return EXPERIMENTS[name]
