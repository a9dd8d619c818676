"""What people see while something runs: lines, tables, and a live bar where there is a terminal."""

import time
from collections import deque
from types import TracebackType
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from closedbook.evaluation.exact_match import Score
from closedbook.evaluation.statistics import wilson
from closedbook.facts.corpus import Corpus
from closedbook.selfstudy.study import OpenBook

LINE_SECONDS = 10.0
BOUND_ROUNDING = 1e-12  # a measured value may exceed its bound by this
TABLE_WIDTH = 136  # a table that wraps its figures cannot be read
SPEED_WINDOW = 50  # steps that the speed is averaged over

_console = Console(soft_wrap=True, highlight=False)


class Progress:
    """Shows step, loss, real tokens a second and time left: a live bar, or without a terminal a line every 10 s."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._recent: deque[tuple[float, int]] = deque(maxlen=SPEED_WINDOW)
        self._last_line = time.monotonic()
        self._live = _console.is_terminal
        self._task: TaskID | None = None
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]:.3f}  {task.fields[speed]:,.0f} tokens/s"),
            TimeRemainingColumn(),
            console=_console,
            transient=True,
        )

    def __enter__(self) -> "Progress":
        if self._live:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._bar.stop()

    def __call__(self, record: Any) -> None:
        """Takes a `closedbook.training.loop.StepRecord`, whose module this one does not import: it would load torch."""
        self._recent.append((record.seconds, record.tokens))
        if self._live:
            if self._task is None:
                self._task = self._bar.add_task(self._title, total=record.steps, loss=record.loss, speed=0.0)
            self._bar.update(self._task, completed=record.step, loss=record.loss, speed=self._speed())
        elif time.monotonic() - self._last_line >= LINE_SECONDS or record.step == record.steps:
            self._last_line = time.monotonic()
            left = (record.steps - record.step) * self._seconds_a_step()
            say(
                f"{self._title}: step {record.step:,}/{record.steps:,}, loss {record.loss:.3f}, "
                f"{self._speed():,.0f} tokens/s, {left:.0f} s left"
            )

    def _seconds_a_step(self) -> float:
        return (self._recent[-1][0] - self._recent[0][0]) / max(len(self._recent) - 1, 1)

    def _speed(self) -> float:
        seconds = self._recent[-1][0] - self._recent[0][0]
        return sum(tokens for _, tokens in list(self._recent)[1:]) / seconds if seconds > 0 else 0.0


def say(line: str) -> None:
    """One line."""
    _console.print(line, markup=False)


def say_table(table: Table) -> None:
    """A table, wide enough that its figures are not wrapped."""
    Console(width=max(_console.width, TABLE_WIDTH), highlight=False).print(table)


def percent(share: float) -> str:
    """`22.2 %`."""
    return f"{100 * share:.1f} %"


def percent_or_none(share: float | None) -> str:
    """`22.2 %`, or a dash for None."""
    return "-" if share is None else percent(share)


def say_score(title: str, score: Score) -> None:
    """`title: 111/500 = 22.2 % exact match, 95 % interval 18.8 % to 26.0 %; 23.0 % after normalisation`."""
    low, high = wilson(score.correct, score.total)
    normalised = sum(score.normalised) / score.total
    say(
        f"{title}: {score.correct}/{score.total} = {percent(score.accuracy)} exact match, "
        f"95 % interval {percent(low)} to {percent(high)}; {percent(normalised)} after normalisation"
    )


def say_corpus(corpus: Corpus) -> None:
    """Sizes, and what could make a figure misleading."""
    summary = corpus.summary()
    say(
        f"corpus {summary['name']}: {summary['documents']:,} documents; questions: {summary['train']:,} train, "
        f"{summary['dev']:,} dev, {summary['test']:,} test"
    )
    known = [file["known_as"] for file in summary["files"].values() if file["known_as"]]
    if known:
        say(f"recognised by their SHA-256: {', '.join(known)}")
    for part in ("dev", "test"):
        if repeated := summary[f"{part}_questions_in_train"]:
            say(f"{len(repeated)} {part} questions also occur in training: {'; '.join(repeated[:3])}")
    if conflicts := summary["conflicting_train_questions"]:
        first, answers = next(iter(conflicts.items()))
        say(f"{len(conflicts)} training questions have different answers, for example {first} ({', '.join(answers)})")
    if without := summary["questions_without_document"]:
        say(f"{without:,} questions name no document of the corpus")


def tracks(report: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The rows of each track; a table never mixes two."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in report["systems"]:
        found.setdefault(row["track"], []).append(row)
    return found


def say_results(report: dict[str, Any]) -> None:
    """The results tables of `reproduce`, one a track."""
    by_track = tracks(report)
    for track, rows in by_track.items():
        title = f"{report['preset']} on {report['corpus']['name']}: exact match on dev"
        title += f", {track} track" if len(by_track) > 1 else ""
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("system", no_wrap=True)
        table.add_column("attention", no_wrap=True)
        for column in ("parameters", "correct", "accuracy", "95 % interval", "normalised", "the seed's", "seconds"):
            table.add_column(column, justify="right", no_wrap=True)
        for row in rows:
            table.add_row(
                row["label"],
                row["attention"] or "no model",
                f"{row['parameters']:,}",
                correct(row),
                percent(row["accuracy"]),
                f"{100 * row['interval'][0]:.1f} to {percent(row['interval'][1])}",
                percent(row["normalised_accuracy"]),
                percent_or_none(row["seed_figure"]),
                f"{row['seconds']:.0f}",
            )
        say_table(table)


def correct(row: dict[str, Any]) -> str:
    """`111/500`; over several seeds the mean, with one decimal where it is not whole."""
    mean = sum(run["correct"] for run in row["runs"]) / len(row["runs"])
    return f"{mean:.{0 if mean == int(mean) else 1}f}/{row['runs'][0]['total']}"


def say_ablation(report: dict[str, Any]) -> None:
    """The table of `ablate`."""
    title = f"{report['recipe']}: recall on {report['held_out']} held-out training people, {report['seeds']} seeds"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("variant", no_wrap=True)
    for column in ("recall", "by seed", "difference", "95 % interval", "McNemar p", "parameters", "seconds"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in report["rows"]:
        low, high = row["interval"]
        table.add_row(
            row["variant"],
            percent(row["recall"]),
            " ".join(f"{100 * recall:.1f}" for recall in row["recall_by_seed"]),
            f"{100 * row['difference']:+.1f}",
            f"{100 * low:+.1f} to {100 * high:+.1f}",
            " ".join(f"{p:.3f}" for p in row["p_values"]),
            f"{row['parameters']:,}",
            f"{row['seconds']:.0f}",
        )
    say_table(table)


def say_open_book(book: OpenBook) -> None:
    """The reader's cross-validated accuracy, and how well its confidence tells right from wrong."""
    right, total = sum(book.exact), len(book.exact)
    low, high = wilson(right, total)
    say(
        f"open book, cross-validated on training people: {right}/{total} = {percent(right / total)}, "
        f"95 % interval {percent(low)} to {percent(high)}"
    )
    bins: dict[int, list[bool]] = {}
    for reading, exact in zip(book.readings, book.exact, strict=True):
        bins.setdefault(min(int(reading.confidence * 5), 4), []).append(exact)
    for number, hits in sorted(bins.items(), reverse=True):
        say(f"  confidence {number / 5:.1f} to {number / 5 + 0.2:.1f}: {sum(hits)}/{len(hits)} right")


def say_claims(values: dict[str, Any]) -> None:
    """The verdicts of the attention lab, from the contents of its `claims.json`."""
    table = Table(title="the seed's claims on attention", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("part", "claim", "verdict", "deviation", "why"):
        table.add_column(column, no_wrap=column != "why")
    for claim in values["claims"].values():
        deviation = f"{claim['deviation']:.1e}"
        if claim["is_bound"]:
            deviation = "within the bound" if claim["deviation"] < BOUND_ROUNDING else f"bound + {deviation}"
        table.add_row(claim["part"], claim["name"], claim["verdict"].replace("_", " "), deviation, claim["why"])
    say_table(table)
    if head := values["one_head"]:
        say(
            f"one head with q = M (mu_a + mu_b): expected squared error {head['error']:.4g} at its best, M = "
            f"{head['scale']:.3g}; two heads: {head['two_heads_error']:.4g}, and as much as one head only if eps has a "
            f"variance of {head['tolerated']:.3g} instead of 0.5"
        )
        say(
            f"one head by descent over the query itself: {head['descended_error']:.2g}; it repels others instead of "
            f"attracting a and b, and q = -M (sum of the others) has {head['repelling_error']:.2g} whatever eps is"
        )
    for descent in values["learned"]:
        found = "has" if descent["structure"] else "has not"
        errors = " and ".join(f"{error:.1e}" for error in descent["errors"])
        say(f"learned Q, K, V, seed {descent['seed']}: errors {errors}; {found} the derivation's structure")
    if tasks := values["tasks"]:
        for result in tasks["results"]:
            low, high = result["interval"]
            say(
                f"{result['task']}, {result['attention']}, seed {result['seed']}: {percent(result['accuracy'])} "
                f"({percent(low)} to {percent(high)}; chance {percent(tasks['chance']['a value of the context'])})"
            )
