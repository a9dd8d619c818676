"""Presets of `reproduce`: which systems are trained, row by row of the results table.

A system is whole configurations; to add a row, add a `System`. The two tracks have tables of their own: on the standard
track every example but the training pairs is a cut, mask or permutation of one corpus line; on the open track anything
is allowed that is made from the corpus and the training pairs alone, as long as the book is closed when it answers.
What models of a track teach another is a row of its own behind them (decision 23).
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from closedbook.config import PeopleConfig, RunConfig
from closedbook.errors import UserError, nearest
from closedbook.recipes import (
    RECIPES,
    Recipe,
    distilled,
    find_recipe,
    open_track,
    standard,
    standard_synthesizer,
    with_attention,
    with_training,
)

Track = Literal["standard", "open"]


@dataclass(frozen=True, kw_only=True)
class System:
    """A row of the results table.

    Args:
        name: As in `report.json`.
        label: As readers see it.
        configs: The stages to run one after the other; none for a baseline without a model.
        predictions: How the names of its prediction files begin.
        track: Whose rules it keeps.
        optional: Whether it is left out, with a line, where no open-book reader can be learned.
        student: What one model studies with, if several seeds are asked together and it is taught by them: a row of
            its own, as its examples are what they answer.
    """

    name: str
    label: str
    configs: tuple[RunConfig, ...]
    predictions: str
    track: Track = "standard"
    optional: bool = False
    student: RunConfig | None = None

    @property
    def attention(self) -> str | None:
        """The attention class, None without a model."""
        return self.configs[-1].model.attention if self.configs else None

    @property
    def reads_documents(self) -> bool:
        """Whether it trains on more than the questions."""
        return any(objective.reads != "questions" for config in self.configs for objective in config.mixture)


@dataclass(frozen=True, kw_only=True)
class Preset:
    """What `reproduce` trains.

    Args:
        name: What the command line calls it.
        summary: One line.
        systems: The rows.
        built_in: The built-in data it is made for, None for a corpus directory.
        inert: Settings that it repeats although they have no effect, with the reason.
        letter: Whether it is somebody else's recipe to the letter, whose figures it should reproduce.
    """

    name: str
    summary: str
    systems: tuple[System, ...]
    built_in: PeopleConfig | None = None
    inert: tuple[str, ...] = ()
    letter: bool = False

    def with_precision(self, precision: Literal["auto", "fp32", "bf16"]) -> "Preset":
        """The same with all trainings in that precision."""
        systems = [
            dataclasses.replace(
                row,
                configs=tuple(with_training(config, precision=precision) for config in row.configs),
                student=row.student and with_training(row.student, precision=precision),
            )
            for row in self.systems
        ]
        return dataclasses.replace(self, systems=tuple(systems))


def _most_frequent() -> System:
    return System(name="most_frequent", label="most frequent answer", configs=(), predictions="most_frequent")


def of_recipe(recipe: Recipe) -> Preset:
    """The assignment's table by one recipe: baseline, no pretraining, and both attention classes pretrained."""
    track: Track = "open" if recipe.pretrain.reader else "standard"

    def trained(name: str, attention: str, predictions: str) -> System:
        configs = tuple(with_attention(config, attention) for config in (recipe.pretrain, recipe.finetune))
        label = "pretrained, finetuned"
        return System(name=name, label=label, configs=configs, predictions=predictions, track=track)

    return Preset(
        name=recipe.name,
        summary=recipe.summary,
        systems=(
            _most_frequent(),
            System(
                name="no_pretraining",
                label="finetuned only",
                configs=(recipe.scratch,),
                predictions="vanilla.nopretrain",
            ),
            trained("key_query_value", "key_query_value", "vanilla.pretrain"),
            trained("synthesizer", "dense_synthesizer", "synthesizer.pretrain"),
        ),
        built_in=recipe.built_in,
        inert=recipe.inert,
        letter=recipe.letter,
    )


def _tracks(*, optional: bool) -> tuple[System, ...]:
    """The best recipe of either track, and what they are compared with."""
    cut, scratch = "cut from the documents", (standard().scratch,)
    synthesizer = (standard_synthesizer().pretrain,)
    student = distilled().pretrain
    return (
        _most_frequent(),
        System(name="no_pretraining", label="questions only", configs=scratch, predictions="no_pretraining"),
        System(name="standard", label=cut, configs=(standard().pretrain,), predictions="standard", student=student),
        System(
            name="standard_synthesizer",
            label=cut,
            configs=synthesizer,
            predictions="standard.synthesizer",
            student=with_attention(student, "dense_synthesizer"),
        ),
        System(
            name="open",
            label="self-study",
            configs=(open_track().pretrain,),
            predictions="open",
            track="open",
            optional=optional,
        ),
    )


def best() -> Preset:
    """The best recipe of either track, on the course's data."""
    return Preset(
        name="best",
        summary="the best recipe of either track on the course's data (6 minutes a seed on 2 cores)",
        systems=_tracks(optional=False),
    )


def facts() -> Preset:
    """Any facts: the same tracks, the open one where a reader can be learned."""
    return Preset(
        name="facts",
        summary="your own facts: both tracks, beside the most frequent answer and training on the questions alone",
        systems=_tracks(optional=True),
    )


PRESETS: dict[str, Callable[[], Preset]] = {"best": best, "facts": facts}


def find_preset(name: str) -> Preset:
    """The preset of that name; every recipe that needs no teacher is one.

    Raises:
        UserError: There is none; the sentence suggests the nearest.
    """
    known = [*PRESETS, *of_experiments()]
    if name not in (*known, *RECIPES):
        raise UserError(f"{name}: no such preset{nearest(name, known)}; there are {', '.join(known)}.")
    return PRESETS[name]() if name in PRESETS else of_recipe(find_for_experiment(name))


def of_experiments() -> list[str]:
    """The recipes that need nothing but a corpus, by name."""
    return [name for name, make in RECIPES.items() if make().pretrain.distillation is None]


def find_for_experiment(name: str) -> Recipe:
    """The recipe of that name, for what has a corpus and no teacher.

    Raises:
        UserError: There is none, or it needs a teacher.
    """
    recipe = find_recipe(name)
    if recipe.pretrain.distillation is not None:
        raise UserError(
            f"{name}: learns from a teacher, which is not had here; closedbook train {name} --teacher MODEL trains it, "
            "and closedbook reproduce --seeds 2 one beside its teachers."
        )
    return recipe
