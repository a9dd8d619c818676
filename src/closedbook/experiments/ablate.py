"""Ablation: a recipe with one ingredient changed at a time, on subjects held out from the training questions.

The ingredients are those of pretraining; where it has no questions among them, finetuning teaches these afterwards.

Dev is never looked at. The training facts are split by subject; every variant trains on one part and is asked about the
other, seed by seed, and each is compared with the recipe itself on the same questions and seeds.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from closedbook.errors import counted
from closedbook.experiments.comparing import Compared, Report, Scored, compared, measure_exact, provenance
from closedbook.experiments.grid import Grid
from closedbook.experiments.options import AblateConfig
from closedbook.experiments.reporter import Reporter
from closedbook.experiments.train import passes, with_dropout
from closedbook.experiments.variants import Variant, arms, choose, ingredients
from closedbook.facts.corpus import Corpus
from closedbook.facts.splits import hold_out
from closedbook.recipes import with_training

A_PART, MOST_HELD_OUT = 5, 400  # a fifth of the training facts is held out unless a number is given


@dataclass(frozen=True, kw_only=True)
class Ablation(Report):
    """What every ingredient brings: the recipe itself first, then the variants, on so many held-out facts."""

    held_out: int
    rows: tuple[Compared, ...]


def run(options: AblateConfig, reporter: Reporter) -> Ablation:
    """Trains what is not finished yet; the runs themselves are not kept."""
    recipe = options.chosen_recipe()
    if options.epochs is not None:
        pretrain = with_training(recipe.pretrain, epochs=options.epochs, epochs_a_relation=0, least_steps=None)
        recipe = dataclasses.replace(recipe, pretrain=pretrain)
    choose(ingredients(recipe), options.variants)  # refuses before the corpus is read
    grid, corpus = options.opened(recipe, reporter, keep_runs=False)
    held_out = held_out_of(corpus, options.held_out)
    split = validation_corpus(corpus, held_out)
    reporter.say(f"{len(split.dev):,} of {counted(len(corpus.train), 'training fact')} are held out and asked about")
    epochs = passes(recipe.pretrain, split, grid.study)
    recipe = dataclasses.replace(recipe, pretrain=with_dropout(recipe.pretrain, epochs))
    variants = choose(ingredients(recipe, epochs), options.variants)
    return ablate(grid, corpus, variants, seeds=options.seeds, held_out=held_out)


def ablate(grid: Grid, corpus: Corpus, variants: Sequence[Variant], *, seeds: int, held_out: int) -> Ablation:
    """The variants, the recipe itself first, on `held_out` training facts; variants and seeds may be added later."""
    split = validation_corpus(corpus, held_out)
    stages = variants[0].stages
    grid.open("ablate", {"stages": stages, "held_out": held_out, "files": corpus.files})
    results = grid.run(arms(variants, split, seeds), measure_exact, Scored)
    return grid.report(
        Ablation(
            **provenance(grid, corpus, stages[0].recipe, seeds),
            held_out=len(split.dev),
            rows=tuple(Compared(**compared(name, results, split)) for name in results),
        )
    )


def held_out_of(corpus: Corpus, given: int | None) -> int:
    """How many training facts are asked about instead of learned, unless it is given."""
    return given or max(min(len(corpus.train) // A_PART, MOST_HELD_OUT), 1)


def validation_corpus(corpus: Corpus, held_out: int) -> Corpus:
    """The corpus with part of the training facts in the place of dev, no subject on both sides, and no test.

    Raises:
        UserError: `held_out` leaves nothing on one side.
    """
    kept, held = hold_out(corpus, corpus.train, held_out)
    return dataclasses.replace(corpus, train=tuple(kept), dev=tuple(held), test=())
