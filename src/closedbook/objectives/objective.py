"""What an objective is: examples of one pass as a pure function of the pass's number, made from one corpus."""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Int64
from torch import Tensor

from closedbook.config import ContextCards, RunConfig
from closedbook.errors import UserError
from closedbook.facts.corpus import Corpus
from closedbook.facts.coverage import asked_kinds
from closedbook.facts.packed import Encoding
from closedbook.facts.records import Document
from closedbook.facts.spans import PHRASES, SpanKinds
from closedbook.facts.stored import StoredCorpus
from closedbook.objectives.segments import Segments
from closedbook.objectives.store import TitledSlices, TokenStore, add_titled


class NothingToAsk(UserError):
    """An objective finds nothing in the corpus, or in the part of it that it got."""


@runtime_checkable
class Objective(Protocol):
    """Made once from its settings, the material and a seed; then asked for one pass after the other."""

    counts: dict[str, int]
    """What was split, cut or left out while it was made, for the report."""

    def __call__(self, number: int) -> Segments:
        """The examples of a pass, the same for the same number."""


@runtime_checkable
class Drawing(Objective, Protocol):
    """An objective whose passes hold some of its examples, perhaps none, drawn anew each time."""

    def candidates(self) -> Int64[Tensor, "rows"]:
        """Tokens of every example that a pass may draw; of one that is drawn in parts, at its shortest."""


@dataclass(frozen=True)
class Whole:
    """What is known of a corpus of which objectives get a part.

    Args:
        kinds: What lines may be asked for.
        taken: Subjects and words of all documents without regard to capitals.
        encoded: The tokens of the part's documents.
        seed: Of the part's draws.
    """

    kinds: SpanKinds
    taken: Container[str]
    encoded: Callable[[Sequence[Document]], list[Encoding]]
    seed: int


@dataclass(frozen=True)
class Material:
    """What objectives are made of.

    Args:
        store: Takes the tokens.
        corpus: Documents, training facts and cards.
        config: The run's; its block bounds an example.
        whole: What the corpus is a part of, None where it is all there is.
    """

    store: TokenStore
    corpus: Corpus
    config: RunConfig
    whole: Whole | None = None

    @property
    def block(self) -> int:
        """Longest example in tokens."""
        return self.config.model.block

    @property
    def device(self) -> torch.device:
        """Where the tokens go."""
        return self.store.device

    @property
    def rows(self) -> list[Document]:
        """The documents as the recipe reads them."""
        return rows_as_read(self.corpus, self.config)

    @cached_property
    def span_kinds(self) -> SpanKinds:
        """What lines may be asked for, learned from the training answers."""
        return asked_kinds(self.corpus) if self.whole is None else self.whole.kinds

    @cached_property
    def titled(self) -> list[TitledSlices]:
        """The documents that have a title, and what they are asked for."""
        return self._titled(self.span_kinds)

    @cached_property
    def titled_phrases(self) -> list[TitledSlices]:
        """The same, asked for capitalised phrases alone."""
        return self.titled if self.span_kinds == PHRASES else self._titled(PHRASES)

    def _titled(self, kinds: SpanKinds) -> list[TitledSlices]:
        context = max((s.words for s in self.config.mixture if isinstance(s, ContextCards)), default=0)
        around = any(isinstance(s, ContextCards) and self.asks_around(s) for s in self.config.mixture)
        values = frozenset(answer for fact in self.corpus.train for answer in fact.answers) if around else None
        return add_titled(self.store, self.corpus.documents, kinds=kinds, context_words=context, values=values)

    def asks_around(self, settings: ContextCards) -> bool:
        """Whether contexts are drawn from all around a span: where training asks several things, unless it is said."""
        several = sum(relation.train > 0 for relation in self.corpus.relations) > 1
        return several if settings.where == "auto" else settings.where == "around"


def number_of_rows(corpus: Corpus | StoredCorpus, config: RunConfig) -> int:
    """Documents that a recipe trains on."""
    return len(rows_as_read(corpus, config)) if isinstance(corpus, Corpus) else len(corpus.documents)


def rows_as_read(corpus: Corpus, config: RunConfig) -> list[Document]:
    """The documents that a recipe trains on.

    The course's code splits the file on line breaks: blank lines are rows, and the last line break opens one more.
    """
    if config.reading == "utf8":
        return list(corpus.documents)
    blank = [Document(subject="", text="", line=line) for line in corpus.blank_lines]
    return sorted([*corpus.documents, *blank], key=lambda document: document.line)


class Fixed:
    """An objective whose examples are the same at every pass.

    Args:
        segments: The examples.
        counts: What was left out while they were made.
    """

    def __init__(self, segments: Segments, counts: dict[str, int] | None = None) -> None:
        self._segments, self.counts = segments, counts or {}

    def __call__(self, number: int) -> Segments:
        """All examples."""
        return self._segments


def with_spans(documents: Sequence[TitledSlices]) -> list[TitledSlices]:
    """The documents that are asked for something."""
    return [document for document in documents if document.spans]
