"""Tokenizes documents into a shard, with the hashes by which they are found."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from closedbook.facts.hashes import hashes_of
from closedbook.facts.packed import Encoding, pack_documents, write_arrays
from closedbook.facts.records import Document
from closedbook.facts.tokenizers import Tokenizer

TOGETHER = 1_000  # documents that are encoded at a time
MARKS = ".,;:()'\""


class Part(NamedTuple):
    """Documents, and the folder that they go to."""

    directory: Path
    documents: list[Document]


class Tokenizing:
    """Writes parts of the documents, in whatever process.

    Args:
        tokenizer: A `tokenizer.json`.
    """

    def __init__(self, tokenizer: Path) -> None:
        self._path = tokenizer
        self._tokenizer: Tokenizer | None = None

    def __call__(self, part: Part) -> Path:
        """Writes a shard and returns its folder."""
        documents = part.documents
        if self._tokenizer is None:
            self._tokenizer = Tokenizer.load(self._path)
        encodings = [
            encoding
            for first in range(0, len(documents), TOGETHER)
            for encoding in encode(self._tokenizer, documents[first : first + TOGETHER])
        ]
        subjects = [document.subject for document in documents]
        write_arrays(
            part.directory,
            {
                **pack_documents(documents, encodings),
                "subject_hash": hashes_of(subjects),
                "lower_hash": hashes_of(subject.lower() for subject in subjects),
                "text_hash": hashes_of(document.text for document in documents),
                "words": np.unique(hashes_of(words_of(documents))),
            },
        )
        return part.directory


def encode(tokenizer: Tokenizer, documents: Sequence[Document]) -> list[Encoding]:
    """The tokens of documents.

    Raises:
        UserError: A document has a character outside the vocabulary.
    """
    for document in documents:
        tokenizer.spell(document.text, f"corpus line {document.line}")
    encoded = tokenizer.encode_with_offsets([document.text for document in documents])
    return [Encoding(ids, [start for start, _ in offsets]) for ids, offsets in encoded]


def words_of(documents: Sequence[Document]) -> set[str]:
    """Subjects and words of documents without regard to capitals, what no invented subject may be."""
    words = {document.subject.casefold() for document in documents}
    return words | {word.strip(MARKS) for document in documents for word in document.text.casefold().split()}
