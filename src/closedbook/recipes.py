"""Named recipes: functions that return whole configurations.

A variant is one changed field. To add a recipe, write a function and list it in `RECIPES`.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from closedbook.config import (
    ContextCards,
    DistillationConfig,
    InventedSubjects,
    ModelConfig,
    NameCards,
    Objective,
    Outlines,
    PeopleConfig,
    QuestionAnswering,
    ReaderConfig,
    RunConfig,
    SpanCorruption,
    Stage,
    StudyCards,
    TokenizerConfig,
    TrainingConfig,
    run_config,
    to_dict,
)
from closedbook.errors import UserError, named


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A named way from a corpus to finetuned models.

    Args:
        name: What the command line calls it.
        summary: One line.
        pretrain: From nothing, on the corpus.
        finetune: From a pretrained run, on the training questions.
        scratch: From nothing, on the training questions.
        built_in: The built-in data it is made for, None for a corpus directory.
        inert: Settings that it repeats although they have no effect, with the reason.
        letter: Whether it is somebody else's recipe to the letter, whose figures it should reproduce.
    """

    name: str
    summary: str
    pretrain: RunConfig
    finetune: RunConfig
    scratch: RunConfig
    built_in: PeopleConfig | None = None
    inert: tuple[str, ...] = ()
    letter: bool = False

    def stage(self, stage: Stage) -> RunConfig:
        """The whole configuration of one stage.

        Raises:
            UserError: There is none of that name.
        """
        if stage not in get_args(Stage):
            raise UserError(f"There is no stage {stage!r}; there are {', '.join(get_args(Stage))}.")
        config: RunConfig = getattr(self, stage)
        return config


def with_training(config: RunConfig, **changes: Any) -> RunConfig:
    """The same configuration with other settings of its training."""
    return dataclasses.replace(config, training=dataclasses.replace(config.training, **changes))


def with_model(config: RunConfig, **changes: Any) -> RunConfig:
    """The same configuration with other settings of its architecture."""
    return dataclasses.replace(config, model=dataclasses.replace(config.model, **changes))


def with_seed(config: RunConfig, seed: int) -> RunConfig:
    """The same configuration with another seed."""
    return with_training(config, seed=seed)


def with_settings(config: RunConfig, changes: Mapping[str, Any]) -> RunConfig:
    """The same configuration with other values (JSON-ready) at dotted paths: `training.epochs`.

    Raises:
        UserError: A setting is unknown or has a value that it does not take.
    """
    values = to_dict(config)
    for path, value in changes.items():
        _put(values, path.split("."), value)
    return run_config(values)


def _put(values: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Puts a value at a path; settings by name join those that are there.

    Raises:
        UserError: What stands above it is a list or a plain value.
    """
    for depth, name in enumerate(path[:-1], start=1):
        inner = {} if values.get(name) is None else values[name]
        if not isinstance(inner, dict):
            above = ".".join(path[:depth])
            raise UserError(f"{'.'.join(path)}: cannot be set; {above} as it is given takes no settings by name.")
        values[name] = inner
        values = inner
    last = path[-1]
    values[last] = values[last] | value if isinstance(value, dict) and isinstance(values.get(last), dict) else value


def with_attention(config: RunConfig, attention: str) -> RunConfig:
    """The same configuration with another attention class.

    A Synthesizer has no queries and keys to turn or to normalise: it takes learned positions.
    """
    if "key_query_value" in attention.split("+"):
        return with_model(config, attention=attention)
    return with_model(config, attention=attention, positions="learned", normalised_queries=False)


def faithful() -> Recipe:
    """The 2021 recipe to the letter (CS224n assignment 5)."""
    tokenizer = TokenizerConfig(kind="characters")
    model = ModelConfig(dropout=0.1, tied_embeddings=False)

    def training(epochs: int, rows: int, rate: float) -> TrainingConfig:
        return TrainingConfig(
            epochs=epochs,
            plan="in_order",
            batch_rows=rows,
            micro_batches=8,
            learning_rate=rate,
            weight_decay=0.1,
            decay="all_but_biases",
            schedule="course",
        )

    def config(stage: Stage, objective: Objective, training: TrainingConfig) -> RunConfig:
        return RunConfig(
            recipe="faithful",
            stage=stage,
            reading="course",
            tokenizer=tokenizer,
            model=model,
            mixture=(objective,),
            training=training,
        )

    corruption = SpanCorruption(long_documents="cut")
    questions = QuestionAnswering()
    return Recipe(
        name="faithful",
        summary="the 2021 course recipe to the letter, in bf16 where that is native: 650 epochs (hours on 2 cores)",
        pretrain=config("pretrain", corruption, training(650, 128, 6e-3)),
        finetune=config("finetune", questions, training(10, 256, 6e-4)),
        scratch=config("scratch", questions, training(75, 256, 6e-4)),
        letter=True,
        inert=(
            "warm-up over 10,240 tokens: the rate is set after each step, and one batch already holds more",
            "final_tokens of 200 passes: pretraining runs 650, so the cosine bounces instead of ending at the floor",
        ),
    )


CARDS = (
    NameCards(),
    Outlines(),
    ContextCards(where="auto"),
    QuestionAnswering(repeats=2, most=20),
)
"""What the recipes of the standard track train on: the spans of a line after its subject alone, all of them in a row,
and each after the subject and the words around it; and the training questions from the start."""
CARDS_JOINED = (*CARDS[:-1], QuestionAnswering(repeats=3, joining=8, most=20))
"""The same, with training questions that join an eighth a pass (decision 20)."""
LEAST_STEPS = 700  # of a small corpus; what 118 documents need, at 4,096 tokens a step (half of it for cards)

LEARNED = 0.002  # nats; the mean loss of an epoch after which nothing more is to come


def _muon(
    *,
    epochs: int,
    batch_tokens: int,
    least_steps: int | None = None,
    epochs_a_relation: int = 0,
    stop_at_loss: float | None = None,
    share: float = 1.0,
) -> TrainingConfig:
    """Muon on the hidden matrices, AdamW on the rest, at a share of the usual peak rates."""
    return TrainingConfig(
        epochs=epochs,
        epochs_a_relation=epochs_a_relation,
        least_steps=least_steps,
        stop_at_loss=stop_at_loss,
        batch_tokens=batch_tokens,
        micro_batches=2,
        optimizer="muon",
        learning_rate=3e-3 * share,
        matrix_learning_rate=2e-2 * share,
        warmup_steps=20,
        floor=0.02,
    )


def _with_questions(
    pretrain: RunConfig, summary: str, *, scratch_epochs: int, built_in: PeopleConfig | None = None
) -> Recipe:
    """A recipe whose training questions are in the mixture from the start: finetuning is one more, gentle pass."""
    questions = dataclasses.replace(
        pretrain, stage="scratch", mixture=(QuestionAnswering(),), reader=None, distillation=None
    )
    tokens = pretrain.training.batch_tokens or 0
    gentle = _muon(epochs=1, batch_tokens=tokens, share=0.05)
    return Recipe(
        name=pretrain.recipe,
        summary=summary,
        pretrain=pretrain,
        finetune=dataclasses.replace(questions, stage="finetune", training=gentle),
        scratch=dataclasses.replace(questions, training=_muon(epochs=scratch_epochs, batch_tokens=tokens)),
        built_in=built_in,
    )


def default() -> Recipe:
    """A small model on the built-in data: the assignment's finding in a few minutes."""
    pretrain = RunConfig(
        recipe="default",
        stage="pretrain",
        tokenizer=TokenizerConfig(vocabulary_size=1000),
        model=ModelConfig(layers=2, heads=4, width=128),
        mixture=CARDS,
        training=_muon(epochs=10, batch_tokens=2048, least_steps=500, stop_at_loss=LEARNED),
    )
    return _with_questions(
        pretrain,
        "a small model for 600 built-in subjects, BPE, cards, Muon: the assignment's finding in minutes",
        scratch_epochs=40,
        built_in=PeopleConfig(count=600, train=0.5, dev=0.35, test=0.1, unseen=0.05),
    )


def standard() -> Recipe:
    """The best recipe of the standard track: every example but the training pairs is cut from one corpus line."""
    pretrain = RunConfig(
        recipe="standard",
        stage="pretrain",
        tokenizer=TokenizerConfig(vocabulary_size=2000),
        model=ModelConfig(layers=2, positions="rotary", dropout=None),
        mixture=CARDS_JOINED,
        training=_muon(epochs=8, batch_tokens=4096, least_steps=LEAST_STEPS, epochs_a_relation=8, stop_at_loss=LEARNED),
    )
    summary = "the standard track at its best: cards cut from the lines"
    return _with_questions(pretrain, summary, scratch_epochs=12)


def standard_synthesizer() -> Recipe:
    """The standard recipe with wired Synthesizer attention, which has learned positions."""
    pretrain = dataclasses.replace(
        with_attention(standard().pretrain, "dense_synthesizer"), recipe="standard_synthesizer"
    )
    return _with_questions(pretrain, "the standard recipe with a wired Synthesizer", scratch_epochs=12)


def open_track() -> Recipe:
    """The best recipe of the open track: the model studies what a reader made of the documents, doubts included.

    A card's answer is drawn anew at each pass from the reader's probabilities, *the document does not say* among them,
    and subjects that do not exist are asked about as well: so it learns what it may say, and when to be silent.
    """
    pretrain = RunConfig(
        recipe="open",
        stage="pretrain",
        tokenizer=TokenizerConfig(vocabulary_size=2000),
        model=ModelConfig(layers=2, positions="rotary"),
        mixture=(QuestionAnswering(), StudyCards(answers="drawn_or_none"), InventedSubjects()),
        training=_muon(epochs=18, batch_tokens=2048, least_steps=LEAST_STEPS // 2, stop_at_loss=LEARNED),
        reader=ReaderConfig(),
    )
    summary = "the open track at its best: an open-book reader writes what is studied, and what is not known is said so"
    return _with_questions(pretrain, summary, scratch_epochs=12)


def distilled() -> Recipe:
    """One model that studies what another, or several together, answers about every subject; no document is read.

    A card's answer is drawn anew at each pass from the teacher's probabilities, and subjects that do not exist are
    asked about as well.
    """
    pretrain = dataclasses.replace(
        open_track().pretrain,
        recipe="distilled",
        mixture=(QuestionAnswering(), StudyCards(answers="drawn"), InventedSubjects()),
        reader=None,
        distillation=DistillationConfig(),
    )
    summary = "one model taught by what another answers, or several together: needs a --teacher"
    return _with_questions(pretrain, summary, scratch_epochs=12)


RECIPES: dict[str, Callable[[], Recipe]] = {
    "default": default,
    "standard": standard,
    "standard_synthesizer": standard_synthesizer,
    "open": open_track,
    "distilled": distilled,
    "faithful": faithful,
}


def find_recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        UserError: There is none; the sentence suggests the nearest.
    """
    return named(RECIPES, name, "recipe")()
