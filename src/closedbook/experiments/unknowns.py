"""What finetuning on facts that a model does not know does to its answers (Gekhman et al. 2024, EMNLP).

Gekhman et al. finetune a pretrained language model on facts that it knows and on facts that it does not, and find that
the latter are learned late and make it answer wrongly where it knew. Here a model is pretrained on documents alone,
without any question, and without the documents of half of the training subjects. A training fact is *unknown* where
that model does not have it stored. Then it is finetuned on the known facts alone, on as many of which half are unknown,
and on all of them; and asked about other subjects, whose documents it read.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from closedbook.config import QuestionAnswering, RunConfig, to_dict
from closedbook.draws import derive
from closedbook.errors import UserError
from closedbook.evaluation.evaluate import evaluate
from closedbook.evaluation.knowledge import stored
from closedbook.experiments.attribute import about_documents, halves, without_documents
from closedbook.experiments.comparing import Difference, Estimate, Report, difference, provenance, recall
from closedbook.experiments.grid import Cell, Grid, Trained
from closedbook.experiments.options import UnknownsConfig
from closedbook.experiments.reporter import Reporter
from closedbook.experiments.results import Result
from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Fact
from closedbook.recipes import Recipe, with_seed

MIXTURES = ("known", "half unknown", "all")


@dataclass(frozen=True, kw_only=True)
class Stored(Result):
    """Which training facts the pretrained model has stored, one by one."""

    known: tuple[bool, ...]

    def line(self) -> str:
        return f"{sum(self.known)} of {len(self.known)} training facts are known after pretraining"


@dataclass(frozen=True, kw_only=True)
class Finetuned(Result):
    """A finetuned model on the subjects that it was not asked about."""

    facts: int  # that it was finetuned on
    fitted: float  # share of these that it answers rightly
    exact: tuple[int, ...]  # right or wrong, question by question
    attempted: int  # answers that are attempts
    confidence_right: float | None  # mean probability of the right answers, None without one
    confidence_wrong: float | None  # the same of the wrong ones

    @property
    def made_up(self) -> float:
        """Share of the attempts that are wrong."""
        return (self.attempted - sum(self.exact)) / max(self.attempted, 1)

    def line(self) -> str:
        return f"{sum(self.exact)}/{len(self.exact)} right"


@dataclass(frozen=True, kw_only=True)
class MixtureRow:
    """A mixture over its seeds."""

    mixture: str  # one of `MIXTURES`
    facts: tuple[int, ...]  # finetuned on, by seed
    fitted: float  # share of these answered rightly, the mean of the seeds
    recall: Estimate  # on the other subjects
    made_up: tuple[float, ...]  # share of attempts that are wrong, by seed
    against_known: Difference  # recall against that of finetuning on known facts
    confidence_wrong: float | None  # mean probability of the wrong answers, None without one


@dataclass(frozen=True, kw_only=True)
class UnknownFacts(Report):
    """What unknown facts do."""

    epochs: int  # of finetuning
    questions: int  # dev questions that name a document
    known: tuple[int, ...]  # training facts that were known after pretraining, by seed
    unknown: tuple[int, ...]  # those that were not
    rows: tuple[MixtureRow, ...]  # known facts alone first


def run(options: UnknownsConfig, reporter: Reporter) -> UnknownFacts:
    """Trains what is not finished yet."""
    recipe = options.chosen_recipe()
    corpus = options.read(recipe.built_in)
    reporter.corpus(corpus)
    grid = Grid(out=options.out, device=options.open_device(), reporter=reporter)
    return unknowns(grid, corpus, recipe, seeds=options.seeds, epochs=options.epochs)


def unknowns(grid: Grid, corpus: Corpus, recipe: Recipe, *, seeds: int, epochs: int) -> UnknownFacts:
    """The experiment with a recipe; seeds may be added later.

    Raises:
        UserError: The recipe has no pretraining on documents alone, or the facts cannot be divided.
    """
    pretrain, finetune = documents_alone(recipe), questions_alone(recipe, epochs)
    asked = about_documents(corpus)
    grid.open("unknowns", {"stages": [to_dict(pretrain), to_dict(finetune)], "files": corpus.files})
    marked: list[Stored] = []
    results: dict[str, list[Finetuned]] = {name: [] for name in MIXTURES}
    for seed in range(seeds):
        base = _base(corpus, pretrain, seed)
        marks = grid.run([base], measure_stored, Stored)[0]
        marked.append(marks)
        stage = (with_seed(finetune, seed),)
        cells = [
            Cell(
                name=f"{name.replace(' ', '-')}-seed-{seed}",
                stages=stage,
                corpus=dataclasses.replace(base.corpus, train=tuple(facts)),
                asked=asked,
                start=base.name,
            )
            for name, facts in mixtures(base.asked.dev, marks.known, seed).items()
        ]
        for name, result in zip(MIXTURES, grid.run(cells, measure, Finetuned), strict=True):
            results[name].append(result)
    return grid.report(
        UnknownFacts(
            **provenance(grid, corpus, recipe.name, seeds),
            epochs=epochs,
            questions=len(asked.dev),
            known=tuple(sum(marks.known) for marks in marked),
            unknown=tuple(len(marks.known) - sum(marks.known) for marks in marked),
            rows=tuple(_row(name, results[name], results[MIXTURES[0]]) for name in MIXTURES),
        )
    )


def documents_alone(recipe: Recipe) -> RunConfig:
    """The recipe's pretraining on documents alone.

    Raises:
        UserError: It has none.
    """
    pretrain = recipe.pretrain
    mixture = tuple(objective for objective in pretrain.mixture if not isinstance(objective, QuestionAnswering))
    if not mixture or pretrain.reader is not None:
        raise UserError(f"{recipe.name}: has no pretraining on documents alone; take default or standard.")
    return dataclasses.replace(pretrain, mixture=mixture)


def questions_alone(recipe: Recipe, epochs: int) -> RunConfig:
    """The recipe's training on questions alone, from the pretrained run."""
    training = dataclasses.replace(recipe.scratch.training, epochs=epochs, least_steps=None)
    return dataclasses.replace(recipe.scratch, stage="finetune", training=training)


def _base(corpus: Corpus, pretrain: RunConfig, seed: int) -> Cell:
    """Pretraining without the documents of half of the training subjects, who are then asked about."""
    taught = tuple(fact for fact in corpus.train if corpus.documents_of(fact))
    side = halves(corpus, taught, seed)
    return Cell(
        name=f"documents-seed-{seed}",
        stages=(with_seed(pretrain, seed),),
        corpus=without_documents(corpus, [fact for fact, half in zip(taught, side, strict=True) if half]),
        asked=dataclasses.replace(corpus, dev=taught),
    )


def mixtures(facts: Sequence[Fact], known: Sequence[bool], seed: int) -> dict[str, list[Fact]]:
    """The training facts of each finetuning.

    Raises:
        UserError: Too few facts are known, or too few are not.
    """
    order = sorted(range(len(facts)), key=lambda index: derive(seed, index))
    sides = [[facts[index] for index in order if known[index] is side] for side in (True, False)]
    size = min(len(sides[0]), 2 * len(sides[1]))
    if size < 2:
        raise UserError(
            f"{len(sides[0])} training facts are known and {len(sides[1])} are not; there must be some of both."
        )
    mixed = [*sides[0][: size - size // 2], *sides[1][: size // 2]]
    return dict(zip(MIXTURES, (sides[0][:size], mixed, [*facts]), strict=True))


def measure_stored(trained: Trained) -> Stored:
    """Whether the model goes on with each answer in the words of the subject's own document."""
    asked = trained.cell.asked
    return Stored(known=tuple(mark is True for mark in stored(trained.run, asked, asked.dev)))


def measure(trained: Trained) -> Finetuned:
    """How it answers about the other subjects, whose documents it has read."""
    answered = evaluate(trained.run, trained.cell.asked.dev)
    learned = evaluate(trained.run, trained.cell.corpus.train)
    sure = np.array([math.exp(response.nats or 0.0) for response in answered.responses])
    right = np.array([score.correct for score in answered.scores])
    return Finetuned(
        facts=len(learned),
        fitted=float(np.mean([score.correct for score in learned.scores])),
        exact=tuple(right.astype(int).tolist()),
        attempted=sum(score.attempted for score in answered.scores),
        confidence_right=float(sure[right].mean()) if right.any() else None,
        confidence_wrong=float(sure[~right].mean()) if not right.all() else None,
    )


def _row(name: str, results: Sequence[Finetuned], base: Sequence[Finetuned]) -> MixtureRow:
    exact = [result.exact for result in results]
    sure = [result.confidence_wrong for result in results if result.confidence_wrong is not None]
    return MixtureRow(
        mixture=name,
        facts=tuple(result.facts for result in results),
        fitted=float(np.mean([result.fitted for result in results])),
        recall=recall(exact),
        made_up=tuple(result.made_up for result in results),
        against_known=difference([result.exact for result in base], exact),
        confidence_wrong=float(np.mean(sure)) if sure else None,
    )
