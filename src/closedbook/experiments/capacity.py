"""Capacity: how many bits of knowledge about the built-in people a model holds, per parameter.

A person's attributes are drawn from known distributions, so an attribute with value v carries -log2 P(v) bits that no
one can guess. The model is taught every attribute of N people as question and answer, and asked for them again: what it
holds is the sum over all facts of -log2 P(v) + log2 p_model(v | question), the information that its weights give beyond
the distribution (compare the lower bound of Allen-Zhu and Li 2024, Physics of Language Models 3.3, section 3, which
finds about 2 bits a parameter after 1,000 exposures and 1 after 100). With more people than it can hold the sum stops
growing: its largest value over N is the capacity.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from closedbook import machine
from closedbook.config import (
    ModelConfig,
    PeopleConfig,
    RunConfig,
    SourceConfig,
    TokenizerConfig,
    TrainingConfig,
    to_dict,
)
from closedbook.evaluation.decoding import prompts
from closedbook.evaluation.knowledge import log_probability
from closedbook.experiments.progress import ProgressFor
from closedbook.experiments.train import train_run
from closedbook.facts.corpus import Corpus
from closedbook.facts.people import attribute_bits, generate_people
from closedbook.facts.records import Document, Fact
from closedbook.facts.tokenizers import MASK_ID
from closedbook.runs import load

QUESTIONS = {
    "birth_place": "Where was {} born?",
    "birth_date": "When was {} born?",
    "university": "Where did {} study?",
    "field": "What did {} study?",
    "employer": "Who employed {}?",
}


def capacity_config(*, width: int, layers: int, epochs: int, seed: int) -> RunConfig:
    """A model that is taught nothing but questions and answers."""
    return RunConfig(
        recipe="capacity",
        stage="scratch",
        tokenizer=TokenizerConfig(vocabulary_size=600),
        model=ModelConfig(layers=layers, heads=4, width=width, block=64, positions="rotary"),
        mixture=(SourceConfig(objective="question_answering"),),
        training=TrainingConfig(
            seed=seed,
            epochs=epochs,
            batch_tokens=8192,
            micro_batches=2,
            optimizer="muon",
            learning_rate=5e-3,
            matrix_learning_rate=2e-2,
            warmup_steps=20,
            floor=0.02,
        ),
    )


def taught_people(count: int, seed: int) -> tuple[Corpus, list[float]]:
    """Facts about every attribute of `count` people, and the bits that each of them carries."""
    facts, bits, documents = list[Fact](), list[float](), list[Document]()
    for person in generate_people(PeopleConfig(count=count, seed=seed, unseen=0.0)):
        documents.append(Document(subject=person.name, text=person.biographies[0], line=len(documents) + 1))
        for key, question in QUESTIONS.items():
            value = person.attributes[key]
            facts.append(
                Fact(question=question.format(person.name), answers=(value,), subject=person.name, line=len(facts) + 1)
            )
            bits.append(attribute_bits(key, value))
    corpus = Corpus(
        name=f"{count} people", documents=tuple(documents), train=tuple(facts), dev=tuple(facts[:5]), test=(), files={}
    )
    return corpus, bits


def measure_capacity(
    config: RunConfig,
    counts: Sequence[int],
    out: Path,
    device: torch.device,
    say: Callable[[str], None],
    progress: ProgressFor,
) -> dict[str, Any]:
    """Trains a new model for every number of people; returns bits held and bits a parameter (JSON-ready).

    Raises:
        UserError: A run directory exists already.
    """
    rows = []
    for count in counts:
        corpus, bits = taught_people(count, config.training.seed)
        path = out / f"people-{count}"
        with progress(f"{count} people") as listener:
            train_run(config, corpus, path, device=device, listeners=(listener,))
        run = load(path, device)
        encoded = prompts(run.tokenizer, [fact.question for fact in corpus.train], run.model.context)
        answers = [[*ids, MASK_ID] for ids in run.tokenizer.encode([fact.answers[0] for fact in corpus.train])]
        nats = log_probability(run.model, encoded, answers)
        held = max(sum(bits) + float(nats.double().sum()) / math.log(2), 0.0)
        rows.append(
            {
                "people": count,
                "facts": len(bits),
                "bits_taught": sum(bits),
                "bits_held": held,
                "parameters": run.environment["parameters"],
                "bits_a_parameter": held / run.environment["parameters"],
                "exposures": config.training.epochs,
                "seconds": run.environment["seconds"],
            }
        )
        share = held / run.environment["parameters"]
        say(f"{count:,} people: {held:,.0f} of {sum(bits):,.0f} bits held, {share:.2f} a parameter")
    return {
        "config": dataclasses.asdict(config) | {"mixture": to_dict(config)["mixture"]},
        "machine": machine.describe(device),
        "rows": rows,
        "capacity": max(row["bits_a_parameter"] for row in rows),
    }
