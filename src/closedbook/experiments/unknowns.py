"""Finetuning on what the model does not know, and whether that teaches it to make answers up.

Gekhman et al. 2024 (arXiv 2405.05904) finetune a pretrained model on facts that it knows and on facts that it does not,
and find that the latter are learned late and make it answer wrongly where it knew. Here a model is pretrained on lines
alone, without any question, and without the lines of half of the training people. A training fact is *unknown* where
that model does not complete the answer in the words of the person's own line. Then it is finetuned on the known facts
alone, on as many of which half are unknown, and on all of them; and asked about other people, whose lines it read.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from closedbook import machine
from closedbook.audit.examinee import RunExaminee
from closedbook.audit.signals import confidence, is_attempt
from closedbook.config import RunConfig, to_dict
from closedbook.draws import derive
from closedbook.errors import UserError
from closedbook.evaluation.knowledge import begins_with, text_before
from closedbook.evaluation.statistics import bootstrap, mcnemar
from closedbook.experiments.attribute import halves, without_documents
from closedbook.experiments.progress import ProgressFor
from closedbook.experiments.stages import kept_or_made, open_output, train_stages
from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Fact
from closedbook.files import write_json
from closedbook.recipes import Recipe, with_seed
from closedbook.runs import load

DIETS = ("known", "half unknown", "all")


@dataclass(frozen=True)
class Unknowns:
    """What was asked for.

    Args:
        recipe: Its pretraining without the questions, and its training on questions alone.
        seeds: Seeds 0, 1, ... of all draws and trainings.
        epochs: Of finetuning.
        out: The output directory.
        device: Where to train.
    """

    recipe: Recipe
    seeds: int
    epochs: int
    out: Path
    device: torch.device

    @property
    def pretraining(self) -> RunConfig:
        """The recipe's pretraining on documents alone."""
        pretrain = self.recipe.pretrain
        sources = tuple(source for source in pretrain.mixture if source.objective != "question_answering")
        if not sources or pretrain.reader is not None:
            raise UserError(f"{self.recipe.name}: has no pretraining on documents alone; take default or standard.")
        return dataclasses.replace(pretrain, mixture=sources)

    @property
    def finetuning(self) -> RunConfig:
        """The recipe's training on questions alone, from the pretrained run."""
        scratch = self.recipe.scratch
        return dataclasses.replace(
            scratch, stage="finetune", training=dataclasses.replace(scratch.training, epochs=self.epochs)
        )


def diets(facts: Sequence[Fact], known: Sequence[bool], seed: int) -> dict[str, list[Fact]]:
    """The training facts of each finetuning.

    Raises:
        UserError: Too few facts are known, or too few are not.
    """
    order = sorted(range(len(facts)), key=lambda index: derive(seed, index))
    sides = [[facts[index] for index in order if known[index] is side] for side in (True, False)]
    size = min(len(sides[0]), 2 * len(sides[1]))
    if size < 2:
        raise UserError(
            f"{len(sides[0])} training facts are known and {len(sides[1])} are not; there must be some of both."
        )
    mixed = [*sides[0][: size - size // 2], *sides[1][: size // 2]]
    return {"known": sides[0][:size], "half unknown": mixed, "all": [*facts]}


def measure_unknowns(
    job: Unknowns, corpus: Corpus, say: Callable[[str], None], progress: ProgressFor
) -> dict[str, Any]:
    """Trains what is not finished yet and returns the contents of `report.json`.

    Raises:
        UserError: The output directory holds something else, or the facts cannot be divided.
    """
    if not any(corpus.documents_of(fact) for fact in corpus.dev):
        raise UserError("No dev question names a document of the corpus, so nobody can be asked about.")
    settings = {
        "stages": [to_dict(job.pretraining), to_dict(job.finetuning)],
        "files": corpus.files,
    }
    open_output(job.out, "unknowns", settings)
    results = [_seed(job, corpus, seed, say, progress) for seed in range(job.seeds)]
    rows = [_row(name, [result[name] for result in results], [result["known"] for result in results]) for name in DIETS]
    report = {
        "recipe": job.recipe.name,
        "corpus": corpus.summary(),
        "machine": machine.describe(job.device),
        "seeds": job.seeds,
        "epochs": job.epochs,
        "people": results[0]["known"]["people"],
        "known_train_facts": [result["marked"]["known"] for result in results],
        "unknown_train_facts": [result["marked"]["unknown"] for result in results],
        "rows": rows,
    }
    write_json(job.out / "report.json", report)
    return report


def _seed(
    job: Unknowns, corpus: Corpus, seed: int, say: Callable[[str], None], progress: ProgressFor
) -> dict[str, Any]:
    def make() -> dict[str, Any]:
        taught = [fact for fact in corpus.train if corpus.documents_of(fact)]
        side = halves(corpus, taught, seed)
        reduced = without_documents(corpus, [fact for fact, half in zip(taught, side, strict=True) if half])
        runs = job.out / "runs"

        def trained(config: RunConfig, read: Corpus, name: str, start: Path | None = None) -> Path:
            configs, name = [with_seed(config, seed)], f"{name.replace(' ', '-')}-seed-{seed}"
            return train_stages(configs, read, runs, name, device=job.device, progress=progress, start=start)[0]

        base = trained(job.pretraining, reduced, "lines")
        examinee = RunExaminee(load(base, job.device))
        known = completes(examinee, corpus, taught)
        found: dict[str, Any] = {"marked": {"known": sum(known), "unknown": len(known) - sum(known)}}
        say(f"seed {seed}: {sum(known)} of {len(known)} training facts are known after pretraining")
        for name, facts in diets(taught, known, seed).items():
            path = trained(job.finetuning, dataclasses.replace(reduced, train=tuple(facts)), name, base)
            found[name] = _asked(RunExaminee(load(path, job.device)), corpus, facts)
            say(f"seed {seed}, {name}: {sum(found[name]['right'])}/{found[name]['people']} right")
        return found

    return kept_or_made(job.out / "results" / f"seed-{seed}.json", f"seed {seed}", say, make)


def completes(examinee: RunExaminee, corpus: Corpus, facts: Sequence[Fact]) -> list[bool]:
    """Whether the model goes on with the answer in the words of the person's own line, False where it is not there."""
    before = [text_before(corpus.documents_of(fact), fact.answers[0]) for fact in facts]
    there = [index for index, text in enumerate(before) if text is not None]
    texts = examinee.complete([facts[index].subject for index in there], [before[index] or "" for index in there])
    found = dict(zip(there, texts, strict=True))
    return [index in found and begins_with(found[index], fact.answers[0]) for index, fact in enumerate(facts)]


def _asked(examinee: RunExaminee, corpus: Corpus, taught: Sequence[Fact]) -> dict[str, Any]:
    """How it answers about the dev people, whose lines it has read."""
    asked = [fact for fact in corpus.dev if corpus.documents_of(fact)]
    given, signals = confidence(examinee, [fact.question for fact in asked], ["sequence_probability"])
    sure = signals["sequence_probability"]
    right = np.array([answer.text in fact.answers for answer, fact in zip(given, asked, strict=True)])
    learned = examinee.answer([fact.question for fact in taught])
    return {
        "people": len(asked),
        "facts": len(taught),
        "fitted": float(np.mean([answer.text in fact.answers for answer, fact in zip(learned, taught, strict=True)])),
        "right": [int(value) for value in right],
        "attempted": sum(is_attempt(answer.text) for answer in given),
        "confidence_right": float(sure[right].mean()) if right.any() else None,
        "confidence_wrong": float(sure[~right].mean()) if not right.all() else None,
    }


def _row(name: str, results: Sequence[dict[str, Any]], base: Sequence[dict[str, Any]]) -> dict[str, Any]:
    right_SQ = np.array([result["right"] for result in results], dtype=np.float64)
    base_SQ = np.array([result["right"] for result in base], dtype=np.float64)
    attempted = np.array([result["attempted"] for result in results])
    correct = right_SQ.sum(axis=1)
    sure = [result["confidence_wrong"] for result in results if result["confidence_wrong"] is not None]
    return {
        "diet": name,
        "facts": [result["facts"] for result in results],
        "fitted": float(np.mean([result["fitted"] for result in results])),
        "recall": float(right_SQ.mean()),
        "hallucination_rate": float(((attempted - correct) / np.maximum(attempted, 1)).mean()),
        "hallucination_rate_by_seed": ((attempted - correct) / np.maximum(attempted, 1)).tolist(),
        "more_wrong_than_known": float((base_SQ - right_SQ).mean()),
        "interval": list(bootstrap(base_SQ - right_SQ)),
        "p_values": [
            mcnemar(one.astype(bool).tolist(), two.astype(bool).tolist())
            for one, two in zip(base_SQ, right_SQ, strict=True)
        ],
        "confidence_wrong": float(np.mean(sure)) if sure else None,
    }
