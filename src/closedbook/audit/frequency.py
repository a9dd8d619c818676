"""Frequency: recall against how often a fact, an answer or a name occurs, and the floor that rare facts imply.

Kalai and Vempala 2024 (Calibrated language models must hallucinate, arXiv 2311.14648, corollary 1): a model that is
calibrated as a generator of statements makes them up at a rate of at least the Good-Turing estimate of the facts that
it has not seen, the share of training observations whose fact occurs exactly once, up to sqrt(6 ln(6 / delta) / n) with
probability 1 - delta and terms that vanish where false statements outnumber facts. It speaks of statements about new
people drawn as the corpus's were, not of questions about people whose documents were read.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from closedbook.audit.made_up import stands_in
from closedbook.audit.signals import Evidence
from closedbook.evaluation.statistics import wilson
from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Fact

EDGES = (0, 1, 2, 3, 6, 11, 21, 101)
DELTA = 0.05


def frequency(facts: Sequence[Fact], evidence: Evidence, known: Sequence[Fact], corpus: Corpus) -> dict[str, Any]:
    """Recall by frequency, the singleton rate and its floor (JSON-ready).

    Args:
        facts: What was asked.
        evidence: What came of it.
        known: Training facts, in which answers are counted.
        corpus: In which names and facts are counted.
    """
    taught = Counter(answer for fact in known for answer in fact.answers)
    words = Counter(word for name, found in corpus.by_subject.items() for word in set(name.split()) for _ in found)
    fact_times = [
        sum(any(stands_in(answer, document.text) for answer in fact.answers) for document in corpus.candidates(fact))
        for fact in facts
    ]
    counts = {
        "documents about the person with the answer": fact_times,
        "documents about a person of this name": [len(corpus.candidates(fact)) for fact in facts],
        "documents with the rarest word of the name": [
            min((words[word] for word in fact.subject.split()), default=0) for fact in facts
        ],
        "training facts with this answer": [max(taught[answer] for answer in fact.answers) for fact in facts],
    }
    observations = sum(fact_times)
    return {
        "groups": {title: _by_frequency(np.array(times), evidence.right) for title, times in counts.items()},
        "observations": observations,
        "singletons": sum(times == 1 for times in fact_times),
        **floor(sum(times == 1 for times in fact_times), observations),
    }


def floor(singletons: int, observations: int, delta: float = DELTA) -> dict[str, float | None]:
    """The singleton rate, and what it leaves of the rate of made-up statements with probability 1 - delta."""
    if not observations:
        return {"singleton_rate": None, "slack": None, "floor": None}
    rate, slack = singletons / observations, math.sqrt(6 * math.log(6 / delta) / observations)
    return {"singleton_rate": rate, "slack": slack, "floor": max(rate - slack, 0.0)}


def _by_frequency(times: np.ndarray, right: np.ndarray) -> list[dict[str, Any]]:
    rows = []
    for low, high in zip(EDGES, [*EDGES[1:], math.inf], strict=True):
        inside = (times >= low) & (times < high)
        if inside.any():
            label = str(low) if high == low + 1 else f"{low}–{high - 1}" if high < math.inf else f"> {low - 1}"
            hits, total = int(right[inside].sum()), int(inside.sum())
            rows.append({"times": label, "right": hits, "total": total, "interval": list(wilson(hits, total))})
    return rows
