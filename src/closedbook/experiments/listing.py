"""The runs in a folder: what each was trained with and came to, which of them are going on, what differs between them.

Nothing is loaded but JSON, and no torch. What a run has goes by its field's name: `state`, a setting's dotted path (or,
where only one setting is called so, its last part), or a figure of `Figures`.
"""

import dataclasses
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from closedbook.errors import UserError, nearest
from closedbook.files import read_json
from closedbook.locks import is_locked
from closedbook.manifest import MANIFEST, read_manifest

State = Literal["finished", "running", "interrupted", "damaged"]
Value = str | int | float | bool | None
LAST = 0.05  # share of the logged steps whose mean loss is the final loss
SHARES = ("recall", "probed")
"""Figures that are shares, from 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a training came to, or has come to so far; None where that is not known.

    Args:
        recall: Share of the dev questions that were answered right, as the experiment that trained it has measured.
        probed: The same of the few questions that are asked on the way, at the last of these times.
        loss: Mean cross-entropy in nats, of the last twentieth of `metrics.jsonl`.
        step: Steps taken; of an interrupted training those that were saved.
        steps: Steps of the whole training.
        seconds: Of training, so far.
        left: Seconds that the other steps will take at this pace.
        tokens: Read in training, so far.
        parameters: Of the model.
        corpus: Its name.
        teacher: Who wrote the answers that it studied, if another model did.
        commit: Of closedbook, when it was trained.
        finished: When it was, in UTC.
    """

    recall: float | None = None
    probed: float | None = None
    loss: float | None = None
    step: int | None = None
    steps: int | None = None
    seconds: float | None = None
    left: float | None = None
    tokens: int | None = None
    parameters: int | None = None
    corpus: str | None = None
    teacher: str | None = None
    commit: str | None = None
    finished: str | None = None


@dataclass(frozen=True, kw_only=True)
class ListedRun:
    """A run directory.

    Args:
        name: Its path below the folder that is listed; a training that is not finished has the name that it will get.
        state: `interrupted` is a training that nobody is working on and that the same command takes up again.
        problem: What is damaged, empty otherwise.
        settings: Its configuration by dotted path.
        figures: What it came to.
    """

    name: str
    state: State
    problem: str = ""
    settings: Mapping[str, Value] = dataclasses.field(default_factory=dict)
    figures: Figures = Figures()

    @property
    def fields(self) -> dict[str, Value]:
        """Everything that can be asked for, by name."""
        return {"name": self.name, "state": self.state, **self.settings, **dataclasses.asdict(self.figures)}


@dataclass(frozen=True, kw_only=True)
class Differences:
    """What is not the same in all of several runs, a value a run; None where a run has no such thing."""

    runs: tuple[str, ...]
    settings: Mapping[str, tuple[Value, ...]]
    figures: Mapping[str, tuple[Value, ...]]


def list_runs(folder: Path) -> list[ListedRun]:
    """Every run in a folder and the folders in it, by name; the folder may be a run itself.

    Raises:
        UserError: There is no such folder.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such directory; closedbook runs takes one that holds runs.")
    return sorted(_below(folder, folder), key=lambda run: run.name)


def _below(folder: Path, directory: Path) -> Iterator[ListedRun]:
    partial = directory.suffix == ".partial" and (directory / "identity.json").is_file()
    if (
        partial
        or sum((directory / part).is_file() for part in ("config.json", "environment.json", "metrics.jsonl")) > 1
    ):
        path = directory.with_suffix("") if partial else directory
        name = directory.resolve().name if directory == folder else path.relative_to(folder).as_posix()
        try:
            yield (_unfinished if partial else _finished)(directory, name)
        except UserError as error:
            yield ListedRun(name=name, state="damaged", problem=str(error))
        except (AttributeError, TypeError, ValueError) as error:  # JSON of another form
            yield ListedRun(name=name, state="damaged", problem=f"{directory}: damaged ({error}).")
        return
    with os.scandir(directory) as entries:
        inner = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False) and entry.name[0] != "."]
    for name in inner:
        yield from _below(folder, directory / name)


def _finished(directory: Path, name: str) -> ListedRun:
    environment = read_json(directory / "environment.json")
    settings = flat(read_json(directory / "config.json"))
    if not (directory / "model.safetensors").is_file():
        raise UserError(f"{directory}: not a complete run, model.safetensors missing.")
    if (directory / MANIFEST).is_file():
        manifest = read_manifest(directory)
        for part in manifest.names(directory):
            manifest.check_size(directory, part)
    figures = dataclasses.replace(
        _curves(directory),
        recall=_recall(directory, settings.get("stage")),
        left=None,
        **{key: environment.get(key) for key in ("steps", "seconds", "tokens", "parameters", "commit", "finished")},
        corpus=environment.get("corpus", {}).get("name"),
        teacher=environment.get("teacher") or None,
    )
    return ListedRun(name=name, state="finished", settings=settings, figures=figures)


def _unfinished(directory: Path, name: str) -> ListedRun:
    settings = flat(read_json(directory / "identity.json").get("config", {}))
    state: State = "running" if is_locked(directory) else "interrupted"
    figures = _curves(directory)
    saved = (path.name.removeprefix("step-") for path in (directory / "checkpoints").glob("step-*"))
    if state == "interrupted" and (steps := [*map(int, filter(str.isdecimal, saved))]):  # where it will go on
        figures = dataclasses.replace(figures, step=max(steps))
    return ListedRun(name=name, state=state, settings=settings, figures=figures)


def _curves(directory: Path) -> Figures:
    """What the last whole lines of the two curves say."""
    lines, probed = _lines(directory / "metrics.jsonl"), _lines(directory / "recall.jsonl")
    last = lines[-1] if lines else {}
    known = {key: last.get(key) for key in ("step", "steps", "seconds", "tokens")}
    losses = [line["loss"] for line in lines if isinstance(line.get("loss"), float)]
    step, steps, seconds = (last.get(key) for key in ("step", "steps", "seconds"))
    left = round(seconds / step * (steps - step), 1) if step and steps and seconds else None
    loss = final_loss(losses) if losses else None
    return Figures(**known, loss=loss, left=left, probed=probed[-1].get("recall") if probed else None)


def final_loss(losses: Sequence[float]) -> float:
    """The mean of the last twentieth of the losses: that of one step is a matter of what was in it."""
    last = losses[-max(round(LAST * len(losses)), 1) :]
    return sum(last) / len(last)  # not a number where one is none


def _lines(path: Path) -> list[dict[str, Any]]:
    """The lines that are whole; a training may be writing the next."""
    found = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []:
        try:
            values = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(values, dict):
            found.append(values)
    return found


def _recall(directory: Path, stage: Value) -> float | None:
    """What the grid that trained the run, as the last stage of a cell, has kept of its answers."""
    kept = directory.parent.parent / "results" / f"{directory.name.removesuffix(f'-{stage}')}.json"
    if directory.parent.name != "runs" or not kept.is_file():
        return None
    values = read_json(kept)
    stages, exact = values.get("stages"), values.get("result", {}).get("exact")
    return sum(exact) / len(exact) if exact and stages and stages[-1].get("stage") == stage else None


def flat(settings: Any, path: str = "") -> dict[str, Value]:
    """Settings by dotted path; those of a list go by the names of its objectives, or by number."""
    if isinstance(settings, list):
        settings = {
            str(item.get("objective", number)) if isinstance(item, dict) else str(number): item
            for number, item in enumerate(settings)
        }
    if not isinstance(settings, dict):
        return {path: settings}
    return {
        key: value
        for name, inner in settings.items()
        for key, value in flat(inner, f"{path}.{name}" if path else name).items()
    }


def field_named(runs: Sequence[ListedRun], name: str, option: str) -> str:
    """The whole name of a field.

    Raises:
        UserError: No run has it, or several settings are called so.
    """
    known = dict.fromkeys(key for run in runs for key in run.fields)
    if name in known:
        return name
    ending = [key for key in known if key.endswith(f".{name}")]
    if len(ending) > 1:
        raise UserError(f"{option} {name}: could be {' or '.join(ending)}; give more of its path.")
    if not ending:
        raise UserError(f"{option} {name}: no run here has such a field{nearest(name, known)}.")
    return ending[0]


def by_field(runs: Sequence[ListedRun], name: str, *, reverse: bool = False) -> list[ListedRun]:
    """Sorted by a field: figures the highest first, text from A to Z, either the other way round if asked.

    Runs without it come last.

    Raises:
        UserError: No run has it.
    """
    field = field_named(runs, name, "--sort") if runs else name
    having = [run for run in runs if run.fields.get(field) is not None]
    text = any(isinstance(run.fields[field], str) for run in having)

    def place(run: ListedRun) -> Any:
        return str(run.fields[field]) if text else run.fields[field]

    return [*sorted(having, key=place, reverse=reverse is text), *(run for run in runs if run not in having)]


def differences(runs: Sequence[ListedRun]) -> Differences:
    """What differs between the runs."""

    def differing(columns: Sequence[Mapping[str, Value]]) -> dict[str, tuple[Value, ...]]:
        rows = {
            key: tuple(column.get(key) for column in columns) for key in dict.fromkeys(k for c in columns for k in c)
        }
        return {key: values for key, values in rows.items() if len(set(map(repr, values))) > 1}

    return Differences(
        runs=tuple(run.name for run in runs),
        settings=differing([run.settings for run in runs]),
        figures=differing([{"state": run.state, **dataclasses.asdict(run.figures)} for run in runs]),
    )
