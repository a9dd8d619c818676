"""Time to recall (`make bench-recall DATA=DIR`): from the start of the process to the evaluated answers.

Every seed is a process of its own. Its cold time runs from the moment it is started (interpreter, imports, tokenizer,
the reader's training and the optimizer's first step included) to the last dev answer; its warm time is a second
training in the same process. The number of epochs was fixed beforehand on people held out from the training questions.
"""

import argparse
import dataclasses
import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from closedbook.config import Objective, Outlines, QuestionAnswering, ReaderConfig, RunConfig, StudyCards
from closedbook.recipes import open_track, standard, with_model, with_seed, with_training


@dataclass(frozen=True)
class Target:
    """A recall to reach.

    Args:
        track: `open` or `standard`.
        recall: Share of dev questions.
        goal: Seconds, cold, on 2 cores.
        config: What is trained.
        warm: Whether a second training in the same process is timed too.
    """

    track: str
    recall: float
    goal: float
    config: RunConfig
    warm: bool = True


def _open(epochs: int) -> RunConfig:
    """The reader's best answers alone, studied by one layer: the training questions teach the reader, not the model."""
    config = with_model(_of_epochs(open_track().pretrain, epochs), layers=1)
    reader = dataclasses.replace(config.reader or ReaderConfig(), rounds=1)
    return dataclasses.replace(config, mixture=(StudyCards(answers="best"),), reader=reader)


def _standard(epochs: int, mixture: tuple[Objective, ...] = (Outlines(), QuestionAnswering(repeats=2))) -> RunConfig:
    """Outlines and the training questions, or another mixture, in one layer."""
    return dataclasses.replace(with_model(_of_epochs(standard().pretrain, epochs), layers=1), mixture=mixture)


def _of_epochs(config: RunConfig, epochs: int) -> RunConfig:
    """The same for so many epochs and no more, however small the corpus or many its relations."""
    return with_training(config, epochs=epochs, epochs_a_relation=0, least_steps=None)


TARGETS = {
    "open-22": Target("open", 0.222, 10.0, _open(5)),
    "open-85": Target("open", 0.85, 15.0, _open(9)),
    "standard-40": Target("standard", 0.404, 30.0, _standard(8), warm=False),
    "standard-82": Target("standard", 0.82, 90.0, _standard(8, standard().pretrain.mixture), warm=False),
}


def once(target: Target, data: Path, seed: int) -> dict[str, float]:
    """One training from the files to the dev answers: seconds by part, and the recall."""
    import torch

    from closedbook.evaluation.scorers import score_all
    from closedbook.experiments.train import initial_model, make_tokenizer
    from closedbook.facts.corpus import read_directory
    from closedbook.objectives.mixture import build_mixture
    from closedbook.objectives.plan import Batches
    from closedbook.runs import Run
    from closedbook.selfstudy.study import study
    from closedbook.training.loop import train

    began = time.time()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    config = with_seed(target.config, seed)
    corpus = read_directory(data)
    tokenizer = make_tokenizer(config, corpus)
    if config.reader:
        corpus = study(corpus, config.reader)
    read = time.time()
    batches = Batches(build_mixture(config, corpus, tokenizer, device), config)
    model = initial_model(config, tokenizer, device)
    state = train(model, batches, config.training, corpus_positions=1)
    trained = time.time()
    answers = Run(data, config, model.eval(), tokenizer, {}).answer([fact.question for fact in corpus.dev])
    recall = sum(score.exact for score in score_all(answers, corpus.dev)) / len(corpus.dev)
    return {
        "began": began,
        "ended": time.time(),
        "reading": read - began,
        "training": trained - read,
        "answering": time.time() - trained,
        "recall": recall,
        "tokens_per_second": state.tokens / state.seconds,
    }


def measure(name: str, data: Path, seeds: int) -> dict[str, Any]:
    """Every seed of a target in a process of its own."""
    target, runs = TARGETS[name], []
    for seed in range(seeds):
        command = [sys.executable, "-m", "benchmarks.recall", "--data", str(data), "--once", name, "--seed", str(seed)]
        started = time.time()
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        cold, *again = json.loads(output.splitlines()[-1])
        runs.append(
            {
                "seed": seed,
                "cold": cold["ended"] - started,
                "warm": again[0]["ended"] - again[0]["began"] if again else None,
                "recall": cold["recall"],
                **{key: round(cold[key], 3) for key in ("reading", "training", "answering", "tokens_per_second")},
            }
        )
        print(f"{name}, seed {seed}: {runs[-1]['cold']:.1f} s cold, recall {cold['recall']:.1%}", flush=True)
    kinds = ["cold", "recall", *(["warm"] if target.warm else [])]
    times = {kind: [run[kind] for run in runs] for kind in kinds}
    return {
        "track": target.track,
        "target": target.recall,
        "goal_seconds": target.goal,
        "reached": sum(run["recall"] >= target.recall for run in runs),
        **{f"{kind}_mean": statistics.mean(values) for kind, values in times.items()},
        **{f"{kind}_deviation": statistics.stdev(values) if seeds > 1 else 0.0 for kind, values in times.items()},
        "runs": runs,
    }


def main() -> None:
    """Measures every target and writes a JSON file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the course's data")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--targets", nargs="*", default=list(TARGETS), choices=list(TARGETS))
    parser.add_argument("--out", type=Path, default=Path("bench-recall.json"))
    parser.add_argument("--once", choices=list(TARGETS))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.once:
        print(
            json.dumps(
                [once(TARGETS[options.once], options.data, options.seed) for _ in range(1 + TARGETS[options.once].warm)]
            )
        )
        return
    from closedbook import machine

    results = {name: measure(name, options.data, options.seeds) for name in options.targets}
    report = {"machine": machine.describe(_device()), "targets": results}
    options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    for name, row in results.items():
        warm = f", warm {row['warm_mean']:.1f} s" if "warm_mean" in row else ""
        print(
            f"{name}: {row['reached']}/{options.seeds} reached {row['target']:.1%}; cold {row['cold_mean']:.1f} +- "
            f"{row['cold_deviation']:.1f} s (goal {row['goal_seconds']:.0f}){warm}, recall {row['recall_mean']:.1%}"
        )


def _device() -> Any:
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


if __name__ == "__main__":
    main()
