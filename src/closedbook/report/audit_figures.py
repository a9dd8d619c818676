"""Figures of the audit's page, one function each."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from closedbook.audit.frequency import GROUPINGS, Frequency
from closedbook.audit.popularity import Popularity
from closedbook.audit.report import AuditReport
from closedbook.audit.unseen import ByOrigin, Unseen
from closedbook.drawing import COLOURS, INK, plain

LONGEST = 24  # letters of an answer that are shown
ORDERS = 100  # times the smallest popularity, from which the axis is logarithmic
RIGHT, WRONG, SILENT = COLOURS[2], COLOURS[1], "#9a9a9a"


def label(signal: str) -> str:
    """The signal's name for readers."""
    return signal.replace("_", " ")


def verdict_bars(report: AuditReport) -> Figure:
    """Correct, wrong and not attempted: as it answers, and with the threshold."""
    rows = [("as it answers", report.verdict)]
    if report.verdict_above_threshold:
        rows.append(("with the threshold", report.verdict_above_threshold))
    figure = Figure(figsize=(7.4, 0.7 * len(rows) + 0.9), layout="constrained")
    axis = figure.subplots()
    for index, (_, verdict) in enumerate(rows):
        left = 0.0
        for count, name, colour in (
            (verdict.correct, "correct", RIGHT),
            (verdict.wrong, "wrong", WRONG),
            (verdict.not_attempted, '"I don\'t know"', SILENT),
        ):
            share = 100 * count / verdict.total
            axis.barh(index, share, left=left, color=colour, height=0.6, label=name if index == 0 else None)
            if share > 5:
                axis.text(left + share / 2, index, f"{share:.1f}", ha="center", va="center", color="white")
            left += share
    axis.set_yticks(range(len(rows)), [name for name, _ in rows])
    axis.invert_yaxis()
    axis.set_xlim(0, 100)
    axis.set_xlabel("% of questions")
    figure.legend(loc="outside upper center", ncols=3, frameon=False, labelcolor=INK)
    return plain(figure)


def reliability_diagrams(report: AuditReport) -> Figure:
    """Share of right answers against confidence, a panel a signal; the size of a point says how many answers it is."""
    signals, columns = report.signals, min(3, len(report.signals))
    figure, axes = _panels(len(signals), columns, (2.9, 2.8), share=True)
    for index, (axis, (name, signal)) in enumerate(zip(axes, signals.items(), strict=True)):
        axis.plot([0, 100], [0, 100], color=INK, linewidth=0.8, linestyle=":")
        confidence = [100 * bar.confidence for bar in signal.bins]
        right = [100 * bar.right / bar.total for bar in signal.bins]
        sizes = [4 + 120 * bar.total / signal.questions for bar in signal.bins]
        axis.plot(confidence, right, color=COLOURS[0], linewidth=1.2)
        axis.scatter(confidence, right, s=sizes, color=COLOURS[0], zorder=3)
        axis.set_title(label(name), fontsize="medium")
        axis.set_xlim(-3, 103)
        axis.set_ylim(-3, 103)
        if index % columns == 0:
            axis.set_ylabel("right, %")
        if index + columns >= len(signals):
            axis.set_xlabel("confidence, %")
            axis.tick_params(labelbottom=True)
    return plain(figure)


def _panels(count: int, columns: int, size: tuple[float, float], *, share: bool = False) -> tuple[Figure, list[Axes]]:
    """A figure with so many panels of a size in inches, row by row."""
    rows = max(-(-count // columns), 1)
    figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=share, sharey=share).flatten().tolist()
    for axis in axes[count:]:
        axis.set_visible(False)
    return figure, axes[:count]


def risk_coverage(report: AuditReport) -> Figure:
    """Error among the answers given against the share of questions answered, surest first; one line a signal."""
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axis = figure.subplots()
    for index, (name, signal) in enumerate(report.signals.items()):
        coverage, risk = 100 * np.array(signal.curve).T
        axis.plot(coverage, risk, color=COLOURS[index % len(COLOURS)], label=label(name), linewidth=1.4)
    axis.axhline(100 * (1 - report.settings.target), color=INK, linewidth=0.8, linestyle=":")
    held = report.held_out
    if held and held.error.value is not None:
        point = 100 * held.coverage, 100 * held.error.value
        axis.plot(*point, marker="D", color=WRONG, linestyle="none", label="threshold")
    axis.set_xlim(0, 100)
    axis.set_ylim(bottom=0)
    axis.set_xlabel("questions answered, %")
    axis.set_ylabel("wrong among them, %")
    axis.legend(frameon=False, labelcolor=INK, fontsize="small", loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return plain(figure)


def seen_and_unseen(report: AuditReport, unseen: Unseen) -> Figure:
    """How sure it is about subjects that it has read about and about names that it cannot know."""
    figure = Figure(figsize=(6.4, 2.8), layout="constrained")
    axis = figure.subplots()
    for name, histogram, colour in (
        ("seen", unseen.seen_histogram, COLOURS[0]),
        ("unseen", unseen.unseen_histogram, COLOURS[1]),
    ):
        edges = np.linspace(0, 100, len(histogram) + 1)
        shares = [100 * share for share in histogram]
        axis.stairs(shares, edges, color=colour, fill=True, alpha=0.25)
        axis.stairs(shares, edges, color=colour, label=f"{name} names", linewidth=1.4)
    leading, abstention = next(iter(report.signals), None), report.abstention  # none where every answer is a silence
    if abstention and abstention.threshold is not None and abstention.signal == leading:
        axis.axvline(100 * abstention.threshold, color=INK, linestyle=":", linewidth=1.0, label="threshold")
    axis.set_xlabel(f"{label(leading) if leading else 'confidence'} of its answer, %")
    axis.set_ylabel("% of names")
    axis.legend(frameon=False, labelcolor=INK, fontsize="small")
    return plain(figure)


def bias(table: ByOrigin) -> Figure:
    """What it answers about unseen names, by name origin: a row an origin, shares of its names."""
    counts_OA = np.array(table.counts, dtype=float)
    shares_OA = 100 * counts_OA / counts_OA.sum(axis=1, keepdims=True)
    size = (0.75 * len(table.answers) + 2.2, 0.32 * len(table.origins) + 2.0)
    figure = Figure(figsize=size, layout="constrained")
    axis = figure.subplots()
    axis.imshow(shares_OA, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    for row, column in np.ndindex(*shares_OA.shape):
        if counts_OA[row, column]:
            ink = "white" if shares_OA[row, column] > 55 else "#202020"
            axis.text(column, row, f"{shares_OA[row, column]:.0f}", ha="center", va="center", color=ink, size=8)
    answers = [answer if len(answer) <= LONGEST else answer[:LONGEST] + "…" for answer in table.answers]
    axis.set_xticks(range(len(answers)), answers, rotation=35, ha="right")
    axis.set_yticks(range(len(table.origins)), table.origins)
    for text in axis.get_xticklabels():
        text.set_parse_math(False)  # an answer may hold dollar signs
    return plain(figure)


def frequency_bars(frequency: Frequency) -> Figure:
    """Recall by how often a fact, a name or an answer occurs, with 95 % intervals."""
    groups = {GROUPINGS[what].label: rows for what, rows in frequency.groups.items() if len(rows) > 1}
    figure, axes = _panels(len(groups), min(max(len(groups), 1), 2), (4.4, 2.7))
    for axis, (title, rows) in zip(axes, groups.items(), strict=True):
        shares, low, high = 100 * np.array([(right.value, right.low, right.high) for right in rows.values()]).T
        errors = np.maximum([shares - low, high - shares], 0)
        axis.bar(range(len(rows)), shares, color=COLOURS[0], width=0.6)
        axis.errorbar(range(len(rows)), shares, yerr=errors, color=INK, linestyle="none", capsize=3)
        axis.set_xticks(
            range(len(rows)), [f"{times}\n({right.total:,})" for times, right in rows.items()], fontsize="small"
        )
        axis.set_ylim(0, 105)
        axis.set_title(title, fontsize="medium")
        axis.set_ylabel("right, %")
    return plain(figure)


def popularity_figure(popularity: Popularity) -> Figure:
    """Accuracy with 95 % intervals and mean confidence against popularity; a horizontal line is the range of a bin."""
    bins = popularity.bins
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axis = figure.subplots()
    middles = [one.middle for one in bins]
    shares, low, high = 100 * np.array([(one.right.value, one.right.low, one.right.high) for one in bins]).T
    lows, highs = [one.low for one in bins], [one.high for one in bins]
    axis.hlines(shares, lows, highs, colors=COLOURS[0], alpha=0.3, linewidth=5)
    errors = np.maximum([shares - low, high - shares], 0)
    name = "right, with 95 % interval"
    handles: list[Any] = [
        axis.errorbar(middles, shares, yerr=errors, color=COLOURS[0], marker="o", capsize=3, linewidth=1.4, label=name)
    ]
    confident = [(one.middle, 100 * one.confidence) for one in bins if one.confidence is not None]
    if confident and popularity.signal:
        name = f"mean {label(popularity.signal)}"
        look: dict[str, Any] = {"color": COLOURS[1], "marker": "s", "linestyle": "--", "linewidth": 1.4}
        handles += axis.plot(*zip(*confident, strict=True), label=name, **look)
    _scale(axis, popularity)
    axis.set_ylim(0, 105)
    axis.set_xlabel(f"popularity of the subject ({popularity.facts:,} facts)")
    axis.set_ylabel("%")
    figure.legend(handles=handles, loc="outside upper center", ncols=2, frameon=False, labelcolor=INK)
    return plain(figure)


def _scale(axis: Axes, popularity: Popularity) -> None:
    """A logarithmic axis where popularities span more than two orders of magnitude; it begins at 0 where one is 0."""
    bins = popularity.bins
    positive = [value for one in bins for value in (one.low, one.middle, one.high) if value > 0]
    if bins[0].low < 0 or not positive or bins[-1].high <= ORDERS * min(positive):
        return
    if bins[0].low > 0:
        axis.set_xscale("log")
    else:
        axis.set_xscale("symlog", linthresh=min(positive))
        axis.set_xlim(left=-0.2 * min(positive))
