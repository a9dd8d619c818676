"""Array types in the package's signatures are enforced while the tests run; toys that many tests share."""

from pathlib import Path

import pytest
import torch
from jaxtyping import install_import_hook

ARRAYS = "objectives model training evaluation runs experiments attention_lab trace audit hub".split()
"""Rooms with arrays in their signatures."""
install_import_hook([f"closedbook.{room}" for room in ARRAYS], "beartype.beartype")  # before any of them is imported

from closedbook.config import (
    ModelConfig,
    ObjectiveConfig,
    PeopleConfig,
    QuestionAnswering,
    RunConfig,
    SpanCorruption,
    TokenizerConfig,
    TrainingConfig,
)
from closedbook.facts.built_in import built_in_corpus
from closedbook.facts.corpus import Corpus, read_directory

torch.set_num_threads(1)  # toys are faster so, and the numbers do not depend on the machine
COURSE = Path(__file__).resolve().parents[2] / "shared" / "data" / "cs224n-2021"


@pytest.fixture(scope="session")
def course_directory() -> Path:
    """The course's files; they are not part of the project."""
    if not COURSE.is_dir():
        pytest.skip(f"the course's data are not beside the checkout ({COURSE})")
    return COURSE


@pytest.fixture(scope="session")
def course(course_directory: Path) -> Corpus:
    return read_directory(course_directory)


@pytest.fixture(scope="session")
def people() -> Corpus:
    return built_in_corpus(PeopleConfig(count=60))


def tiny_config(stage: str = "pretrain", attention: str = "key_query_value", **training: object) -> RunConfig:
    """A configuration that trains in a second."""
    settings: dict = {"epochs": 2, "batch_tokens": 512, "micro_batches": 2, "learning_rate": 3e-3, "warmup_steps": 2}
    objective: ObjectiveConfig = QuestionAnswering()
    if stage == "pretrain":
        objective = SpanCorruption()
    return RunConfig(
        recipe="tiny",
        stage=stage,
        tokenizer=TokenizerConfig(vocabulary_size=300),
        model=ModelConfig(attention=attention, layers=2, heads=2, width=16, block=64),
        mixture=(objective,),
        training=TrainingConfig(**(settings | training)),
    )
