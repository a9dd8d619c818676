"""Attention compared: equal data, steps and parameters, several seeds, paired tests, costs, and what was learned.

Every contender is the same recipe with another attention class. The output directory holds `compare.json` (what was
asked for), `runs/`, `results/` (a file a contender and seed, so that a killed comparison goes on where it was) and
`comparison.json`; the report draws it.
"""

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from closedbook import machine
from closedbook.config import RunConfig, run_config, to_dict
from closedbook.errors import UserError
from closedbook.evaluation.decoding import prompts
from closedbook.evaluation.exact_match import score
from closedbook.evaluation.knowledge import GROUPS, examine, kinds_of
from closedbook.evaluation.statistics import bootstrap, paired, permutation
from closedbook.experiments.contenders import Contender, equal
from closedbook.experiments.measure import measure
from closedbook.experiments.progress import ProgressFor
from closedbook.experiments.stages import kept_or_made, open_output, train_stages
from closedbook.experiments.train import make_tokenizer
from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Fact
from closedbook.files import write_json
from closedbook.model.activations import capture
from closedbook.model.costs import cached_numbers, forward_flops
from closedbook.recipes import with_seed
from closedbook.runs import Run, load, read_json
from closedbook.trace.asked import token_text
from closedbook.training.precision import resolve_precision

LAST = 0.05  # share of the logged steps whose mean loss is the final loss
MOST_PROMPTS = 256  # whose patterns are averaged


@dataclass(frozen=True)
class Comparison:
    """What was asked for.

    Args:
        contenders: The first is what the others are compared with.
        seeds: Seeds 0, 1, ... of each.
        out: The output directory.
        device: Where to train.
    """

    contenders: Sequence[Contender]
    seeds: int
    out: Path
    device: torch.device


def compare(job: Comparison, corpus: Corpus, say: Callable[[str], None], progress: ProgressFor) -> dict[str, Any]:
    """Trains what is not finished yet and returns the contents of `comparison.json`.

    Raises:
        UserError: The output directory holds something else, or the contenders cannot be made equal.
    """
    base = job.contenders[0].configs[0]
    contenders = equal(job.contenders, make_tokenizer(base, corpus).vocabulary_size)
    # contenders and seeds may be added; what the first one is and the data must be the same
    settings = {"first": [to_dict(config) for config in contenders[0].configs], "files": corpus.files}
    open_output(job.out, "compare", settings)
    results = {
        one.name: [_result(job, one, seed, corpus, say, progress) for seed in range(job.seeds)] for one in contenders
    }
    say("measuring speed and memory, in turns")
    runs = {one.name: load(_run(job, one, 0), job.device) for one in contenders}
    costs = dict(zip(runs, measure(list(runs.values()), base, corpus), strict=True))
    everything = [result for found in results.values() for result in found]
    report = {
        "recipe": base.recipe,
        "corpus": corpus.summary(),
        "machine": machine.describe(job.device),
        "precision": resolve_precision(base.training, job.device),
        "seeds": job.seeds,
        "questions": len(corpus.dev),
        "equal": {
            "steps": [_same(results, "steps", seed) for seed in range(job.seeds)],
            "tokens": [_same(results, "tokens", seed) for seed in range(job.seeds)],
            "parameters": [min(r["parameters"] for r in everything), max(r["parameters"] for r in everything)],
        },
        "rows": [_row(one, results[one.name], results[contenders[0].name], costs[one.name]) for one in contenders],
        "kinds": _kinds(results, everything[0]["kinds"]),
        "maps": {name: maps(run, corpus.dev) for name, run in runs.items()},
    }
    write_json(job.out / "comparison.json", report)
    return report


def _same(results: dict[str, list[dict[str, Any]]], what: str, seed: int) -> int:
    """What all contenders took alike with a seed."""
    values: set[int] = {found[seed][what] for found in results.values()}
    assert len(values) == 1, f"contenders differ in {what}: {values}"
    return values.pop()


def _slug(name: str) -> str:
    return "".join(character if character.isalnum() or character in "_+" else "-" for character in name)


def _run(job: Comparison, one: Contender, seed: int) -> Path:
    return job.out / "runs" / f"{_slug(one.name)}-seed-{seed}-{one.configs[-1].stage}"


def _result(
    job: Comparison, one: Contender, seed: int, corpus: Corpus, say: Callable[[str], None], progress: ProgressFor
) -> dict[str, Any]:
    name = f"{_slug(one.name)}-seed-{seed}"

    configs = [with_seed(config, seed) for config in one.configs]
    _check_kept(job, name, configs)

    def make() -> dict[str, Any]:
        paths = train_stages(configs, corpus, job.out / "runs", name, device=job.device, progress=progress, say=say)
        run = load(paths[-1], job.device)
        answers = run.answer([fact.question for fact in corpus.dev], place="dev question")
        scored = score(answers, corpus.dev)
        examined = examine(run.model, run.tokenizer, corpus, corpus.dev, answers)
        nats = [known.question_nats for known in examined if known.question_nats is not None]
        environments = [read_json(path / "environment.json") for path in paths]
        say(f"{name}: {scored.correct}/{scored.total} on dev")
        return {
            "exact": [int(right) for right in scored.exact],
            "loss": _final_loss(paths[0] / "metrics.jsonl"),
            "answer_nats": -float(np.mean(nats)) if nats else None,
            "kinds": [kinds_of(known) for known in examined],
            "parameters": run.environment["parameters"],
            "mlp_width": run.config.model.hidden_width,
            "steps": sum(environment["steps"] for environment in environments),
            "tokens": sum(environment["tokens"] for environment in environments),
            "seconds": sum(environment["seconds"] for environment in environments),
            "vocabulary": run.tokenizer.vocabulary_size,
        }

    return kept_or_made(job.out / "results" / f"{name}.json", name, say, make)


def _check_kept(job: Comparison, name: str, configs: Sequence[RunConfig]) -> None:
    """Refuses runs of that name that were trained otherwise, or on another kind of machine."""
    for config in configs:
        path = job.out / "runs" / f"{name}-{config.stage}"
        if path.exists():
            precision = resolve_precision(config.training, job.device)
            expected = dataclasses.replace(config, training=dataclasses.replace(config.training, precision=precision))
            device = machine.describe(job.device)["device"]
            kept, environment = run_config(read_json(path / "config.json")), read_json(path / "environment.json")
            if kept != expected or environment.get("device") != device:
                raise UserError(f"{path}: was trained with other settings or on another device; choose another --out.")


def _final_loss(metrics: Path) -> float:
    losses = [json.loads(line)["loss"] for line in metrics.read_text(encoding="utf-8").splitlines()]
    return float(np.mean(losses[-max(round(LAST * len(losses)), 1) :]))


def _row(
    one: Contender, runs: Sequence[dict[str, Any]], base: Sequence[dict[str, Any]], costs: dict[str, Any]
) -> dict[str, Any]:
    exact_SQ, base_SQ = (np.array([run["exact"] for run in found], dtype=np.float64) for found in (runs, base))
    nats = [run["answer_nats"] for run in runs if run["answer_nats"] is not None]
    return {
        "variant": one.name,
        "positions": one.model.positions,
        "recall": float(exact_SQ.mean()),
        "interval": list(bootstrap(exact_SQ)),
        "recall_by_seed": exact_SQ.mean(axis=1).tolist(),
        "loss": float(np.mean([run["loss"] for run in runs])),
        "answer_nats": float(np.mean(nats)) if nats else None,
        "against_first": paired(base_SQ, exact_SQ) if runs is not base else None,
        "permutation_p": permutation(base_SQ.mean(0), exact_SQ.mean(0)) if runs is not base else None,
        "parameters": runs[0]["parameters"],
        "mlp_width": runs[0]["mlp_width"],
        "training_flops_per_token": 3 * forward_flops(one.model, runs[0]["vocabulary"], batch=1, length=32) / 32,
        "cached_numbers_per_token": cached_numbers(one.model),
        "seconds": float(np.median([run["seconds"] for run in runs])),
        **costs,
    }


def _kinds(results: dict[str, list[dict[str, Any]]], kinds: Sequence[dict[str, str]]) -> list[dict[str, Any]]:
    """Recall of every contender by kind of question, means over the seeds."""
    means = {name: np.mean([run["exact"] for run in runs], axis=0) for name, runs in results.items()}
    rows = []
    for title, groups in GROUPS.items():
        for kind, _ in groups:
            chosen = np.array([found[title] == kind for found in kinds])
            if chosen.any():
                recall = {name: float(mean_Q[chosen].mean()) for name, mean_Q in means.items()}
                rows.append({"title": title, "kind": kind, "questions": int(chosen.sum()), "recall": recall})
    return rows


def maps(run: Run, facts: Sequence[Fact]) -> dict[str, Any]:
    """Where every head looks when it reads a question: patterns averaged over prompts of the most frequent length.

    Returns:
        `labels`, the tokens that all those prompts share ("·" where they differ); `pattern`, layers x heads x query
        positions x key positions, rounded to 4 digits; `prompts`, how many they are (JSON-ready).
    """
    encoded = prompts(run.tokenizer, [fact.question for fact in facts], run.model.context)
    length = Counter(map(len, encoded)).most_common(1)[0][0]
    alike = [ids for ids in encoded if len(ids) == length][:MOST_PROMPTS]
    labels = [token_text(run, ids[0]) if len(set(ids)) == 1 else "·" for ids in zip(*alike, strict=True)]
    pattern_LHTS = mean_pattern(run, alike)
    return {"labels": labels, "prompts": len(alike), "pattern": pattern_LHTS.round(4).tolist()}


def mean_pattern(run: Run, encoded: Sequence[Sequence[int]]) -> Float[np.ndarray, "layers heads time keys"]:
    """Attention patterns of prompts of one length, averaged."""
    with capture(run.model, "blocks.*.attn.hook_pattern") as kept, torch.inference_mode():
        run.model(torch.tensor(encoded, device=run.model.device))
    return np.stack([pattern_BHTS.mean(dim=0).float().cpu().numpy() for pattern_BHTS in kept.values()])
