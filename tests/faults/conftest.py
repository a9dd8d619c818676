"""What a directory holds, times apart; a training and a reproduction that are over in a moment."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from closedbook.config import ModelConfig, PeopleConfig, TokenizerConfig
from closedbook.errors import UserError
from closedbook.experiments.options import ReproduceConfig
from closedbook.experiments.registry import REPRODUCE
from closedbook.experiments.train import train_run
from closedbook.facts.building import build_store
from closedbook.facts.built_in import built_in_corpus, write_built_in
from closedbook.manifest import MANIFEST
from closedbook.presets import Preset, System
from closedbook.report.experiments import show
from tests.experiments.conftest import Listening
from tests.toys import tiny_config

CPU = torch.device("cpu")
TIMES = {"seconds", "finished", "peak_memory_bytes", "commit"}  # that of the checkout may change beside the tests
TIMED = {"environment.json", "metrics.jsonl"}  # parts of a run that hold times
PEOPLE = PeopleConfig(count=30)
TOKENIZER = TokenizerConfig(vocabulary_size=258)
MODEL = ModelConfig(layers=1, heads=2, width=16, block=64)


def contents(root: Path) -> dict[str, Any]:
    """Every file and directory below a directory, times and its own place apart."""
    return {path.relative_to(root).as_posix(): _content(path, str(root)) for path in sorted(root.rglob("*"))}


def _content(path: Path, root: str) -> Any:
    if path.is_dir():
        return None
    if path.name == MANIFEST:
        values = json.loads(path.read_text(encoding="utf-8"))
        return {name: part for name, part in (values["parts"] | values["added"]).items() if name not in TIMED}
    if path.suffix in (".json", ".jsonl"):
        text = path.read_text(encoding="utf-8").replace(root, "")
        lines = text.splitlines() if path.suffix == ".jsonl" else [text]
        return [_timeless(json.loads(line)) for line in lines]
    return None if path.suffix in (".html", ".svg") else path.read_bytes()


def _timeless(values: Any) -> Any:
    if isinstance(values, dict):
        return {name: _timeless(value) for name, value in values.items() if name not in TIMES}
    return [_timeless(value) for value in values] if isinstance(values, list) else values


def goes_on(command: Callable[[Path], None], root: Path, expected: dict[str, Any]) -> None:
    """Starts a command again, which may refuse if its last operation was done and nobody has been told."""
    try:
        command(root / "out")
    except UserError as error:
        if "already" not in str(error) or contents(root) != expected:
            raise


@pytest.fixture(scope="session")
def people():
    return built_in_corpus(PEOPLE)


@pytest.fixture(scope="session")
def training(people):
    """A training of four steps with a checkpoint after each but the last, and a line of both logs a step."""
    config = dataclasses.replace(tiny_config(epochs=1, batch_tokens=1200), model=MODEL)

    def train(out: Path, **settings: Any) -> None:
        train_run(
            config, people, out, **({"device": CPU, "probe": people.dev[:3], "checkpoint_seconds": 0.0} | settings)
        )

    return train


@pytest.fixture(scope="session")
def reproduction():
    """A reproduction on built-in data: a baseline, and a system of two stages of few steps, to its page."""
    stages = [
        dataclasses.replace(tiny_config(stage, epochs=1, batch_tokens=2000), model=MODEL)
        for stage in ("pretrain", "finetune")
    ]
    systems = (
        System(name="most_frequent", label="most frequent", configs=(), predictions="most_frequent"),
        System(name="trained", label="trained", configs=tuple(stages), predictions="trained"),
    )
    preset = Preset(name="toy", summary="a toy", systems=systems, built_in=PEOPLE)

    def reproduce(out: Path, checkpoint_seconds: float = 0.0) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("closedbook.experiments.options.find_preset", lambda name: preset)
            options = ReproduceConfig(out=out, device="cpu", precision="fp32", checkpoint_seconds=checkpoint_seconds)
            REPRODUCE.run(options, Listening(), show)

    return reproduce


@pytest.fixture(scope="session")
def sources(tmp_path_factory):
    """Two corpora, and a store of the first."""
    root = tmp_path_factory.mktemp("sources")
    for seed in (0, 1):
        write_built_in(PeopleConfig(count=20, seed=seed, test=0.0, unseen=0.0), root / str(seed))
    build_store(root / "0", root / "store", TOKENIZER)
    return root


@pytest.fixture(scope="session")
def building(sources):
    """A store being built."""
    return lambda out: build_store(sources / "0", out, TOKENIZER)
