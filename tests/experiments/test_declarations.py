"""Which cells each experiment declares, and what it makes of their results; nothing is trained."""

import dataclasses

import pytest

from closedbook.config import Outlines, QuestionAnswering, SpanCorruption
from closedbook.errors import UserError
from closedbook.experiments import ablate as room
from closedbook.experiments.ablate import ablate, validation_corpus
from closedbook.experiments.attribute import attribute, halves, without_documents
from closedbook.experiments.capacity import capacity, capacity_config, taught_corpus
from closedbook.experiments.comparing import Scored, advantage, difference, recall, recall_by_relation
from closedbook.experiments.extraction import Asked, extraction
from closedbook.experiments.options import AblateConfig, CapacityConfig, ExtractionConfig
from closedbook.experiments.registry import find_experiment
from closedbook.experiments.train import passes
from closedbook.experiments.unknowns import (
    MIXTURES,
    Finetuned,
    Stored,
    about_others,
    documents_alone,
    mixtures,
    unknowns,
)
from closedbook.experiments.variants import BASE, choose, ingredients
from closedbook.facts.people_data import RELATIONS
from closedbook.facts.records import Fact
from closedbook.recipes import RECIPES, open_track, standard, with_training
from tests.experiments.conftest import Listening, dev_of


def scored(exact, seconds=2.0):
    return Scored(exact=tuple(map(int, exact)), parameters=10, tokens=100, seconds=seconds)


def test_recall_has_an_interval_around_its_mean():
    one, two = recall([[1, 0, 0, 1]]), recall([[1, 0, 0, 1], [1, 1, 1, 1]])
    assert (one.value, one.by_seed) == (0.5, (0.5,))
    assert one.interval == pytest.approx((0.150, 0.850), abs=1e-3)  # Wilson's
    assert (two.value, two.by_seed) == (0.75, (0.5, 1.0))
    assert two.interval[0] < 0.75 < two.interval[1] <= 1


def test_a_difference_has_the_sign_of_the_second_and_one_row_stands_for_all():
    first, second = [0] * 40, [1] * 10 + [0] * 30
    found = difference([first], [second, second])
    assert found.difference == 0.25
    assert found.interval[0] > 0
    assert found.p_values == pytest.approx([2 / 2**10] * 2)
    assert found.permutation_p < 0.01
    assert difference([first], [first]).permutation_p == 1.0


@pytest.mark.parametrize("right", [0, 1])
def test_answers_that_are_all_alike_leave_recall_uncertain(right):
    several = recall([[right] * 5] * 3)
    assert several.value == right
    assert several.interval == pytest.approx(recall([[right] * 5]).interval)  # Wilson's
    assert several.interval == pytest.approx((0.566, 1.0) if right else (0.0, 0.434), abs=1e-3)


@pytest.mark.parametrize(
    ("gain", "low", "high"), [(0, -0.434, 0.434), (1, 1 - 2**0.5 * 0.434, 1.0), (-1, -1.0, -1 + 2**0.5 * 0.434)]
)
def test_a_difference_that_is_everywhere_the_same_is_uncertain(gain, low, high):
    first, second = [[int(gain < 0)] * 5], [[int(gain > 0)] * 5] * 2
    assert difference(first, second).interval == pytest.approx((low, high), abs=1e-3)
    assert advantage(first * 2, second).interval == pytest.approx((low, high), abs=1e-3)


def test_recall_is_told_by_relation(corpus):
    exact = [[int(fact.relation == "field") for fact in corpus.dev]] * 2
    born, field = recall_by_relation(corpus, exact)
    assert (born.relation, born.label, born.accuracy) == ("born", corpus.relation("born").label, 0.0)
    assert field.accuracy == 1.0
    assert born.questions + field.questions == len(corpus.dev)


def test_an_ablation_asks_held_out_subjects_and_compares_with_the_recipe(planned, corpus, recipe):
    variants = choose(ingredients(recipe), ["dropout 0.1", "weight decay 0.1"])
    grid = planned(
        lambda cell, result: scored(["dropout" in cell.name] * len(dev_of(cell)), 1.0 + cell.stages[0].training.seed)
    )
    report = ablate(grid, corpus, variants, seeds=3, held_out=10)
    assert [row.name for row in report.rows] == [BASE, "dropout 0.1", "weight decay 0.1"]
    assert report.rows[0].against_first is None
    assert [row.against_first.difference for row in report.rows[1:]] == [1.0, 0.0]
    assert [relation.accuracy for relation in report.rows[1].relations] == [1.0, 1.0]
    assert report.rows[0].seconds == 2.0
    assert len(grid.cells) == 9
    for cell in grid.cells.values():
        assert {fact.subject for fact in dev_of(cell)}.isdisjoint(fact.subject for fact in cell.corpus.train)
        assert {fact.question for fact in corpus.dev}.isdisjoint(fact.question for fact in dev_of(cell))
    with pytest.raises(UserError, match="closedbook experiment ablate with other settings"):
        ablate(grid, corpus, variants, seeds=3, held_out=12)


@pytest.fixture
def ablation(corpus, recipe, monkeypatch, planned):
    """The report and the grid of an ablation of a toy that takes passes for its relations; nothing is trained."""
    mixture = (SpanCorruption(), QuestionAnswering())
    pretrain = with_training(dataclasses.replace(recipe.pretrain, mixture=mixture), epochs=4, epochs_a_relation=4)
    monkeypatch.setitem(RECIPES, "tiny", lambda: dataclasses.replace(recipe, pretrain=pretrain))
    grid = planned(lambda cell, result: scored([0] * len(dev_of(cell))))
    monkeypatch.setattr(AblateConfig, "opened", lambda *arguments, keep_runs: (grid, corpus))
    return lambda **options: (room.run(AblateConfig(recipe="tiny", seeds=1, **options), grid.reporter), grid)


@pytest.mark.parametrize(("epochs", "expected"), [(None, 8), (2, 2)])
def test_half_time_is_half_of_the_passes_and_epochs_asked_for_are_all(ablation, corpus, epochs, expected):
    _, grid = ablation(epochs=epochs, held_out=10, variants=("questions from half-time",))
    unchanged, late = (cell.stages[0] for cell in grid.cells.values())
    assert passes(unchanged, corpus) == passes(late, corpus) == expected
    assert [objective.first_epoch for objective in late.mixture] == [0, expected // 2]


def test_a_fifth_of_the_training_facts_is_held_out_unless_a_number_is_given(ablation, corpus):
    report, grid = ablation(variants=(BASE,))
    fifth = len(corpus.train) // 5
    assert fifth <= report.held_out <= fifth + 1  # the last subject has two facts
    said = f"{report.held_out} of {len(corpus.train)} training facts are held out and asked about"
    assert grid.reporter.count(said) == 1


def test_extraction_varies_questions_and_exposures_one_at_a_time(planned, corpus, recipe):
    def answer(cell, result):
        facts = dev_of(cell)
        marks = [None, *[index % 2 == 0 for index in range(len(facts) - 1)]]  # the first stands in no document
        right = [0, *[int(mark and len(cell.corpus.train) > 20) for mark in marks[1:]]]
        return Asked(exact=tuple(right), parameters=10, tokens=100, seconds=2.0, stored=tuple(marks))

    grid, split = planned(answer), validation_corpus(corpus, 10)
    options = ExtractionConfig(questions=(30, 12, 30, 10_000), exposures=(8, 2, 4), seeds=2)
    report = extraction(grid, corpus, recipe, split, 4, options)
    points = [(row.questions, row.exposures) for row in report.rows]
    every = len(split.train)
    assert points == [(every, 4), (12, 4), (30, 4), (every, 2), (every, 8)]
    assert [points[index] for index in report.by_questions] == [(12, 4), (30, 4), (every, 4)]
    assert [points[index] for index in report.by_exposures] == [(every, 2), (every, 4), (every, 8)]
    few, more = report.rows[1], report.rows[0]
    assert (few.recall.value, few.of_stored) == (0.0, 0.0)
    assert (more.of_stored, more.of_others) == (1.0, 0.0)
    assert few.stored.value == more.stored.value == pytest.approx(0.5, abs=0.06)
    training = {name: cell.stages[0].training for name, cell in grid.cells.items()}
    assert {(own.epochs_a_relation, own.least_steps, own.stop_at_loss) for own in training.values()} == {
        (0, None, None)
    }
    for seed in (0, 1):
        chosen = [grid.cells[f"questions-{count}-exposures-4-seed-{seed}"].corpus for count in (12, 30)]
        assert [len(one.train) for one in chosen] == [12, 30]
        assert set(chosen[0].train) < set(chosen[1].train) < set(split.train)
        assert chosen[0].documents == corpus.documents
    assert (
        grid.cells["questions-12-exposures-4-seed-0"].corpus.train
        != grid.cells["questions-12-exposures-4-seed-1"].corpus.train
    )


def test_what_stands_twice_is_refused(tmp_path):
    with pytest.raises(UserError, match="--variants: one is given twice"):
        choose({BASE: None}, [BASE, BASE])
    with pytest.raises(UserError, match="--counts: one is given twice"):
        find_experiment("capacity").run(CapacityConfig(counts=(20, 20), out=tmp_path / "out"), Listening())
    assert not (tmp_path / "out").exists()


def test_held_out_subjects_take_the_place_of_dev(corpus):
    split = validation_corpus(corpus, 10)
    assert len(split.dev) >= 10
    assert len(split.train) + len(split.dev) == len(corpus.train)
    assert split.test == ()


def test_an_attribution_reads_each_subject_once_and_leaves_it_out_once(planned, corpus, recipe):
    def knows_what_it_read(cell, result):
        return scored("not" not in cell.name and bool(cell.corpus.documents_of(fact)) for fact in dev_of(cell))

    grid = planned(knows_what_it_read)
    report = attribute(grid, corpus, recipe, seeds=2)
    assert (report.read.value, report.left_out.value, report.not_pretrained.value) == (1.0, 0.0, 0.0)
    assert report.knowledge.value == 1.0
    assert report.features.value == 0.0
    assert report.questions == len(corpus.dev)
    assert report.seconds == 12.0
    assert [len(cell.stages) for cell in grid.cells.values()] == [1, 1, 2, 2, 2, 2]
    nothing = dataclasses.replace(corpus, dev=(dataclasses.replace(corpus.dev[0], subject=""),))
    with pytest.raises(UserError, match="No dev question names a document"):
        attribute(grid, nothing, recipe, seeds=1)


def test_halves_are_random_even_and_keep_subjects_together(corpus):
    facts = [*corpus.dev, *corpus.train]
    side = halves(corpus, facts, 0)
    assert abs(sum(side) - len(side) / 2) <= 2
    assert side == halves(corpus, facts, 0) != halves(corpus, facts, 1)
    by_subject = {}
    for fact, half in zip(facts, side, strict=True):
        assert by_subject.setdefault(fact.subject, half) == half
    with pytest.raises(UserError, match="cannot be divided"):
        halves(corpus, facts[:1] * 3, 0)


def test_left_out_documents_are_gone_and_no_others(corpus):
    left_out = corpus.dev[:4]
    reduced = without_documents(corpus, left_out)
    names = {fact.subject for fact in left_out}
    assert {document.subject for document in corpus.documents} - {d.subject for d in reduced.documents} == names
    with pytest.raises(UserError, match="leaves no document"):
        without_documents(
            corpus, [dataclasses.replace(left_out[0], subject=document.subject) for document in corpus.documents]
        )


def test_unknown_facts_are_told_apart_and_mixtures_compared(planned, corpus, recipe):
    mixture = (Outlines(), QuestionAnswering())
    recipe = dataclasses.replace(recipe, pretrain=dataclasses.replace(recipe.pretrain, mixture=mixture))

    def answer(cell, result):
        if result is Stored:
            return Stored(known=tuple(index % 2 == 0 for index in range(len(dev_of(cell)))))
        right = cell.name.startswith("known")
        exact = (int(right),) * len(dev_of(cell))
        return Finetuned(
            **vars(scored(exact)),
            facts=len(cell.corpus.train),
            fitted=1.0,
            attempted=len(exact),
            confidence_wrong=None if right else 0.5,
        )

    grid = planned(answer)
    report = unknowns(grid, corpus, recipe, seeds=1, epochs=2)
    assert [row.name for row in report.rows] == list(MIXTURES)
    assert [row.against_first.difference for row in report.rows[1:]] == [-1.0, -1.0]
    assert [row.made_up for row in report.rows] == [(0.0,), (1.0,), (1.0,)]
    assert [row.confidence_wrong for row in report.rows] == [None, 0.5, 0.5]
    assert (report.known[0], report.unknown[0]) == (len(corpus.train) / 2, len(corpus.train) / 2)
    base, *finetuned = grid.cells.values()
    assert [objective.name for objective in base.stages[0].mixture] == ["outlines"]
    assert sum(bool(base.corpus.documents_of(fact)) for fact in corpus.train) == len(corpus.train) / 2
    assert {cell.start for cell in finetuned} == {base.name}
    assert all(
        cell.stages[0].training.epochs == 2 and cell.corpus.documents == base.corpus.documents for cell in finetuned
    )


def test_no_subject_whose_document_may_be_left_out_is_asked_about(planned, corpus, recipe):
    recipe = dataclasses.replace(recipe, pretrain=dataclasses.replace(recipe.pretrain, mixture=(Outlines(),)))
    born, field = (
        tuple(fact for fact in corpus.train if fact.relation == relation) for relation in ("born", "field")
    )  # each subject is taught under one relation, and asked about under the other
    grid = planned(None)
    with pytest.raises(UserError, match="Every dev question is about a subject of a training question"):
        unknowns(grid, dataclasses.replace(corpus, train=born, dev=field), recipe, seeds=1, epochs=1)
    mixed = dataclasses.replace(corpus, train=born, dev=(*field[:3], *corpus.dev))
    assert about_others(mixed).dev == corpus.dev


def test_mixtures_are_equally_large_and_half_unknown():
    facts = [Fact(question=f"q{i}", answers=("a",), subject=f"s{i}", line=i) for i in range(20)]
    known = [index < 12 for index in range(20)]
    found = mixtures(facts, known, 0)
    assert len(found["known"]) == len(found["half unknown"]) == 12
    assert sum(known[fact.line] for fact in found["half unknown"]) == 6
    assert all(known[fact.line] for fact in found["known"])
    assert found["all"] == facts
    assert len(mixtures(facts, [index < 18 for index in range(20)], 0)["known"]) == 4
    with pytest.raises(UserError, match="20 training facts are known and 0 are not"):
        mixtures(facts, [True] * 20, 0)


def test_self_study_has_no_pretraining_on_documents_alone():
    with pytest.raises(UserError, match="open: has no pretraining on documents alone"):
        documents_alone(open_track())
    assert all(objective.name != "question_answering" for objective in documents_alone(standard()).mixture)


def test_capacity_is_the_most_that_any_number_of_subjects_reaches(planned, corpus):
    def answer(cell, result):
        count = len({fact.subject for fact in dev_of(cell)})
        held = float(min(count, 15))
        return result(
            subjects=count,
            facts=5 * count,
            bits_taught=2.0 * count,
            bits_held=held,
            parameters=10,
            bits_a_parameter=held / 10,
            seconds=1.0,
        )

    report = capacity(planned(answer), capacity_config(width=32, layers=1, exposures=7, seed=0), [12, 20])
    assert [row.subjects for row in report.rows] == [12, 20]
    assert report.capacity == 1.5
    assert report.exposures == 7


def test_every_relation_of_every_subject_is_taught():
    corpus = taught_corpus(30, seed=0)
    assert len({fact.question for fact in corpus.train}) == len(corpus.train) == 30 * len(RELATIONS)
    assert corpus.train == corpus.dev
    other = taught_corpus(30, seed=1)
    assert {fact.subject for fact in other.train} != {fact.subject for fact in corpus.train}
    few, more = (
        {(fact.question, fact.answers) for fact in taught.train} for taught in (corpus, taught_corpus(40, seed=0))
    )
    assert few < more  # a subject's facts do not depend on how many others there are


def test_one_set_of_machine_options_serves_experiments_and_verbs():
    from closedbook.cli import audit, trace, train
    from closedbook.experiments.options import CapacityConfig, OnMachine, ReproduceConfig

    verbs = (audit.Options, trace.Options, train.Options)
    assert all(issubclass(cls, OnMachine) for cls in (*verbs, CapacityConfig, ReproduceConfig))
