"""Named recipes: functions that return whole configurations.

A variant is one changed field. To add a recipe, write a function and list it in `RECIPES`.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from closedbook.config import (
    Attention,
    ModelConfig,
    PeopleConfig,
    ReaderConfig,
    RunConfig,
    SourceConfig,
    Stage,
    TokenizerConfig,
    TrainingConfig,
)
from closedbook.errors import UserError, nearest


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A named way from a corpus to finetuned models.

    Args:
        name: What the command line calls it.
        summary: One line.
        pretrain: From nothing, on the corpus.
        finetune: From a pretrained run, on the training questions.
        scratch: From nothing, on the training questions.
        people: The built-in people it is made for, None for a corpus directory.
        inert: Settings that it repeats although they have no effect, with the reason.
    """

    name: str
    summary: str
    pretrain: RunConfig
    finetune: RunConfig
    scratch: RunConfig
    people: PeopleConfig | None = None
    inert: tuple[str, ...] = ()

    def stage(self, stage: Stage) -> RunConfig:
        """The whole configuration of one stage."""
        config: RunConfig = getattr(self, stage)
        return config


def with_attention(config: RunConfig, attention: Attention) -> RunConfig:
    """The same configuration with another attention class."""
    return dataclasses.replace(config, model=dataclasses.replace(config.model, attention=attention))


def with_seed(config: RunConfig, seed: int) -> RunConfig:
    """The same configuration with another seed."""
    return dataclasses.replace(config, training=dataclasses.replace(config.training, seed=seed))


def faithful() -> Recipe:
    """The 2021 recipe to the letter (CS224n assignment 5 as the seed document solved it)."""
    tokenizer = TokenizerConfig(kind="characters")
    model = ModelConfig(dropout=0.1, tied_embeddings=False)

    def training(epochs: int, rows: int, rate: float) -> TrainingConfig:
        return TrainingConfig(
            epochs=epochs,
            plan="in_order",
            batch_rows=rows,
            learning_rate=rate,
            weight_decay=0.1,
            decay="all_but_biases",
            schedule="course",
            precision="fp32",
        )

    def config(stage: Stage, source: SourceConfig, training: TrainingConfig) -> RunConfig:
        return RunConfig(
            recipe="faithful",
            stage=stage,
            reading="course",
            tokenizer=tokenizer,
            model=model,
            mixture=(source,),
            training=training,
        )

    corruption = SourceConfig(objective="span_corruption", long_documents="cut")
    questions = SourceConfig(objective="question_answering")
    return Recipe(
        name="faithful",
        summary="the 2021 course recipe to the letter: characters, span corruption, 650 epochs (many hours on 2 cores)",
        pretrain=config("pretrain", corruption, training(650, 128, 6e-3)),
        finetune=config("finetune", questions, training(10, 256, 6e-4)),
        scratch=config("scratch", questions, training(75, 256, 6e-4)),
        inert=(
            "warm-up over 10,240 tokens: the rate is set after each step, and one batch already holds more",
            "final_tokens of 200 passes: pretraining runs 650, so the cosine bounces instead of ending at the floor",
        ),
    )


def _cards(
    name: str,
    summary: str,
    *,
    model: ModelConfig,
    vocabulary_size: int,
    epochs: int,
    scratch_epochs: int,
    batch_tokens: int,
    people: PeopleConfig | None = None,
) -> Recipe:
    """Cards cut from the lines, the training questions mixed in from the start, Muon on the hidden matrices.

    Pretraining sees every capitalised phrase of a line twice an epoch (after the name alone, and after the name and
    the words before it) and the training questions twice; finetuning is one more pass over the questions.
    """

    def training(epochs: int, share: float) -> TrainingConfig:
        return TrainingConfig(
            epochs=epochs,
            batch_tokens=batch_tokens,
            micro_batches=2,
            optimizer="muon",
            learning_rate=3e-3 * share,
            matrix_learning_rate=2e-2 * share,
            warmup_steps=20,
            floor=0.02,
        )

    def config(stage: Stage, mixture: tuple[SourceConfig, ...], training: TrainingConfig) -> RunConfig:
        return RunConfig(
            recipe=name,
            stage=stage,
            tokenizer=TokenizerConfig(vocabulary_size=vocabulary_size),
            model=model,
            mixture=mixture,
            training=training,
        )

    questions = SourceConfig(objective="question_answering")
    cards = (
        SourceConfig(objective="name_cards"),
        SourceConfig(objective="context_cards", context_words=4, context_place="after"),
        SourceConfig(objective="question_answering", repeats=2),
    )
    return Recipe(
        name=name,
        summary=summary,
        pretrain=config("pretrain", cards, training(epochs, 1.0)),
        finetune=config("finetune", (questions,), training(1, 0.05)),
        scratch=config("scratch", (questions,), training(scratch_epochs, 1.0)),
        people=people,
    )


def default() -> Recipe:
    """A small model on the built-in people: the seed's finding in a few minutes."""
    return _cards(
        "default",
        "a small model on 600 built-in people, BPE, cards, Muon: the seed's finding in minutes on 2 cores",
        model=ModelConfig(layers=3, heads=4, width=128),
        vocabulary_size=1000,
        epochs=10,
        scratch_epochs=40,
        batch_tokens=2048,
        people=PeopleConfig(count=600, train=0.5, dev=0.35, test=0.1, unseen=0.05),
    )


def quick() -> Recipe:
    """The seed's model size on the real birthplace data, by the standard track's rules, in ten minutes."""
    return _cards(
        "quick",
        "the course's data in 10 minutes on 2 cores: the seed's model size, BPE, cards, Muon (standard track)",
        model=ModelConfig(),
        vocabulary_size=2000,
        epochs=4,
        scratch_epochs=12,
        batch_tokens=4096,
    )


def _one_stage(name: str, pretrain: RunConfig, summary: str) -> Recipe:
    """A recipe whose training questions are in the mixture from the start: finetuning is one more, gentle pass."""
    questions = (SourceConfig(objective="question_answering"),)
    gentle = dataclasses.replace(
        pretrain.training,
        epochs=1,
        learning_rate=pretrain.training.learning_rate * 0.05,
        matrix_learning_rate=(pretrain.training.matrix_learning_rate or 0.0) * 0.05,
    )
    finetune = dataclasses.replace(pretrain, stage="finetune", mixture=questions, training=gentle, reader=None)
    scratch = dataclasses.replace(finetune, stage="scratch", training=dataclasses.replace(pretrain.training, epochs=12))
    return Recipe(name=name, summary=summary, pretrain=pretrain, finetune=finetune, scratch=scratch)


def standard() -> Recipe:
    """The best recipe of the standard track: every example but the training pairs is cut from one corpus line."""
    pretrain = RunConfig(
        recipe="standard",
        stage="pretrain",
        tokenizer=TokenizerConfig(vocabulary_size=2000),
        model=ModelConfig(layers=2, positions="rotary"),
        mixture=(
            SourceConfig(objective="outlines"),
            SourceConfig(objective="context_cards", context_words=4, context_place="either"),
            SourceConfig(objective="question_answering", repeats=2),
        ),
        training=TrainingConfig(
            epochs=8,
            batch_tokens=4096,
            micro_batches=2,
            optimizer="muon",
            learning_rate=3e-3,
            matrix_learning_rate=2e-2,
            warmup_steps=20,
            floor=0.02,
        ),
    )
    return _one_stage("standard", pretrain, "the course's data, standard track at its best: cards of the lines alone")


def standard_synthesizer() -> Recipe:
    """The standard recipe with wired Synthesizer attention, which has learned positions."""
    recipe = standard().pretrain
    model = dataclasses.replace(recipe.model, attention="synthesizer", positions="learned")
    pretrain = dataclasses.replace(recipe, recipe="standard_synthesizer", model=model)
    return _one_stage("standard_synthesizer", pretrain, "the standard recipe with a wired Synthesizer")


def open_track() -> Recipe:
    """The best recipe of the open track: the model studies the questions and answers that a reader wrote."""
    pretrain = RunConfig(
        recipe="open",
        stage="pretrain",
        tokenizer=TokenizerConfig(vocabulary_size=2000),
        model=ModelConfig(layers=2, positions="rotary"),
        mixture=(SourceConfig(objective="question_answering"), SourceConfig(objective="study_cards")),
        training=TrainingConfig(
            epochs=18,
            batch_tokens=2048,
            micro_batches=2,
            optimizer="muon",
            learning_rate=3e-3,
            matrix_learning_rate=2e-2,
            warmup_steps=20,
            floor=0.02,
        ),
        reader=ReaderConfig(at_least=0.2),
    )
    return _one_stage("open", pretrain, "the course's data, open track: an open-book reader writes what is studied")


RECIPES: dict[str, Callable[[], Recipe]] = {
    "default": default,
    "quick": quick,
    "standard": standard,
    "standard_synthesizer": standard_synthesizer,
    "open": open_track,
    "faithful": faithful,
}


def find_recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        UserError: There is none; the sentence suggests the nearest.
    """
    if name not in RECIPES:
        raise UserError(f"{name}: no such recipe{nearest(name, RECIPES)}; there are {', '.join(RECIPES)}.")
    return RECIPES[name]()
