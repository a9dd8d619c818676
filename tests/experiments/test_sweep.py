import dataclasses
import json

import pytest

from closedbook.errors import UserError
from closedbook.experiments.looking import curve_of
from closedbook.experiments.options import SweepConfig
from closedbook.experiments.sweep import Trial, changed, combinations, commands, run, sweep
from closedbook.recipes import with_settings
from tests.cli.conftest import write_corpus
from tests.experiments.conftest import Listening, dev_of


def test_every_combination_is_named_by_what_varies():
    made = combinations(["training.epochs=1,2", "model.width=32", "training.learning_rate=1e-3,0.002"])
    assert len(made) == 4
    assert made["training.epochs=2 training.learning_rate=1e-3"] == {
        "training.epochs": 2,
        "model.width": 32,
        "training.learning_rate": 0.001,
    }
    assert combinations(["model.attention=key_query_value"]) == {
        "model.attention=key_query_value": {"model.attention": "key_query_value"}
    }


@pytest.mark.parametrize(
    ("over", "sentence"),
    [
        (["training.epochs"], "takes FIELD=V1,V2"),
        (["=1,2"], "takes FIELD=V1,V2"),
        (["training.epochs=1,,2"], "takes FIELD=V1,V2"),
        (["training.epochs=1,1"], "a value is given twice"),
        (["training.epochs=1", "training.epochs=2"], "this field is given twice"),
        ([f"{name}={','.join(map(str, range(40)))}" for name in ("a", "b")], "more than 1,000 settings"),
    ],
)
def test_what_is_no_list_of_values_is_refused(over, sentence):
    with pytest.raises(UserError, match=sentence):
        combinations(over)


def test_architecture_is_that_of_both_stages_and_training_of_the_first(recipe):
    changes = {"model.width": 64, "training.epochs": 3, "finetune.training.epochs": 2}
    pretrain, finetune = changed(recipe, "these", changes).stages
    assert (pretrain.model.width, finetune.model.width) == (64, 64)
    assert (pretrain.training.epochs, finetune.training.epochs) == (3, 2)
    first, second = commands(recipe, changes, "mine")
    assert first.endswith("--out runs/tiny-best --model.width 64 --training.epochs 3")
    assert second.endswith("--start runs/tiny-best --model.width 64 --training.epochs 2")


def test_a_field_that_cannot_be_swept_is_refused(recipe):
    alone = dataclasses.replace(recipe, pretrain=dataclasses.replace(recipe.pretrain, mixture=recipe.finetune.mixture))
    for subject, changes, sentence in (
        (recipe, {"training.epocs": 3}, "--over these: training.epocs: no such setting"),
        (recipe, {"training.epochs": "x"}, "--over these: training.epochs: cannot be 'x'"),
        (recipe, {"training.seed": 3}, "a seed is no setting to choose"),
        (alone, {"finetune.training.epochs": 3}, "tiny is not finetuned"),
        (recipe, {"finetune.model.layers": 2}, "finetuning keeps the model and the vocabulary of pretraining"),
    ):
        with pytest.raises(UserError, match=sentence):
            changed(subject, "these", changes)


def trial(cell, result, shares):
    """Rightly answered is the share that a cell's name stands for; given up where that is negative."""
    right = next(share for name, share in shares.items() if name in cell.name)
    asked, given_up = len(dev_of(cell)), right < 0
    exact = tuple(int(index < abs(right) * asked) for index in range(asked))
    return Trial(
        name=cell.name,
        exact=() if given_up else exact,
        curve=((50, abs(right)),),
        recall=abs(right),
        percent=50 if given_up else 100,
        parameters=0 if given_up else 5,
        seconds=1.0,
    )


def test_the_best_comes_first_and_what_was_given_up_last_and_alone(planned, corpus, recipe):
    shares = {"epochs-1": 0.5, "epochs-2": -0.9, "epochs-3": 1.0}
    grid = planned(lambda cell, result: trial(cell, result, shares))
    variants = [changed(recipe, name, changes) for name, changes in combinations(["training.epochs=1,2,3"]).items()]
    rows = sweep(grid, corpus, variants, seeds=2)
    assert [row.name.partition("=")[2] for row in rows] == ["3", "1", "2"]
    assert [row.percent for row in rows] == [100, 100, 50]
    assert [row.seconds for row in rows] == [2.0, 2.0, 1.0]
    assert sorted(grid.cells) == [
        f"training-epochs-{epochs}-seed-{seed}" for epochs, seed in ((1, 0), (1, 1), (2, 0), (3, 0), (3, 1))
    ]
    assert all(rows[0].interval[0] < rows[0].recall <= rows[0].interval[1] for _ in rows)
    assert all(cell.probed == len(corpus.dev) for cell in grid.cells.values())


def test_a_sweep_learns_one_part_of_train_and_asks_about_the_other(tiny, tmp_path):
    options = SweepConfig(
        recipe="tiny",
        corpus=str(write_corpus(tmp_path / "mine")),
        over=("training.learning_rate=0.001,0.01",),
        held_out=6,
        out=tmp_path / "out",
    )
    reporter = Listening()
    report = run(options, reporter)
    assert reporter.count("2 settings; 6 of 36 training facts are held out and asked about") == 1
    assert (report.held_out, len(report.rows)) == (6, 2)
    assert "--training.learning_rate" in report.commands[0]
    assert not any((tmp_path / "out" / "runs").iterdir())
    again = Listening()
    assert run(options, again).rows == report.rows
    assert again.count("finished before, kept") == 2


def test_settings_are_put_where_they_belong(recipe):
    assert with_settings(recipe.pretrain, {"training.epochs": 7}).training.epochs == 7


def test_the_curve_of_a_training_that_ended_early_stands_at_the_share_of_the_plan(tmp_path):
    def line(step, steps):
        return {"step": step, "steps": steps, "loss": 1.0, "rate": 1.0, "tokens": step, "seconds": 1.0}

    lines = [line(50, 200), line(100, 100)]  # the last says how many it took
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(values) + "\n" for values in lines))
    recall = [{"step": 50, "recall": 0.5}, {"step": 100, "recall": 1.0}]
    (tmp_path / "recall.jsonl").write_text("".join(json.dumps(values) + "\n" for values in recall))
    assert curve_of([tmp_path]) == ((25, 0.5), (50, 1.0))
