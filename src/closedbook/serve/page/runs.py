"""What Runs fetches: the runs of a folder, and of some of them the learning curves and what differs."""

import asyncio
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from closedbook.errors import nearest
from closedbook.experiments.listing import ListedRun, Value, differences, list_runs
from closedbook.serve.problems import ProblemError, documented
from closedbook.serve.state import service_of

router = APIRouter(prefix="/page/runs", include_in_schema=False)
MOST_POINTS = 400  # of a curve
MOST_RUNS = 2  # compared
ERRORS = documented(401, 404, 421, 422)


class Listing(BaseModel):
    """The folder.

    Args:
        folder: Its name.
        runs: Each by the fields that the table shows.
        following: Whether any of them is going on.
    """

    folder: str
    runs: list[dict[str, Value]]
    following: bool


class Curves(BaseModel):
    """How a training went, as pairs of step and figure.

    Args:
        name: Of the run.
        state: Finished, running, interrupted, damaged.
        steps: Of the whole training, None where that is not known.
        loss: Mean cross-entropy in nats.
        recall: Share of the questions asked on the way that were answered rightly.
    """

    name: str
    state: str
    steps: int | None
    loss: list[tuple[float, float]]
    recall: list[tuple[float, float]]


class Differing(BaseModel):
    """What is not the same in all of the runs, a value a run."""

    name: str
    values: list[Value]


class Compared(BaseModel):
    """One run, or two beside each other."""

    curves: list[Curves]
    settings: list[Differing]
    figures: list[Differing]


SHOWN = (
    *("name", "state", "recipe", "stage", "model.attention", "training.seed", "recall", "loss"),
    *("step", "steps", "left"),
)
"""The fields in the table, the last three of trainings that are going on."""


@router.get("", responses=ERRORS)
async def listing(request: Request) -> Listing:
    """The runs, by name."""
    folder = _folder(request)
    runs = await asyncio.to_thread(list_runs, folder)
    rows = [{**{field: run.fields.get(field) for field in SHOWN}, "problem": run.problem or None} for run in runs]
    return Listing(
        folder=folder.resolve().name, runs=_plain(rows), following=any(run.state == "running" for run in runs)
    )


@router.get("/compared", responses=ERRORS)
async def compared(request: Request, name: Annotated[list[str], Query(min_length=1, max_length=MOST_RUNS)]) -> Compared:
    """Learning curves of one run or two, and what differs between these."""
    return await asyncio.to_thread(_compared, _folder(request), name)


def _folder(request: Request) -> Path:
    folder = service_of(request).shown.runs
    if folder is None:
        raise ProblemError(422, "The service has no runs to list; start it with --runs.")
    return folder


def _compared(folder: Path, names: list[str]) -> Compared:
    known = {run.name: run for run in list_runs(folder)}
    if missing := [name for name in names if name not in known]:
        raise ProblemError(404, f"{missing[0]}: no such run in this folder{nearest(missing[0], known)}.")
    runs = [known[name] for name in names]
    found = differences(runs)
    return Compared(
        curves=[_curves(folder, run) for run in runs],
        settings=_rows(found.settings),
        figures=_rows(found.figures),
    )


def _rows(found: Any) -> list[Differing]:
    return [Differing(name=name, values=_plain(list(values))) for name, values in found.items()]


def _curves(folder: Path, run: ListedRun) -> Curves:
    directory = _directory(folder, run)
    return Curves(
        name=run.name,
        state=run.state,
        steps=run.figures.steps,
        loss=list(_points(directory / "metrics.jsonl", "loss")),
        recall=list(_points(directory / "recall.jsonl", "recall")),
    )


def _directory(folder: Path, run: ListedRun) -> Path:
    """Where a run is: one that is listed, under its own name or, while it is trained, with `.partial`."""
    path = folder / run.name
    places = (path, path.with_name(path.name + ".partial"), folder)
    return next(place for place in places if place.is_dir())


def _points(path: Path, figure: str) -> list[tuple[float, float]]:
    """Steps and a figure from the whole lines of a curve, evenly thinned; a training may be writing the next line."""
    points = list(_read(path, figure))
    every = math.ceil(len(points) / MOST_POINTS) or 1
    return [point for index, point in enumerate(points) if index % every == 0 or index == len(points) - 1]


def _read(path: Path, figure: str) -> Iterator[tuple[float, float]]:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    for line in lines:
        try:
            values = json.loads(line)
            step, value = float(values["step"]), float(values[figure])
        except (ValueError, TypeError, KeyError):
            continue
        if math.isfinite(step) and math.isfinite(value):
            yield step, value


def _plain(value: Any) -> Any:
    """JSON that a browser reads: a number that is none becomes its word."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
