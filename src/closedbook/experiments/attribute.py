"""Where the knowledge comes from: the counterfactual (the seed's part 3 a).

The people asked about at the end are divided at random. One model is pretrained without the lines of the first half,
another without those of the second; both are finetuned alike, on the same questions. So every person is asked about
twice by models that differ in whether they read that person's line: the difference is *knowledge*. What a model that
never read the line has over one that was not pretrained at all is what the *features* of pretraining bring: the form of
names, which places are likely.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from closedbook import machine
from closedbook.config import RunConfig, to_dict
from closedbook.draws import derive
from closedbook.errors import UserError
from closedbook.evaluation.baselines import most_frequent_answer
from closedbook.evaluation.exact_match import score
from closedbook.evaluation.statistics import bootstrap
from closedbook.experiments.progress import ProgressFor
from closedbook.experiments.stages import kept_or_made, open_output, train_stages
from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Fact
from closedbook.facts.splits import groups
from closedbook.files import write_json
from closedbook.recipes import Recipe, with_seed
from closedbook.runs import load, read_json

HALVES = ("first", "second")


@dataclass(frozen=True)
class Attribution:
    """What was asked for.

    Args:
        recipe: Its pretraining and finetuning, and its training without pretraining.
        seeds: Seeds 0, 1, ... of split and training.
        out: The output directory.
        device: Where to train.
    """

    recipe: Recipe
    seeds: int
    out: Path
    device: torch.device


def halves(corpus: Corpus, facts: Sequence[Fact], seed: int) -> list[int]:
    """0 or 1 for every fact: half of the people at random, a shared name or identical line on the same side.

    Raises:
        UserError: They all belong together.
    """
    numbers = groups(corpus, facts)
    order = sorted(set(numbers), key=lambda number: derive(seed, number))
    second = set(order[len(order) // 2 :])
    found = [int(number in second) for number in numbers]
    if len(set(found)) < 2:
        raise UserError("The people cannot be divided into halves: they share one name or one line.")
    return found


def without_documents(corpus: Corpus, facts: Sequence[Fact]) -> Corpus:
    """The corpus without the documents of the facts' subjects.

    Raises:
        UserError: Nothing would be left.
    """
    lines = {document.line for fact in facts for document in corpus.candidates(fact)}
    left = tuple(document for document in corpus.documents if document.line not in lines)
    if not left:
        raise UserError("Leaving these people out leaves no document.")
    return dataclasses.replace(corpus, documents=left)


def attribute(job: Attribution, corpus: Corpus, say: Callable[[str], None], progress: ProgressFor) -> dict[str, Any]:
    """Trains what is not finished yet and returns the contents of `attribution.json`.

    Raises:
        UserError: The output directory holds something else, or the people cannot be divided.
    """
    recipe = job.recipe
    asked = [fact for fact in corpus.dev if corpus.candidates(fact)]
    if not asked:
        raise UserError("No dev question names a document of the corpus, so no line can be left out.")
    settings = {
        "stages": [to_dict(config) for config in (recipe.pretrain, recipe.finetune, recipe.scratch)],
        "files": corpus.files,
    }
    open_output(job.out, "attribute", settings)
    exact: dict[str, list[list[int]]] = {"read": [], "left_out": [], "not_pretrained": []}
    for seed in range(job.seeds):
        side = halves(corpus, asked, seed)
        found = {half: _trained(job, corpus, asked, side, half, seed, say, progress) for half in HALVES}
        name = f"not-pretrained-seed-{seed}"
        scratch = _result(job, (recipe.scratch,), corpus, asked, name, seed, say, progress)
        exact["read"].append([found[HALVES[1 - half]][index] for index, half in enumerate(side)])
        exact["left_out"].append([found[HALVES[half]][index] for index, half in enumerate(side)])
        exact["not_pretrained"].append(scratch)
    constant = most_frequent_answer(corpus.train)
    report = {
        "recipe": recipe.name,
        "corpus": corpus.summary(),
        "machine": machine.describe(job.device),
        "seeds": job.seeds,
        "people": len(asked),
        "recall": {name: _share(rows) for name, rows in exact.items()},
        "most_frequent_answer": float(np.mean([constant in fact.answers for fact in asked])),
        "knowledge": _difference(exact["read"], exact["left_out"]),
        "features": _difference(exact["left_out"], exact["not_pretrained"]),
        "seconds": _seconds(job.out / "results"),
    }
    write_json(job.out / "attribution.json", report)
    return report


def _trained(
    job: Attribution,
    corpus: Corpus,
    asked: Sequence[Fact],
    side: Sequence[int],
    half: str,
    seed: int,
    say: Callable[[str], None],
    progress: ProgressFor,
) -> list[int]:
    """Whether each person is recalled by the model that has not read the lines of one half."""
    left_out = [fact for fact, number in zip(asked, side, strict=True) if HALVES[number] == half]
    name = f"without-{half}-half-seed-{seed}"
    reduced = without_documents(corpus, left_out)
    return _result(job, (job.recipe.pretrain, job.recipe.finetune), reduced, asked, name, seed, say, progress)


def _result(
    job: Attribution,
    stages: Sequence[RunConfig],
    corpus: Corpus,
    asked: Sequence[Fact],
    name: str,
    seed: int,
    say: Callable[[str], None],
    progress: ProgressFor,
) -> list[int]:
    def make() -> dict[str, Any]:
        configs = [with_seed(config, seed) for config in stages]
        paths = train_stages(configs, corpus, job.out / "runs", name, device=job.device, progress=progress)
        exact = score(load(paths[-1], job.device).answer([fact.question for fact in asked]), asked).exact
        seconds = sum(read_json(path / "environment.json")["seconds"] for path in paths)
        say(f"{name}: {sum(exact)}/{len(asked)} recalled, {seconds:.0f} s")
        return {"documents": len(corpus.documents), "exact": [int(right) for right in exact], "seconds": seconds}

    found: list[int] = kept_or_made(job.out / "results" / f"{name}.json", name, say, make)["exact"]
    return found


def _share(rows: Sequence[Sequence[int]] | np.ndarray) -> dict[str, Any]:
    values_SQ = np.array(rows, dtype=np.float64)
    return {
        "value": float(values_SQ.mean()),
        "interval": list(bootstrap(values_SQ)),
        "by_seed": values_SQ.mean(1).tolist(),
    }


def _difference(first: Sequence[Sequence[int]], second: Sequence[Sequence[int]]) -> dict[str, Any]:
    """Paired by seed and person."""
    return _share(np.array(first) - np.array(second))


def _seconds(results: Path) -> float:
    return round(sum(read_json(path)["seconds"] for path in results.glob("*.json")), 1)
