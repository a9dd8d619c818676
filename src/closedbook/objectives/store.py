"""The token store: a corpus and its facts as one token vector, and where in it everything stands."""

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

import torch
from jaxtyping import Int64
from torch import Tensor

from closedbook.config import Reading
from closedbook.config.objectives import LongDocuments
from closedbook.errors import UserError
from closedbook.facts.packed import Encoding
from closedbook.facts.records import Document, Fact
from closedbook.facts.spans import LIGHT, Span, SpanKinds
from closedbook.facts.spans import spans as find_spans
from closedbook.facts.surroundings import Side, Surroundings, shared, surroundings
from closedbook.facts.tokenizers import MASK_ID, PAD_ID, Tokenizer
from closedbook.facts.tokenizing import encode
from closedbook.objectives.segments import Spans


@dataclass
class TokenStore:
    """Collects token sequences on the host; `tokens` hands them to a device as one vector.

    The vector begins with pad and mask, so that both are slices like everything else.

    Args:
        tokenizer: The vocabulary.
        device: Where the tokens go.
        encoded: The tokens of documents that are tokenized already, None to tokenize them.
        values: The tokens so far.
    """

    tokenizer: Tokenizer
    device: torch.device
    encoded: Callable[[Sequence[Document]], list[Encoding]] | None = None
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

    def encodings(self, documents: Sequence[Document]) -> list[Encoding]:
        """The tokens of documents.

        Raises:
            UserError: A document has a character outside the vocabulary.
        """
        return encode(self.tokenizer, documents) if self.encoded is None else self.encoded(documents)

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
class SpanSlices:
    """Where a span and the words before it stand in the token vector, and how often it is asked for.

    Args:
        contexts: The word before it, the two words before it, and so on; at least one, perhaps empty.
        apart: The nearest words before it that belong to no other value: as few as tell, one more, and so on; none
            where that is not wanted.
        behind: The same of the words behind it; none where those before it tell.
        place: First token in its document, and one past the last.
        span: The span as an answer is spelled: as if a space stood before it if the tokenizer adds one, and nothing
            behind it.
        group: Spans of one group of a line share the quota.
        quota: Spans of the group that a pass takes; below one, one in that share of the passes.
        again: Whether the same text stands before it in the document, asked for as well.
    """

    contexts: tuple[Slice, ...]
    apart: tuple[Slice, ...]
    behind: tuple[Slice, ...]
    place: tuple[int, int]
    span: Slice
    group: str
    quota: float
    again: bool


@dataclass(frozen=True)
class TitledSlices:
    """Where the parts of a document with a title stand in the token vector.

    Args:
        name: The title, without its full stop.
        body: What follows it.
        words: Where each word of the body begins.
        spans: What the body may be asked for.
    """

    name: Slice
    body: Slice
    words: tuple[int, ...]
    spans: tuple[SpanSlices, ...]


ALL = 1e9
WORDS_A_PASS = 16.0  # of the runs of words that are shaped like answers; a line has dozens
RARELY = 0.25  # of spans that are like few answers, where these few are one in twenty; of fewer, as many fewer


def quota(span: Span, kinds: SpanKinds) -> float:
    """Spans of the group of this one that a pass takes of a line."""
    if span.rare:
        return RARELY * min(kinds.rare / LIGHT, 1.0)
    if kinds.share(span.kind) < LIGHT:
        return kinds.share(span.kind) / LIGHT or 1.0  # one, where only `relations.toml` tells that there are such
    return WORDS_A_PASS if span.kind == "word" else ALL


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
    for document, (ids, starts) in zip(documents, store.encodings(documents), strict=True):
        if window is None or len(ids) <= window:
            slices.append(store.add(ids))
            continue
        split += 1
        title = bisect_left(starts, len(document.subject) + 1) if document.subject else 0
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


def add_whole(
    store: TokenStore, documents: Sequence[Document], long_documents: LongDocuments, longest: int
) -> tuple[Spans, dict[str, int]]:
    """Appends documents as whole examples, with how many were longer than `longest` tokens, by what became of them."""
    if long_documents == "windows":
        spans, long = add_documents(store, documents, window=longest)
        return spans, {"documents_made_windows": long}
    spans, _ = add_documents(store, documents, window=None)
    return spans, {"documents_cut": int((spans.length_R > longest).sum())}


def add_titled(
    store: TokenStore,
    documents: Sequence[Document],
    *,
    kinds: SpanKinds,
    context_words: int = 0,
    values: frozenset[str] | None = None,
) -> list[TitledSlices]:
    """Appends the documents that have a title and says where their parts are.

    Args:
        store: Where they go.
        documents: Those without a title are left out.
        kinds: What they are asked for.
        context_words: Longest context of a span.
        values: Training answers, where what stands around spans is wanted beside what stands before them, else None.

    Raises:
        UserError: A document has a character outside the vocabulary.
    """
    titled = [document for document in documents if document.subject]
    spans = [find_spans(document, kinds, context_words) for document in titled]
    near: list[list[Surroundings]] = [[Surroundings()] * len(found) for found in spans]
    if values is not None:
        common = shared(zip(titled, spans, strict=True), values)
        near = [
            surroundings(document, found, context_words, common) for document, found in zip(titled, spans, strict=True)
        ]
    rows = zip(titled, store.encodings(titled), spans, near, strict=True)
    return [_slices(store, document, encoding, kinds, [*zip(*both, strict=True)]) for document, encoding, *both in rows]


def _slices(
    store: TokenStore,
    document: Document,
    encoding: Encoding,
    kinds: SpanKinds,
    found: Sequence[tuple[Span, Surroundings]],
) -> TitledSlices:
    base, _ = store.add(encoding.ids)
    starts = encoding.starts
    text, title = document.text, len(document.subject) + 1

    def cut(start: int, end: int) -> Slice:
        first = bisect_left(starts, start)
        return base + first, bisect_left(starts, end) - first

    def ends_a_token(end: int) -> bool:
        """Whether none goes on behind it, as that of `%.` does behind a percentage."""
        following = bisect_left(starts, end)
        return end == len(text) or text[end] == " " or (following < len(starts) and starts[following] == end)

    def alone(start: int, end: int) -> Slice:
        return store.add(store.tokenizer.encode([text[start:end]])[0])

    def edges(side: Side) -> list[int]:
        """Where the words of a side begin in the token vector, and where they end; stored anew unless side by side."""
        parts = [cut(start, end) for start, end in side.words]
        joined = all(one[0] + one[1] == other[0] for one, other in pairwise(parts))
        first = parts[0][0] if parts else 0
        if not joined:
            first, _ = store.add([store.values[at] for start, length in parts for at in range(start, start + length)])
        return [*accumulate((length for _, length in parts), initial=first)]

    def before(side: Side) -> tuple[Slice, ...]:
        *begins, end = edges(side)
        return tuple((begin, end - begin) for begin in begins[: len(begins) - side.least + 1][::-1])

    def behind(side: Side) -> tuple[Slice, ...]:
        begin, *ends = edges(side)
        return tuple((begin, end - begin) for end in ends[side.least - 1 :])

    def slices(span: Span, around: Surroundings) -> SpanSlices:
        first, length = as_answer = cut(span.start, span.end)
        behind_a_space = text[span.start - 1] == " "  # whose token the slice begins with
        if behind_a_space != store.tokenizer.adds_space or not ends_a_token(span.end):
            as_answer = alone(span.start, span.end)
        group = "rare" if span.rare else span.kind
        contexts = tuple(cut(word, span.start) for word in span.before or (span.start,))
        return SpanSlices(
            contexts=contexts,
            apart=before(around.apart),
            behind=behind(around.behind),
            place=(first, first + length),
            span=as_answer,
            group=group,
            quota=quota(span, kinds),
            again=span.again,
        )

    words = [match.start() for match in re.finditer(r"\S+", text) if match.start() >= title]
    name = len(document.subject)
    return TitledSlices(
        name=cut(0, name) if ends_a_token(name) else alone(0, name),
        body=cut(title, len(text)),
        words=tuple(dict.fromkeys(base + bisect_left(starts, word) for word in words)),
        spans=tuple(slices(span, around) for span, around in found),
    )
