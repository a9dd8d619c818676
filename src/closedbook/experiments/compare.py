"""Attention compared: equal data, steps and parameters, several seeds, paired tests, costs, and what was learned.

Every variant is the same recipe with another attention class.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from closedbook.errors import UserError
from closedbook.evaluation.evaluate import evaluate
from closedbook.evaluation.knowledge import Knowledge, examine, summarise
from closedbook.experiments.benchmark import Costs, benchmark
from closedbook.experiments.comparing import Compared, Report, Scored, compared, provenance, scored
from closedbook.experiments.grid import Grid, Trained
from closedbook.experiments.listing import final_loss
from closedbook.experiments.options import CompareConfig
from closedbook.experiments.reporter import Reporter
from closedbook.experiments.train import make_tokenizer
from closedbook.experiments.variants import Variant, arms, attention_variant, equal
from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Fact
from closedbook.model.activations import capture
from closedbook.model.costs import cached_numbers, forward_flops
from closedbook.runs import Run
from closedbook.trace.prompts import token_text
from closedbook.training.precision import Precision, resolve_precision

MOST_PROMPTS = 256  # whose patterns are averaged
FLOPS_LENGTH = 32  # tokens


@dataclass(frozen=True, kw_only=True)
class Answers(Scored):
    """A variant and seed."""

    knowledge: Knowledge  # what is known, and of which facts
    loss: float  # mean over the last steps of the first stage, in nats a target
    vocabulary: int  # tokens
    steps: int  # of all stages


@dataclass(frozen=True, kw_only=True)
class VariantRow(Compared):
    """A variant over its seeds, asked about dev."""

    positions: str  # how it knows them
    loss: float  # as `Answers.loss`, the mean of the seeds
    answer_nats: float | None  # mean negative log-probability of the true answers, likewise; None where none is known
    knowledge: tuple[Knowledge, ...]  # what is known, and of which facts, by seed
    mlp_width: int  # what was made wider or narrower
    training_flops_per_token: float  # three forward passes at 32 tokens
    cached_numbers_per_token: int  # that decoding keeps
    costs: Costs  # measured in turns


@dataclass(frozen=True, kw_only=True)
class Maps:
    """Where the heads look when they read a question, averaged over prompts of one relation and one length.

    Args:
        relation: The relation, of which there are the most prompts of one length.
        labels: The tokens that all those prompts share, "·" where they differ.
        prompts: How many they are.
        pattern: Layers x heads x query positions x key positions, rounded to 4 digits.
    """

    relation: str
    labels: tuple[str, ...]
    prompts: int
    pattern: tuple[tuple[tuple[tuple[float, ...], ...], ...], ...]


@dataclass(frozen=True, kw_only=True)
class Comparison(Report):
    """Attention on equal terms."""

    precision: Precision  # of the trainings
    questions: int  # of dev
    steps: tuple[int, ...]  # that every variant took, by seed
    tokens: tuple[int, ...]  # that every variant was trained on, by seed
    rows: tuple[VariantRow, ...]  # the variants, the first one that the others are compared with
    maps: tuple[Maps, ...]  # what seed 0 of each variant learned to look at, in the order of the rows


def run(options: CompareConfig, reporter: Reporter) -> Comparison:
    """Trains what is not finished yet.

    Raises:
        UserError: Two variants are the same, or they cannot be made equal.
    """
    if len(set(options.variants)) < len(options.variants):
        raise UserError("--variants: takes two or more different variants.")
    recipe = options.chosen_recipe()
    variants = [attention_variant(recipe, text) for text in options.variants]
    grid, corpus = options.opened(recipe, reporter)
    return compare(grid, corpus, variants, seeds=options.seeds)


def compare(grid: Grid, corpus: Corpus, variants: Sequence[Variant], *, seeds: int) -> Comparison:
    """The variants against the first of them; more variants and seeds may be added later."""
    base = variants[0].stages[0]
    variants = equal(variants, make_tokenizer(base, corpus).vocabulary_size)
    grid.open("compare", {"first": variants[0].stages, "files": corpus.files})
    cells = arms(variants, corpus, seeds)
    results = grid.run(cells, measure, Answers)
    grid.reporter.say("measuring speed and memory, in turns")
    runs = [grid.trained(of_variant[0]).run for of_variant in cells.values()]
    costs = benchmark(runs, base, corpus)
    return grid.report(
        Comparison(
            **provenance(grid, corpus, base.recipe, seeds),
            precision=resolve_precision(base.training, grid.device),
            questions=len(corpus.dev),
            steps=tuple(_same([found[seed].steps for found in results.values()]) for seed in range(seeds)),
            tokens=tuple(_same([found[seed].tokens for found in results.values()]) for seed in range(seeds)),
            rows=tuple(_row(*pair, results, corpus) for pair in zip(variants, costs, strict=True)),
            maps=tuple(learned_maps(run, corpus.dev) for run in runs),
        )
    )


def measure(trained: Trained) -> Answers:
    """Asks every dev question."""
    run, corpus = trained.run, trained.asked
    answered = evaluate(run, corpus.dev)
    return Answers(
        **scored(trained, answered),
        knowledge=summarise(examine(run, corpus, answered)),
        loss=_final_loss(trained.paths[0] / "metrics.jsonl"),
        vocabulary=run.tokenizer.vocabulary_size,
        steps=trained.total("steps"),
    )


def _final_loss(metrics: Path) -> float:
    return final_loss([json.loads(line)["loss"] for line in metrics.read_text(encoding="utf-8").splitlines()])


def _same(values: Sequence[int]) -> int:
    """What all variants took alike with a seed."""
    assert len(set(values)) == 1, f"variants differ: {values}"
    return values[0]


def _row(variant: Variant, costs: Costs, results: Mapping[str, Sequence[Answers]], asked: Corpus) -> VariantRow:
    own = results[variant.name]
    nats = [-nats for result in own if (nats := result.knowledge.mean_question_nats) is not None]
    flops = forward_flops(variant.model, own[0].vocabulary, batch=1, length=FLOPS_LENGTH)
    return VariantRow(
        **compared(variant.name, results, asked),
        positions=variant.model.positions,
        loss=float(np.mean([result.loss for result in own])),
        answer_nats=float(np.mean(nats)) if nats else None,
        knowledge=tuple(result.knowledge for result in own),
        mlp_width=variant.model.hidden_width,
        training_flops_per_token=3 * flops / FLOPS_LENGTH,
        cached_numbers_per_token=cached_numbers(variant.model),
        costs=costs,
    )


def learned_maps(run: Run, facts: Sequence[Fact]) -> Maps:
    """Where every head looks when it reads a question."""
    encoded = [prompt.ids for prompt in run.prompts([fact.question for fact in facts])]
    kinds = [(fact.relation, len(ids)) for fact, ids in zip(facts, encoded, strict=True)]
    kind = Counter(kinds).most_common(1)[0][0]
    alike = [ids for ids, own in zip(encoded, kinds, strict=True) if own == kind][:MOST_PROMPTS]
    labels = (token_text(run, ids[0]) if len(set(ids)) == 1 else "·" for ids in zip(*alike, strict=True))
    pattern = mean_pattern(run, alike).round(4).tolist()
    return Maps(
        relation=kind[0],
        labels=tuple(labels),
        prompts=len(alike),
        pattern=tuple(tuple(tuple(map(tuple, head)) for head in layer) for layer in pattern),
    )


def mean_pattern(run: Run, encoded: Sequence[Sequence[int]]) -> Float[np.ndarray, "layers heads time keys"]:
    """Attention patterns of prompts of one length, averaged."""
    with capture(run.model, "blocks.*.attn.hook_pattern") as kept, torch.inference_mode():
        run.model(torch.tensor(encoded, device=run.model.device))
    return np.stack([pattern_BHTS.mean(dim=0).float().cpu().numpy() for pattern_BHTS in kept.values()])
