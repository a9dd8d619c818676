"""closedbook in Python: read a corpus, train by a recipe, evaluate, audit, ask, look inside.

Everything here is exported from `closedbook`; torch is imported only when something needs it.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from closedbook.config import BUILT_IN, PeopleConfig, RunConfig, Stage
from closedbook.facts.corpus import Corpus, read_directory
from closedbook.facts.people import people_corpus
from closedbook.facts.records import Fact
from closedbook.recipes import find_recipe

if TYPE_CHECKING:
    import torch

    from closedbook.evaluation.evaluate import Evaluation
    from closedbook.evaluation.language_model import LanguageModel
    from closedbook.runs import Run


def read_corpus(name: str | Path = BUILT_IN, *, built_in: PeopleConfig | None = None, strict: bool = False) -> Corpus:
    """A directory with documents, train and dev questions, or the built-in corpus.

    Args:
        name: The directory, or `BUILT_IN`.
        built_in: Which built-in corpus.
        strict: Whether training questions that have two different answers are refused.

    Raises:
        UserError: The directory is missing or malformed.
    """
    if name == BUILT_IN:
        return people_corpus(built_in or PeopleConfig(), strict=strict)
    return read_directory(Path(name), strict=strict)


def train(
    recipe: str | RunConfig,
    corpus: Corpus,
    out: str | Path,
    *,
    stage: Stage = "pretrain",
    start: "Run | str | Path | None" = None,
    device: str = "auto",
    say: Callable[[str], None] = lambda line: None,
) -> "Run":
    """Trains one stage of a recipe and returns the run, which is then in `out`.

    A training that was interrupted is taken up where it was.

    Args:
        recipe: Its name, or a whole configuration, which names its stage itself.
        corpus: What to learn.
        out: The run directory; must not exist.
        stage: Which stage of a named recipe.
        start: The pretrained run that `finetune` goes on from.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        say: Gets lines about the training before it begins.

    Raises:
        UserError: There is no such recipe, `out` exists, or the data do not fit the model.
    """
    from closedbook.experiments.train import train_run
    from closedbook.machine import pick_device

    config = find_recipe(recipe).stage(stage) if isinstance(recipe, str) else recipe
    origin = start if start is None or isinstance(start, str | Path) else start.path
    return train_run(
        config,
        corpus,
        Path(out),
        device=pick_device(device),
        start=None if origin is None else Path(origin),
        announce=say,
    )


def load(path: str | Path, device: "str | torch.device" = "cpu") -> "Run":
    """A run from its directory; see `closedbook.runs.load`."""
    from closedbook import runs

    return runs.load(path, device)


def open_model(name: str, device: "str | torch.device" = "cpu", template: str | None = None) -> "LanguageModel":
    """A run directory or `hf:PATH`, ready to be asked; see `closedbook.hub.open_model`."""
    from closedbook import hub

    return hub.open_model(name, device, template)


def evaluate(
    model: "LanguageModel", facts: Sequence[Fact], *, match: Literal["exact", "normalised"] = "exact"
) -> "Evaluation":
    """Asks a model every fact; the result has `accuracy`, `by_relation` and the answers.

    Args:
        model: A run, or what `open_model` opens.
        facts: Such as `corpus.dev`.
        match: What is right: the same to the letter, or after normalisation.

    Raises:
        UserError: A question cannot be spelled or is too long.
    """
    from closedbook.evaluation.evaluate import evaluate as ask_all
    from closedbook.evaluation.scorers import find_scorer

    return ask_all(model, facts, find_scorer(match))
