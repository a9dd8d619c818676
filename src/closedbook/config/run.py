"""The whole configuration of a run."""

import json
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from closedbook.config.data import DistillationConfig, ReaderConfig, TokenizerConfig
from closedbook.config.model import ModelConfig
from closedbook.config.objectives import Objective, StudyCards
from closedbook.config.training import TrainingConfig
from closedbook.config.validation import configuration, from_json, require

Reading = Literal["utf8", "course"]
Stage = Literal["pretrain", "finetune", "scratch"]


@configuration
class RunConfig:
    """Everything that decides a run, but for the data and the machine.

    Args:
        recipe: The recipe's name.
        stage: `pretrain`, `finetune` (from a pretrained run) or `scratch` (finetuning without pretraining).
        reading: `utf8` reads text as it is; `course` repeats the 2021 code: an empty last line is a document, and
            training questions and answers lose their non-ASCII characters.
        tokenizer: How text becomes tokens.
        model: The architecture.
        mixture: What an epoch consists of.
        training: How it is trained.
        reader: The open-book reader whose cards the mixture takes up, None without self-study.
        distillation: How the answers of a teacher become cards instead; the corpus brings them.
    """

    recipe: str
    stage: Stage
    reading: Reading = "utf8"
    tokenizer: TokenizerConfig
    model: ModelConfig
    mixture: Annotated[tuple[Objective, ...], Field(min_length=1)]
    training: TrainingConfig
    reader: ReaderConfig | None = None
    distillation: DistillationConfig | None = None

    def __post_init__(self) -> None:
        studies = [objective for objective in self.mixture if objective.reads == "cards"]
        require(self.reader is None or self.distillation is None, "Cards have one author: a reader, or distillation.")
        written = self.reader is not None or self.distillation is not None
        require(written or not studies, "The objectives study_cards and rewriting need a reader, or distillation.")
        author = "a reader" if self.reader is not None else "distillation"
        require(
            bool(studies) or not written,
            f"There is {author}, and no objective that studies cards: add study_cards to the mixture, or leave it out.",
        )
        for objective in studies if self.distillation else ():
            require(
                isinstance(objective, StudyCards) and objective.answers != "drawn_or_none",
                "With distillation only study_cards is left, with best or drawn answers: a teacher does not know what "
                "the book says.",
            )
        for objective in self.mixture:
            require(
                objective.first_epoch < self.training.epochs,
                f"objective {objective.name}: first_epoch {objective.first_epoch} comes after the last of "
                f"{self.training.epochs} epochs.",
            )
        ends = [objective.last_epoch for objective in self.mixture if objective.last_epoch is not None]
        changes = [epoch for epoch in (0, *(last + 1 for last in ends)) if epoch < self.training.epochs]
        require(
            all(any(objective.takes_part(epoch) for objective in self.mixture) for epoch in changes),
            "Every epoch needs an objective: first_epoch and last_epoch leave one without.",
        )
        goes_on = self.training.least_steps is not None or self.training.epochs_a_relation > 0
        require(
            not goes_on or any(objective.last_epoch is None for objective in self.mixture),
            f"training.least_steps and training.epochs_a_relation may add epochs to the {self.training.epochs}, and "
            "they need an objective too: leave out the last_epoch of one, or set least_steps to null and "
            "epochs_a_relation to 0.",
        )

    def check_teacher(self, given: bool) -> None:
        """Raises a `UserError` where a teacher is needed and none is given, or the other way about."""
        stage = f"The {self.stage} stage of the recipe {self.recipe}"
        require(self.distillation is None or given, f"{stage} learns from a teacher: give one (--teacher).")
        require(
            self.distillation is not None or not given, f"{stage} learns from no teacher: leave it out (--teacher)."
        )

    def all_joined(self, epoch: int) -> bool:
        """Whether no objective has a larger part of its examples in a later epoch than in that one."""
        epochs = self.training.epochs
        return all(
            objective.share_joined(epoch, epochs) >= objective.share_joined(later, epochs)
            for objective in self.mixture
            for later in range(epoch + 1, epochs)
        )


def to_dict(config: RunConfig) -> dict[str, Any]:
    """A JSON-ready dictionary; `run_config` reads it back."""
    values: dict[str, Any] = TypeAdapter(RunConfig).dump_python(config, mode="json")
    return values


def run_config(values: dict[str, Any]) -> RunConfig:
    """The inverse of `to_dict`.

    Raises:
        UserError: An unknown or missing key, or a value that its dataclass refuses.
    """
    return from_json(RunConfig, json.dumps(values, default=str))
