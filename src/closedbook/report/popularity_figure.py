"""The figure of recall by popularity, for the audit's page."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from closedbook.audit.popularity import Popularity
from closedbook.drawing import COLOURS, INK, plain
from closedbook.report.audit_figures import label

RIGHT = "right, with 95 % interval"
ORDERS = 100  # times the smallest, from which the axis is logarithmic


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
    axis.errorbar(middles, shares, yerr=errors, color=COLOURS[0], marker="o", capsize=3, linewidth=1.4, label=RIGHT)
    confident = [(one.middle, 100 * one.confidence) for one in bins if one.confidence is not None]
    if confident and popularity.signal:
        name = f"mean {label(popularity.signal)}"
        axis.plot(
            *zip(*confident, strict=True), color=COLOURS[1], marker="s", linestyle="--", linewidth=1.4, label=name
        )
    _scale(axis, popularity)
    axis.set_ylim(0, 105)
    axis.set_xlabel(f"popularity of the subject ({popularity.facts:,} facts)")
    axis.set_ylabel("%")
    handles, labels = axis.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda index: labels[index] != RIGHT)
    figure.legend(
        [handles[index] for index in order],
        [labels[index] for index in order],
        loc="outside upper center",
        ncols=2,
        frameon=False,
        labelcolor=INK,
    )
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
