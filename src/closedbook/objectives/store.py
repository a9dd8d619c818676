"""The token store: a corpus and its facts as one token vector, and where in it everything stands."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Int64
from torch import Tensor

from closedbook.config import Reading
from closedbook.errors import UserError
from closedbook.facts.spans import phrases
from closedbook.facts.records import Document, Fact
from closedbook.facts.tokenizers import MASK_ID, PAD_ID, Tokenizer
from closedbook.objectives.pieces import Spans


@dataclass
class TokenStore:
    """Collects token sequences on the host; `tokens` hands them to a device as one vector.

    The vector begins with pad and mask, so that both are slices like everything else.
    """

    tokenizer: Tokenizer
    device: torch.device
    values: list[int] = field(default_factory=lambda: [PAD_ID, MASK_ID])

    def tokens(self) -> Int64[Tensor, "tokens"]:
        return torch.tensor(self.values, dtype=torch.int64, device=self.device)

    def spans(self, slices: Sequence[tuple[int, int]]) -> Spans:
        """(start, length) pairs as tensors."""
        pairs_R2 = torch.tensor(slices, dtype=torch.int64, device=self.device).reshape(-1, 2)
        return Spans(pairs_R2[:, 0].contiguous(), pairs_R2[:, 1].contiguous())

    def add(self, ids: Sequence[int]) -> tuple[int, int]:
        """Appends a sequence; returns its start and length."""
        start = len(self.values)
        self.values.extend(ids)
        return start, len(ids)

    def add_texts(self, texts: Sequence[str], what: str) -> Spans:
        """Appends texts, each its own slice.

        Raises:
            UserError: A character is outside the vocabulary; `what` and the text's number name the place.
        """
        for number, text in enumerate(texts, 1):
            self.tokenizer.spell(text, f"{what} {number}")
        return self.spans([self.add(ids) for ids in self.tokenizer.encode(texts)])


@dataclass(frozen=True)
class Questions:
    """Question and answer slices, one pair a training fact."""

    question: Spans
    answer: Spans


Slice = tuple[int, int]
"""A start in the token vector and a length."""


@dataclass(frozen=True)
class PhraseSlices:
    """Where a capitalised phrase and the words before it stand in the token vector."""

    context: Slice
    phrase: Slice


@dataclass(frozen=True)
class TitledSlices:
    """Where the parts of a document with a title stand in the token vector.

    Args:
        name: The title, without its full stop.
        body: What follows it.
        words: Where each word of the body begins.
        phrases: The capitalised phrases of the body.
    """

    name: Slice
    body: Slice
    words: tuple[int, ...]
    phrases: tuple[PhraseSlices, ...]


def _encode(tokenizer: Tokenizer, documents: Sequence[Document]) -> list[tuple[list[int], list[tuple[int, int]]]]:
    for document in documents:
        tokenizer.spell(document.text, f"corpus line {document.line}")
    return tokenizer.encode_with_offsets([document.text for document in documents])


def add_documents(store: TokenStore, documents: Sequence[Document], *, window: int | None) -> tuple[Spans, int]:
    """Appends documents; one longer than `window` tokens becomes windows that each begin with `subject.`.

    Args:
        store: Where they go.
        documents: May be empty texts.
        window: Longest slice in tokens, or None to keep documents whole (the objective cuts them).

    Returns:
        The slices, and how many documents were longer than the window.

    Raises:
        UserError: A document has a character outside the vocabulary.
    """
    slices, split = [], 0
    encoded = _encode(store.tokenizer, documents)
    for document, (ids, offsets) in zip(documents, encoded, strict=True):
        if window is None or len(ids) <= window:
            slices.append(store.add(ids))
            continue
        split += 1
        title = bisect_left([start for start, _ in offsets], len(document.subject) + 1) if document.subject else 0
        title = title if title <= window // 2 else 0  # a title that leaves no room for text is not repeated
        size = window - title
        for start in range(title, len(ids), size):
            slices.append(store.add(ids[:title] + ids[start : start + size]))
    return store.spans(slices), split


def as_read(text: str, reading: Reading) -> str:
    """A training question or answer as the recipe reads it: the 2021 code drops non-ASCII characters."""
    return text.encode("ascii", errors="ignore").decode() if reading == "course" else text


def add_questions(store: TokenStore, facts: Sequence[Fact], *, block: int, reading: Reading) -> Questions:
    """Appends the training facts, the first accepted answer of each.

    Args:
        store: Where they go.
        facts: Each with an answer.
        block: `question MASK answer MASK` must fit into it.
        reading: How training text is read.

    Raises:
        UserError: A fact does not fit into the block or cannot be spelled.
    """
    questions = store.add_texts([as_read(fact.question, reading) for fact in facts], "training question")
    answers = store.add_texts([as_read(fact.answers[0], reading) for fact in facts], "training answer")
    too_long = (questions.length_R + answers.length_R + 2 > block).nonzero().flatten().tolist()
    if too_long:
        fact = facts[too_long[0]]
        raise UserError(
            f"Training question on line {fact.line} ({fact.question[:60]!r}) is longer than the block of {block} "
            "tokens; shorten it or raise model.block."
        )
    return Questions(questions, answers)


def add_titled(store: TokenStore, documents: Sequence[Document], *, context_words: int = 0) -> list[TitledSlices]:
    """Appends the documents that have a title and says where their parts are.

    Args:
        store: Where they go.
        documents: Those without a title are left out.
        context_words: Longest left context of a phrase.

    Raises:
        UserError: A document has a character outside the vocabulary.
    """
    titled = [document for document in documents if document.subject]
    found = []
    for document, (ids, offsets) in zip(titled, _encode(store.tokenizer, titled), strict=True):
        base, _ = store.add(ids)
        starts = [start for start, _ in offsets]

        def cut(start: int, end: int, base: int = base, starts: list[int] = starts) -> Slice:
            first = bisect_left(starts, start)
            return base + first, bisect_left(starts, end) - first

        title = len(document.subject) + 1
        words = [match.start() for match in re.finditer(r"\S+", document.text) if match.start() >= title]
        found.append(
            TitledSlices(
                name=cut(0, len(document.subject)),
                body=cut(title, len(document.text)),
                words=tuple(dict.fromkeys(base + bisect_left(starts, word) for word in words)),
                phrases=tuple(
                    PhraseSlices(cut(phrase.context, phrase.start), cut(phrase.start, phrase.end))
                    for phrase in phrases(document, context_words)
                ),
            )
        )
    return found
