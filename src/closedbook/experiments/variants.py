"""Variants: a recipe with one field changed. An ablation changes an ingredient, a comparison the attention class.

A comparison makes its variants equal in parameters by their MLPs. Positions are part of an attention class: where a
recipe turns queries and keys (rotary), a Synthesizer, which has none, takes learned positions;
`key_query_value:positions=learned` tells the two apart.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from closedbook.config import (
    ContextCards,
    InventedSubjects,
    ModelConfig,
    MultiSpan,
    NameCards,
    Objective,
    Outlines,
    QuestionAnswering,
    Rewriting,
    RunConfig,
    SalientSpan,
    SpanCorruption,
    StudyCards,
    SuffixFirst,
    TokenizerConfig,
    WholeLine,
)
from closedbook.errors import UserError, named, nearest
from closedbook.experiments.grid import Cell, seeded
from closedbook.facts.corpus import Corpus
from closedbook.model.costs import parameters, with_parameters
from closedbook.recipes import Recipe, with_attention, with_model, with_training

BASE = "unchanged"
ADDED: tuple[Objective, ...] = (
    NameCards(),
    Outlines(),
    ContextCards(where="auto"),
    SalientSpan(),
    WholeLine(),
    SuffixFirst(),
    MultiSpan(),
    SpanCorruption(),
    InventedSubjects(names=True),
)
"""Objectives of the standard track that a recipe may not have."""
DROPOUTS = {"no dropout": 0.0, "dropout 0.1": 0.1}
WITHIN = 0.02  # of the first variant's parameters
FIELDS = ("positions", "key_value_heads", "heads", "normalised_queries", "layers")


@dataclass(frozen=True)
class Variant:
    """A changed recipe.

    Args:
        name: As on the command line and in the table.
        stages: Its whole configurations, one after the other.
    """

    name: str
    stages: tuple[RunConfig, ...]

    @property
    def model(self) -> ModelConfig:
        """Its architecture."""
        return self.stages[0].model


def arms(variants: Sequence[Variant], corpus: Corpus, seeds: int) -> dict[str, list[Cell]]:
    """The cells of every variant, one a seed; their names are file names."""
    cells = {}
    for variant in variants:
        cells[variant.name] = [seeded(file_name(variant.name), variant.stages, seed, corpus) for seed in range(seeds)]
    return cells


def file_name(name: str) -> str:
    """A variant's name with what file names do not take left out."""
    return "".join(letter if letter.isalnum() or letter in "_+" else "-" for letter in name)


def stages(recipe: Recipe) -> tuple[RunConfig, ...]:
    """What teaches facts and the question form: pretraining alone where the questions are in its mixture."""
    taught = any(isinstance(objective, QuestionAnswering) for objective in recipe.pretrain.mixture)
    return (recipe.pretrain,) if taught else (recipe.pretrain, recipe.finetune)


def ingredients(recipe: Recipe, passes: int | None = None) -> dict[str, Variant]:
    """Every variant of the ingredients of a recipe's pretraining by name, the recipe itself first.

    Args:
        recipe: What is changed.
        passes: Of its pretraining over the mixture, more than its epochs where the data ask for more; they tell when
            half-time is.
    """
    base = recipe.pretrain
    asked = _questions(base, passes or base.training.epochs)
    configs = {BASE: base, **_objectives(base), **asked, **_trainings(base), **_models(base)}
    configs["characters"] = dataclasses.replace(base, tokenizer=TokenizerConfig(kind="characters"))
    return {
        name: Variant(name, stages(_pretrained(recipe, config)))
        for name, config in configs.items()
        if config != base or name == BASE
    }


def _pretrained(recipe: Recipe, config: RunConfig) -> Recipe:
    """The recipe with another pretraining, and what that changes of architecture and vocabulary in its finetuning."""
    base, finetune = recipe.pretrain, recipe.finetune
    own = {field.name: getattr(config.model, field.name) for field in dataclasses.fields(config.model)}
    changes = {name: value for name, value in own.items() if value != getattr(base.model, name)}
    finetune = dataclasses.replace(with_model(finetune, **changes), tokenizer=config.tokenizer)
    return dataclasses.replace(recipe, pretrain=config, finetune=finetune)


def choose(known: dict[str, Variant], names: Sequence[str]) -> list[Variant]:
    """The variants of those names, or all, the recipe itself always first.

    Raises:
        UserError: There is none of a name, for which the sentence suggests the nearest, or one stands twice.
    """
    if len(set(names)) < len(names):
        raise UserError("--variants: one is given twice.")
    return [known[BASE], *(named(known, name, "variant") for name in names or known if name != BASE)]


def _objectives(base: RunConfig) -> dict[str, RunConfig]:
    """Without each objective, with each that it has not, and the reader read otherwise."""
    studied = [objective for objective in base.mixture if not isinstance(objective, QuestionAnswering)]
    configs: dict[str, RunConfig] = {}
    if len(studied) > 1:
        configs = {f"without {objective.name}": _without(base, objective) for objective in studied}
    if base.reader is None:
        present = {objective.name for objective in base.mixture}
        added = [objective for objective in ADDED if objective.name not in present]
        configs["contexts of all words"] = _changed(base, ContextCards, lengths="longest", where="before")
        configs["contexts before spans alone"] = _changed(base, ContextCards, where="before")
        return configs | {f"with {objective.name}": _with(base, objective) for objective in added}
    once, sure = (dataclasses.replace(base.reader, **change) for change in ({"rounds": 1}, {"at_least": 0.8}))
    for answers in ("best", "drawn"):
        configs[f"the reader's {answers} answers"] = _changed(base, StudyCards, answers=answers)
    return configs | {
        "with rewriting": _with(base, Rewriting()),
        "reader read once": dataclasses.replace(base, reader=once),
        "sure cards alone": dataclasses.replace(base, reader=sure),
    }


def _questions(base: RunConfig, passes: int) -> dict[str, RunConfig]:
    """The training questions once more, all from the start, or from half of the passes on."""
    asked = next((each for each in base.mixture if isinstance(each, QuestionAnswering)), QuestionAnswering())
    most = asked.most and asked.most * (asked.repeats + 1) // asked.repeats
    configs = {"questions once more": _changed(base, QuestionAnswering, repeats=asked.repeats + 1, most=most)}
    if asked.joining > 1:  # about as many in all
        fewer = _changed(base, QuestionAnswering, repeats=asked.repeats - 1, joining=1)
        configs["all questions from the start"] = fewer
    if asked.most is not None:
        configs["questions without a limit"] = _changed(base, QuestionAnswering, most=None)
    kinds = {isinstance(objective, QuestionAnswering) for objective in base.mixture}
    if passes > 1 and kinds == {True, False}:
        settled = with_training(base, epochs=passes, epochs_a_relation=0)
        late = {"first_epoch": passes // 2, "joining": 1}
        configs["questions from half-time"] = _changed(settled, QuestionAnswering, **late)
    return configs


def _trainings(base: RunConfig) -> dict[str, RunConfig]:
    size = "batch_tokens" if base.training.plan == "by_length" else "batch_rows"
    return {
        "AdamW": with_training(base, optimizer="adamw", matrix_learning_rate=None),
        "weight decay 0.1": with_training(base, weight_decay=0.1),
        "batches twice as large": with_training(base, **{size: 2 * getattr(base.training, size)}),
    }


def _models(base: RunConfig) -> dict[str, RunConfig]:
    """Other architectures; twice or half the layers have about the same number of parameters in them."""
    model = base.model
    deep = model.layers <= 2
    width = round(model.width * (0.5**0.5 if deep else 2**0.5) / model.heads / 2) * model.heads * 2
    layers = model.layers * 2 if deep else model.layers // 2
    configs = {
        **{name: with_model(base, dropout=rate) for name, rate in DROPOUTS.items() if rate != model.dropout},
        "learned positions": with_model(base, positions="learned"),
        "twice as deep" if deep else "half as deep": with_model(base, layers=layers, width=width),
    }
    if model.attention == "key_query_value":
        configs["normalised queries"] = with_model(base, normalised_queries=True)
    return configs


def _changed(config: RunConfig, kind: type[Objective], **changes: Any) -> RunConfig:
    """The recipe with other settings of an objective, where it has it."""
    mixture = (dataclasses.replace(each, **changes) if isinstance(each, kind) else each for each in config.mixture)
    return dataclasses.replace(config, mixture=tuple(mixture))


def _without(config: RunConfig, objective: Objective) -> RunConfig:
    mixture = tuple(other for other in config.mixture if other != objective)
    reader = None if isinstance(objective, StudyCards) else config.reader
    return dataclasses.replace(config, mixture=mixture, reader=reader)


def _with(config: RunConfig, objective: Objective) -> RunConfig:
    return dataclasses.replace(config, mixture=(*config.mixture, objective))


def attention_variant(recipe: Recipe, text: str) -> Variant:
    """`ATTENTION`, or `ATTENTION:field=value,...` with fields of the architecture.

    Raises:
        UserError: There is no such attention class or field, or the architecture makes no sense.
    """
    attention, colon, rest = text.partition(":")
    changes: dict[str, Any] = {}
    for setting in rest.split(",") if colon else []:
        field, equals, value = setting.partition("=")
        if not equals or field not in FIELDS or field in changes:
            raise UserError(
                f"--variants {text}: {setting!r} is no new field=value{nearest(field, set(FIELDS) - {field})}; "
                f"fields are {', '.join(FIELDS)}."
            )
        changes[field] = _value(value)

    try:
        return Variant(
            text, tuple(with_model(with_attention(config, attention), **changes) for config in stages(recipe))
        )
    except UserError as error:
        raise UserError(f"--variants {text}: {error}") from None


def _value(text: str) -> str | int | bool:
    """A whole number, true or false, or a word; the configuration says whether it fits the field."""
    if text in ("true", "false"):
        return text == "true"
    return int(text) if text.isdecimal() else text


def equal(variants: Sequence[Variant], vocabulary: int) -> list[Variant]:
    """The variants with as many parameters as the first, by wider or narrower MLPs, and all of their steps.

    Raises:
        UserError: A variant cannot be brought within 2 %, or is the same model as another.
    """
    target = parameters(variants[0].model, vocabulary)
    made: list[Variant] = []
    for variant in variants:
        model = variant.model
        if variant is not variants[0]:
            try:
                model = with_parameters(model, vocabulary, target, WITHIN)
            except UserError as error:
                raise UserError(f"--variants {variant.name}: {error}") from None
        if alike := next((other.name for other in made if _explicit(other.model) == _explicit(model)), None):
            raise UserError(f"--variants {variant.name}: is the same model as {alike}.")
        stages = (dataclasses.replace(stage, model=model) for stage in variant.stages)
        made.append(Variant(variant.name, tuple(with_training(stage, stop_at_loss=None) for stage in stages)))
    return made


def _explicit(model: ModelConfig) -> ModelConfig:
    """The same architecture with nothing left to a default."""
    return dataclasses.replace(model, mlp_width=model.hidden_width, key_value_heads=model.groups)
