"""Figures of the report of `reproduce`."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from closedbook.drawing import COLOURS, INK, plain
from closedbook.experiments.reproduce import SystemRow

Curves = Mapping[str, Mapping[str, Sequence[tuple[int, float]]]]
"""By stage, then by the line's label, points of (step, value)."""


def learning_curves(curves: Curves, what: str) -> Figure:
    """One panel a stage, one line a system and seed: loss or recall against the step.

    Args:
        curves: The points.
        what: `loss`, mean cross-entropy in nats, on a logarithmic axis; or `recall`, as a share.
    """
    figure = Figure(figsize=(4.2 * max(len(curves), 1), 3.0), layout="constrained")
    axes = figure.subplots(1, max(len(curves), 1), squeeze=False)[0]
    for axis, (stage, lines) in zip(axes, curves.items(), strict=False):
        for index, (label, points) in enumerate(lines.items()):
            scaled = points if what == "loss" else [(step, 100 * value) for step, value in points]
            marker = "." if len(points) < 3 else ""
            colour = COLOURS[index % len(COLOURS)]
            axis.plot(*zip(*scaled, strict=True), label=label, color=colour, linewidth=1.4, alpha=0.8, marker=marker)
        axis.set_title(stage)
        axis.set_xlabel("step")
        axis.set_ylabel("loss (nats per scored token)" if what == "loss" else "exact match on the way, %")
        if what == "loss":
            axis.set_yscale("log")
        else:
            axis.set_ylim(bottom=0)
        axis.legend(frameon=False, labelcolor=INK, fontsize="small")
    return plain(figure)


def accuracy_bars(rows: Sequence[SystemRow]) -> Figure:
    """Accuracy of every system with its interval, and the assignment's figure as a hollow mark where there is one."""
    figure = Figure(figsize=(7.0, 0.55 * len(rows) + 0.9), layout="constrained")
    axis = figure.subplots()
    assignment = [row.reference.assignment if row.reference else None for row in rows]
    for index, (row, known) in enumerate(zip(rows, assignment, strict=True)):
        low, high = row.interval
        axis.barh(index, 100 * row.accuracy, color=COLOURS[0], height=0.55)
        error = [[100 * max(row.accuracy - low, 0.0)], [100 * max(high - row.accuracy, 0.0)]]
        axis.errorbar(100 * row.accuracy, index, xerr=error, color=INK, capsize=3, linewidth=1.4)
        if known is not None:
            axis.plot(100 * known, index, marker="D", color=COLOURS[1], markerfacecolor="none", linestyle="none")
    axis.set_yticks(range(len(rows)), [row.name for row in rows])
    axis.invert_yaxis()
    axis.set_xlim(left=0)
    diamond = " (diamond: the assignment's)" if any(known is not None for known in assignment) else ""
    axis.set_xlabel(f"exact match on dev, %{diamond}")
    return plain(figure)
