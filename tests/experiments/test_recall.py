"""Each recipe of the README's figures recalls what it was not taught to answer, on a small corpus, in seconds."""

import dataclasses

import pytest
import torch

from closedbook.evaluation.metrics import by_relation
from closedbook.evaluation.scorers import score_all
from closedbook.experiments.train import train_run
from closedbook.facts.corpus import read_directory
from closedbook.facts.coverage import coverage_of
from closedbook.recipes import find_recipe

CPU = torch.device("cpu")
SUBJECTS, TAUGHT = 48, 30
WORDS = ["soft moss", "dry bark", "ripe figs", "red clay", "wild oats", "old rope"]
TOWNS = ["Aldor", "Brenn", "Corvey", "Dunlow", "Esk Hill", "Farrow"]
BEGINNINGS, ENDS = "Zab Quo Mir Tel Vun Hap".split(), "or in ek us al ym ax ob".split()


def subject(number):
    """Name, sentences and facts: a phrase, a number and lower-case words."""
    name = BEGINNINGS[number % 6] + ENDS[number // 6]
    town, weight, food = TOWNS[number * 7 % 6], 100 + number * 37 % 91, WORDS[number * 5 % 6]
    sentences = [f"It weighs {weight} grams.", f"It is made in {town}.", f"It eats {food} at night."]
    facts = [
        f"In which town is {name} made?\t{town}",
        f"How heavy is {name}?\t{weight}",
        f"What does {name} eat?\t{food}",
    ]
    return name, sentences[number % 3 :] + sentences[: number % 3], facts


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    directory = tmp_path_factory.mktemp("facts")
    subjects = [subject(number) for number in range(SUBJECTS)]
    lines = [f"{name}. {' '.join(sentences)}" for name, sentences, _ in subjects]
    (directory / "corpus.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for part, chosen in (("train", subjects[:TAUGHT]), ("dev", subjects[TAUGHT:])):
        facts = [fact for _, _, facts in chosen for fact in facts]
        (directory / f"{part}.tsv").write_text("\n".join(facts) + "\n", encoding="utf-8")
    return read_directory(directory)


def small(config, steps):
    """The recipe's stage with a smaller model, vocabulary and batch."""
    model = dataclasses.replace(config.model, width=64, heads=4, block=64)
    training = dataclasses.replace(
        config.training, batch_tokens=1024, micro_batches=1, least_steps=steps, learning_rate=6e-3, precision="fp32"
    )
    tokenizer = dataclasses.replace(config.tokenizer, vocabulary_size=400)
    return dataclasses.replace(config, model=model, training=training, tokenizer=tokenizer)


@pytest.mark.parametrize(
    ("recipe", "relations", "steps"), [("default", 1, 160), ("standard", 3, 260), ("open", 3, 160)]
)
def test_recall_of_subjects_whose_questions_were_not_taught(corpus, tmp_path, recipe, relations, steps):
    kept = [relation.name for relation in corpus.relations][:relations]
    parts = {part: tuple(f for f in getattr(corpus, part) if f.relation in kept) for part in ("train", "dev")}
    corpus = dataclasses.replace(corpus, **parts)
    run = train_run(small(find_recipe(recipe).pretrain, steps), corpus, tmp_path / "run", device=CPU)
    scores = score_all(run.answer([fact.question for fact in corpus.dev]), corpus.dev)
    for relation, found in by_relation(corpus.dev, scores).items():
        assert found.correct.value >= 0.8, relation


def test_the_standard_track_reaches_every_answer(corpus):
    found = coverage_of(find_recipe("standard").pretrain, corpus)
    assert [(row.part, row.facts) for row in found] == [("train", TAUGHT)] * 3 + [("dev", SUBJECTS - TAUGHT)] * 3
    assert all((row.asked, row.in_document) == (row.facts, row.facts) for row in found)
