"""A mixture: the objectives of a recipe over one corpus, as the examples of an epoch."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Int64
from torch import Tensor

from closedbook import config
from closedbook.config import ObjectiveConfig, RunConfig
from closedbook.draws import derive, random_bits
from closedbook.facts.corpus import Corpus
from closedbook.facts.tokenizers import Tokenizer
from closedbook.objectives import cards, invented_subjects, lines, multi_span, question_answering, span_corruption
from closedbook.objectives.objective import Drawing, Material, NothingToAsk, Objective, Whole
from closedbook.objectives.segments import Segments, concatenate
from closedbook.objectives.store import TokenStore

OBJECTIVES: dict[type[ObjectiveConfig], Callable[[Any, Material, int], Objective]] = {
    config.SpanCorruption: span_corruption.SpanCorruption,
    config.MultiSpan: multi_span.MultiSpan,
    config.SalientSpan: cards.SalientSpan,
    config.WholeLine: lines.WholeLine,
    config.SuffixFirst: lines.SuffixFirst,
    config.NameCards: cards.NameCards,
    config.ContextCards: cards.ContextCards,
    config.Outlines: cards.Outlines,
    config.QuestionAnswering: question_answering.QuestionAnswering,
    config.StudyCards: question_answering.StudyCards,
    config.Rewriting: question_answering.Rewriting,
    config.InventedSubjects: invented_subjects.InventedSubjects,
}
"""What is made of each objective's settings."""
ALWAYS_FIT = ("span_corruption", "multi_span", "question_answering")  # by construction, or refused before
SUBSET = 1000  # the draw that chooses a pass's share; objectives use smaller numbers


@dataclass(frozen=True)
class Ingredient:
    """An objective, with the settings that say when and how often it is taken.

    Args:
        objective: Gives the examples of a pass.
        settings: Its settings.
        seed: Of its draws.
        block: Longest example; longer ones are left out.
    """

    objective: Objective
    settings: ObjectiveConfig
    seed: int
    block: int

    def examples(self, epoch: int) -> list[Segments]:
        """The passes of an epoch, none where the objective does not take part."""
        if not self.settings.takes_part(epoch):
            return []
        first = epoch * self.settings.repeats
        return [self.examples_of_pass(number) for number in range(first, first + self.settings.repeats)]

    def examples_of_pass(self, number: int) -> Segments:
        """The examples of a pass that fit, or the share of them that is set."""
        segments = self.objective(number)
        fits_R = segments.lengths() <= self.block
        if not fits_R.all():
            segments = segments.rows(fits_R)
        if self.settings.share == 1.0:
            return segments
        rows_R = torch.arange(len(segments), device=segments.start_RK.device)
        order_R = random_bits(self.seed, number, SUBSET, rows_R).argsort(stable=True)
        kept_R = order_R[: max(round(self.settings.share * len(segments)), 1)]
        return segments.rows(kept_R.sort().values)


@dataclass(frozen=True)
class Mixture:
    """Everything that training reads: the token vector and the sources of examples.

    Args:
        tokens_N: The token vector on the training device.
        ingredients: The sources of examples.
        counts: What was split, cut or left out while the vector was built, for the report.
        relations: Relations of the training facts.
    """

    tokens_N: Int64[Tensor, "tokens"]
    ingredients: tuple[Ingredient, ...]
    counts: dict[str, int]
    relations: int = 1

    def epoch(self, number: int) -> Segments:
        """The examples of an epoch, objective by objective."""
        return concatenate([part for ingredient in self.ingredients for part in ingredient.examples(number)])

    def settled(self, passes: int, epochs: int) -> "Mixture":
        """The same for a training of so many passes by a recipe of so many epochs."""
        ingredients = (replace(each, settings=each.settings.settled(passes, epochs)) for each in self.ingredients)
        return replace(self, ingredients=tuple(ingredients))


def build_mixture(
    run: RunConfig, corpus: Corpus, tokenizer: Tokenizer, device: torch.device, whole: Whole | None = None
) -> Mixture:
    """Puts the corpus on the device and makes the objectives that the recipe names.

    Args:
        run: The recipe.
        corpus: Documents, training facts and cards.
        tokenizer: The vocabulary.
        device: Where the tokens go.
        whole: What the corpus is a part of, None where it is all there is.

    Raises:
        UserError: A text cannot be spelled, a question is longer than the block, or an objective finds nothing.
    """
    store = TokenStore(tokenizer, device, whole.encoded if whole else None)
    material = Material(store, corpus, run, whole)
    ingredients, counts = [], dict[str, int]()
    for index, settings in enumerate(run.mixture):
        seed = derive(whole.seed if whole else run.training.seed, index)
        try:
            objective = OBJECTIVES[type(settings)](settings, material, seed)
            ingredient = Ingredient(objective, settings, seed, run.model.block)
            left_out = {} if settings.name in ALWAYS_FIT else _left_out(ingredient)
        except NothingToAsk:
            if whole is None:
                raise
            continue  # other parts of the corpus have something
        ingredients.append(ingredient)
        counts.update({**objective.counts, **left_out})
    relations = len({fact.relation for fact in corpus.train})
    return Mixture(material.store.tokens(), tuple(ingredients), counts, relations)


def _left_out(ingredient: Ingredient) -> dict[str, int]:
    """Examples that there are to draw from, and those of them that are longer than the block.

    Raises:
        NothingToAsk: None fits.
    """
    name, objective = ingredient.settings.name, ingredient.objective
    lengths_R = objective.candidates() if isinstance(objective, Drawing) else objective(0).lengths()
    fitting = int((lengths_R <= ingredient.block).sum())
    if not fitting:
        raise NothingToAsk(
            f"The objective {name} finds nothing to ask for that fits into {ingredient.block} tokens: documents need a "
            "title (`Ann Lee. Ann Lee was ...`), self-study a reader that found answers."
        )
    return {name: fitting, f"{name}_too_long": len(lengths_R) - fitting}
