"""The figures of the page, one function each, readable on light and on dark paper."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from benchmarks.letter.results import DEV, SYSTEMS, Letter, Rates
from closedbook.drawing import COLOURS, INK, plain
from closedbook.evaluation.statistics import wilson
from closedbook.training.schedules import COURSE_FINAL_PASSES, COURSE_WARMUP_TOKENS

BLUE, ORANGE, GREEN, PINK, SKY, AMBER = COLOURS
PARTS = {"train": BLUE, "dev": ORANGE, "test": GREEN, "no question": INK}
SMOOTHED = 5  # neighbouring lines of a loss curve that are averaged
NEVER = 0.05  # per cent, where shares of zero are drawn


CLASSES = {"key_query_value": BLUE, "dense_synthesizer": GREEN, "doubtful": ORANGE}


def _panels(*widths: float, height: float = 3.1) -> tuple[Figure, Sequence[Axes]]:
    figure = Figure(figsize=(8.6, height), layout="constrained")
    axes = figure.subplots(1, len(widths), width_ratios=widths, squeeze=False)[0]
    return figure, list(axes)


def _finished(figure: Figure) -> Figure:
    for axis in figure.axes:
        axis.title.set_fontsize("medium")
        if legend := axis.get_legend():
            legend.set_frame_on(False)
            for text in legend.get_texts():
                text.set(color=INK, fontsize="small")
    return plain(figure)


def schedule(letter: Letter) -> Figure:
    """The rate over pretraining, over its first steps, and over finetuning."""
    figure, (whole, beginning, finetuning) = _panels(2.2, 1.2, 1.2)
    pretrain = letter.rates["pretrain"]
    _rate(whole, pretrain)
    end = COURSE_FINAL_PASSES * letter.block / (letter.block - 1)
    whole.axvline(end, ymax=0.85, color=INK, linestyle=":", linewidth=1.0)
    whole.set(xlabel="epoch (dotted: final_tokens)", ylabel="learning rate, thousandths", title="pretraining")
    whole.set_ylim(0, 1.25e3 * pretrain.peak)
    whole.legend(loc="upper center", ncols=2)

    thousands = 1e-3 * pretrain.positions_S[:4]
    ramp = 1e-3 * COURSE_WARMUP_TOKENS
    beginning.plot([0, ramp, thousands[-1]], [0, 1e3 * pretrain.peak, 1e3 * pretrain.peak], color=BLUE, linestyle="--")
    beginning.plot(thousands, 1e3 * pretrain.peak * pretrain.letter_S[:4], "o", color=ORANGE)
    beginning.set(xlabel="positions counted, thousands", title="its first four steps", ylim=(0, 1.25e3 * pretrain.peak))

    finetune = letter.rates["finetune"]
    _rate(finetuning, finetune)
    finetuning.set(xlabel="epoch", title="finetuning", ylim=(0, 1.25e3 * finetune.peak))
    return _finished(figure)


def _rate(axis: Axes, rates: Rates) -> None:
    """In thousandths, over the epochs."""
    every = max(len(rates.letter_S) // 650, 1)
    for label, share_S, colour, style in (
        ("to the letter", rates.letter_S, ORANGE, "-"),
        ("as expected", rates.expected_S, BLUE, "--"),
    ):
        share_S = 1e3 * rates.peak * share_S[::every]
        axis.plot(rates.epochs_behind[::every], share_S, color=colour, linestyle=style, label=label)


def order(letter: Letter) -> Figure:
    """Whom the batches of every epoch are about, and what neighbours in the file share."""
    figure, (batches, shared) = _panels(1.6, 1.0)
    bottom = np.zeros(len(letter.batches))
    for part, colour in PARTS.items():
        heights = np.array([batch.get(part, 0) for batch in letter.batches])
        if heights.any():
            batches.bar(range(1, len(heights) + 1), heights, 0.85, bottom=bottom, color=colour, label=part)
            bottom += heights
    batches.set(
        xlabel="step of every epoch", ylabel="rows", title="whom a batch is about", ylim=(0, 1.25 * bottom.max())
    )
    batches.legend(loc="upper center", ncols=4, handlelength=1.0, columnspacing=1.0)
    shared.axvspan(-1.96, 1.96, color=INK, alpha=0.25, linewidth=0)
    rows = letter.neighbours
    shared.plot([row.deviations for row in rows], range(len(rows)), "o", color=ORANGE)
    shared.set_yticks(range(len(rows)), [row.what for row in rows])
    widest = max(4.0, *(1.1 * abs(row.deviations) for row in rows))
    shared.set(xlabel="standard deviations from\nshuffled files (band: 95 %)", xlim=(-widest, widest))
    shared.set_title("neighbours in the file")
    shared.invert_yaxis()
    return _finished(figure)


def decay(letter: Letter) -> Figure:
    """What weight decay acts on, and what it leaves of a weight that nothing else moves."""
    figure, (bars, left) = _panels(1.4, 1.0)
    rows = [group for groups in letter.groups.values() for group in groups]
    kinds = list(dict.fromkeys(group.kind for group in rows))
    for index, kind in enumerate(kinds):
        group = next(group for group in rows if group.kind == kind)
        colour = (BLUE if group.linear else ORANGE) if group.decays else INK
        bars.barh(index, group.count, 0.7, color=colour)
        bars.text(group.count * 1.15, index, f"{group.count:,}", color=INK, va="center", fontsize="small")
    bars.set_yticks(range(len(kinds)), kinds)
    bars.set(xscale="log", xlabel="parameters", title="blue: meant, orange: as well, grey: never")
    bars.set_xlim(right=max(group.count for group in rows) * 12)
    bars.invert_yaxis()
    pretrain = letter.rates["pretrain"]
    every = max(len(pretrain.letter_S) // 650, 1)
    untouched_S = pretrain.untouched(letter.weight_decay)[::every]
    left.plot(pretrain.epochs_behind[::every], 100 * untouched_S, color=ORANGE)
    left.set(xlabel="epoch", ylabel="% of its first value", yscale="log", title="a weight without a gradient")
    left.set_yticks([1, 2, 5, 10, 20, 50, 100], ["1", "2", "5", "10", "20", "50", "100"])
    left.yaxis.set_minor_locator(NullLocator())
    return _finished(figure)


def padding(letter: Letter) -> Figure:
    """The first batches as pictures, and how long lines are beside what is cut from them."""
    figure, (first, second, lengths) = _panels(1.0, 1.0, 1.3)
    colours = ListedColormap([f"{INK}33", BLUE, ORANGE])
    for axis, stage in ((first, "pretrain"), (second, "finetune")):
        batch = letter.first_batches[stage]
        axis.imshow(batch.kinds_BT, cmap=colours, vmin=0, vmax=2, aspect="auto", interpolation="none")
        axis.set(title=f"{stage}: {100 * batch.real:.0f} % real", xlabel="position")
    first.set_ylabel("row of the first batch")
    characters = [length for length, _ in letter.characters.line_lengths]
    lengths.hist(np.minimum(characters, 300), bins=30, color=SKY)
    lengths.axvline(letter.longest_cut, color=ORANGE, linestyle="--")
    lengths.set(xlabel="characters of a line (300: or more)", ylabel="lines", title="dashed: the longest cut")
    return _finished(figure)


def exposure(letter: Letter) -> Figure:
    """In how many passes every training answer is read, hidden, and asked for."""
    figure, (axis,) = _panels(1.0)
    seen = letter.exposure
    share = np.linspace(0, 100, len(seen.read_F))
    for label, shares, colour in (
        ("read whole", seen.read_F, BLUE),
        ("hidden whole", seen.hidden_F, ORANGE),
        ("hidden alone, as a question would", seen.asked_F, GREEN),
    ):
        axis.plot(share, np.maximum(100 * np.sort(shares)[::-1], NEVER), color=colour, label=label)
    axis.set(yscale="log", ylabel="% of the passes", xlabel="% of the training answers, the most shown first")
    axis.set_yticks([100, 10, 1, NEVER], ["100", "10", "1", "never"])
    axis.legend(loc=(0.02, 0.4))
    return _finished(figure)


def characters(letter: Letter) -> Figure:
    """How often each character occurs, and how many tokens a line is."""
    figure, (ranks, tokens) = _panels(1.0, 1.0)
    counts = letter.characters.counts
    for label, ascii_alone, colour in (("ASCII", True, BLUE), ("others", False, ORANGE)):
        points = [
            (rank, count)
            for rank, (character, count) in enumerate(counts.items(), 1)
            if character.isascii() == ascii_alone
        ]
        if points:
            ranks.plot(*zip(*points, strict=True), ".", color=colour, label=label)
    ranks.set(yscale="log", xlabel="characters, the most frequent first", ylabel="times in the corpus")
    ranks.legend()
    lengths = np.minimum(np.array(letter.characters.line_lengths), 300)
    for column, label, colour in ((0, "characters", ORANGE), (1, "BPE", BLUE)):
        tokens.hist(lengths[:, column], bins=list(range(0, 310, 10)), histtype="step", color=colour, label=label)
    tokens.set(xlabel="tokens of a line (300: or more)", ylabel="lines")
    tokens.legend()
    return _finished(figure)


def losses(curves: Mapping[str, Sequence[Mapping[str, float]]], epochs: int) -> Figure:
    """The loss of pretrainings by their recipe, and the rate that it follows.

    Args:
        curves: Lines of `metrics.jsonl`, by attention class.
        epochs: That the steps of each make up.
    """
    figure, (loss, rate) = _panels(1.6, 1.0)
    for (name, lines), colour in zip(curves.items(), COLOURS, strict=False):
        epoch = [epochs * line["step"] / line["steps"] for line in lines]
        near = np.ones(SMOOTHED) / SMOOTHED
        values = np.convolve([line["loss"] for line in lines], near, mode="valid")
        loss.plot(epoch[SMOOTHED // 2 : SMOOTHED // 2 + len(values)], values, color=colour, label=name)
        rate.plot(epoch, [line["rate"] for line in lines], color=ORANGE)
    loss.set(xlabel="epoch", ylabel="loss, nats", title="pretraining to the letter", ylim=(0, 3))
    loss.legend()
    rate.set(xlabel="epoch", title="the rate, of its peak", ylim=(0, 1.1))
    return _finished(figure)


def synthesizers() -> Figure:
    """What others report for key-query-value attention and for Synthesizers, and ours, with intervals."""
    figure, (axis,) = _panels(1.0, height=2.9)
    for index, system in enumerate(SYSTEMS):
        low, high = wilson(system.correct, DEV)
        colour = CLASSES[system.attention]
        axis.plot([100 * low, 100 * high], [index, index], color=colour, linewidth=1.6)
        axis.plot(100 * system.correct / DEV, index, "o", color=colour)
    axis.set_yticks(range(len(SYSTEMS)), [system.name for system in SYSTEMS])
    axis.set(xlabel=f"exact match on {DEV} dev questions, %, with 95 % intervals")
    axis.invert_yaxis()
    return _finished(figure)


FIGURES: dict[str, tuple[str, Callable[[Letter], Figure]]] = {
    "letter-schedule": ("The learning rate to the letter and as expected", schedule),
    "letter-order": ("Whom the batches of an epoch are about, and what neighbouring lines share", order),
    "letter-decay": ("What weight decay acts on, and what it leaves of an untouched weight", decay),
    "letter-padding": ("The first batches with their padding, and the lengths of lines", padding),
    "letter-exposure": ("How often span corruption shows each answer", exposure),
    "letter-characters": ("How often characters occur, and how many tokens a line is", characters),
}
"""By file name: the title and what draws it."""
