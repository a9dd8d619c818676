"""Figures of the lab, one function each, returning a matplotlib figure; readable on light and on dark pages."""

import itertools
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import norm

from closedbook.attention_lab import learned, perturbed
from closedbook.attention_lab.claim import ClaimResult
from closedbook.attention_lab.parameters import Parameters
from closedbook.attention_lab.perturbation_claims import ONE_HEAD, TWO_HEADS
from closedbook.attention_lab.perturbed import Design
from closedbook.attention_lab.retrieval_claims import Copy, Noise
from closedbook.attention_lab.self_attention_claims import ByBeta
from closedbook.attention_lab.tasks import CHANCE_IN_CONTEXT, TASKS, TaskResult
from closedbook.drawing import COLOURS, INK, plain

BLUE, ORANGE, GREEN, PINK, SKY, _ = COLOURS


def _panels(count: int, width: float = 4.4, height: float = 3.3) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width * count, height), layout="constrained")
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


def _finished(figure: Figure) -> Figure:
    """The figure with letters that can be read on any page."""
    for axis in figure.axes:
        if legend := axis.get_legend():
            legend.set_frame_on(False)
            for text in legend.get_texts():
                text.set_color(INK)
    return plain(figure)


def copy_bound(claim: ClaimResult[Copy]) -> Figure:
    """Part a: the error of a copy under its bound, against the margin."""
    figure, (axis,) = _panels(1)
    margins = [row.margin for row in claim.rows]
    bound = r"bound $(n-1)e^{-\Delta}\max\|v_i-v_j\|$"
    axis.plot(margins, [row.error_bound for row in claim.rows], color=ORANGE, label=bound)
    axis.plot(margins, [row.error for row in claim.rows], color=BLUE, marker="o", label=r"measured $\|c-v_j\|$")
    axis.set(yscale="log", xlabel=r"margin $\Delta$", ylabel="error of the copy")
    axis.legend()
    return _finished(figure)


def noise_boundary(claim: ClaimResult[Noise]) -> Figure:
    """Part c.i: how unequal the weights on a and b become with noise."""
    figure, (axis,) = _panels(1)
    rows = [row for row in claim.rows if row.alpha > 0]
    x = [row.M_sqrt_alpha for row in rows]
    median, share = r"median $|\alpha_a-\alpha_b|$", r"share with $|\alpha_a-\alpha_b|>\frac{1}{2}$"
    axis.plot(x, [row.median_difference for row in rows], color=BLUE, marker="o", label=median)
    axis.plot(x, [row.broken for row in rows], color=ORANGE, marker="s", label=share)
    axis.axvline(1.0, color=GREEN, linestyle=":", label=r"$M\sqrt{\alpha}=1$")
    axis.set(xscale="log", ylim=(-0.03, 1.03), xlabel=r"$M\sqrt{\alpha}$", ylabel="over draws")
    axis.legend()
    return _finished(figure)


def weight_density(parameters: Parameters) -> Figure:
    """Parts c.ii and d.ii: the density of the weight on v_a, analytic over Monte-Carlo."""
    figure, axes = _panels(2)
    for axis, design, title in zip(axes, (ONE_HEAD, TWO_HEADS), ("one head", "the head of a, of two"), strict=True):
        mean, variance = perturbed.logit_moments(design, parameters.n, parameters.M, parameters.alpha)
        weight = perturbed.sample(design, parameters).weight_R.numpy()
        axis.hist(weight, bins=60, range=(0, 1), density=True, color=SKY, alpha=0.6, label="Monte-Carlo")
        grid = np.linspace(0.004, 0.996, 800)
        density = norm.pdf(np.log(grid / (1 - grid)), mean, np.sqrt(variance)) / (grid * (1 - grid))
        axis.plot(grid, density, color=BLUE, label="logit-normal")
        axis.set(yscale="log", xlabel=r"weight on $v_a$", ylabel="density", title=title)
        axis.legend(loc="upper center")
    return _finished(figure)


def variance_against_m(parameters: Parameters) -> Figure:
    """Total variance of c for one and two heads, and the probability that a head fails, against M."""
    figure, axes = _panels(2)
    grid = np.geomspace(0.5, 100, 60)
    designs = {"one head": (ONE_HEAD, BLUE), "two heads": (TWO_HEADS, ORANGE)}
    for label, (design, colour) in designs.items():
        variances = [perturbed.total_variance(design, parameters.n, float(M)) for M in grid]
        axes[0].plot(grid, variances, color=colour, label=label)
        failures = [perturbed.failure_probability(design, parameters.n, float(M)) for M in grid]
        axes[1].plot(grid, failures, color=colour, label=label)
    axes[1].axhline(norm.cdf(-np.sqrt(2)), color=GREEN, linestyle=":", label=r"$P(\epsilon<0)=7.9\,\%$")
    axes[0].set(xscale="log", xlabel="M", ylabel=r"total variance of $c$ (orthonormal values)")
    axes[1].set(xscale="log", xlabel="M", ylabel="the head of a fails", ylim=(0, 1))
    for axis in axes:
        axis.legend()
    return _finished(figure)


def price_of_robustness(parameters: Parameters, targets: int = 4) -> Figure:
    """Expected squared error against M: one head, two, ... on two and on more targets."""
    figure, axes = _panels(2)
    grid = np.geomspace(0.3, 100, 50)
    colours = (BLUE, ORANGE, GREEN, PINK)
    for axis, count in zip(axes, (2, min(targets, parameters.n - 1)), strict=True):
        for colour, heads in zip(colours, [h for h in (1, 2, 3, 4) if h <= count], strict=False):
            design = Design.of(heads, count)
            errors = [perturbed.expected_error(design, parameters.n, float(M)) for M in grid]
            axis.plot(grid, errors, color=colour, label=f"{heads} head{'s' * (heads > 1)}")
            best, error = perturbed.best_scale(design, parameters.n)
            axis.plot(best, error, marker="o", color=colour)
        if count == 2:
            repelling = [perturbed.repelling_error(parameters.n, float(M)) for M in grid]
            axis.plot(
                grid, np.maximum(repelling, 1e-12), color=GREEN, linestyle="--", label="1 head that repels the others"
            )
            axis.set_ylim(1e-7, 1)
        axis.set(xscale="log", yscale="log", xlabel="M", title=f"{count} targets", ylabel=r"$E\,\|c-\bar v\|^2$")
        axis.legend(fontsize="small", loc="lower left")
    return _finished(figure)


def construction_errors(claim: ClaimResult[ByBeta]) -> Figure:
    """Part e.ii: errors of the derived and the printed Q against beta."""
    figure, (axis,) = _panels(1, 5.2, 3.6)
    betas = [row.beta for row in claim.rows]
    for name, errors, colour in (
        ("derived", [row.derived for row in claim.rows], BLUE),
        ("printed", [row.printed for row in claim.rows], ORANGE),
    ):
        for index, line in ((0, "-"), (1, "--")):
            both = [pair[index] for pair in errors]
            axis.plot(betas, both, line, color=colour, label=f"{name} Q, $c_{index + 1}$")
    axis.plot(betas, np.exp(-np.square(betas)), color=GREEN, linestyle=":", label=r"$e^{-\beta^2}$")
    axis.set(yscale="log", xlabel=r"$\beta$", ylabel="error over the norm of the goal")
    axis.legend(fontsize="small")
    return _finished(figure)


def learned_solutions(runs: Sequence[learned.Descent]) -> Figure:
    """Loss curves of gradient descent, and the 4 x 4 score table of the first solution beside the derivation's."""
    figure, axes = _panels(3, 4.0, 3.3)
    for run, colour in zip(runs, itertools.cycle(COLOURS), strict=False):
        axes[0].plot(np.arange(len(run.losses)) * 10, run.losses, color=colour, label=f"seed {run.seed}")
    axes[0].set(yscale="log", xlabel="step", ylabel=r"squared error / $\beta^2$")
    axes[0].legend(fontsize="small")
    _score_table(axes[1], learned.constructed(printed=False)["query"].numpy(), "derived")
    _score_table(axes[2], np.array(runs[0].score_table), f"learned, seed {runs[0].seed}")
    return _finished(figure)


def _score_table(axis: Axes, table: NDArray[np.float64], title: str) -> None:
    limit = float(np.abs(table).max())
    axis.imshow(table, cmap="PuOr", vmin=-limit, vmax=limit)
    names = ["$u_a$", "$u_b$", "$u_c$", "$u_d$"]
    axis.set(xticks=range(4), yticks=range(4), xticklabels=names, yticklabels=names)
    axis.set(xlabel="query part", ylabel="key part", title=title)
    for (row, column), value in np.ndenumerate(table):
        ink = "#ffffff" if abs(value) > 0.6 * limit else "#111111"
        axis.text(column, row, f"{value:.1f}", ha="center", va="center", color=ink, fontsize="small")


def task_accuracy(results: Sequence[TaskResult]) -> Figure:
    """Accuracy of one layer on both tasks, a dot a seed, with chance."""
    figure, axes = _panels(2, width=5.4, height=4.4)
    attentions = list(dict.fromkeys(result.attention for result in results))
    for axis, task in zip(axes, TASKS, strict=True):
        for place, (attention, colour) in enumerate(zip(attentions, itertools.cycle(COLOURS), strict=False)):
            chosen = [result for result in results if (result.task, result.attention) == (task, attention)]
            for offset, result in zip(np.linspace(-0.2, 0.2, len(chosen)), chosen, strict=True):
                share = 100 * result.accuracy
                low, high = (abs(share - 100 * edge) for edge in result.interval)
                axis.errorbar(place + offset, share, yerr=[[low], [high]], color=colour, marker="o", capsize=2)
        axis.axhline(100 * CHANCE_IN_CONTEXT, color=GREEN, linestyle=":", label="a value of the context, by chance")
        axis.set(ylim=(0, 104), ylabel="accuracy, %", title=task)
        names = [name.replace("_", " ") for name in attentions]
        axis.set_xticks(range(len(attentions)), names, rotation=30, ha="right")
        axis.legend(loc="lower left", fontsize="small")
    return _finished(figure)
