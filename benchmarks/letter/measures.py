"""The oddities of a recipe, measured on a corpus; axes as in `results.py`."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
import torch

from benchmarks.letter.results import (
    PADDING,
    READ,
    SCORED,
    Batch,
    Characters,
    Exposure,
    Group,
    Letter,
    Neighbours,
    Rates,
    Shares,
)
from closedbook.config import RunConfig, Stage
from closedbook.experiments.train import make_tokenizer
from closedbook.facts.corpus import FACTS, Corpus
from closedbook.facts.records import Document
from closedbook.model.gpt import GPT
from closedbook.objectives.mixture import Mixture, build_mixture
from closedbook.objectives.objective import rows_as_read
from closedbook.objectives.segments import IGNORED, render
from closedbook.objectives.span_corruption import longest_cut
from closedbook.recipes import Recipe, find_recipe, with_attention
from closedbook.training.optimizers import make_optimizers
from closedbook.training.schedules import rate

ATTENTIONS = ("key_query_value", "dense_synthesizer")
SHUFFLES = 200  # orders that the file's own is held against


def measure(corpus: Corpus, recipe: Recipe) -> Letter:
    """The recipe's oddities on a corpus."""
    config = recipe.pretrain
    rows = rows_as_read(corpus, config)
    tokenizer, device = make_tokenizer(config, corpus), torch.device("cpu")
    stages: dict[Stage, int] = {"pretrain": len(rows), "finetune": len(corpus.train), "scratch": len(corpus.train)}
    mixtures = {stage: build_mixture(recipe.stage(stage), corpus, tokenizer, device) for stage in stages}
    own = own_facts(corpus)
    return Letter(
        block=config.model.block,
        longest_cut=longest_cut(config.model.block),
        weight_decay=config.training.weight_decay,
        rates={stage: rates(recipe.stage(stage), count, len(rows)) for stage, count in stages.items()},
        batches=batches(rows, own, config.training.batch_rows or len(rows)),
        neighbours=neighbours(corpus, own),
        first_batches={stage: first_batch(mixture, recipe.stage(stage)) for stage, mixture in mixtures.items()},
        exposure=exposure(corpus, rows, own, mixtures["pretrain"], config.training.epochs),
        characters=characters(corpus, config, tokenizer.vocabulary_size),
        groups={name: groups(with_attention(config, name), tokenizer.vocabulary_size) for name in ATTENTIONS},
    )


def rates(config: RunConfig, rows: int, corpus_rows: int) -> Rates:
    """The schedule of a stage over so many rows, beside the one that a reader would expect."""
    training, batch = config.training, config.training.batch_rows or rows
    sizes = [min(batch, rows - first) for first in range(0, rows, batch)] * training.epochs
    positions_S = (np.cumsum(sizes) - np.array(sizes)) * config.model.context

    def shares(schedule: Literal["course", "cosine"]) -> Shares:
        warmup_steps = 0 if schedule == "cosine" else None
        chosen = dataclasses.replace(training, schedule=schedule, warmup_steps=warmup_steps)
        total = corpus_rows * config.model.block
        return np.array(
            [
                rate(chosen, step=step, steps=len(sizes), positions=int(positions), corpus_positions=total)
                for step, positions in enumerate(positions_S)
            ]
        )

    return Rates(
        peak=training.learning_rate,
        epochs=training.epochs,
        positions_S=positions_S,
        letter_S=shares("course"),
        expected_S=shares("cosine"),
    )


def own_facts(corpus: Corpus) -> dict[int, tuple[str, int]]:
    """By a document's line, the part and the number of the first fact about it; namesakes take theirs in file order."""
    own: dict[int, tuple[str, int]] = {}
    for part in FACTS:
        for number, fact in enumerate(getattr(corpus, part)):
            free = [document.line for document in corpus.documents_of(fact) if document.line not in own]
            if free:
                own[free[0]] = (part, number)
    return own


def batches(rows: Sequence[Document], own: dict[int, tuple[str, int]], size: int) -> tuple[dict[str, int], ...]:
    """How many rows of each batch, in file order, are asked about in which part; the others count as `no question`."""
    parts = [own[row.line][0] if row.line in own else "no question" for row in rows]
    return tuple(dict(Counter(parts[first : first + size])) for first in range(0, len(parts), size))


def neighbours(corpus: Corpus, own: dict[int, tuple[str, int]]) -> tuple[Neighbours, ...]:
    """What neighbours among the lines of the training subjects have in common."""
    documents = [document for document in corpus.documents if own.get(document.line, ("",))[0] == "train"]
    names = [document.subject for document in documents]
    answers = [corpus.train[own[document.line][1]].answers[0] for document in documents]
    words = [frozenset(document.text.lower().split()) for document in documents]
    pairs: dict[str, Callable[[int, int], float]] = {
        "names in alphabetical order": lambda i, j: names[i] <= names[j],
        "last names in order": lambda i, j: names[i].split()[-1:] <= names[j].split()[-1:],
        "the same first letter": lambda i, j: names[i][:1] == names[j][:1],
        "the same answer": lambda i, j: answers[i] == answers[j],
        "words in common": lambda i, j: len(words[i] & words[j]) / max(len(words[i] | words[j]), 1),
    }
    generator = np.random.default_rng(0)
    orders = [range(len(documents)), *(generator.permutation(len(documents)).tolist() for _ in range(SHUFFLES))]
    found = []
    for what, share in pairs.items():
        observed, *shuffled = (float(np.mean([share(i, j) for i, j in pairwise(order)])) for order in orders)
        found.append(Neighbours(what=what, observed=observed, shuffled=tuple(shuffled)))
    return tuple(found)


def first_batch(mixture: Mixture, config: RunConfig) -> Batch:
    """The first batch of a stage as the course's code pads it."""
    examples, block = mixture.epoch(0), config.model.block
    rows_B = torch.arange(min(config.training.batch_rows or len(examples), len(examples)))
    batch = render(mixture.tokens_N, examples, rows_B, block)
    used_BT = torch.arange(config.model.context) < examples.lengths()[rows_B, None] - 1
    kinds_BT = torch.where(batch.targets_BT != IGNORED, SCORED, torch.where(used_BT, READ, PADDING))
    real = int((examples.lengths() - 1).sum()) / (len(examples) * config.model.context)
    return Batch(kinds_BT=kinds_BT.numpy(), real=real)


def exposure(
    corpus: Corpus, rows: Sequence[Document], own: dict[int, tuple[str, int]], mixture: Mixture, epochs: int
) -> Exposure:
    """What the passes of span corruption show of the training answers, where they first stand in their lines."""
    taught = [(number, row) for number, row in enumerate(rows) if own.get(row.line, ("",))[0] == "train"]
    answers = [corpus.train[own[row.line][1]].answers[0] for _, row in taught]
    rows_F = torch.tensor([number for number, _ in taught])
    start_F = torch.tensor([row.text.find(answer) for (_, row), answer in zip(taught, answers, strict=True)])
    end_F = start_F + torch.tensor([len(answer) for answer in answers])
    counts_3F, longest = torch.zeros(3, len(taught)), 0
    for epoch in range(epochs):
        examples = mixture.epoch(epoch)
        prefix_F, _, suffix_F, _, span_F = examples.length_RK[rows_F].unbind(dim=1)
        read_F = (start_F >= 0) & (prefix_F + suffix_F + span_F >= end_F)
        hidden_F = read_F & (prefix_F <= start_F) & (prefix_F + span_F >= end_F)
        asked_F = hidden_F & (span_F == end_F - start_F)
        counts_3F += torch.stack([read_F, hidden_F, asked_F])
        longest = max(longest, int(examples.lengths().max()) - 1)
    read, hidden, asked = (counts_3F.double() / epochs).numpy()
    return Exposure(read_F=read, hidden_F=hidden, asked_F=asked, longest=longest)


def characters(corpus: Corpus, config: RunConfig, size: int) -> Characters:
    """The characters of the corpus, and what becomes of those that are not ASCII."""
    texts, longest = [document.text for document in corpus.documents], longest_cut(config.model.block)
    pieces = make_tokenizer(find_recipe("standard").pretrain, corpus).encode(texts)
    parts = {part: [" ".join([fact.question, *fact.answers[:1]]) for fact in getattr(corpus, part)] for part in FACTS}
    return Characters(
        counts=dict(Counter("".join(texts)).most_common()),
        size=size,
        unread=len(set("".join(texts)) - set("".join(text[:longest] for text in texts))),
        dropped={part: (sum(not text.isascii() for text in facts), len(facts)) for part, facts in parts.items()},
        line_lengths=tuple((len(text), len(ids)) for text, ids in zip(texts, pieces, strict=True)),
        beyond=sum(len(text[longest:]) for text in texts) / sum(map(len, texts)),
    )


KINDS = {
    "token_embedding": "input embedding",
    "position_embedding": "positions",
    "norm": "LayerNorm weights",
    "w2": "the Synthesizer's w2 and b2",
    "b2": "the Synthesizer's w2 and b2",
    "head": "output head",
    "attention": "attention matrices",
    "mlp": "MLP matrices",
}
"""By a part of a parameter's name, what the figure calls it; the first that fits."""
LINEAR = ("attention matrices", "MLP matrices", "output head")


def groups(config: RunConfig, vocabulary: int) -> tuple[Group, ...]:
    """The model's parameters by kind, the largest group first."""
    model = GPT(config.model, vocabulary)
    (optimizer,) = make_optimizers(model, config.training)
    decayed = {
        id(parameter) for group in optimizer.param_groups if group["weight_decay"] for parameter in group["params"]
    }
    counts: Counter[tuple[str, bool]] = Counter()
    for name, parameter in model.named_parameters():
        kind = "biases" if "bias" in name else next(kind for part, kind in KINDS.items() if part in name)
        counts[kind, id(parameter) in decayed] += parameter.numel()
    return tuple(
        Group(kind=kind, count=count, decays=decays, linear=kind in LINEAR)
        for (kind, decays), count in counts.most_common()
    )
