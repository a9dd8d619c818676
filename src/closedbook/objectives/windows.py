"""The batches of a corpus larger than memory: an epoch is a permutation of its documents, dealt out in windows.

A keyed bijection (`closedbook.draws.permuted`) says which documents, and which training facts, come in which window of
about 4,096 documents; nothing is sorted as a whole. Of a window everything is made as of a small corpus: objectives,
examples, length buckets. All windows of an epoch have the same number of steps, so that a step's window is found by a
division, and `step(n)` is a pure function of (corpus, recipe, n) in constant memory.
"""

from collections.abc import Callable, Iterator, Sequence
from math import ceil
from typing import TypeVar

import numpy as np
import torch

from closedbook.config import RunConfig
from closedbook.draws import derive, permuted
from closedbook.errors import UserError
from closedbook.facts.corpus import Corpus
from closedbook.facts.coverage import asked_kinds
from closedbook.facts.packed import Encoding
from closedbook.facts.parallel import chunks
from closedbook.facts.records import Document
from closedbook.facts.spans import PHRASES
from closedbook.facts.stored import StoredCorpus
from closedbook.facts.tokenizers import Tokenizer
from closedbook.objectives.mixture import Mixture, build_mixture
from closedbook.objectives.objective import Whole
from closedbook.objectives.plan import SETTLED, Epochs, MicroBatch, by_length, dealt, in_steps
from closedbook.objectives.segments import Batch, render

T = TypeVar("T")
WINDOW = 4_096  # documents
READ = 512  # documents after which mapped pages are let go: the system maps 64 kB around each place that is read
DOCUMENTS, FACTS, DRAWS = 0, 1, 2  # what a key is for
Studied = Callable[[Corpus], Corpus]
"""A window with the cards that a reader wrote about its documents."""


class Windows:
    """The windows of an epoch.

    Args:
        corpus: The store.
        config: The recipe.
        tokenizer: The vocabulary, that of the store.
        device: Where the batches go.
        studied: Writes the cards of a window, None where the recipe has none.
    """

    def __init__(
        self,
        corpus: StoredCorpus,
        config: RunConfig,
        tokenizer: Tokenizer,
        device: torch.device,
        studied: Studied | None = None,
    ) -> None:
        self._corpus, self._config, self._tokenizer, self._device = corpus, config, tokenizer, device
        self._studied = studied
        self._reads = any(objective.reads != "questions" for objective in config.mixture)
        spans = any(getattr(objective, "spans", "") == "like_answers" for objective in config.mixture)
        self._kinds = asked_kinds(corpus.sample()) if spans else PHRASES
        rows = len(corpus.documents) if self._reads else len(corpus.train)
        self._count = ceil(rows / WINDOW)

    def __len__(self) -> int:
        return self._count

    def mixture(self, epoch: int, number: int) -> Mixture:
        """The examples of a window: those of its documents and its training facts."""
        rows = self._rows(len(self._corpus.documents), DOCUMENTS, epoch, number) if self._reads else []
        facts = self._rows(len(self._corpus.train), FACTS, epoch, number)
        documents = list(self._read(self._corpus.documents.one, rows))
        row_of_line = {document.line: row for document, row in zip(documents, rows, strict=True)}
        window = self._corpus.part(documents, self._read(self._corpus.train.one, facts))
        if self._studied is not None:
            window = self._studied(window)

        def encoded(some: Sequence[Document]) -> list[Encoding]:
            return list(self._read(self._corpus.encoding, [row_of_line[document.line] for document in some]))

        seed = derive(self._config.training.seed, DRAWS, epoch, number)
        whole = Whole(self._kinds, self._corpus.index.taken, encoded, seed)
        return build_mixture(self._config, window, self._tokenizer, self._device, whole)

    def _read(self, read: Callable[[int], T], rows: Sequence[int]) -> Iterator[T]:
        """What is read of some rows, with the pages around few of them in memory at a time."""
        for some in chunks(rows, READ):
            yield from map(read, some)
            self._corpus.release()

    def _rows(self, size: int, what: int, epoch: int, number: int) -> list[int]:
        """The window's share of the permuted rows, in the order of the corpus."""
        first, last = (edge * size // self._count for edge in (number, number + 1))
        if first == last:
            return []
        places = np.arange(first, last, dtype=np.int64)
        rows: list[int] = np.sort(permuted(places, size, self._config.training.seed, what, epoch)).tolist()
        return rows


class WindowBatches:
    """The batches of a run on a store, as `closedbook.objectives.plan.Batches`.

    Raises:
        UserError: The recipe keeps the order of the file, or draws no example.
    """

    def __init__(self, windows: Windows, config: RunConfig, relations: int, *, rank: int = 0, ranks: int = 1) -> None:
        training = config.training
        if training.plan != "by_length" or config.reading != "utf8":
            raise UserError(
                f"The recipe {config.recipe} reads the corpus in the order of its file, all of it in memory; a store "
                "of this size is trained on by standard, default or open."
            )
        self._windows, self._config, self._rank, self._ranks = windows, config, rank, ranks
        self._steps_of_a_window: dict[tuple[float, ...], int] = {}  # by the objectives that take part
        self._opened: tuple[int, int] | None = None
        self._planned: tuple[int, int] | None = None
        self._plan: list[list[MicroBatch]] = []
        self._passes: int | None = None
        for _ in range(SETTLED):
            expected = training.expected_passes(relations, len(windows) * self._steps(0))
            if expected == self._passes:
                break
            self._passes, self._steps_of_a_window, self._opened = expected, {}, None
        plan = Epochs(training, relations, lambda epoch: len(windows) * self._steps(epoch))
        self.place, self.epochs, self.steps = plan.place, plan.count, plan.steps
        self.all_joined = config.all_joined

    @property
    def counts(self) -> dict[str, int]:
        """What there is, for the report."""
        return {"windows": len(self._windows)}

    def step(self, step: int) -> list[Batch]:
        """The micro-batches of a step, or this process's rows of them."""
        epoch, place = self.place(step)
        steps = self._steps(epoch)
        number, within = divmod(place, steps)
        if self._planned != (epoch, number):
            self._open(epoch, number)
            parts, seed = self._config.training.micro_batches or 1, self._config.training.seed
            self._plan = in_steps(self._segments.lengths(), steps, parts, derive(seed, DRAWS, number), epoch)
            self._planned = (epoch, number)
        own = dealt(self._plan[within], self._rank, self._ranks)
        return [render(self._tokens_N, self._segments, part.rows_B, part.width) for part in own]

    def _steps(self, epoch: int) -> int:
        """Steps of each window of an epoch: what the first window takes at the size of batch that the recipe says."""
        epochs = self._config.training.epochs
        taking_part = tuple(objective.share_joined(epoch, epochs) for objective in self._config.mixture)
        if taking_part not in self._steps_of_a_window:
            self._open(epoch, 0)
            training = self._config.training
            tokens, parts = training.batch_tokens or 0, training.micro_batches or 1
            steps = len(by_length(self._segments.lengths(), tokens, parts, training.seed, epoch))
            if not steps:
                raise UserError("Nothing to train on: the first documents of the training draw no example.")
            self._steps_of_a_window[taking_part] = steps
        return self._steps_of_a_window[taking_part]

    def _open(self, epoch: int, number: int) -> None:
        """Makes a window's examples."""
        if self._opened != (epoch, number):
            self._plan, self._opened = [], None
            mixture = self._windows.mixture(epoch, number)
            if self._passes is not None:
                mixture = mixture.settled(self._passes, self._config.training.epochs)
            self._tokens_N, self._segments = mixture.tokens_N, mixture.epoch(epoch)
            self._opened, self._planned = (epoch, number), None
