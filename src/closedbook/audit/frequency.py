"""Frequency: recall against how often a fact, an answer or a name occurs, and the floor that rare facts imply.

Kalai and Vempala 2024 (Calibrated language models must hallucinate, arXiv 2311.14648, corollary 1): a model that is
calibrated as a generator of statements makes them up at a rate of at least the Good-Turing estimate of the facts that
it has not seen, the share of training observations whose fact occurs exactly once, up to sqrt(6 ln(6 / delta) / n) with
probability 1 - delta and terms that vanish where false statements outnumber facts. It speaks of statements about new
subjects drawn as the corpus's were, not of questions about subjects whose documents were read.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from closedbook.audit.signals import Evidence
from closedbook.evaluation.knowledge import answer_frequencies, name_rarities
from closedbook.evaluation.metrics import Proportion, proportion
from closedbook.facts.corpus import Corpus
from closedbook.facts.coverage import stands_in
from closedbook.facts.records import Fact

EDGES = (0, 1, 2, 3, 6, 11, 21, 101)
DELTA = 0.05
LABELS = {
    "fact": "documents of the subject with the answer",
    "subject": "documents of a subject of this name",
    "name_rarity": "documents with the rarest word of the name",
    "answer": "training facts with this answer",
}
"""What is counted, as reports have it."""


@dataclass(frozen=True, kw_only=True)
class FrequencyRow:
    """Facts whose count lies in a range: `times` as text, and how many are right."""

    times: str
    right: Proportion


@dataclass(frozen=True, kw_only=True)
class Frequency:
    """Recall by frequency, and the floor."""

    groups: dict[str, tuple[FrequencyRow, ...]]  # by what is counted, see `LABELS`
    observations: int  # documents that say one of the facts
    singletons: int  # facts that are said once
    singleton_rate: float | None = None  # their share of the observations, None without any
    slack: float | None = None  # what the sample's size takes off it
    floor: float | None = None  # what is left


def frequency(evidence: Evidence, known: Sequence[Fact], corpus: Corpus) -> Frequency:
    """Recall by frequency, the singleton rate and its floor.

    Args:
        evidence: What asking gave.
        known: Training facts, in which answers are counted.
        corpus: In which names and facts are counted.
    """
    facts = evidence.facts
    fact_times = [
        sum(any(stands_in(answer, document.text) for answer in fact.answers) for document in corpus.documents_of(fact))
        for fact in facts
    ]
    counts = {
        "fact": fact_times,
        "subject": [len(corpus.documents_of(fact)) for fact in facts],
        "name_rarity": name_rarities(corpus, facts),
        "answer": answer_frequencies(known, facts),
    }
    groups = {what: _by_frequency(np.array(times), evidence.right) for what, times in counts.items()}
    return floor(groups, sum(times == 1 for times in fact_times), sum(fact_times))


def floor(
    groups: dict[str, tuple[FrequencyRow, ...]], singletons: int, observations: int, delta: float = DELTA
) -> Frequency:
    """With the singleton rate, and what it leaves of the rate of made-up statements with probability 1 - delta."""
    if not observations:
        return Frequency(groups=groups, observations=0, singletons=0)
    rate, slack = singletons / observations, math.sqrt(6 * math.log(6 / delta) / observations)
    return Frequency(
        groups=groups,
        observations=observations,
        singletons=singletons,
        singleton_rate=rate,
        slack=slack,
        floor=max(rate - slack, 0.0),
    )


def _by_frequency(times: np.ndarray, right: np.ndarray) -> tuple[FrequencyRow, ...]:
    rows = []
    for low, high in zip(EDGES, [*EDGES[1:], math.inf], strict=True):
        inside = (times >= low) & (times < high)
        if inside.any():
            label = str(low) if high == low + 1 else f"{low}–{high - 1}" if high < math.inf else f"> {low - 1}"
            rows.append(FrequencyRow(times=label, right=proportion(int(right[inside].sum()), int(inside.sum()))))
    return tuple(rows)
