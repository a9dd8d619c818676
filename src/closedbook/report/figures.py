"""Figures of the pages of `reproduce` and `compare`."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from closedbook.drawing import COLOURS, INK, plain
from closedbook.experiments.compare import VariantRow
from closedbook.experiments.comparing import Estimate
from closedbook.experiments.extraction import Extraction

Curves = Mapping[str, Mapping[str, Sequence[Sequence[tuple[int, float]]]]]
"""By stage, then by system, the points of (step, value) of each seed."""


CLOSE = 1.35  # times a number on a logarithmic axis below which the next one leaves no room for it


@dataclass(frozen=True)
class Bar:
    """A share with its 95 % interval, and other shares to mark beside it."""

    label: str
    value: float
    interval: tuple[float, float]
    marks: Sequence[float] = ()


def recall_bars(bars: Sequence[Bar], marked: str) -> Figure:
    """Shares of right answers, from above; `marked` says what a hollow mark is."""
    figure = Figure(figsize=(7.4, 0.5 * len(bars) + 0.9), layout="constrained")
    axis = figure.subplots()
    for index, bar in enumerate(bars):
        low, high = bar.interval
        error = [[100 * max(bar.value - low, 0.0)], [100 * max(high - bar.value, 0.0)]]
        axis.barh(index, 100 * bar.value, color=COLOURS[0], height=0.55)
        axis.errorbar(100 * bar.value, index, xerr=error, color=INK, capsize=3, linewidth=1.4)
        marks = [100 * mark for mark in bar.marks]
        axis.plot(marks, [index] * len(marks), color=COLOURS[1], marker="D", markerfacecolor="none", linestyle="none")
    axis.set_yticks(range(len(bars)), [bar.label for bar in bars])
    axis.invert_yaxis()
    axis.set_xlim(left=0)
    any_marks = any(bar.marks for bar in bars)
    axis.set_xlabel("exact match on dev, %" + (f" (diamond: {marked})" if any_marks else ""))
    return plain(figure)


def learning_curves(curves: Curves, what: str) -> Figure:
    """One panel a stage, one colour a system, one line a seed: loss or recall against the step.

    Args:
        curves: The points.
        what: `loss`, mean cross-entropy in nats, on a logarithmic axis; or `recall`, as a share.
    """
    figure = Figure(figsize=(4.2 * max(len(curves), 1), 3.0), layout="constrained")
    axes = figure.subplots(1, max(len(curves), 1), squeeze=False)[0]
    systems = dict.fromkeys(system for stage in curves.values() for system in stage)
    colours = dict(zip(systems, itertools.cycle(COLOURS), strict=False))
    for axis, (stage, lines) in zip(axes, curves.items(), strict=False):
        for system, seeds in lines.items():
            for index, points in enumerate(seeds):
                scaled = points if what == "loss" else [(step, 100 * value) for step, value in points]
                look = {"color": colours[system], "marker": "." if len(points) < 3 else ""}
                label = "_" if index else system  # an underscore keeps a line out of the legend
                axis.plot(*zip(*scaled, strict=True), label=label, linewidth=1.4, alpha=0.8, **look)
        axis.set_title(stage)
        axis.set_xlabel("step")
        axis.set_ylabel("loss (nats per scored token)" if what == "loss" else "exact match on the way, %")
        if what == "loss":
            axis.set_yscale("log")
            axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.yaxis.set_major_formatter("{x:g}")
            axis.yaxis.set_minor_formatter(NullFormatter())
        else:
            axis.set_ylim(bottom=0)
        axis.legend(frameon=False, labelcolor=INK, fontsize="small")
    return plain(figure)


def extraction_curves(report: Extraction) -> Figure:
    """What is stored and what is recalled, with 95 % intervals, against training questions and against exposures."""
    panels = {"training questions": report.by_questions, "exposures": report.by_exposures}
    panels = {what: chosen for what, chosen in panels.items() if len(chosen) > 1} or panels
    figure = Figure(figsize=(3.9 * len(panels) + 0.4, 3.2), layout="constrained")
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axis, (what, chosen) in zip(axes, panels.items(), strict=True):
        rows = [report.rows[index] for index in chosen]
        places = [row.questions if what == "training questions" else row.exposures for row in rows]
        _with_intervals(axis, places, [row.stored for row in rows], color=COLOURS[0], marker="s", label="stored")
        _with_intervals(axis, places, [row.recall for row in rows], color=COLOURS[1], marker="o", label="recalled")
        axis.set_xscale("log")
        roomy = [following >= CLOSE * place for place, following in itertools.pairwise([*places, math.inf])]
        axis.set_xticks(places, [f"{place:,}" if room else "" for place, room in zip(places, roomy, strict=True)])
        axis.minorticks_off()
        axis.set_ylim(0, 105)
        axis.set_xlabel(what)
    axes[0].set_ylabel("held-out facts, %")
    axes[0].legend(frameon=False, labelcolor=INK, fontsize="small")
    return plain(figure)


def _with_intervals(axis: Axes, places: Sequence[int], found: Sequence[Estimate | None], **look: Any) -> None:
    """A line through the shares that there are, in %, each with its interval."""
    points = [(place, one.value, *one.interval) for place, one in zip(places, found, strict=True) if one]
    if points:
        at, value, low, high = np.array(points).T
        axis.errorbar(
            at, 100 * value, yerr=100 * np.array([value - low, high - value]), capsize=3, linewidth=1.4, **look
        )


def costs(rows: Sequence[VariantRow], labels: Sequence[str]) -> Figure:
    """Speed of training and answering and memory of the backward pass, relative to the first variant."""
    panels: dict[str, list[float]] = {
        "training speed": [row.costs.train_tokens_per_second for row in rows],
        "answering speed": [row.costs.questions_per_second for row in rows],
        "memory kept for backward": [row.costs.kept_bytes for row in rows],
    }
    figure = Figure(figsize=(9.0, 0.4 * len(rows) + 1.0), layout="constrained")
    axes = figure.subplots(1, len(panels), sharey=True)
    for axis, (title, values) in zip(axes, panels.items(), strict=True):
        ratios = [value / values[0] for value in values]
        axis.barh(range(len(rows)), ratios, color=COLOURS[2], height=0.6)
        for index, ratio in enumerate(ratios):
            axis.text(ratio, index, f" {ratio:.2f}", va="center", color=INK, fontsize="small")
        axis.set_title(title, fontsize="medium")
        axis.set_xlim(0, 1.25 * max(ratios))
    axes[0].set_yticks(range(len(rows)), labels)
    axes[0].invert_yaxis()
    return plain(figure)
