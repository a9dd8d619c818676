"""Documents as a reader reads them: what there is about one subject together."""

import dataclasses
from collections.abc import Sequence

from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Document
from closedbook.selfstudy.candidates import MOST_TOKENS, count_tokens

MANY = 0.1  # share of the subjects with several documents from which on these are parts, and not of namesakes


class Together:
    """Documents as they are read: the parts of a long one, and what else there is about one subject, as one.

    So what may be an answer in one part is weighed against what stands in the others. Where few subjects have several
    documents, these are of namesakes and are read one by one.

    Args:
        corpus: Of the documents.
    """

    def __init__(self, corpus: Corpus) -> None:
        several = sum(len(own) > 1 for own in corpus.by_subject.values())
        self._joins = several >= MANY * len(corpus.by_subject)

    def of(self, documents: Sequence[Document]) -> list[Document]:
        """The documents of one subject as they are read, joined as far as a reader reads."""
        if not self._joins or len(documents) < 2:
            return list(documents)
        groups, taken = list[list[Document]](), 0
        for document in documents:
            size = count_tokens([document]).total()
            if not groups or taken + size > MOST_TOKENS:
                groups.append([])
                taken = 0
            groups[-1].append(document)
            taken += size
        return [_joined(group) for group in groups]


def _joined(documents: Sequence[Document]) -> Document:
    first, *others = documents
    rest = [other.text.removeprefix(f"{first.subject}.").lstrip() for other in others]
    return dataclasses.replace(first, text=" ".join((first.text, *rest)))
