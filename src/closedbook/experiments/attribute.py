"""Where the knowledge comes from: the counterfactual (the assignment's part 3 a).

The subjects asked about at the end are divided at random. One model is pretrained without the documents of the first
half, another without those of the second; both are finetuned alike, on the same questions. So every subject is asked
about twice by models that differ in whether they read its document: the difference is *knowledge*. What a model that
never read the document has over one that was not pretrained at all is what the *features* of pretraining bring: the
form of names, which answers are likely.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from closedbook.config import RunConfig
from closedbook.draws import derive
from closedbook.errors import UserError
from closedbook.evaluation.baselines import most_frequent_answers
from closedbook.evaluation.scorers import score_all
from closedbook.experiments.comparing import Estimate, Report, Scored, advantage, measure_exact, provenance, recall
from closedbook.experiments.grid import Cell, Grid, seeded
from closedbook.experiments.options import AttributeConfig
from closedbook.experiments.reporter import Reporter
from closedbook.experiments.train import settle_dropout
from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Fact
from closedbook.facts.splits import groups
from closedbook.recipes import Recipe

WITHOUT, SCRATCH = ("without-first-half", "without-second-half"), "not-pretrained"


@dataclass(frozen=True, kw_only=True)
class Attribution(Report):
    """Knowledge told from features."""

    questions: int  # dev questions that name a document
    read: Estimate  # recall by the model that read the subject's document
    left_out: Estimate  # recall by the model that read all but those of its half
    not_pretrained: Estimate  # recall without pretraining
    knowledge: Estimate  # `read` less `left_out`, paired
    features: Estimate  # `left_out` less `not_pretrained`, paired
    most_frequent_answer: float  # recall of always giving a relation's most frequent training answer
    seconds: float  # of all trainings


def run(options: AttributeConfig, reporter: Reporter) -> Attribution:
    """Trains what is not finished yet."""
    recipe = options.chosen_recipe()
    grid, corpus = options.opened(recipe, reporter)
    return attribute(grid, corpus, recipe, seeds=options.seeds)


def attribute(grid: Grid, corpus: Corpus, recipe: Recipe, *, seeds: int) -> Attribution:
    """The counterfactual of a recipe; seeds may be added later.

    Raises:
        UserError: No dev question names a document, or the subjects cannot be divided.
    """
    asked = about_documents(corpus)
    stages = [settle_dropout(config, asked) for config in (recipe.pretrain, recipe.finetune, recipe.scratch)]
    grid.open("attribute", {"stages": stages, "files": corpus.files})
    sides = [halves(corpus, asked.dev, seed) for seed in range(seeds)]
    results = grid.run(_arms(asked, stages, sides), measure_exact, Scored)
    read, left_out = list[list[int]](), list[list[int]]()
    for side, first, second in zip(sides, *(results[arm] for arm in WITHOUT), strict=True):
        without = (first.exact, second.exact)
        read.append([without[1 - half][index] for index, half in enumerate(side)])
        left_out.append([without[half][index] for index, half in enumerate(side)])
    not_pretrained = [result.exact for result in results[SCRATCH]]
    constants = score_all(most_frequent_answers(corpus.train, asked.dev), asked.dev)
    return grid.report(
        Attribution(
            **provenance(grid, corpus, recipe.name, seeds),
            questions=len(asked.dev),
            read=recall(read),
            left_out=recall(left_out),
            not_pretrained=recall(not_pretrained),
            knowledge=advantage(left_out, read),
            features=advantage(not_pretrained, left_out),
            most_frequent_answer=sum(score.exact for score in constants) / len(constants),
            seconds=round(sum(result.seconds for arm in results.values() for result in arm), 1),
        )
    )


def _arms(asked: Corpus, stages: Sequence[RunConfig], sides: Sequence[Sequence[int]]) -> dict[str, list[Cell]]:
    """Without the documents of either half, and not pretrained; a cell for each seed's halves."""
    *pretrained, scratch = stages
    arms = {SCRATCH: [seeded(SCRATCH, (scratch,), seed, asked) for seed in range(len(sides))]}
    for number, name in enumerate(WITHOUT):
        arms[name] = []
        for seed, side in enumerate(sides):
            own = [fact for fact, half in zip(asked.dev, side, strict=True) if half == number]
            arms[name].append(seeded(name, pretrained, seed, without_documents(asked, own)))
    return arms


def about_documents(corpus: Corpus) -> Corpus:
    """The corpus with those dev questions alone that name a document.

    Raises:
        UserError: There is none.
    """
    dev = tuple(fact for fact in corpus.dev if corpus.documents_of(fact))
    if not dev:
        raise UserError("No dev question names a document of the corpus, so none can be left out or asked about.")
    return dataclasses.replace(corpus, dev=dev)


def halves(corpus: Corpus, facts: Sequence[Fact], seed: int) -> list[int]:
    """0 or 1 for every fact: half of the subjects at random, a shared name or identical document on the same side.

    Raises:
        UserError: They all belong together.
    """
    numbers = groups(corpus, facts)
    order = sorted(set(numbers), key=lambda number: derive(seed, number))
    second = set(order[len(order) // 2 :])
    side = [int(number in second) for number in numbers]
    if len(set(side)) < 2:
        raise UserError(
            "The subjects cannot be divided into halves: there is one alone, or they share one name or one document."
        )
    return side


def without_documents(corpus: Corpus, facts: Sequence[Fact]) -> Corpus:
    """The corpus without the documents of the facts' subjects.

    Raises:
        UserError: Nothing would be left.
    """
    dropped = {document for fact in facts for document in corpus.documents_of(fact)}
    left = tuple(document for document in corpus.documents if document not in dropped)
    if not left:
        raise UserError("Leaving these subjects out leaves no document.")
    return dataclasses.replace(corpus, documents=left)
