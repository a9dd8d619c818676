"""What finetuning on facts that a model does not know does to its answers (Gekhman et al. 2024, EMNLP).

Gekhman et al. finetune a pretrained language model on facts that it knows and on facts that it does not, and find that
the latter are learned late and make it answer wrongly where it knew. Here a model is pretrained on documents alone,
without any question, and without the documents of half of the training subjects. A training fact is *unknown* where
that model does not have it stored. Then it is finetuned on the known facts alone, on as many of which half are unknown,
and on all of them; and asked about other subjects, whose documents it read.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from closedbook.config import QuestionAnswering, RunConfig
from closedbook.draws import derive
from closedbook.errors import UserError
from closedbook.evaluation.evaluate import evaluate
from closedbook.evaluation.knowledge import stored
from closedbook.experiments.attribute import about_documents, halves, without_documents
from closedbook.experiments.comparing import Compared, Report, Scored, compared, provenance, scored
from closedbook.experiments.grid import Cell, Grid, Trained, seeded
from closedbook.experiments.options import UnknownsConfig
from closedbook.experiments.reporter import Reporter
from closedbook.experiments.results import Result
from closedbook.experiments.train import settle_dropout
from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Fact
from closedbook.facts.splits import groups
from closedbook.recipes import Recipe, with_training

MIXTURES = ("known", "half unknown", "all")


@dataclass(frozen=True, kw_only=True)
class Stored(Result):
    """Which training facts the pretrained model has stored, one by one."""

    known: tuple[bool, ...]

    def line(self) -> str:
        return f"{sum(self.known)} of {len(self.known)} training facts are known after pretraining"


@dataclass(frozen=True, kw_only=True)
class Finetuned(Scored):
    """A finetuned model on the subjects that it was not asked about."""

    facts: int  # that it was finetuned on
    fitted: float  # share of these that it answers rightly
    attempted: int  # answers that are attempts
    confidence_wrong: float | None  # mean probability of the wrong answers, None without one

    @property
    def made_up(self) -> float:
        """Share of the attempts that are wrong."""
        return (self.attempted - sum(self.exact)) / max(self.attempted, 1)


@dataclass(frozen=True, kw_only=True)
class MixtureRow(Compared):
    """A mixture over its seeds, asked about the other subjects."""

    facts: tuple[int, ...]  # finetuned on, by seed
    fitted: float  # share of these answered rightly, the mean of the seeds
    made_up: tuple[float, ...]  # share of attempts that are wrong, by seed
    confidence_wrong: float | None  # mean probability of the wrong answers, None without one


@dataclass(frozen=True, kw_only=True)
class UnknownFacts(Report):
    """What unknown facts do."""

    epochs: int  # of finetuning
    questions: int  # dev questions that name a document, about subjects of no training question
    known: tuple[int, ...]  # training facts that were known after pretraining, by seed
    unknown: tuple[int, ...]  # those that were not
    rows: tuple[MixtureRow, ...]  # known facts alone first


def run(options: UnknownsConfig, reporter: Reporter) -> UnknownFacts:
    """Trains what is not finished yet."""
    recipe = options.chosen_recipe()
    grid, corpus = options.opened(recipe, reporter)
    return unknowns(grid, corpus, recipe, seeds=options.seeds, epochs=options.epochs)


def unknowns(grid: Grid, corpus: Corpus, recipe: Recipe, *, seeds: int, epochs: int) -> UnknownFacts:
    """The experiment with a recipe; seeds may be added later.

    Raises:
        UserError: The recipe has no pretraining on documents alone, the facts cannot be divided, or there is nothing to
            ask.
    """
    pretrain, finetune = documents_alone(recipe), questions_alone(recipe, epochs)
    asked = about_others(about_documents(corpus))
    pretrain = settle_dropout(pretrain, asked)
    grid.open("unknowns", {"stages": [pretrain, finetune], "files": corpus.files})
    bases = [_base(corpus, pretrain, seed) for seed in range(seeds)]
    marked = [marks.known for marks in grid.run({"documents": bases}, measure_stored, Stored)["documents"]]
    arms: dict[str, list[Cell]] = {name: [] for name in MIXTURES}
    for seed, (base, known) in enumerate(zip(bases, marked, strict=True)):
        for name, facts in mixtures(_taught(corpus), known, seed).items():
            taught = dataclasses.replace(base.corpus, train=tuple(facts))
            arms[name].append(seeded(name.replace(" ", "-"), (finetune,), seed, taught, asked=asked, start=base.name))
    results = grid.run(arms, measure, Finetuned)
    return grid.report(
        UnknownFacts(
            **provenance(grid, corpus, recipe.name, seeds),
            epochs=epochs,
            questions=len(asked.dev),
            known=tuple(map(sum, marked)),
            unknown=tuple(len(known) - sum(known) for known in marked),
            rows=tuple(_row(name, results, asked) for name in MIXTURES),
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
    finetune = dataclasses.replace(recipe.scratch, stage="finetune")
    return with_training(finetune, epochs=epochs, least_steps=None)


def about_others(corpus: Corpus) -> Corpus:
    """The corpus with those dev questions alone whose subject training does not ask about, under any relation.

    Raises:
        UserError: There is none.
    """
    numbers = groups(corpus, [*corpus.train, *corpus.dev])
    trained = set(numbers[: len(corpus.train)])
    others = zip(corpus.dev, numbers[len(corpus.train) :], strict=True)
    dev = tuple(fact for fact, number in others if number not in trained)
    if not dev:
        raise UserError("Every dev question is about a subject of a training question, whose document may be left out.")
    return dataclasses.replace(corpus, dev=dev)


def _taught(corpus: Corpus) -> tuple[Fact, ...]:
    """The training facts whose subject has a document."""
    return tuple(fact for fact in corpus.train if corpus.documents_of(fact))


def _base(corpus: Corpus, pretrain: RunConfig, seed: int) -> Cell:
    """Pretraining without the documents of half of the training subjects, who are then asked about."""
    taught = _taught(corpus)
    left_out = [fact for fact, half in zip(taught, halves(corpus, taught, seed), strict=True) if half]
    asked = dataclasses.replace(corpus, dev=taught)
    return seeded("documents", (pretrain,), seed, without_documents(corpus, left_out), asked=asked)


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
            f"{len(sides[0])} training facts are known and {len(sides[1])} are not; two that are known are needed, and "
            "one that is not."
        )
    mixed = [*sides[0][: size - size // 2], *sides[1][: size // 2]]
    return dict(zip(MIXTURES, (sides[0][:size], mixed, [*facts]), strict=True))


def measure_stored(trained: Trained) -> Stored:
    """Whether the model goes on with each answer in the words of the subject's own document."""
    marks = stored(trained.run, trained.asked, trained.asked.dev)
    return Stored(known=tuple(mark is True for mark in marks))


def measure(trained: Trained) -> Finetuned:
    """How it answers about the other subjects, whose documents it has read."""
    answered = evaluate(trained.run, trained.asked.dev)
    learned = evaluate(trained.run, trained.cell.corpus.train)
    sure = np.array([math.exp(response.nats or 0.0) for response in answered.responses])
    right = np.array([score.correct for score in answered.scores])
    return Finetuned(
        **scored(trained, answered),
        facts=len(learned),
        fitted=float(np.mean([score.correct for score in learned.scores])),
        attempted=sum(score.attempted for score in answered.scores),
        confidence_wrong=float(sure[~right].mean()) if not right.all() else None,
    )


def _row(name: str, results: Mapping[str, Sequence[Finetuned]], asked: Corpus) -> MixtureRow:
    own = results[name]
    sure = [result.confidence_wrong for result in own if result.confidence_wrong is not None]
    return MixtureRow(
        **compared(name, results, asked),
        facts=tuple(result.facts for result in own),
        fitted=float(np.mean([result.fitted for result in own])),
        made_up=tuple(result.made_up for result in own),
        confidence_wrong=float(np.mean(sure)) if sure else None,
    )
