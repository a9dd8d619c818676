"""`closedbook reproduce`: the main job."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from closedbook.cli.options import Count, parse
from closedbook.cli.shared import BUILT_IN, OnMachine


@dataclass(frozen=True, kw_only=True)
class Options(OnMachine):
    """Train every system of a preset, print the results table, write the report.

    Args:
        corpus: The built-in corpus, or a directory with documents, train and dev questions.
        preset: Which systems; default, best, own or a recipe (default: what is made for the corpus).
        seeds: Seeds of every trained system.
        out: The output directory, taken up again if ours.
        precision: Of the training (default: the recipe's).
        strict: Refuse training questions that have two different answers.
    """

    corpus: str = BUILT_IN
    preset: str | None = None
    seeds: Count = 1
    out: Path = Path("runs/reproduce")
    precision: Literal["auto", "fp32", "bf16"] | None = None
    strict: bool = False


def run(arguments: Sequence[str]) -> None:
    """Trains every system of the preset on every seed, prints the table, writes the report."""
    options, _ = parse(
        "closedbook reproduce", Options, arguments, example="closedbook reproduce --corpus mine --out runs/mine"
    )
