"""The variants of an ablation: the best recipe of a track with one ingredient off, exchanged or added."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from closedbook.config import Objective, RunConfig, SourceConfig, TokenizerConfig
from closedbook.errors import UserError, nearest


@dataclass(frozen=True)
class Variant:
    """A changed recipe.

    Args:
        name: As on the command line and in the table.
        config: The whole changed configuration.
    """

    name: str
    config: RunConfig


BASE = "best"
ADDED = (
    SourceConfig(objective="name_cards"),
    SourceConfig(objective="salient_span"),
    SourceConfig(objective="whole_line"),
    SourceConfig(objective="suffix_first"),
    SourceConfig(objective="multi_span", long_documents="windows"),
    SourceConfig(objective="span_corruption", long_documents="windows"),
)
"""Objectives of either track that a recipe may not have."""


def variants(base: RunConfig) -> dict[str, Variant]:
    """Every variant of a recipe by name, the recipe itself first."""
    found = [Variant(BASE, base)]
    studied = [source for source in base.mixture if source.objective != "question_answering"]
    if len(studied) > 1:
        found += [Variant(f"without {source.objective}", without(base, source.objective)) for source in studied]
    present = {source.objective for source in base.mixture}
    if base.reader is None:
        found += [
            Variant(f"with {source.objective}", with_source(base, source))
            for source in ADDED
            if source.objective not in present
        ]
    else:
        found += [
            Variant("with rewriting", with_source(base, SourceConfig(objective="rewriting", forms=2))),
            Variant("reader read once", dataclasses.replace(base, reader=dataclasses.replace(base.reader, rounds=1))),
            Variant(
                "sure cards alone", dataclasses.replace(base, reader=dataclasses.replace(base.reader, at_least=0.8))
            ),
        ]
    late = max(base.training.epochs // 2, 1)
    if base.training.epochs > 1 and studied:
        found.append(Variant("questions from half-time", _questions(base, first_epoch=late)))
    found += [
        Variant("questions once more", _questions(base, more=1)),
        Variant("AdamW", _training(base, optimizer="adamw", matrix_learning_rate=None)),
        Variant("weight decay 0.1", _training(base, weight_decay=0.1)),
        Variant("batches twice as large", _training(base, **_doubled(base))),
        Variant("dropout 0.1", _model(base, dropout=0.1)),
        Variant("learned positions", _model(base, positions="learned")),
        Variant("twice as deep" if base.model.layers <= 2 else "half as deep", _depth(base)),
        Variant("characters", dataclasses.replace(base, tokenizer=TokenizerConfig(kind="characters"))),
    ]
    if base.model.attention == "key_query_value":
        found.append(Variant("normalised queries", _model(base, normalised_queries=True)))
    return {variant.name: variant for variant in found if variant.config != base or variant.name == BASE}


def choose(known: dict[str, Variant], names: Sequence[str]) -> list[Variant]:
    """The variants of those names, the recipe itself always first.

    Raises:
        UserError: There is none of a name; the sentence suggests the nearest.
    """
    for name in names:
        if name not in known:
            raise UserError(f"{name}: no such variant{nearest(name, known)}; there are {', '.join(known)}.")
    return [known[BASE], *(known[name] for name in names if name != BASE)]


def without(config: RunConfig, objective: Objective) -> RunConfig:
    """The recipe without an objective."""
    mixture = tuple(source for source in config.mixture if source.objective != objective)
    return dataclasses.replace(config, mixture=mixture, reader=config.reader if objective != "study_cards" else None)


def with_source(config: RunConfig, source: SourceConfig) -> RunConfig:
    """The recipe with one more objective."""
    return dataclasses.replace(config, mixture=(*config.mixture, source))


def _questions(config: RunConfig, more: int = 0, **changes: Any) -> RunConfig:
    def changed(source: SourceConfig) -> SourceConfig:
        if source.objective != "question_answering":
            return source
        return dataclasses.replace(source, repeats=source.repeats + more, **changes)

    return dataclasses.replace(config, mixture=tuple(map(changed, config.mixture)))


def _doubled(config: RunConfig) -> dict[str, int]:
    """The size of a batch, in whatever the plan counts it, twice."""
    name = "batch_tokens" if config.training.plan == "by_length" else "batch_rows"
    return {name: 2 * getattr(config.training, name)}


def _training(config: RunConfig, **changes: Any) -> RunConfig:
    return dataclasses.replace(config, training=dataclasses.replace(config.training, **changes))


def _model(config: RunConfig, **changes: Any) -> RunConfig:
    return dataclasses.replace(config, model=dataclasses.replace(config.model, **changes))


def _depth(config: RunConfig) -> RunConfig:
    """Twice or half the layers at about the same number of parameters in them."""
    deep = config.model.layers <= 2
    layers = config.model.layers * 2 if deep else config.model.layers // 2
    width = round(config.model.width * (0.5**0.5 if deep else 2**0.5) / config.model.heads / 2) * config.model.heads * 2
    return _model(config, layers=layers, width=width)
