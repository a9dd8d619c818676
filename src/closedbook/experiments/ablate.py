"""Ablation: a recipe with one ingredient changed at a time, on subjects held out from the training questions.

Dev is never looked at. The training facts are split by subject; every variant trains on one part and is asked about the
other, seed by seed, and each is compared with the recipe itself on the same questions and seeds.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from closedbook.config import to_dict
from closedbook.experiments.comparing import (
    Difference,
    Estimate,
    Report,
    Scored,
    difference,
    measure_exact,
    provenance,
    recall,
)
from closedbook.experiments.grid import Cell, Grid
from closedbook.experiments.options import AblateConfig
from closedbook.experiments.reporter import Reporter
from closedbook.experiments.variants import Variant, choose, ingredients
from closedbook.facts.corpus import Corpus
from closedbook.facts.splits import hold_out


@dataclass(frozen=True, kw_only=True)
class AblationRow:
    """A variant over its seeds."""

    variant: str  # its name
    recall: Estimate  # on the held-out facts
    against: Difference  # the recipe itself, and what the change brings
    seconds: float  # of training, the median of the seeds
    parameters: int  # of the model
    tokens: int  # that it was trained on


@dataclass(frozen=True, kw_only=True)
class Ablation(Report):
    """What every ingredient brings: the variants, the recipe itself first, on so many held-out facts."""

    held_out: int
    rows: tuple[AblationRow, ...]


def run(options: AblateConfig, reporter: Reporter) -> Ablation:
    """Trains what is not finished yet; the runs themselves are not kept."""
    recipe = options.chosen_recipe()
    base = recipe.pretrain
    if options.epochs is not None:
        base = dataclasses.replace(
            base, training=dataclasses.replace(base.training, epochs=options.epochs, least_steps=None)
        )
    variants = choose(ingredients(base), options.variants)
    corpus = options.read(recipe.built_in)
    reporter.corpus(corpus)
    grid = Grid(out=options.out, device=options.open_device(), reporter=reporter, keep_runs=False)
    return ablate(grid, corpus, variants, seeds=options.seeds, held_out=options.held_out)


def ablate(grid: Grid, corpus: Corpus, variants: Sequence[Variant], *, seeds: int, held_out: int) -> Ablation:
    """The variants, the recipe itself first, on `held_out` training facts; variants and seeds may be added later."""
    split = validation_corpus(corpus, held_out)
    base = variants[0].stages[0]
    grid.open("ablate", {"best": to_dict(base), "held_out": held_out, "files": corpus.files})
    exact: dict[str, list[tuple[int, ...]]] = {}
    rows = []
    for variant in variants:
        cells = [
            Cell(name=variant.cell_name(seed), stages=variant.seeded(seed), corpus=split, asked=split)
            for seed in range(seeds)
        ]
        results = grid.run(cells, measure_exact, Scored)
        exact[variant.name] = [result.exact for result in results]
        rows.append(
            AblationRow(
                variant=variant.name,
                recall=recall(exact[variant.name]),
                against=difference(exact[variants[0].name], exact[variant.name]),
                seconds=float(np.median([result.seconds for result in results])),
                parameters=results[0].parameters,
                tokens=results[0].tokens,
            )
        )
    shared = provenance(grid, corpus, base.recipe, seeds)
    return grid.report(Ablation(**shared, held_out=len(split.dev), rows=tuple(rows)))


def validation_corpus(corpus: Corpus, held_out: int) -> Corpus:
    """The corpus with part of the training facts in the place of dev, no subject on both sides, and no test.

    Raises:
        UserError: `held_out` leaves nothing on one side.
    """
    kept, held = hold_out(corpus, corpus.train, held_out)
    return dataclasses.replace(corpus, train=tuple(kept), dev=tuple(held), test=())
