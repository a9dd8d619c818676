"""The console: lines, tables, and a live bar for each training where there is a terminal."""

import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import rich.table
from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from closedbook.errors import counted, interval, percent
from closedbook.evaluation.metrics import Accuracy
from closedbook.facts.corpus import Corpus
from closedbook.facts.description import describe
from closedbook.facts.stored import StoredCorpus
from closedbook.report.table import Table
from closedbook.visible import in_a_line

LINE_SECONDS = 10.0
WIDEST = 400  # a table that wraps its figures cannot be read
WINDOW = 50  # steps that speed and loss are averaged over

_PLAIN: Any = {"highlight": False, "markup": False, "emoji": False}  # text is shown as it is: `[red]`, `:wave:`
_console = Console(soft_wrap=True, **_PLAIN)


class Bars:
    """The live display that the trainings under way share, a bar each."""

    def __init__(self) -> None:
        loss = TextColumn("loss {task.fields[loss]:.3f}  {task.fields[speed]:,.0f} tokens/s")
        columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), loss
        self._bar = Bar(*columns, TimeRemainingColumn(), console=_console, transient=True)
        self._open = 0

    def enter(self) -> Bar:
        """The display, which the first that enters starts."""
        self._open += 1
        self._bar.start()
        return self._bar

    def leave(self, task: TaskID | None) -> None:
        """Takes a bar away, and with the last the display."""
        self._open -= 1
        if task is not None:
            self._bar.remove_task(task)
        if not self._open:
            self._bar.stop()


class Progress:
    """Shows step, mean loss of the last steps, real tokens a second and time left.

    That is a live bar, or without a terminal a line every 10 s.

    Args:
        title: Of the training.
        bars: Where its bar stands beside others; alone unless given.
    """

    def __init__(self, title: str, bars: Bars | None = None) -> None:
        self._title = in_a_line(title)
        self._recent: deque[tuple[float, int, int]] = deque(maxlen=WINDOW)  # seconds, tokens, step
        self._losses: deque[float] = deque(maxlen=WINDOW)
        self._last_line = time.monotonic()
        self._bars = bars or Bars()
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> "Progress":
        if _console.is_terminal:
            self._bar = self._bars.enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bars.leave(self._task)
            self._bar = self._task = None

    def __call__(self, record: Any) -> None:
        """Takes a `closedbook.training.loop.StepRecord`, whose module this one does not import: it would load torch."""
        self._recent.append((record.seconds, record.tokens, record.step))
        self._losses.append(record.loss)
        loss = sum(self._losses) / len(self._losses)
        if self._bar is not None:
            if self._task is None:
                self._task = self._bar.add_task(self._title, total=record.steps, loss=loss, speed=0.0)
            self._bar.update(self._task, completed=record.step, total=record.steps, loss=loss, speed=self._speed())
        elif time.monotonic() - self._last_line >= LINE_SECONDS or record.step == record.steps:
            self._last_line = time.monotonic()
            say(f"{self._title}: step {record.step:,}/{record.steps:,}, loss {loss:.3f}{self._pace(record)}")

    def _pace(self, record: Any) -> str:
        """Speed and time left, nothing before there are two records to take them from."""
        if len(self._recent) < 2:
            return ""
        left = (record.steps - record.step) * self._seconds_a_step()
        return f", {self._speed():,.0f} tokens/s, {left:,.0f} s left"

    def _seconds_a_step(self) -> float:
        (began, _, first), (now, _, last) = self._recent[0], self._recent[-1]
        return (now - began) / max(last - first, 1)

    def _speed(self) -> float:
        seconds = self._recent[-1][0] - self._recent[0][0]
        return sum(tokens for _, tokens, _ in list(self._recent)[1:]) / seconds if seconds > 0 else 0.0


class Counter:
    """Shows how far many questions are: a live bar with the time left, or without a terminal a line every 10 s."""

    def __init__(self) -> None:
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._title, self._total, self._done = "", 0.0, 0.0
        self._began = self._last_line = time.monotonic()

    def start(self, title: str, total: float) -> None:
        """So many units of work begin."""
        self.stop()
        self._title, self._total, self._done = in_a_line(title), total, 0.0
        self._began = self._last_line = time.monotonic()
        if _console.is_terminal:
            columns = TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.percentage:.0f} %")
            self._bar = Bar(*columns, TimeRemainingColumn(), console=_console, transient=True)
            self._task = self._bar.add_task(self._title, total=total)
            self._bar.start()

    def advance(self, units: float) -> None:
        """So many are done."""
        self._done = min(self._done + units, self._total)
        now = time.monotonic()
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self._done)
        elif self._done and now - self._last_line >= LINE_SECONDS:
            self._last_line = now
            left = (self._total - self._done) * (now - self._began) / self._done
            say(f"{self._title}: {100 * self._done / self._total:.0f} %, about {left:,.0f} s left")

    def stop(self) -> None:
        """It is over."""
        if self._bar is not None:
            self._bar.stop()
        self._bar = self._task = None


def say(line: str) -> None:
    """One line; what would steer the terminal is spelled."""
    _console.print(in_a_line(line))


def say_table(table: Table) -> None:
    """A table, wide enough that its figures are not wrapped."""
    grid = rich.table.Table(
        title=in_a_line(table.title) or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for columns, figures in ((table.texts, False), (table.figures, True), (table.remarks, False)):
        for column in columns:
            grid.add_column(in_a_line(column), justify="right" if figures else "left", no_wrap=figures, overflow="fold")
    for row in table.rows:
        grid.add_row(*map(in_a_line, row))
    wide = Console(width=WIDEST, **_PLAIN)
    width = Measurement.get(wide, wide.options, grid).maximum
    Console(width=max(_console.width, width), **_PLAIN).print(grid)


def say_accuracy(title: str, accuracy: Accuracy) -> None:
    """`title: 111/500 = 22.2 % right, 95 % interval 18.8 to 26.0 %; 22.2 % exact, 23.0 % after normalisation`."""
    right = accuracy.correct
    if right.value is None or right.low is None or right.high is None:
        say(f"{title}: nothing was asked")
        return
    line = f"{title}: {right.hits}/{right.total} = {percent(right.value)} right, 95 % interval "
    line += interval((right.low, right.high))
    if accuracy.normalised.hits or not right.hits:  # else answers stand in sentences, and none is one alone
        line += f"; {percent(accuracy.exact.value)} exact, {percent(accuracy.normalised.value)} after normalisation"
    tried = accuracy.correct_given_attempted
    if tried.total < right.total:
        line += f"; {right.total - tried.total} not attempted"
        line += f", {percent(tried.value)} right of those that are" if tried.value is not None else ""
    say(line)


def say_accuracies(title: str, overall: Accuracy, by_relation: Mapping[str, Accuracy]) -> None:
    """A line for all facts, and where there are several relations one for each."""
    say_accuracy(title, overall)
    if len(by_relation) > 1:
        for relation, accuracy in by_relation.items():
            say_accuracy(f"  {relation}", accuracy)


def say_corpus(corpus: Corpus | StoredCorpus) -> None:
    """Sizes, what was understood, and what could make a figure misleading."""
    summary = corpus.summary()
    say(
        f"corpus {summary.name}: {counted(summary.documents, 'document')}; questions: {summary.train:,} train, "
        f"{summary.dev:,} dev, {summary.test:,} test"
    )
    if known := [file.known_as for file in summary.files.values() if file.known_as]:
        say(f"recognised by their SHA-256: {', '.join(known)}")
    for part, repeated in (("dev", summary.dev_questions_in_train), ("test", summary.test_questions_in_train)):
        if repeated:
            also = "also occurs" if len(repeated) == 1 else "also occur"
            say(f"{counted(len(repeated), f'{part} question')} {also} in training: {'; '.join(repeated[:3])}")
    if conflicts := summary.conflicting_train_questions:
        first, answers = next(iter(conflicts.items()))
        have = "has" if len(conflicts) == 1 else "have"
        questions = counted(len(conflicts), "training question")
        say(f"{questions} {have} different answers, for example {first} ({', '.join(answers)})")
    for line in describe(corpus):
        say(line)


class Reporter:
    """Who watches an experiment on the console; see `closedbook.experiments.reporter.Reporter`."""

    say = staticmethod(say)
    corpus = staticmethod(say_corpus)

    def __init__(self) -> None:
        self._bars = Bars()

    def progress(self, title: str) -> Progress:
        """A bar for a training of that title."""
        return Progress(title, self._bars)

    def show(self, result: Any, out: Path) -> None:
        """What an experiment came to: tables, and where there is one a page in `out`."""
        from closedbook.report.experiments import show  # after the training: matplotlib takes a second to import

        show(result, out)
