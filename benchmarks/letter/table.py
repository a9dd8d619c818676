"""The figures behind the page as one table, so that its numbers can be held against it."""

import numpy as np
from scipy.stats import fisher_exact

from benchmarks.letter.results import ASSIGNMENT, DEV, DOUBTFUL, WIRED, Letter, System
from closedbook.evaluation.statistics import wilson
from closedbook.training.schedules import COURSE_FINAL_PASSES, COURSE_WARMUP_TOKENS


def table(letter: Letter, reported: bool) -> str:
    """The table in Markdown, with or without what others report for the assignment's data."""
    rows = [*_rates(letter), *_order(letter), *_decay(letter), *_padding(letter), *_exposure(letter)]
    rows += [*_characters(letter), *(_reported() if reported else [])]
    return "\n".join(["| what | figure |", "|---|---|", *(f"| {what} | {figure} |" for what, figure in rows)])


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"


def _rates(letter: Letter) -> list[tuple[str, str]]:
    pretrain, finetune, scratch = (letter.rates[stage] for stage in ("pretrain", "finetune", "scratch"))
    at_floor = pretrain.letter_S <= pretrain.letter_S.min()
    last_floor = pretrain.epochs_behind[at_floor & (pretrain.epochs_behind > pretrain.summit)]
    rows = [
        ("steps of pretraining, of an epoch", f"{len(pretrain.letter_S):,}, {len(letter.batches)}"),
        (
            "positions that the first step counts, of the warm-up",
            f"{pretrain.positions_S[1]:,}, {COURSE_WARMUP_TOKENS:,}",
        ),
        ("`final_tokens` reached in epoch", f"{COURSE_FINAL_PASSES * letter.block / (letter.block - 1):.0f}"),
        ("epochs at the floor", f"{pretrain.epochs * at_floor.mean():.0f} of {pretrain.epochs}"),
        ("rate back at its peak in epoch", f"{pretrain.summit:.0f}"),
    ]
    if len(last_floor):
        rows.append(("rate at the floor a second time, epochs", f"{last_floor[0]:.0f} to {last_floor[-1]:.0f}"))
    return [
        *rows,
        ("rate of the last step, peak", f"{pretrain.peak * pretrain.letter_S[-1]:.2g}, {pretrain.peak:.2g}"),
        (
            "mean rate, to the letter and as expected, of the peak",
            f"{_percent(pretrain.letter_S.mean())}, {_percent(pretrain.expected_S.mean())}",
        ),
        ("least rate of finetuning, of its peak", _percent(finetune.letter_S.min())),
        ("the same without pretraining", _percent(scratch.letter_S.min())),
    ]


def _order(letter: Letter) -> list[tuple[str, str]]:
    return [
        (
            f"neighbours: {row.what}, in shuffled files",
            f"{row.observed:.4f}, {np.mean(row.shuffled):.4f} ({row.deviations:+.1f} sd)",
        )
        for row in letter.neighbours
    ]


def _decay(letter: Letter) -> list[tuple[str, str]]:
    rows = []
    for name, groups in letter.groups.items():
        total = sum(group.count for group in groups)
        extra = sum(group.count for group in groups if group.decays and not group.linear)
        rows.append(
            (
                f"parameters, {name}; decayed besides linear layers' matrices",
                f"{total:,}; {extra:,} ({_percent(extra / total)})",
            )
        )
    pretrain = letter.rates["pretrain"]
    return [
        *rows,
        (
            "what decay leaves of a weight without a gradient",
            _percent(float(pretrain.untouched(letter.weight_decay)[-1])),
        ),
    ]


def _padding(letter: Letter) -> list[tuple[str, str]]:
    lengths = np.array(letter.characters.line_lengths)
    return [
        (
            "real positions of pretraining, of finetuning",
            ", ".join(_percent(letter.first_batches[stage].real) for stage in ("pretrain", "finetune")),
        ),
        (
            "characters of a line: median, mean, longest",
            f"{np.median(lengths[:, 0]):.0f}, {lengths[:, 0].mean():.1f}, {lengths[:, 0].max()}",
        ),
        (
            f"lines longer than the longest cut ({letter.longest_cut})",
            f"{(lengths[:, 0] > letter.longest_cut).sum():,} of {len(lengths):,}",
        ),
        ("text that no cut reaches", _percent(letter.characters.beyond)),
        ("position vectors that no example reaches", f"{letter.block - letter.exposure.longest} of {letter.block}"),
    ]


def _exposure(letter: Letter) -> list[tuple[str, str]]:
    seen, epochs = letter.exposure, letter.rates["pretrain"].epochs
    return [
        ("training answers that no pass reads whole", _percent(float((seen.read_F == 0).mean()))),
        ("passes that read the median answer whole", _percent(float(np.median(seen.read_F)))),
        ("passes that hide the median answer whole", _percent(float(np.median(seen.hidden_F)))),
        (f"times that an answer is hidden alone in {epochs} passes, mean", f"{epochs * seen.asked_F.mean():.2f}"),
        ("training answers that are never hidden alone", _percent(float((seen.asked_F == 0).mean()))),
    ]


def _characters(letter: Letter) -> list[tuple[str, str]]:
    found, counts = letter.characters, letter.characters.counts
    lengths = np.array(found.line_lengths)
    return [
        ("vocabulary; characters of the corpus, not ASCII", f"{found.size}; {len(counts)}, {len(found.foreign)}"),
        ("text that is not ASCII", _percent(sum(found.foreign) / sum(counts.values()), 2)),
        (
            "characters that occur once, that no cut reaches",
            f"{sum(count == 1 for count in counts.values())}, {found.unread}",
        ),
        *(
            (f"{part} questions with a character that is not ASCII", f"{some} of {whole:,}")
            for part, (some, whole) in found.dropped.items()
        ),
        (
            "tokens of a line, mean: characters, BPE of `standard`",
            f"{lengths[:, 0].mean():.1f}, {lengths[:, 1].mean():.1f}",
        ),
    ]


def _reported() -> list[tuple[str, str]]:
    rows = []
    for system in (ASSIGNMENT, DOUBTFUL, WIRED):
        low, high = wilson(system.correct, DEV)
        share = f"{system.correct} of {DEV}, {_percent(system.correct / DEV)} ({100 * low:.1f} to {100 * high:.1f})"
        rows.append((system.name, share))
    tests = ", ".join(f"{_fisher(DOUBTFUL, other):.2g}" for other in (ASSIGNMENT, WIRED))
    return [*rows, ("p of the second against the first and against the third, Fisher's exact test", tests)]


def _fisher(first: System, second: System) -> float:
    return float(fisher_exact([[system.correct, DEV - system.correct] for system in (first, second)]).pvalue)
