"""Who watches an experiment: gets lines, and a callback for each training."""

from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from closedbook.facts.corpus import Corpus
from closedbook.training.loop import Callback


@runtime_checkable
class Reporter(Protocol):
    """Lines for readers, what is to be known of a corpus, and a progress bar for each training."""

    def say(self, line: str) -> None:
        """One line."""

    def corpus(self, corpus: Corpus) -> None:
        """What is learned, and what could mislead."""

    def progress(self, title: str) -> AbstractContextManager[Callback]:
        """A bar for a training of that title, as the callback that moves it."""
