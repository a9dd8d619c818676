"""Configurations: frozen, keyword-only dataclasses, checked where they are built, free of torch."""

from closedbook.config.data import BUILT_IN, DistillationConfig, PeopleConfig, ReaderConfig, TokenizerConfig
from closedbook.config.model import ATTENTIONS, ModelConfig
from closedbook.config.objectives import (
    ContextCards,
    InventedSubjects,
    MultiSpan,
    NameCards,
    Objective,
    ObjectiveConfig,
    Outlines,
    QuestionAnswering,
    Rewriting,
    SalientSpan,
    SpanCorruption,
    StudyCards,
    SuffixFirst,
    WholeLine,
)
from closedbook.config.run import Reading, RunConfig, Stage, run_config, to_dict
from closedbook.config.training import TrainingConfig

__all__ = [
    "ATTENTIONS",
    "BUILT_IN",
    "ContextCards",
    "DistillationConfig",
    "InventedSubjects",
    "ModelConfig",
    "MultiSpan",
    "NameCards",
    "Objective",
    "ObjectiveConfig",
    "Outlines",
    "PeopleConfig",
    "QuestionAnswering",
    "ReaderConfig",
    "Reading",
    "Rewriting",
    "RunConfig",
    "SalientSpan",
    "SpanCorruption",
    "Stage",
    "StudyCards",
    "SuffixFirst",
    "TokenizerConfig",
    "TrainingConfig",
    "WholeLine",
    "run_config",
    "to_dict",
]
