"""The whole configuration of a run."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from closedbook.config.checks import check_types, require
from closedbook.config.data import ReaderConfig, TokenizerConfig
from closedbook.config.model import ModelConfig
from closedbook.config.training import STUDY, SourceConfig, TrainingConfig
from closedbook.errors import UserError

Reading = Literal["utf8", "course"]
Stage = Literal["pretrain", "finetune", "scratch"]


@dataclass(frozen=True, kw_only=True)
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
    """

    recipe: str
    stage: Stage
    reading: Reading = "utf8"
    tokenizer: TokenizerConfig
    model: ModelConfig
    mixture: tuple[SourceConfig, ...]
    training: TrainingConfig
    reader: ReaderConfig | None = None

    def __post_init__(self) -> None:
        check_types(self)
        require(len(self.mixture) > 0, "mixture must name at least one objective.")
        studies = any(source.objective in STUDY for source in self.mixture)
        require(
            studies == (self.reader is not None),
            f"The objectives {' and '.join(STUDY)} need a reader, and a reader needs one of them in the mixture.",
        )
        for source in self.mixture:
            require(
                source.first_epoch < self.training.epochs,
                f"objective {source.objective}: first_epoch {source.first_epoch} comes after the last of "
                f"{self.training.epochs} epochs.",
            )
        require(
            all(any(source.takes_part(epoch) for source in self.mixture) for epoch in range(self.training.epochs)),
            "Every epoch needs an objective: first_epoch and last_epoch leave one without.",
        )


def to_dict(config: RunConfig) -> dict[str, Any]:
    """A JSON-ready dictionary; `run_config` reads it back."""
    values = dataclasses.asdict(config)
    values["mixture"] = list(values["mixture"])
    return values


def run_config(values: dict[str, Any]) -> RunConfig:
    """The inverse of `to_dict`.

    Raises:
        UserError: An unknown or missing key, or a value that its dataclass refuses.
    """
    try:
        rest = {
            key: value
            for key, value in values.items()
            if key not in ("tokenizer", "model", "mixture", "training", "reader")
        }
        reader = values.get("reader")
        return RunConfig(
            tokenizer=TokenizerConfig(**values["tokenizer"]),
            model=ModelConfig(**values["model"]),
            mixture=tuple(SourceConfig(**source) for source in values["mixture"]),
            training=TrainingConfig(**values["training"]),
            reader=None if reader is None else ReaderConfig(**reader),
            **rest,
        )
    except (KeyError, TypeError) as error:
        raise UserError(f"The run's configuration does not fit this version of closedbook: {error}.") from error
