"""How long trainings will take, said before the first of them: a cost model, checked against the clock.

seconds = (3 F P + S M) / (E R) with P positions of the whole training, F FLOPs of a forward pass a position (three
times that with the backward pass), S steps, M FLOPs of Muon's rounds a step, R the FLOP/s that this machine reaches on
a matrix product of the model's size, timed for a moment, and E the share of R that trainings reach. P comes from the
texts of a sample of the documents: characters over the characters a token holds.
"""

import math
import time
from collections import Counter
from collections.abc import Sequence
from functools import cache

import torch

from closedbook import config as settings
from closedbook.config import RunConfig
from closedbook.facts.corpus import Corpus
from closedbook.facts.coverage import asked_kinds
from closedbook.facts.records import Document
from closedbook.facts.spans import Span, SpanKinds, spans
from closedbook.facts.stored import StoredCorpus
from closedbook.model.costs import forward_flops
from closedbook.objectives.plan import SETTLED
from closedbook.objectives.store import quota
from closedbook.recipes import with_seed
from closedbook.training.muon import ROUNDS
from closedbook.training.precision import Precision, resolve_precision

CHARACTERS_A_TOKEN = 3.4
EFFICIENCY = 0.6
SAMPLE = 300  # documents that are looked at
TYPICAL_LENGTH = 24  # of an example, for the cost of attention
TIMED = 0.15  # seconds of matrix products


def estimate(trainings: Sequence[tuple[RunConfig, Corpus | StoredCorpus]], device: torch.device) -> float:
    """Seconds that the trainings will take one after the other, reading and answering not included."""
    times = Counter((with_seed(run, 0), id(corpus)) for run, corpus in trainings)  # a seed makes no difference
    corpora = {id(corpus): corpus for _, corpus in trainings}
    return sum(count * _seconds(run, corpora[place], device) for (run, place), count in times.items())


def _seconds(run: RunConfig, corpus: Corpus | StoredCorpus, device: torch.device) -> float:
    positions, steps = planned(run, corpus)
    vocabulary = run.tokenizer.vocabulary_size or 256
    flops = 3 * forward_flops(run.model, vocabulary, batch=1, length=TYPICAL_LENGTH) / TYPICAL_LENGTH * positions
    precision = resolve_precision(run.training, device)
    rate = flops_a_second(run.model.width, max(run.model.hidden_width, 1), precision, device)
    return (flops + steps * muon_flops(run)) / (EFFICIENCY * rate)


def planned(run: RunConfig, corpus: Corpus | StoredCorpus) -> tuple[float, float]:
    """Positions and steps of a training, estimated from a sample of the documents."""
    if isinstance(corpus, StoredCorpus):
        times = math.ceil(len(corpus.documents) / (10 * SAMPLE))
        return _planned(run, corpus.every(times), asked_kinds(corpus.sample()), times)
    return _planned(run, corpus, asked_kinds(corpus), 1)


def _planned(run: RunConfig, corpus: Corpus, kinds: SpanKinds, times: int) -> tuple[float, float]:
    """The same of a corpus of so many times the documents and facts."""
    chosen = corpus.documents[:: max(len(corpus.documents) // SAMPLE, 1)]
    scale = len(corpus.documents) / max(len(chosen), 1)
    training, relations = run.training, len({fact.relation for fact in corpus.train})
    a_step = training.batch_tokens or (training.batch_rows or 1) * run.model.context
    mixture, passes = run.mixture, 0
    for _ in range(SETTLED):  # with what many passes leave out of each
        pass_ = times * sum(_positions(objective, run, corpus, chosen, scale, kinds) for objective in mixture)
        steps = max(math.ceil(pass_ / a_step), 1)  # of a pass
        passes = training.expected_passes(relations, steps)
        mixture = tuple(objective.settled(passes, training.epochs) for objective in run.mixture)
    return passes * pass_, float(passes * steps)


def _positions(
    objective: settings.ObjectiveConfig,
    run: RunConfig,
    corpus: Corpus,
    chosen: Sequence[Document],
    scale: float,
    kinds: SpanKinds,
) -> float:
    """Positions that a pass over an objective takes."""
    if run.training.plan == "in_order":
        rows = len(corpus.train) if isinstance(objective, settings.QuestionAnswering) else len(corpus.documents)
        return float(rows * run.model.context * objective.repeats)
    pairs = [_tokens(fact.question) + _tokens(fact.answers[0]) + 1 for fact in corpus.train]
    epochs = run.training.epochs
    joined = sum(objective.share_joined(epoch, epochs) for epoch in range(epochs))
    times = joined / epochs * objective.repeats * objective.share
    if isinstance(objective, settings.QuestionAnswering):
        return times * sum(pairs)
    if isinstance(objective, settings.InventedSubjects):
        return times * objective.rate * len(corpus.by_subject) * sum(pairs) / max(len(pairs), 1)
    if objective.reads == "cards":
        forms = max(len(corpus.relations), 1)
        written = max(forms * len(corpus.by_subject) - len(corpus.train), 0)
        return times * written * sum(pairs) / max(len(pairs), 1)
    return times * scale * sum(_line(objective, document, kinds) for document in chosen)


def _line(objective: settings.ObjectiveConfig, document: Document, kinds: SpanKinds) -> float:
    """Positions of a pass over one document."""
    if objective.reads != "spans":
        return _tokens(document.text)
    name, text = _tokens(document.subject), document.text
    words = objective.words if isinstance(objective, settings.ContextCards) else 0
    groups: dict[str, list[tuple[float, float]]] = {}
    for span in spans(document, kinds, words):
        context = _context(objective, text, span) if isinstance(objective, settings.ContextCards) else 0.0
        taken = (_tokens(text[span.start : span.end]) + context + 1, quota(span, kinds))
        groups.setdefault("rare" if span.rare else span.kind, []).append(taken)
    length = {settings.Outlines: 0.0, settings.SalientSpan: _tokens(text)}.get(type(objective), name + 1)
    total = sum(
        min(len(group), group[0][1]) * (sum(size for size, _ in group) / len(group) + length)
        for group in groups.values()
    )
    return total + (name + 1 if isinstance(objective, settings.Outlines) and groups else 0.0)


def _context(objective: settings.ContextCards, text: str, span: Span) -> float:
    """Positions of the words before a span, in the mean over passes; those around it are about as many."""
    starts = span.before if objective.lengths == "drawn" else span.before[-1:]
    return sum(_tokens(text[start : span.start]) for start in starts) / max(len(starts), 1)


def _tokens(text: str) -> float:
    return max(len(text) / CHARACTERS_A_TOKEN, 1.0) if text else 0.0


def muon_flops(run: RunConfig) -> float:
    """FLOPs of Muon's rounds on the matrices of all layers, keys, queries, values, projection and the MLP's two."""
    if run.training.optimizer != "muon":
        return 0.0
    width, hidden = run.model.width, run.model.hidden_width
    matrices = [(width, width)] * 4 + [(min(width, hidden), max(width, hidden))] * 2
    return float(run.model.layers * ROUNDS * sum(4 * r * r * c + 2 * r**3 for r, c in matrices))


@cache
def flops_a_second(width: int, hidden: int, precision: Precision, device: torch.device) -> float:
    """What this machine reaches on a product of a batch with the first matrix of an MLP."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    x, w = torch.ones(1024, width, dtype=dtype, device=device), torch.ones(width, hidden, dtype=dtype, device=device)
    _ = float((x @ w)[0, 0])
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < TIMED:
        _ = float((x @ w)[0, 0])
        done += 1
    return done * 2 * 1024 * width * hidden / (time.perf_counter() - began)
