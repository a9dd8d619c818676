"""From generation to a trained and evaluated model's first steps through a store: seconds and memory of every stage.

    python -m benchmarks.store 10000 100000 1000000 --out DIR

Each stage is a process of its own; its memory is that of the process and all that it starts, sampled every 0.2 s:
resident, mapped parts of the store among it, and what is its own (anonymous). What is there already is not made again.
"""

import argparse
import dataclasses
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ASKED = 2_000  # dev questions


class First:
    """The first steps of a plan."""

    def __init__(self, batches: Any, steps: int) -> None:
        self.steps, self.epochs = steps, batches.epochs
        self.step, self.place, self.all_joined = batches.step, batches.place, batches.all_joined


def first_steps(store: Path, out: Path, recipe: str, steps: int) -> None:
    """Trains a model on a store, with the schedule of the whole training, and saves it after the first steps."""
    import torch

    from closedbook.experiments.fitting import Watching, fit, save
    from closedbook.experiments.signals import waiting_signals
    from closedbook.experiments.train import prepare
    from closedbook.experiments.unfinished import Unfinished
    from closedbook.facts.stored import read
    from closedbook.recipes import find_recipe

    began = time.perf_counter()
    config = find_recipe(recipe).pretrain
    prepared = prepare(config, read(store), out, device=torch.device("cpu"))
    print(f"# prepared in {time.perf_counter() - began:.1f} s, {prepared.batches.steps:,} steps in all", flush=True)
    first: Any = First(prepared.batches, steps)
    prepared = dataclasses.replace(prepared, batches=first)
    unfinished = Unfinished(out, {"store": str(store)})
    with unfinished.opened():
        unfinished.take_up()
        with waiting_signals() as pending:
            state, logs = fit(prepared, unfinished, Watching((), print, (), 600.0), pending)
            save(prepared, state, logs, unfinished)
    print(f"# {state.tokens:,} tokens in {state.positions:,} positions, {state.seconds:.1f} s in steps", flush=True)


def watched(command: list[str], log: Path) -> dict[str, float]:
    """Runs a command; its seconds, those of its processors, and megabytes at the most."""
    before, began, most = spent(), time.perf_counter(), {"rss_mb": 0.0, "anonymous_mb": 0.0}
    with log.open("a") as file:
        file.write(f"$ {' '.join(command)}\n")
        file.flush()
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        while process.poll() is None:
            sizes = [memory(pid) for pid in tree(process.pid)]
            for name, values in zip(most, zip(*sizes, strict=True), strict=False):
                most[name] = max(most[name], sum(values))
            time.sleep(0.2)
    if process.returncode:
        raise SystemExit(f"{log}: the last command failed ({process.returncode}).")
    seconds = {"seconds": round(time.perf_counter() - began, 1), "cpu_seconds": round(spent() - before, 1)}
    return {**seconds, **{name: round(size) for name, size in most.items()}}


def spent() -> float:
    """Seconds that processors have spent on the processes that ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def tree(pid: int) -> list[int]:
    """A process and all that it started."""
    pids = [pid]
    for each in pids:
        try:
            for children in Path(f"/proc/{each}/task").glob("*/children"):
                pids += map(int, children.read_text().split())
        except OSError:
            continue
    return pids


def memory(pid: int) -> tuple[float, float]:
    """Resident and anonymous megabytes of a process."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0, 0.0
    sizes = [text.partition(f"{name}:")[2].split() for name in ("VmRSS", "RssAnon")]
    resident, own = (int(size[0]) / 1024 if size else 0.0 for size in sizes)
    return resident, own


def size_of(directory: Path) -> int:
    """Bytes of all files."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def measure(people: int, out: Path, recipe: str, steps: int) -> dict[str, object]:
    """All stages for so many people."""
    data, store, run = out / f"people-{people}", out / f"store-{people}", out / f"run-{recipe}-{people}"
    closedbook, log = [sys.executable, "-m", "closedbook"], out / f"{people}.log"
    found: dict[str, object] = {"people": people, "recipe": recipe, "steps": steps}
    if not data.exists():
        found["generate"] = watched([*closedbook, "data", "people", "--count", str(people), "--out", str(data)], log)
    if not store.exists():
        found["build"] = watched([*closedbook, "data", "build", str(data), "--out", str(store)], log)
    found["bytes"] = {"text": size_of(data), "store": size_of(store)}
    if not run.exists():
        first = ["first", str(store), str(run), "--recipe", recipe, "--steps", str(steps)]
        found["train"] = watched([sys.executable, "-m", "benchmarks.store", *first], log)
    asked = out / f"dev-{people}.tsv"
    asked.write_text("".join((data / "dev.tsv").read_text().splitlines(keepends=True)[:ASKED]))
    evaluate = [*closedbook, "evaluate", str(run), "--facts", str(asked), "--corpus", str(store)]
    found["evaluate"] = watched(evaluate, log)
    return found


def main() -> None:
    """Prints a line of JSON for every number of people."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="+")
    parser.add_argument("--out", type=Path, default=Path("runs/store"))
    parser.add_argument("--recipe", default="standard")
    parser.add_argument("--steps", type=int, default=200)
    options = parser.parse_args()
    if options.what[0] == "first":
        first_steps(Path(options.what[1]), Path(options.what[2]), options.recipe, options.steps)
        return
    options.out.mkdir(parents=True, exist_ok=True)
    for people in map(int, options.what):
        print(json.dumps(measure(people, options.out, options.recipe, options.steps)), flush=True)


if __name__ == "__main__":
    main()
