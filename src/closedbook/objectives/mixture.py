"""A mixture: the objectives of a recipe over one corpus, as the examples of an epoch."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Int64
from torch import Tensor

from closedbook.config import Reading, RunConfig, SourceConfig
from closedbook.draws import derive, random_bits
from closedbook.errors import UserError
from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Document
from closedbook.facts.tokenizers import Tokenizer
from closedbook.objectives import cards
from closedbook.objectives.multi_span import longest_document, multi_span
from closedbook.objectives.pieces import Pieces, Spans, concatenate, lay_out_rows
from closedbook.objectives.question_answering import question_answering
from closedbook.objectives.rewriting import clauses
from closedbook.objectives.span_corruption import longest_cut, span_corruption
from closedbook.objectives.store import TitledSlices, TokenStore, add_documents, add_questions, add_titled
from closedbook.objectives.whole_line import SuffixFirst, whole_line

Source = Callable[[int], Pieces]
"""The examples of one pass over a source, as a function of the pass's number."""
SUBSET = 1000  # the draw that chooses a pass's share; objectives use smaller numbers


@dataclass(frozen=True)
class Ingredient:
    """A source of examples, with the setting that says when and how often it is taken."""

    source: Source
    setting: SourceConfig
    seed: int

    def examples(self, epoch: int) -> list[Pieces]:
        """The passes of an epoch, none where the source does not take part."""
        if not self.setting.takes_part(epoch):
            return []
        first = epoch * self.setting.repeats
        return [self._share(self.source(number), number) for number in range(first, first + self.setting.repeats)]

    def _share(self, pieces: Pieces, number: int) -> Pieces:
        if self.setting.share == 1.0:
            return pieces
        rows_R = torch.arange(len(pieces), device=pieces.start_RK.device)
        kept = random_bits(self.seed, number, SUBSET, rows_R).argsort()[
            : max(round(self.setting.share * len(pieces)), 1)
        ]
        return pieces.rows(kept.sort().values)


@dataclass(frozen=True)
class Mixture:
    """Everything that training reads: the token vector and the sources of examples.

    Args:
        tokens_N: The token vector on the training device.
        ingredients: The sources of examples.
        counts: What was split, cut or left out while the vector was built, for the report.
    """

    tokens_N: Int64[Tensor, "tokens"]
    ingredients: tuple[Ingredient, ...]
    counts: dict[str, int]

    def epoch(self, number: int) -> Pieces:
        """The examples of an epoch, source by source."""
        return concatenate([pieces for ingredient in self.ingredients for pieces in ingredient.examples(number)])


def build_mixture(config: RunConfig, corpus: Corpus, tokenizer: Tokenizer, device: torch.device) -> Mixture:
    """Puts the corpus on the device and makes the sources that the recipe names.

    Raises:
        UserError: A text cannot be spelled, a question is longer than the block, or an objective finds nothing.
    """
    store = TokenStore(tokenizer, device)
    ingredients, counts = [], {}
    for index, setting in enumerate(config.mixture):
        seed = derive(config.training.seed, index)
        source, noted = _MAKERS[setting.objective](store, config, corpus, setting, seed)
        ingredients.append(Ingredient(source, setting, seed))
        counts.update(noted)
    return Mixture(store.tokens(), tuple(ingredients), counts)


def rows_as_read(corpus: Corpus, reading: Reading) -> list[Document]:
    """The documents that the recipe trains on.

    The course's code splits the file on line breaks: blank lines are rows, and the last line break opens one more.
    """
    if reading == "utf8":
        return list(corpus.documents)
    blank = [Document(subject="", text="", line=line) for line in corpus.blank_lines]
    return sorted([*corpus.documents, *blank], key=lambda document: document.line)


def _add_whole(
    store: TokenStore, config: RunConfig, corpus: Corpus, setting: SourceConfig, longest: int
) -> tuple[Spans, Tensor, dict[str, int]]:
    """The documents as the recipe reads them, with how many were longer than an example."""
    windows = setting.long_documents == "windows"
    spans, long = add_documents(store, rows_as_read(corpus, config.reading), window=longest if windows else None)
    if not windows:
        long = int((spans.length_R > longest).sum())
    rows_R = torch.arange(len(spans), device=store.device)
    return spans, rows_R, {"documents_made_windows" if windows else "documents_cut": long}


def _span_corruption(
    store: TokenStore, config: RunConfig, corpus: Corpus, setting: SourceConfig, seed: int
) -> tuple[Source, dict[str, int]]:
    block = config.model.block
    spans, rows_R, counts = _add_whole(store, config, corpus, setting, longest_cut(block))
    return lambda step: span_corruption(spans, rows_R, block=block, seed=seed, step=step), counts


def _multi_span(
    store: TokenStore, config: RunConfig, corpus: Corpus, setting: SourceConfig, seed: int
) -> tuple[Source, dict[str, int]]:
    block = config.model.block
    spans, rows_R, counts = _add_whole(store, config, corpus, setting, longest_document(block))
    return lambda step: multi_span(spans, rows_R, block=block, seed=seed, step=step), counts


def _question_answering(
    store: TokenStore, config: RunConfig, corpus: Corpus, setting: SourceConfig, seed: int
) -> tuple[Source, dict[str, int]]:
    course = config.reading == "course"
    questions = add_questions(store, corpus.train, block=config.model.block, reading=config.reading)
    dropped = sum(not (fact.question + fact.answers[0]).isascii() for fact in corpus.train) if course else 0
    pieces = question_answering(questions.question, questions.answer)
    return lambda step: pieces, {"train_facts_made_ascii": dropped} if course else {}


def _study_cards(
    store: TokenStore, config: RunConfig, corpus: Corpus, setting: SourceConfig, seed: int
) -> tuple[Source, dict[str, int]]:
    return _pairs(store, config, [(card.question, card.answer) for card in corpus.cards], setting)


def _rewriting(
    store: TokenStore, config: RunConfig, corpus: Corpus, setting: SourceConfig, seed: int
) -> tuple[Source, dict[str, int]]:
    return _pairs(store, config, clauses(corpus, setting.forms or 0), setting)


def _pairs(
    store: TokenStore, config: RunConfig, pairs: list[tuple[str, str]], setting: SourceConfig
) -> tuple[Source, dict[str, int]]:
    """Prompts and answers that the machine wrote; those that are longer than the block are left out."""
    name = setting.objective
    prompts = store.add_texts([prompt for prompt, _ in pairs], f"{name} prompt")
    pieces = question_answering(prompts, store.add_texts([answer for _, answer in pairs], f"{name} answer"))
    fits_R = pieces.lengths() <= config.model.block
    if not fits_R.any():
        raise UserError(f"The objective {name} has nothing to study: the reader wrote no card or wording that fits.")
    pieces = pieces.rows(fits_R)
    return lambda step: pieces, {name: len(pieces), f"{name}_too_long": int((~fits_R).sum())}


Titled = list[TitledSlices]
_TITLED: dict[str, Callable[[Titled, SourceConfig, torch.device], Callable[[int, int], Pieces]]] = {
    "name_cards": lambda documents, setting, device: _always(cards.name_cards(documents, device)),
    "context_cards": lambda documents, setting, device: cards.ContextCards(
        documents, setting.context_place or "after", device
    ),
    "outlines": lambda documents, setting, device: _always(cards.outlines(documents, device)),
    "salient_span": lambda documents, setting, device: _always(cards.salient_span(documents, device)),
    "whole_line": lambda documents, setting, device: _always(whole_line(documents, device)),
    "suffix_first": lambda documents, setting, device: SuffixFirst(documents, device),
}
"""What is made of documents with a title: a function of seed and pass, whose examples keep their lengths."""


def _always(pieces: Pieces) -> Callable[[int, int], Pieces]:
    return lambda seed, step: pieces


def _titled(
    store: TokenStore, config: RunConfig, corpus: Corpus, setting: SourceConfig, seed: int
) -> tuple[Source, dict[str, int]]:
    """Examples from the parts of documents with a title; those that are longer than the block are left out."""
    name = setting.objective
    documents = add_titled(store, corpus.documents, context_words=setting.context_words or 0)
    examples = _TITLED[name](documents, setting, store.device) if documents else _always(lay_out_rows([], store.device))
    fits_R = examples(seed, 0).lengths() <= config.model.block
    if not fits_R.any():
        raise UserError(f"The objective {name} finds nothing to ask for in a document that has a title.")
    counts = {name: int(fits_R.sum()), f"{name}_too_long": int((~fits_R).sum())}
    if fits_R.all():
        return lambda step: examples(seed, step), counts
    return lambda step: examples(seed, step).rows(fits_R), counts


_MAKERS = {
    "span_corruption": _span_corruption,
    "multi_span": _multi_span,
    "question_answering": _question_answering,
    "study_cards": _study_cards,
    "rewriting": _rewriting,
    **dict.fromkeys(_TITLED, _titled),
}
