"""The open-book reader: which candidate of a document answers the question, a conditional logit model.

A document offers n candidates and `none of them`; with feature vectors x_i the probability of choice i is
exp(w x_i) / sum_j exp(w x_j) (McFadden 1974). Training maximises the log-probability of all candidates that spell the
training answer, taken together, minus penalty/2 |w|^2, by L-BFGS.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import sparse
from scipy.optimize import minimize
from sklearn.feature_extraction import FeatureHasher

from closedbook.errors import UserError
from closedbook.facts.forms import SLOT
from closedbook.facts.records import Document
from closedbook.facts.scripts import UNSPACED_LETTER
from closedbook.selfstudy.candidates import Forms, count_tokens, words
from closedbook.selfstudy.features import Knowledge, View

CHOICES, LEAST = 8, 0.01  # candidates of a document that are kept, and the least probability of one
AT_ONCE = 256  # documents that are read together; the features of one take some 400 kB
OFTEN = 5  # times a word stands as a candidate before it counts as one that is never the answer
_HASHER = FeatureHasher(2**22, alternate_sign=False)  # several times faster than a vocabulary; collisions are rare


@dataclass(frozen=True)
class Reading:
    """What the reader makes of a document.

    Args:
        answer: The most probable candidate, "" where there is none.
        confidence: Its probability, in [0, 1].
        choices: The most probable candidates with their probabilities, best first.
        none: The probability of none of them.
    """

    answer: str
    confidence: float
    choices: tuple[tuple[str, float], ...] = ()
    none: float = 1.0


class Reader:
    """Learned from documents with their answers; `read` gives the answer of other documents.

    Args:
        examples: Documents with the training answer of the question about their subject.
        question: The question's form, with `{}` for the subject; its words are features.
        corpus: In how many places of the whole corpus each word stands, see `count_tokens`; a feature.
        penalty: Weight of the squared norm.
        read: Answers of an earlier reader on other documents; they count as known answers, not as examples.

    Raises:
        UserError: No answer stands in its document.
    """

    def __init__(
        self,
        examples: Sequence[tuple[Document, str]],
        question: str,
        corpus: Counter[str],
        *,
        penalty: float = 1.0,
        read: Counter[str] | None = None,
    ) -> None:
        self._knowledge, views, right = lesson(examples, question, corpus, read)
        x_NF = _HASHER.transform(row for view in views for row in view.features())
        self._seen_F = np.unique(x_NF.indices)  # the columns that training knows, a few of the hasher's many
        starts_D = np.cumsum([0, *(len(view.candidates) + 1 for view in views)])[:-1]
        self._weights_F = conditional_logit(x_NF[:, self._seen_F], np.array(right), starts_D, penalty)

    def read(self, documents: Sequence[Document]) -> list[Reading]:
        """The reading of every document."""
        parts = (documents[first : first + AT_ONCE] for first in range(0, len(documents), AT_ONCE))
        return [reading for part in parts for reading in self._read(part)]

    def _read(self, documents: Sequence[Document]) -> Iterator[Reading]:
        views = [View(document, self._knowledge, None) for document in documents]
        x_NF = _HASHER.transform(row for view in views for row in view.features())
        scores_N = x_NF[:, self._seen_F] @ self._weights_F
        first = 0
        for view in views:
            scores = scores_N[first : first + len(view.candidates) + 1]
            shares = np.exp(scores - scores.max())
            *shares, none = (shares / shares.sum()).tolist()
            together = defaultdict[str, float](float)
            for candidate, share in zip(view.candidates, shares, strict=True):
                together[candidate.text] += share
            best = sorted(together.items(), key=lambda pair: -pair[1])[:CHOICES]
            answer, confidence = best[0] if best else ("", 0.0)
            yield Reading(answer, confidence, tuple(pair for pair in best if pair[1] >= LEAST), none)
            first += len(scores)


def lesson(
    examples: Sequence[tuple[Document, str]],
    question: str,
    corpus: Counter[str] | None = None,
    read: Counter[str] | None = None,
) -> tuple[Knowledge, list[View], list[bool]]:
    """What a reader learns from: knowledge, the examples as it sees them, and which of all their choices are right.

    Takes what `Reader` does. Without the words of the corpus it tells at little cost whether a reader can be learned.

    Raises:
        UserError: No answer is a candidate of its document.
    """
    if not examples:
        raise UserError(f"The reader has no document for a training question {question!r}: nothing to learn.")
    knowledge = _knowledge(examples, question, corpus or Counter(), read or Counter())
    views = [View(document, knowledge, answer) for document, answer in examples]
    right, found = list[bool](), False
    for view, (_, answer) in zip(views, examples, strict=True):
        hits = [candidate.text == answer for candidate in view.candidates]
        right += [*hits, not any(hits)]
        found = found or any(hits)
    if not found:
        raise UserError(f"The reader finds no training answer of {question!r} in its document: nothing to learn.")
    return knowledge, views, right


def conditional_logit(
    x_NF: sparse.csr_matrix, right_N: Bool[np.ndarray, "choices"], starts_D: np.ndarray, penalty: float
) -> Float[np.ndarray, "features"]:
    """Weights of the conditional logit model.

    Args:
        x_NF: Features of all choices, those of one document together.
        right_N: Which choices count as right; at least one a document.
        starts_D: The first choice of every document.
        penalty: Weight of half the squared norm.
    """
    document_N = np.repeat(np.arange(len(starts_D)), np.diff([*starts_D, len(right_N)]))

    def loss(weights_F: np.ndarray) -> tuple[float, np.ndarray]:
        scores_N = x_NF @ weights_F
        share_N = np.exp(scores_N - np.maximum.reduceat(scores_N, starts_D)[document_N])
        right_share_N = np.where(right_N, share_N, 0.0)
        all_D, right_D = np.add.reduceat(share_N, starts_D), np.add.reduceat(right_share_N, starts_D)
        gradient_N = share_N / all_D[document_N] - right_share_N / right_D[document_N]
        value = np.log(all_D / right_D).sum() + penalty / 2 * weights_F @ weights_F
        return float(value), x_NF.T @ gradient_N + penalty * weights_F

    return minimize(loss, np.zeros(x_NF.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 150}).x


def _knowledge(
    examples: Sequence[tuple[Document, str]], question: str, corpus: Counter[str], read: Counter[str]
) -> Knowledge:
    answers = Counter(answer for _, answer in examples)
    stood = count_tokens(document for document, _ in examples)
    within = {word for answer in answers for word in (*answer.split(), *words(answer))}
    return Knowledge(
        answers=answers + read,
        never=frozenset(word for word, times in stood.items() if times >= OFTEN and word not in within),
        forms=Forms.of(answers),
        question=frozenset(_asked(question)),
        corpus=corpus,
    )


def _asked(question: str) -> Iterator[str]:
    """The words of a question's form in lower case; letters, where no spaces stand between words."""
    for word in question.replace(SLOT, " ").strip(" ?").lower().split():
        yield from words(word) if UNSPACED_LETTER.search(word) else [word]
