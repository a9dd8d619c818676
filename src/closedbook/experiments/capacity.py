"""Capacity: how many bits of knowledge about the built-in data set a model holds, per parameter.

A subject's attributes are drawn from known distributions, so an answer a carries -log2 P(a) bits that no one can guess.
The model is taught every relation of N subjects as question and answer, and asked for them again: what it holds is the
sum over all facts of -log2 P(a) + log2 p_model(a | question), the information that its weights give beyond the
distribution (compare the lower bound of Allen-Zhu and Li 2024, Physics of Language Models 3.3, section 3, which finds
about 2 bits a parameter after 1,000 exposures and 1 after 100). With more subjects than it can hold the sum stops
growing: its largest value over N is the capacity.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from closedbook import machine
from closedbook.config import (
    ModelConfig,
    PeopleConfig,
    QuestionAnswering,
    RunConfig,
    TokenizerConfig,
    TrainingConfig,
    to_dict,
)
from closedbook.errors import UserError
from closedbook.experiments.grid import Cell, Grid, Trained
from closedbook.experiments.options import CapacityConfig
from closedbook.experiments.reporter import Reporter
from closedbook.experiments.results import Result
from closedbook.facts.built_in import attribute_bits, built_in_corpus
from closedbook.facts.corpus import Corpus
from closedbook.facts.people_data import RELATIONS


@dataclass(frozen=True, kw_only=True)
class BitsHeld(Result):
    """A model that was taught so many subjects."""

    subjects: int  # how many
    facts: int  # about them
    bits_taught: float  # what the facts carry
    bits_held: float  # what the model holds of that
    parameters: int  # of the model
    bits_a_parameter: float  # held
    seconds: float  # of training

    def line(self) -> str:
        return (
            f"{self.bits_held:,.0f} of {self.bits_taught:,.0f} bits held, {self.bits_a_parameter:.2f} a parameter, "
            f"{self.seconds:.0f} s"
        )


@dataclass(frozen=True, kw_only=True)
class Capacity(Result):
    """What models of one size hold."""

    config: dict[str, Any]  # the run configuration, JSON-ready
    machine: dict[str, Any]  # where they were trained
    exposures: int  # times that every fact was taught
    rows: tuple[BitsHeld, ...]  # one a number of subjects
    capacity: float  # the most bits a parameter among the rows


def run(options: CapacityConfig, reporter: Reporter) -> Capacity:
    """Trains what is not finished yet.

    Raises:
        UserError: A number of subjects stands twice.
    """
    if len(set(options.counts)) < len(options.counts):
        raise UserError("--counts: one is given twice.")
    config = capacity_config(width=options.width, layers=options.layers, exposures=options.exposures, seed=options.seed)
    grid = options.grid(reporter)
    return capacity(grid, config, options.counts)


def capacity(grid: Grid, config: RunConfig, counts: Sequence[int]) -> Capacity:
    """A new model of the configuration for every number of subjects; more numbers may be added later."""
    grid.open("capacity", {"config": config})
    cells = [
        Cell(name=f"subjects-{count}", stages=(config,), corpus=taught_corpus(count, config.training.seed))
        for count in counts
    ]
    rows = grid.run({"subjects": cells}, measure, BitsHeld)["subjects"]
    return grid.report(
        Capacity(
            config=to_dict(config),
            machine=machine.describe(grid.device),
            exposures=config.training.epochs,
            rows=tuple(rows),
            capacity=max(row.bits_a_parameter for row in rows),
        )
    )


def capacity_config(*, width: int, layers: int, exposures: int, seed: int) -> RunConfig:
    """A model that is taught nothing but questions and answers."""
    return RunConfig(
        recipe="capacity",
        stage="scratch",
        tokenizer=TokenizerConfig(vocabulary_size=600),
        model=ModelConfig(layers=layers, heads=4, width=width, block=64, positions="rotary"),
        mixture=(QuestionAnswering(),),
        training=TrainingConfig(
            seed=seed,
            epochs=exposures,
            batch_tokens=8192,
            micro_batches=2,
            optimizer="muon",
            learning_rate=5e-3,
            matrix_learning_rate=2e-2,
            warmup_steps=20,
            floor=0.02,
        ),
    )


def taught_corpus(count: int, seed: int) -> Corpus:
    """Facts of every relation about all of `count` subjects, to learn and to be asked again."""
    config = PeopleConfig(count=count, seed=seed, relations=tuple(RELATIONS), train=0.9, dev=0.1, test=0.0, unseen=0.0)
    corpus = built_in_corpus(config)
    facts = (*corpus.train, *corpus.dev)
    return dataclasses.replace(corpus, name=f"{count} subjects", train=facts, dev=facts)


def measure(trained: Trained) -> BitsHeld:
    """The bits of the facts, less what their answers still surprise the model."""
    run, facts = trained.run, trained.asked.dev
    bits = [attribute_bits(RELATIONS[fact.relation], fact.answers[0]) for fact in facts]
    prompts = run.prompts([fact.question for fact in facts])
    nats = run.log_probability(prompts, [fact.answers[0] for fact in facts])
    gained = (own + value / math.log(2) for own, value in zip(bits, nats, strict=True) if value is not None)
    held = max(sum(gained), 0.0)
    return BitsHeld(
        subjects=len({fact.subject for fact in facts}),
        facts=len(facts),
        bits_taught=sum(bits),
        bits_held=held,
        parameters=run.parameters,
        bits_a_parameter=held / run.parameters,
        seconds=trained.total("seconds"),
    )
