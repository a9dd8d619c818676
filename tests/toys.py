"""Array types in signatures are enforced while the tests of rooms of arrays run; toys that many tests share."""

import dataclasses
import os
from pathlib import Path
from typing import IO

import hypothesis
import jaxtyping
import pytest
import torch
from matplotlib.figure import Figure

from tests.arrays import enforce

ARRAYS = "objectives model training evaluation runs experiments attention_lab trace audit hub".split()
"""Rooms with arrays in their signatures."""
ENFORCED = "objectives model evaluation attention_lab".split()
"""Rooms whose tests always enforce them."""
THOROUGHLY = "training trace audit hub".split()
"""Rooms whose tests call the same functions over and over; they enforce them where slow tests run as well."""
UNSEEN = "faults hub experiments".split()
"""Rooms whose tests look at no picture: figures are drawn there where slow tests run as well."""
enforce([f"closedbook.{room}" for room in ARRAYS])  # before any of them is imported

from closedbook import recipes
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
from closedbook.experiments.train import train_run
from closedbook.facts.built_in import built_in_corpus
from closedbook.facts.corpus import Corpus, read_directory
from closedbook.manifest import MANIFEST, seal
from closedbook.runs import Run

hypothesis.settings.register_profile("unhurried", deadline=None)  # a busy machine is no fault
hypothesis.settings.load_profile("unhurried")
torch.set_num_threads(1)  # toys are faster so, and the numbers do not depend on the machine
os.fsync = lambda handle: None  # nobody switches off the machine; tests/faults imitates that
TESTS = Path(__file__).parent
COURSE = Path(__file__).resolve().parents[2] / "shared" / "data" / "cs224n-2021"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """What trains whole runs calls the same functions again, for which enforcing takes a third of the time.

    Drawing takes half a second a page.
    """
    quickly, room = bool(item.config.getoption("markexpr")), item.path.relative_to(TESTS).parts[0]
    jaxtyping.config.update("jaxtyping_disable", room not in (ENFORCED if quickly else [*ENFORCED, *THOROUGHLY]))
    Figure.savefig = blank if quickly and room in UNSEEN else drawn


drawn = Figure.savefig


def blank(figure: Figure, file: IO, *, format: str, **_: object) -> None:
    """Nothing, in place of what the figure shows."""
    file.write("<svg xmlns='http://www.w3.org/2000/svg'></svg>" if format == "svg" else b"")


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


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    """What `run` has learned, unless a room has a corpus of its own."""
    return built_in_corpus(PeopleConfig(count=80, seed=5, train=0.5, dev=0.3, test=0.1, unseen=0.1))


@pytest.fixture(scope="session")
def run(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that knows the training questions of `corpus` by heart."""
    config = tiny_config("scratch", epochs=40, learning_rate=5e-3, micro_batches=1)
    config = dataclasses.replace(config, model=dataclasses.replace(config.model, width=64))
    return train_run(config, corpus, tmp_path_factory.mktemp("learned") / "run", device=torch.device("cpu"))


def resealed(path: Path) -> Path:
    """A run directory whose manifest is made anew, as by someone who has changed it on purpose."""
    (path / MANIFEST).unlink(missing_ok=True)
    seal(path)
    return path


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


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recipe that trains in a second and learns nothing."""
    monkeypatch.setitem(
        recipes.RECIPES,
        "tiny",
        lambda: recipes.Recipe(
            name="tiny",
            summary="a toy",
            pretrain=tiny_config("pretrain", epochs=1),
            finetune=tiny_config("finetune", epochs=1),
            scratch=tiny_config("scratch", epochs=1),
        ),
    )
