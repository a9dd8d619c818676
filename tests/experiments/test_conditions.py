import math

import pytest

from closedbook.errors import UserError
from closedbook.experiments.conditions import where
from closedbook.experiments.listing import Figures, ListedRun, list_runs


@pytest.mark.parametrize(
    ("conditions", "names"),
    [
        (["state=finished"], ["a", "grid/runs/cell-pretrain"]),
        (["state!=finished"], ["cut.short", "torn"]),
        (["seed=0", "recipe=tiny"], ["a", "cut.short"]),
        (["training.seed=1,2"], ["grid/runs/cell-pretrain"]),
        (["recall>=0.75"], ["grid/runs/cell-pretrain"]),
        (["recall>0.75"], []),
        (["recall>=75%"], ["grid/runs/cell-pretrain"]),
        (["recall>74.9 %"], ["grid/runs/cell-pretrain"]),
        (["recall>75%"], []),
        (["recall=50%,75%"], ["grid/runs/cell-pretrain"]),
        (["epochs<2"], ["grid/runs/cell-pretrain"]),
        (["tied_embeddings=true", "dropout=0.0", "name!=a"], ["cut.short", "grid/runs/cell-pretrain"]),
    ],
)
def test_runs_are_chosen_by_conditions(folder, conditions, names):
    assert [run.name for run in where(list_runs(folder), conditions)] == names


def test_what_is_no_number_is_in_no_order():
    runs = [ListedRun(name=str(loss), state="finished", figures=Figures(loss=loss)) for loss in (1.0, math.nan)]
    for condition in ("loss<=2", "loss>=0", "loss<2"):
        assert [run.name for run in where(runs, [condition])] == ["1.0"]


@pytest.mark.parametrize(
    ("condition", "instead"),
    [
        ("recall>90", "recall>0.9 or recall>90%"),
        ("recall=92.5", "recall=0.925 or recall=92.5%"),
        ("probed<=0.1,50", "probed<=0.5 or probed<=50%"),
        ("recall>900", "recall>0.9 or recall>90%"),
        ("recall>=120%", "recall>=0.9 or recall>=90%"),
    ],
)
def test_a_share_is_compared_with_no_more_than_one(condition, instead):
    runs = [ListedRun(name="a", state="finished", figures=Figures(recall=0.926, probed=0.2))]
    with pytest.raises(UserError) as refused:
        where(runs, [condition])
    field = condition[:6]
    assert str(refused.value) == f"--where {condition}: {field} is a share of 1; say {instead}."
    assert where(runs, ["recall<=1", "probed>0", "recall>=92.6%"]) == runs


def test_a_percentage_is_the_share_to_the_last_digit():
    runs = [ListedRun(name="a", state="finished", figures=Figures(recall=7 / 500))]  # 1.4 / 100 is a little less
    assert where(runs, ["recall=1.4%", "recall>=1.4%", "recall<=1.4%"]) == runs


def test_what_is_no_condition_is_refused():
    with pytest.raises(UserError, match="takes FIELD=VALUE"):
        where([], ["seed"])
