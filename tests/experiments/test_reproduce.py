import dataclasses
import itertools
import json
import shutil
from pathlib import Path

import pytest

from closedbook import presets
from closedbook.config import DistillationConfig, QuestionAnswering, StudyCards
from closedbook.errors import UserError
from closedbook.experiments import callbacks
from closedbook.experiments import reproduce as room
from closedbook.experiments.options import ReproduceConfig
from closedbook.experiments.registry import EXPERIMENTS, REPRODUCE, find_experiment
from closedbook.experiments.reproduce import reproduce
from closedbook.experiments.reproduction import SHOWN, Reproduction, SystemRun
from closedbook.experiments.results import from_values
from closedbook.facts.built_in import write_built_in
from closedbook.facts.corpus import read_directory
from closedbook.hub import open_model
from closedbook.presets import find_preset, of_recipe
from closedbook.recipes import with_training
from tests.experiments.conftest import Listening, dev_of


@pytest.fixture(scope="module")
def directory(corpus, recipe, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "mine"
    write_built_in(dataclasses.replace(recipe.built_in, relations=("born", "field")), path)
    return path


def with_student(recipe):
    """The toy's preset, with one model that the seeds of its third system teach."""
    mixture = (QuestionAnswering(), StudyCards(answers="drawn"))
    student = dataclasses.replace(recipe.pretrain, mixture=mixture, distillation=DistillationConfig(at_least=0.0))
    preset = of_recipe(recipe)
    by_heart = with_training(recipe.finetune, epochs=30, learning_rate=5e-3, micro_batches=1)
    systems = [
        dataclasses.replace(system, configs=(recipe.pretrain, by_heart), student=student)
        if system.name == "key_query_value"
        else system
        for system in preset.systems
    ]
    return dataclasses.replace(preset, systems=tuple(systems))


@pytest.fixture(scope="module")
def done(recipe, directory, tmp_path_factory):
    """Every system of the toy, two seeds each."""
    out = tmp_path_factory.mktemp("reproduce") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(presets.PRESETS, "tiny", lambda: with_student(recipe))
        patch.setattr(callbacks, "PROBES", 3)
        options = ReproduceConfig(
            preset="tiny", corpus=str(directory), seeds=2, precision="fp32", out=out, device="cpu"
        )
        yield options, REPRODUCE.run(options, Listening())


def test_the_report_has_the_promised_form(done):
    options, report = done
    path = options.out / "report.json"
    values = json.loads(path.read_text())
    assert from_values(Reproduction, values, path) == report
    assert set(values) >= {"schema", "preset", "corpus", "machine", "systems", "comparisons"}
    names = ["most_frequent", "no_pretraining"]
    names += ["key_query_value", "key_query_value_ensemble", "key_query_value_distilled"]
    names += ["synthesizer", "synthesizer_ensemble"]
    assert [row["name"] for row in values["systems"]] == names
    for row in values["systems"]:
        promised = "label track attention parameters accuracy interval seconds runs relations coverage reference"
        assert set(promised.split()) < set(row)
        assert row["interval"][0] <= row["accuracy"] <= row["interval"][1]
        alone = not row["attention"] or row["name"].endswith(("_ensemble", "_distilled"))
        assert [run["seed"] for run in row["runs"]] == ([0] if alone else [0, 1])
        weighed = sum(part["accuracy"] * part["questions"] for part in row["relations"])
        assert weighed / sum(part["questions"] for part in row["relations"]) == pytest.approx(row["accuracy"])
        assert row["reference"] is None  # of other data
        for run in row["runs"]:
            assert run["run"] is None or (options.out / run["run"] / "model.safetensors").is_file()
    assert (
        len(values["comparisons"]) == 6 + 4
    )  # and what seeds come to together against them, and one of it against the other
    assert values["machine"]["peak_memory_bytes"] > 0
    assert report.inert == ("something",)


@pytest.mark.slow
def test_several_processes_report_what_one_does(done, recipe, pretend, monkeypatch, tmp_path):
    options, report = done
    pretend()
    monkeypatch.setitem(presets.PRESETS, "tiny", lambda: with_student(recipe))
    again = REPRODUCE.run(dataclasses.replace(options, out=tmp_path / "out", workers=2), Listening())
    assert timeless(again) == timeless(report)
    for path in sorted(options.out.glob("*.predictions")):
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()


def timeless(report):
    """All figures but those of times and machine."""
    rows = [
        dataclasses.replace(row, seconds=0.0, runs=tuple(dataclasses.replace(run, seconds=0.0) for run in row.runs))
        for row in report.systems
    ]
    return dataclasses.replace(report, systems=tuple(rows), machine={})


def test_predictions_are_the_answers_and_bear_the_systems_names(done):
    options, report = done
    stems = "vanilla.nopretrain vanilla.pretrain.seed-1 vanilla.pretrain.ensemble synthesizer.pretrain most_frequent"
    stems += " vanilla.pretrain.distilled"
    for stem in stems.split():
        for part, count in (("dev", report.corpus.dev), ("test", report.corpus.test)):
            assert len((options.out / f"{stem}.{part}.predictions").read_text().splitlines()) == count
    kept = options.out / "runs" / "key_query_value-seed-1-finetune" / "predictions" / "dev.txt"
    assert kept.read_text() == (options.out / "vanilla.pretrain.seed-1.dev.predictions").read_text()


def test_seeds_that_are_asked_together_have_a_row_of_their_own(done):
    options, report = done
    rows = {row.name: row for row in report.systems}
    seeds, together = rows["key_query_value"], rows["key_query_value_ensemble"]
    assert together.label == f"{seeds.label}, 2 seeds together"
    assert together.parameters == 2 * seeds.parameters
    assert together.seconds == pytest.approx(sum(run.seconds for run in seeds.runs), abs=0.1)
    members = ",".join(str(options.out / run.run) for run in seeds.runs)
    kept = (options.out / "vanilla.pretrain.ensemble.dev.predictions").read_text().splitlines()
    corpus = read_directory(Path(options.corpus))
    model = open_model(f"ensemble:{members}")
    assert [one.text for one in model.respond(model.prompts([fact.question for fact in corpus.dev]))] == kept


def test_one_model_learns_from_all_seeds(done):
    options, report = done
    rows = {row.name: row for row in report.systems}
    seeds, student = rows["key_query_value"], rows["key_query_value_distilled"]
    assert student.label == "one model taught by the 2 seeds"
    assert student.coverage == ()  # it reads no document
    assert student.seconds > sum(run.seconds for run in seeds.runs)
    assert student.parameters == seeds.parameters
    (run,) = student.runs
    environment = json.loads((options.out / run.run / "environment.json").read_text())
    members = ",".join(str(options.out / one.run) for one in seeds.runs)
    assert environment["corpus"]["files"]["teacher"]["sha256"] == open_model(f"ensemble:{members}").fingerprint()


def test_seeds_that_have_nothing_to_teach_cost_only_the_row(planned, corpus, recipe, monkeypatch):
    def refuse(*_):
        raise UserError("nothing to say")

    monkeypatch.setattr(room, "taught_for", refuse)
    monkeypatch.setattr(room, "_open", lambda *_: None)
    monkeypatch.setattr(room, "_of_seeds", lambda grid, name, seeds: name)
    monkeypatch.setattr(room, "_ensemble", lambda grid, corpus, system, seeds: (system, seeds[0]))
    grid = planned(constant)
    report = reproduce(grid, corpus, with_student(recipe), seeds=2)
    assert "key_query_value: the seeds teach no other model. nothing to say" in grid.reporter.said
    assert not any(row.name.endswith("_distilled") for row in report.systems)


def test_other_seeds_teach_another_model(planned, corpus, recipe, monkeypatch):
    monkeypatch.setattr(room, "taught_for", lambda config, corpus, *_: corpus)
    monkeypatch.setattr(room, "_open", lambda *_: None)
    monkeypatch.setattr(room, "_ensemble", lambda grid, corpus, system, seeds: (system, seeds[0]))

    def students(weights):
        monkeypatch.setattr(room, "_of_seeds", lambda grid, name, seeds: f"{name}-of-2-{weights}")
        grid = planned(constant)
        reproduce(grid, corpus, with_student(recipe), seeds=2)
        return [name for name in grid.cells if "distilled-of-2" in name]

    assert len(students("a")) == 1
    assert students("a") == students("a") != students("b")


def test_examples_are_of_the_best_trained_system(done):
    _, report = done
    alone = [row for row in report.systems if row.attention and not row.name.endswith("_ensemble")]
    best = max(alone, key=lambda row: row.accuracy)
    assert report.examples.system == best.name
    assert all(example.answer in example.gold.split(" / ") for example in report.examples.right)
    assert all(example.answer not in example.gold.split(" / ") for example in report.examples.wrong)
    assert len(report.examples.wrong) == SHOWN


@pytest.mark.parametrize("count", [3, 10, 19, 25])
def test_examples_are_spread_over_all_that_there_are(planned, corpus, count):
    dev = tuple(dataclasses.replace(corpus.dev[0], question=str(number)) for number in range(count))
    report = reproduce(planned(constant), dataclasses.replace(corpus, dev=dev), find_preset("facts"), seeds=1)
    shown = [int(example.question) for example in report.examples.wrong]
    assert shown == sorted(set(shown))
    assert len(shown) == min(count, SHOWN)
    assert max(b - a for a, b in itertools.pairwise([*shown, count])) <= -(-count // SHOWN)


def test_a_run_that_was_removed_is_missed_with_a_way_on(done, tmp_path):
    options, _ = done
    out = tmp_path / "copy"
    shutil.copytree(options.out, out)
    shutil.rmtree(out / "runs" / "key_query_value-seed-1-finetune")
    with pytest.raises(UserError, match=r"finetune: is gone, but .*results/key_query_value-seed-1.json holds"):
        REPRODUCE.run(dataclasses.replace(options, out=out), Listening())
    (out / "results" / "key_query_value-seed-1.json").unlink()
    REPRODUCE.run(dataclasses.replace(options, out=out), Listening())


def test_a_second_call_keeps_everything_and_another_corpus_is_refused(done, directory):
    options, report = done
    listening = Listening()
    again = REPRODUCE.run(options, listening)
    assert listening.count("finished before, kept") == 10
    assert again.systems == report.systems
    with (directory / "train.tsv").open("a") as file:
        file.write("What did Ann study?\tphysics\n")
    with pytest.raises(UserError, match="other settings or data"):
        REPRODUCE.run(options, Listening())


def test_the_built_in_data_are_written_into_the_output(recipe, planned):
    preset = find_preset("default")
    grid = planned(None)
    toy = dataclasses.replace(preset, built_in=recipe.built_in)
    corpus = room.prepare(grid, toy, ReproduceConfig(out=grid.out))
    assert (grid.out / "corpus" / "dev.tsv").is_file()
    assert corpus.name == ReproduceConfig().corpus
    assert room.prepare(grid, toy, ReproduceConfig(out=grid.out)) == corpus  # taken up again
    other = dataclasses.replace(recipe.built_in, count=61)
    with pytest.raises(UserError, match="other settings or data"):
        room.prepare(grid, dataclasses.replace(preset, built_in=other), ReproduceConfig(out=grid.out))


def constant(cell, result):
    exact = (0,) * len(dev_of(cell))
    answers = ("x",) * len(exact)
    return SystemRun(
        seed=0,
        accuracy=0.0,
        normalised_accuracy=0.0,
        exact=exact,
        dev_answers=answers,
        test_answers=(),
    )


def test_ones_own_facts_take_both_tracks_where_a_reader_can_learn(planned, corpus):
    grid = planned(constant)
    report = reproduce(grid, corpus, find_preset("facts"), seeds=1)
    assert [row.track for row in report.systems] == ["standard"] * 4 + ["open"]
    assert {(pair.first, pair.second) for pair in report.comparisons if "open" in (pair.first, pair.second)} == set()
    covered = {row.name: row.coverage for row in report.systems}
    assert covered["most_frequent"] == ()
    assert {part.relation for part in covered["standard"]} == {"born", "field"}


@pytest.mark.parametrize("missing", ["questions", "answers"])
def test_the_open_track_is_left_out_with_a_line_where_it_cannot(planned, corpus, missing):
    if missing == "questions":
        corpus = dataclasses.replace(corpus, train=corpus.train[:6])
    else:
        train = tuple(dataclasses.replace(fact, answers=("nowhere to be read",)) for fact in corpus.train)
        corpus = dataclasses.replace(corpus, train=train)
    grid = planned(constant)
    report = reproduce(grid, corpus, find_preset("facts"), seeds=1)
    assert {row.track for row in report.systems} == {"standard"}
    assert grid.reporter.count("open: left out.") == 1


def test_a_directory_takes_the_preset_made_for_it():
    assert ReproduceConfig(corpus="mine").chosen_preset().name == "facts"
    assert ReproduceConfig().chosen_preset().name == "default"
    assert ReproduceConfig(corpus="mine", preset="open").chosen_preset().systems[2].track == "open"
    facts = find_preset("facts")
    assert "course" not in facts.summary + " ".join(system.label for system in facts.systems)
    precise = ReproduceConfig(corpus="mine", precision="fp32").chosen_preset()
    assert {config.training.precision for system in precise.systems for config in system.configs} == {"fp32"}


def test_experiments_are_found_by_name_and_checked_before_anything_is_trained():
    assert find_experiment("compare") is EXPERIMENTS["compare"]
    with pytest.raises(UserError, match="did you mean 'compare'"):
        find_experiment("compar")
    for name, values, sentence in (
        ("compare", {"seeds": 0}, "compare.seeds: cannot be 0; takes at least 1"),
        ("compare", {"variants": ("key_query_value",)}, "takes at least 2 of them"),
        ("capacity", {"counts": (5,)}, "takes at least 10"),
        ("unknowns", {"epochs": 0}, "unknowns.epochs: cannot be 0"),
    ):
        with pytest.raises(UserError, match=sentence):
            EXPERIMENTS[name].options(**values)
    with pytest.raises(UserError, match="two or more different variants"):
        EXPERIMENTS["compare"].run(EXPERIMENTS["compare"].options(variants=("a", "a")), Listening())
    assert not Path("runs/compare").exists()
