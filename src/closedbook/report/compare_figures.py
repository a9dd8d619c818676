"""Figures of `compare`."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from closedbook.drawing import COLOURS, INK, plain
from closedbook.experiments.compare import Maps, VariantRow
from closedbook.trace.patterns import head_panels


def label(variant: str) -> str:
    """The variant's name as readers see it."""
    return variant.replace("_", " ").replace("+", " + ").replace(":", ",").replace(",", ", ")


def recall_bars(rows: Sequence[VariantRow]) -> Figure:
    """Recall of every variant with its 95 % interval, a dot a seed."""
    figure = Figure(figsize=(7.4, 0.5 * len(rows) + 0.9), layout="constrained")
    axis = figure.subplots()
    for index, recall in enumerate(row.recall for row in rows):
        low, high = recall.interval
        error = [[100 * max(recall.value - low, 0)], [100 * max(high - recall.value, 0)]]
        axis.barh(index, 100 * recall.value, color=COLOURS[0], height=0.6)
        axis.errorbar(100 * recall.value, index, xerr=error, color=INK, capsize=3, linewidth=1.4)
        dots = [100 * value for value in recall.by_seed]
        axis.plot(dots, [index] * len(dots), color=COLOURS[1], marker="o", markersize=4, linestyle="none")
    axis.set_yticks(range(len(rows)), [label(row.variant) for row in rows])
    axis.invert_yaxis()
    axis.set_xlim(left=0)
    axis.set_xlabel("exact match on dev, % (dots: seeds)")
    return plain(figure)


def costs(rows: Sequence[VariantRow]) -> Figure:
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
    axes[0].set_yticks(range(len(rows)), [label(row.variant) for row in rows])
    axes[0].invert_yaxis()
    return plain(figure)


def learned_maps(maps: Maps) -> Figure:
    """Mean attention patterns over questions: a row a layer, a column a head, a row of a panel the token that looks."""
    return head_panels(np.array(maps.pattern), maps.labels, top=0.5)
