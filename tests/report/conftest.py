"""Results as experiments hand them over, made up."""

import dataclasses

import pytest
import torch

from closedbook import machine
from closedbook.config import PeopleConfig
from closedbook.evaluation.knowledge import KnownFact, summarise
from closedbook.experiments.benchmark import Costs
from closedbook.experiments.compare import Comparison, Maps, VariantRow
from closedbook.experiments.comparing import RelationRecall, difference, recall, recall_by_relation
from closedbook.experiments.reproduction import Example, Examples, Pair, Reproduction, SystemRow, SystemRun
from closedbook.facts.built_in import built_in_corpus
from closedbook.facts.corpus import Corpus
from closedbook.facts.coverage import Coverage

MACHINE = {**machine.describe(torch.device("cpu")), "peak_memory_bytes": 2**30}


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    return built_in_corpus(PeopleConfig(count=40, relations=("born", "field")))


def known(extracted):
    return KnownFact(
        extracted=extracted,
        stored=True,
        question_nats=-1.25,
        line_nats=None,
        answer_frequency=3,
        name_rarity=1,
        name_length=4,
    )


def system(name, track, correct, attention="key_query_value", **changes):
    knowledge = summarise([known(True)] * 3 + [known(False)]) if attention else None
    runs = tuple(
        SystemRun(
            seed=seed,
            run=f"runs/{name}-seed-{seed}-pretrain" if attention else None,
            accuracy=count / 20,
            normalised_accuracy=count / 20,
            seconds=1.5,
            counts={"split_documents": 1_234, "nothing": 0},
            knowledge=knowledge,
            exact=(1,) * count + (0,) * (20 - count),
            dev_answers=("so",) * 20,
            test_answers=(),
        )
        for seed, count in enumerate(correct)
    )
    estimate = recall([[1] * count + [0] * (20 - count) for count in correct])
    settings = {
        "relations": tuple(
            RelationRecall(relation=label, label=label, questions=10, accuracy=share, interval=(0.1, 0.9))
            for label, share in (("birthplace", 0.125), ("field", 0.875))
        ),
        "reference": None,
        "verdict": None,
        "coverage": (),
    }
    return SystemRow(
        name=name,
        label=f"{name}'s label",
        track=track,
        attention=attention,
        parameters=12_345 if attention else 0,
        accuracy=estimate.value,
        normalised_accuracy=0.625,
        interval=estimate.interval,
        seconds=1.5,
        runs=runs,
        **(settings | changes),
    )


@pytest.fixture
def reproduction(corpus) -> Reproduction:
    reached = (
        Coverage(relation="field", part="dev", facts=7, in_document=6, asked=5, missed=("<b>music</b> (Ann Lee)",)),
    )
    pair = difference([[0] * 20], [[1] * 9 + [0] * 11])
    return Reproduction(
        preset="facts",
        summary="a toy",
        inert=("something",),
        corpus=corpus.summary(),
        machine=MACHINE,
        systems=(
            system("most_frequent", "standard", [1], attention=None),
            system("standard", "standard", [9, 10], coverage=reached),
            system("open", "open", [19, 20]),
        ),
        comparisons=(Pair(first="most_frequent", second="standard", **vars(pair)),),
        examples=Examples(
            system="open",
            right=(Example(question="Right?", answer="so", gold="so"),),
            wrong=(Example(question="Wrong?", answer="<script>", gold="this / that"),),
        ),
    )


@pytest.fixture
def comparison(corpus) -> Comparison:
    exact = ([[1, 0, 1, 0]], [[1, 1, 1, 0]])
    asked = dataclasses.replace(corpus, dev=corpus.dev[:4])
    rows = tuple(
        VariantRow(
            name=name,
            positions="learned",
            recall=recall(own),
            against_first=difference(exact[0], own) if own is not exact[0] else None,
            relations=recall_by_relation(asked, own),
            tokens=4_000,
            loss=1.5,
            answer_nats=None,
            knowledge=(summarise([known(True)] * 3 + [known(False)]),),
            parameters=1_000 + index,
            mlp_width=64,
            training_flops_per_token=123_456.0,
            cached_numbers_per_token=32,
            seconds=2.0,
            costs=Costs(
                train_tokens_per_second=1e4 * (1 + index),
                questions_per_second=50.0,
                kept_bytes=3 * 2**20,
                kept_for_tokens=512,
            ),
        )
        for index, (name, own) in enumerate(
            zip(("key_query_value", "key_query_value:positions=none,heads=1"), exact, strict=True)
        )
    )
    pattern = (((1.0, 0.0), (0.5, 0.5)),)
    return Comparison(
        recipe="tiny",
        corpus=corpus.summary(),
        machine=MACHINE,
        seeds=1,
        precision="fp32",
        questions=4,
        steps=(8,),
        tokens=(4_000,),
        rows=rows,
        maps=(Maps(relation="born", labels=("Who", "mask"), prompts=4, pattern=(pattern,)),) * 2,
    )
