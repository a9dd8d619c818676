"""The grid that the options of an experiment ask for."""

from closedbook.experiments.elsewhere import elsewhere_for
from closedbook.experiments.grid import Grid
from closedbook.experiments.options import Kept, OfRecipe
from closedbook.experiments.reporter import Reporter
from closedbook.facts.corpus import Corpus
from closedbook.recipes import Recipe


def opened(options: OfRecipe, recipe: Recipe, reporter: Reporter, *, keep_runs: bool = True) -> tuple[Grid, Corpus]:
    """The grid that the options ask for, and the corpus, of which the reporter hears."""
    corpus = options.read(recipe.built_in)
    reporter.corpus(corpus)
    return grid_for(options, reporter, keep_runs=keep_runs), corpus


def grid_for(options: Kept, reporter: Reporter, *, keep_runs: bool = True) -> Grid:
    """The grid that the options ask for."""
    device = options.open_device()
    return Grid(
        out=options.out,
        device=device,
        reporter=reporter,
        keep_runs=keep_runs,
        checkpoint_seconds=options.checkpoint_seconds,
        track=options.track,
        elsewhere=elsewhere_for(options, device),
    )
