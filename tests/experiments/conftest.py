"""One toy corpus of two relations, one grid that was trained on it, and a grid that trains nothing."""

import contextlib
import dataclasses
import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import torch

from closedbook.cluster.pool import Outcome
from closedbook.config import ModelConfig, PeopleConfig
from closedbook.experiments import elsewhere
from closedbook.experiments.grid import Cell, Grid, Trained
from closedbook.experiments.train import train_run
from closedbook.facts.built_in import built_in_corpus
from closedbook.facts.corpus import Corpus
from closedbook.recipes import Recipe
from tests.toys import tiny_config

CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class Listening:
    """A reporter that keeps what is said."""

    said: list[str] = field(default_factory=list)

    def say(self, line):
        self.said.append(line)

    def corpus(self, corpus):
        self.said.append(corpus.name)

    def progress(self, title):
        return contextlib.nullcontext(lambda record: None)

    def count(self, words):
        return sum(words in line for line in self.said)


@dataclass(frozen=True, kw_only=True)
class Planned(Grid):
    """A grid that trains nothing: it notes its cells, and `answer` makes their results."""

    answer: Callable
    cells: dict[str, Cell] = field(default_factory=dict)

    def run(self, arms, measure, result, finished=None, early=None):
        self.cells.update({cell.name: cell for cells in arms.values() for cell in cells})
        return {arm: [self.answer(cell, result) for cell in cells] for arm, cells in arms.items()}


def dev_of(cell):
    """What a cell is asked."""
    return (cell.asked or cell.corpus).dev


def grid_at(out, **settings):
    return Grid(out=out, device=CPU, reporter=Listening(), **settings)


@pytest.fixture
def planned(tmp_path):
    return lambda answer: Planned(out=tmp_path / "out", device=CPU, reporter=Listening(), answer=answer)


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    return built_in_corpus(PeopleConfig(count=60, seed=3, relations=("born", "field")))


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    """Two stages on documents and questions, and the questions alone; MLPs wide enough to be made equal."""
    model = ModelConfig(layers=2, heads=4, width=32, block=64)

    def config(stage, **training):
        return dataclasses.replace(tiny_config(stage, precision="fp32", **training), model=model)

    return Recipe(
        name="tiny",
        summary="a toy",
        pretrain=config("pretrain", epochs=1),
        finetune=config("finetune", epochs=1),
        scratch=dataclasses.replace(config("finetune", epochs=1), stage="scratch"),
        built_in=PeopleConfig(count=60),
        inert=("something",),
    )


@pytest.fixture(scope="session")
def learned(corpus, recipe, tmp_path_factory) -> Trained:
    """A cell that pretrained a little and then learned the training questions by heart, and is asked them."""
    finetune = recipe.finetune.training
    finetune = dataclasses.replace(
        recipe.finetune, training=dataclasses.replace(finetune, epochs=60, learning_rate=5e-3, micro_batches=1)
    )
    asked = dataclasses.replace(corpus, dev=corpus.train)
    cell = Cell(name="learned", stages=(recipe.pretrain, finetune), corpus=corpus, asked=asked, probed=5)
    return grid_at(tmp_path_factory.mktemp("learned")).trained(cell)


class Pretended:
    """A pool that calls at once, in this process; `fates` say what becomes of the first calls of a name."""

    def __init__(self, fates=(), others=()):
        self.fates, self.others = {name: list(own) for name, own in dict(fates).items()}, dict(others)
        self.calls, self.outcomes, self.stopped = Counter(), [], []

    def free(self):
        return len(self.outcomes) < 2

    def begin(self, name, function, *arguments):
        self.calls[name] += 1
        if self.fates.get(name):
            self.outcomes.append(Outcome(name, self.fates[name].pop(0), "for a reason"))
        else:
            self.outcomes.append(Outcome(name, "done", function(*arguments)))

    def ended(self, seconds):
        return [self.outcomes.pop(0)] if self.outcomes else []

    def stop(self, names):
        self.stopped += names

    def on_each_machine(self, function, *arguments):
        return {"127.0.0.2": Outcome("127.0.0.2", "done", function(*arguments)), **self.others}

    def answers(self, make, items, batch):
        return iter(make()(items))


@pytest.fixture
def pretend(monkeypatch):
    def make(fates=(), pool=None):
        pool = pool or Pretended(fates)
        monkeypatch.setattr(elsewhere, "opened", lambda request: contextlib.nullcontext(pool))
        return pool

    threads = torch.get_num_threads()
    yield make
    torch.set_num_threads(threads)


class KilledError(Exception):
    pass


def kill_at_nine(record):
    if record.step == 9:
        raise KilledError


@pytest.fixture(scope="session")
def folder(people, tmp_path_factory):
    """Two finished runs, one in a folder of a grid, an interrupted one, and one whose configuration is no JSON."""
    folder = tmp_path_factory.mktemp("folder")
    train_run(tiny_config(), people, folder / "a", device=CPU, probe=people.dev[:3])
    train_run(tiny_config(seed=1, epochs=1), people, folder / "grid" / "runs" / "cell-pretrain", device=CPU)
    results = folder / "grid" / "results"
    results.mkdir()
    kept = {"stages": [{"stage": "pretrain"}], "result": {"exact": [1, 1, 0, 1]}}
    (results / "cell.json").write_text(json.dumps(kept))
    with pytest.raises(KilledError):
        train_run(tiny_config(), people, folder / "cut.short", device=CPU, callbacks=(kill_at_nine,))
    shutil.copytree(folder / "a", folder / "torn")
    (folder / "torn" / "config.json").write_text("{")
    (folder / "a.tensorboard").mkdir()
    return folder
