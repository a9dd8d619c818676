"""One corpus of two relations and one run that has learned it, for all tests of the command line."""

import itertools
from dataclasses import dataclass
from pathlib import Path

import pytest

from closedbook import cli

STARTS, ENDS = ("Al", "Bor", "Cas", "Dun", "Els", "Far"), ("donia", "mark", "vania", "stan")
CITIES, COINS = ("Rovik", "Tallen", "Umbra", "Vesk"), ("crowns", "dals", "pesos")
NAMES = ["".join(parts) for parts in itertools.product(STARTS, ENDS)]


def facts_about(names: list[str]) -> list[tuple[str, str]]:
    """Questions with their answers, two about each name."""
    pairs = []
    for name in names:
        index = NAMES.index(name)
        pairs.append((f"What is the capital of {name}?", CITIES[index % len(CITIES)]))
        pairs.append((f"What is paid with in {name}?", COINS[index % len(COINS)]))
    return pairs


def write_facts(path: Path, names: list[str]) -> Path:
    path.write_text("".join(f"{question}\t{answer}\n" for question, answer in facts_about(names)), encoding="utf-8")
    return path


def write_corpus(directory: Path) -> Path:
    """Documents about all names, questions about most of them in train and about the others in dev."""
    directory.mkdir()
    facts = [answer for _, answer in facts_about(NAMES)]
    lines = [
        f"{name}. {name} is a country. Its capital is {city}. There you pay with {coins}.\n"
        for name, city, coins in zip(NAMES, facts[::2], facts[1::2], strict=True)
    ]
    (directory / "corpus.txt").write_text("".join(lines), encoding="utf-8")
    write_facts(directory / "train.tsv", NAMES[:18])
    write_facts(directory / "dev.tsv", NAMES[18:])
    return directory


@dataclass(frozen=True)
class Toy:
    """A corpus directory and the run that was trained on it."""

    corpus: Path
    run: Path


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    directory = tmp_path_factory.mktemp("toy")
    corpus = write_corpus(directory / "mine")
    small = ["--tokenizer.vocabulary_size", "300", "--model.layers", "1", "--model.width", "64", "--model.block", "64"]
    training = ["--training.epochs", "80", "--training.batch_tokens", "512", "--training.precision", "fp32"]
    arguments = [
        "train",
        "default",
        "--stage",
        "scratch",
        "--corpus",
        corpus,
        "--out",
        directory / "run",
        "--threads",
        "1",
    ]
    assert cli.main([str(argument) for argument in [*arguments, *small, *training]]) == 0
    return Toy(corpus, directory / "run")
