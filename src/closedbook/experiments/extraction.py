"""Storage and extraction: what a model has stored, and how much of that it can be asked, as its lessons grow.

A model may go on rightly in a document's own words and still not answer the question (Allen-Zhu and Li 2023, Physics of
Language Models 3.1). Two things are varied, one at a time: how many training questions there are, which show what a
question asks for; and how often everything is seen. Each point is a training of its own with its whole schedule.

Dev is never looked at. Training facts are held out by subject and asked about; of the others a point takes so many, by
a draw of the seed in which a smaller number is part of a larger one.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from closedbook.draws import derive
from closedbook.errors import UserError, counted
from closedbook.evaluation.evaluate import evaluate
from closedbook.evaluation.knowledge import stored
from closedbook.experiments.ablate import held_out_of, validation_corpus
from closedbook.experiments.comparing import Compared, Estimate, Report, Scored, compared, provenance, recall, scored
from closedbook.experiments.grid import Cell, Grid, Trained, seeded
from closedbook.experiments.options import ExtractionConfig
from closedbook.experiments.reporter import Reporter
from closedbook.experiments.train import passes, with_dropout
from closedbook.experiments.variants import stages
from closedbook.facts.corpus import Corpus
from closedbook.recipes import Recipe, with_training
from closedbook.selfstudy.study import unreadable


@dataclass(frozen=True, kw_only=True)
class Asked(Scored):
    """A model on the held-out facts."""

    stored: tuple[bool | None, ...]  # fact by fact; None where the answer does not stand in its document


@dataclass(frozen=True)
class Point:
    """What is varied."""

    exposures: int
    questions: int

    @property
    def name(self) -> str:
        """As figures and files have it."""
        return f"questions-{self.questions}-exposures-{self.exposures}"


@dataclass(frozen=True, kw_only=True)
class PointRow(Compared):
    """A point over its seeds."""

    questions: int  # training questions
    exposures: int  # passes over documents and questions
    stored: Estimate | None  # of the held-out facts whose answer stands in their document, None where none does
    of_stored: float | None  # share of the stored ones that are recalled, all seeds together
    of_others: float | None  # share of those recalled that stand in a document and are not stored


@dataclass(frozen=True, kw_only=True)
class Extraction(Report):
    """What is stored and what is recalled, point by point."""

    held_out: int  # facts that are asked about
    rows: tuple[PointRow, ...]  # the recipe's own exposures and all questions first
    by_questions: tuple[int, ...]  # which rows differ in questions alone, fewest first
    by_exposures: tuple[int, ...]  # which differ in exposures alone, fewest first


def run(options: ExtractionConfig, reporter: Reporter) -> Extraction:
    """Trains what is not finished yet; the runs themselves are not kept."""
    recipe = options.chosen_recipe()
    grid, corpus = options.opened(recipe, reporter, keep_runs=False)
    split = validation_corpus(corpus, held_out_of(corpus, options.held_out))
    reporter.say(f"{len(split.dev):,} of {counted(len(corpus.train), 'training fact')} are held out and asked about")
    own = passes(recipe.pretrain, split, grid.study)
    recipe = dataclasses.replace(recipe, pretrain=with_dropout(recipe.pretrain, own))
    return extraction(grid, corpus, recipe, split, own, options)


def extraction(
    grid: Grid, corpus: Corpus, recipe: Recipe, split: Corpus, own: int, options: ExtractionConfig
) -> Extraction:
    """The points of the options; further ones, and seeds, may be added later.

    Args:
        grid: Where they are trained.
        corpus: The whole.
        recipe: What is trained, dropout settled.
        split: The corpus with held-out facts in the place of dev.
        own: Passes that the recipe takes with all questions.
        options: The points and seeds.
    """
    whole = Point(exposures=own, questions=len(split.train))
    asked = [dataclasses.replace(whole, questions=count) for count in _below(options.questions, whole.questions)]
    seen = [dataclasses.replace(whole, exposures=count) for count in sorted({*options.exposures} - {own})]
    points = [whole, *asked, *seen]
    grid.open("extraction", {"stages": stages(recipe), "held_out": len(split.dev), "files": corpus.files})
    _refuse_too_few(recipe, points, split, options.seeds)
    arms = {point.name: [_cell(recipe, point, split, seed) for seed in range(options.seeds)] for point in points}
    results = grid.run(arms, measure, Asked)
    numbers = {point: index for index, point in enumerate(points)}
    return grid.report(
        Extraction(
            **provenance(grid, corpus, recipe.name, options.seeds),
            held_out=len(split.dev),
            rows=tuple(_row(point, results[point.name], compared(point.name, results, split)) for point in points),
            by_questions=tuple(numbers[point] for point in [*asked, whole]),
            by_exposures=tuple(numbers[point] for point in sorted([whole, *seen], key=lambda point: point.exposures)),
        )
    )


def _below(counts: Iterable[int], most: int) -> list[int]:
    """Those that leave something out, each once, smallest first."""
    return sorted({count for count in counts if count < most})


def _cell(recipe: Recipe, point: Point, split: Corpus, seed: int) -> Cell:
    """A training on so many of the questions, with so many passes of pretraining."""
    order = sorted(range(len(split.train)), key=lambda index: derive(seed, index))
    chosen = sorted(order[: point.questions])  # in the order of the file
    corpus = dataclasses.replace(split, train=tuple(split.train[index] for index in chosen))
    exact = {"epochs": point.exposures, "epochs_a_relation": 0, "least_steps": None, "stop_at_loss": None}
    pretrain, *others = stages(recipe)
    return seeded(point.name, (with_training(pretrain, **exact), *others), seed, corpus)


def _refuse_too_few(recipe: Recipe, points: Sequence[Point], split: Corpus, seeds: int) -> None:
    """Refuses what could not be trained, before anything is: an open-book reader wants several questions of a form."""
    for point in points if recipe.pretrain.reader else ():
        for seed in range(seeds):
            if why := unreadable(_cell(recipe, point, split, seed).corpus):
                raise UserError(f"--questions {point.questions}: too few for {recipe.name}. {why}")


def measure(trained: Trained) -> Asked:
    """Asks the held-out facts, and has their documents gone on with."""
    run, asked = trained.run, trained.asked
    return Asked(**scored(trained, evaluate(run, asked.dev)), stored=tuple(stored(run, asked, asked.dev)))


def _row(point: Point, results: Sequence[Asked], fields: dict[str, object]) -> PointRow:
    stands = [index for index, mark in enumerate(results[0].stored) if mark is not None]
    marked = [[bool(result.stored[index]) for index in stands] for result in results]
    pairs = [(result.stored[index], result.exact[index]) for result in results for index in stands]
    shares = {}
    for kind in (True, False):
        right = [exact for mark, exact in pairs if mark is kind]
        shares[kind] = sum(right) / len(right) if right else None
    return PointRow(
        **fields,  # type: ignore[arg-type]
        questions=point.questions,
        exposures=point.exposures,
        stored=recall([[int(mark) for mark in row] for row in marked]) if stands else None,
        of_stored=shares[True],
        of_others=shares[False],
    )
