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

from closedbook.audit.signals import Evidence
from closedbook.evaluation.knowledge import Grouping, answer_frequencies, name_rarities
from closedbook.evaluation.metrics import Proportion
from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Fact
from closedbook.facts.scripts import stands_in

DELTA = 0.05
TIMES = (("0", 0), ("1", 1), ("2", 2), ("3–5", 5), ("6–10", 10), ("11–20", 20), ("21–100", 100), ("> 100", math.inf))
GROUPINGS = {
    "fact": Grouping("documents of the subject with the answer", TIMES),
    "subject": Grouping("documents of a subject of this name", TIMES),
    "name_rarity": Grouping("documents with the rarest word of the name", TIMES),
    "answer": Grouping("training facts with this answer", TIMES),
}
"""By what is counted."""


@dataclass(frozen=True, kw_only=True)
class Frequency:
    """Recall by frequency, and the floor."""

    groups: dict[str, dict[str, Proportion]]  # right answers by what is counted and how often, see `GROUPINGS`
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
    recall = {what: GROUPINGS[what].recall(times, evidence.right.tolist()) for what, times in counts.items()}
    groups = {what: {times: right for times, right in rows.items() if right.total} for what, rows in recall.items()}
    return floor(groups, sum(times == 1 for times in fact_times), sum(fact_times))


def floor(
    groups: dict[str, dict[str, Proportion]], singletons: int, observations: int, delta: float = DELTA
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
