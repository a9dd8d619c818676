"""A mixture: the objectives of a recipe over one corpus, as the examples of an epoch."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Int64
from torch import Tensor

from closedbook.config import Reading, RunConfig, SourceConfig
from closedbook.draws import derive
from closedbook.errors import UserError
from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Document
from closedbook.facts.tokenizers import Tokenizer
from closedbook.objectives.cards import context_cards, name_cards
from closedbook.objectives.pieces import Pieces, concatenate
from closedbook.objectives.question_answering import question_answering
from closedbook.objectives.span_corruption import longest_cut, span_corruption
from closedbook.objectives.store import TokenStore, add_cards, add_documents, add_questions

Source = Callable[[int], Pieces]
"""The examples of one pass over a source, as a function of the pass's number."""


@dataclass(frozen=True)
class Mixture:
    """Everything that training reads: the token vector and the sources of examples.

    Args:
        tokens_N: The token vector on the training device.
        sources: Each with the number of its passes an epoch.
        counts: What was split, cut or left out while the vector was built, for the report.
    """

    tokens_N: Int64[Tensor, "tokens"]
    sources: tuple[tuple[Source, int], ...]
    counts: dict[str, int]

    def epoch(self, number: int) -> Pieces:
        """The examples of an epoch, source by source."""
        return concatenate(
            [source(number * passes + index) for source, passes in self.sources for index in range(passes)]
        )


def build_mixture(config: RunConfig, corpus: Corpus, tokenizer: Tokenizer, device: torch.device) -> Mixture:
    """Puts the corpus on the device and makes the sources that the recipe names.

    Raises:
        UserError: A text cannot be spelled, a question is longer than the block, or an objective finds nothing.
    """
    store = TokenStore(tokenizer, device)
    sources, counts = [], {}
    for index, source in enumerate(config.mixture):
        seed = derive(config.training.seed, index)
        make, noted = _MAKERS[source.objective](store, config, corpus, source, seed)
        sources.append((make, source.repeats))
        counts.update(noted)
    return Mixture(store.tokens(), tuple(sources), counts)


def rows_as_read(corpus: Corpus, reading: Reading) -> list[Document]:
    """The documents that the recipe trains on.

    The course's code splits the file on line breaks: blank lines are rows, and the last line break opens one more.
    """
    if reading == "utf8":
        return list(corpus.documents)
    blank = [Document(subject="", text="", line=line) for line in corpus.blank_lines]
    return sorted([*corpus.documents, *blank], key=lambda document: document.line)


def _span_corruption(
    store: TokenStore, config: RunConfig, corpus: Corpus, source: SourceConfig, seed: int
) -> tuple[Source, dict[str, int]]:
    documents = rows_as_read(corpus, config.reading)
    block = config.model.block
    longest = longest_cut(block)
    windows = source.long_documents == "windows"
    spans, long = add_documents(store, documents, window=longest if windows else None)
    if not windows:
        long = int((spans.length_R > longest).sum())
    rows_R = torch.arange(len(spans), device=store.device)

    def make(step: int) -> Pieces:
        return span_corruption(spans, rows_R, block=block, seed=seed, step=step)

    return make, {"documents_made_windows" if windows else "documents_cut": long}


def _question_answering(
    store: TokenStore, config: RunConfig, corpus: Corpus, source: SourceConfig, seed: int
) -> tuple[Source, dict[str, int]]:
    course = config.reading == "course"
    questions = add_questions(store, corpus.train, block=config.model.block, reading=config.reading)
    dropped = sum(not (fact.question + fact.answers[0]).isascii() for fact in corpus.train) if course else 0
    pieces = question_answering(questions.question, questions.answer)
    return lambda step: pieces, {"train_facts_made_ascii": dropped} if course else {}


def _cards(
    store: TokenStore, config: RunConfig, corpus: Corpus, source: SourceConfig, seed: int
) -> tuple[Source, dict[str, int]]:
    cards, left_out = add_cards(
        store, corpus.documents, context_words=source.context_words or 0, block=config.model.block
    )
    if not len(cards.name):
        raise UserError(f"The objective {source.objective} finds no capitalised phrase in a document that has a title.")
    if source.objective == "name_cards":
        pieces = name_cards(cards.name, cards.phrase)
    else:
        pieces = context_cards(cards.name, cards.context, cards.phrase)
    return lambda step: pieces, {source.objective: len(cards.name), f"{source.objective}_too_long": left_out}


_MAKERS = {
    "span_corruption": _span_corruption,
    "question_answering": _question_answering,
    "name_cards": _cards,
    "context_cards": _cards,
}
