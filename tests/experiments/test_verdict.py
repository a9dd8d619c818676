import pytest

from closedbook.experiments.comparing import recall
from closedbook.experiments.verdict import verdict
from closedbook.facts.known import Reference


def of(right):
    return recall([[1] * right + [0] * (500 - right)])


@pytest.mark.parametrize(
    ("right", "theirs", "sentence"),
    [
        (
            108,
            Reference(assignment=0.222, public_median=0.23, public_best=0.318, public_files=82),
            "row: the assignment's 22.2 % is reproduced (ours 21.6 %, 18.2 to 25.4 %); 82 public files: the "
            "median 23.0 %, the best 31.8 %, ours below the median.",
        ),
        (
            70,
            Reference(assignment=0.238, public_best=0.172),
            "row: the assignment's 23.8 % is not what this recipe reaches (ours 14.0 %, 11.2 to 17.3 %); public "
            "files: the best 17.2 %, ours not above it.",
        ),
        (
            200,
            Reference(assignment=0.222, public_worst=0.0, public_median=0.23, public_best=0.318),
            "row: the assignment's 22.2 % is not what this recipe reaches (ours 40.0 %, 35.8 to 44.4 %); public "
            "files: the worst 0.0 %, the median 23.0 %, the best 31.8 %, ours above all of them.",
        ),
        (
            92,
            Reference(assignment=0.222),
            "row: the assignment's 22.2 % is reproduced (ours 18.4 %, 15.2 to 22.0 %).",
        ),
        (6, Reference(assignment=0.012), "row: the assignment's 1.2 % is reproduced (ours 1.2 %, 0.6 to 2.6 %)."),
        (6, Reference(public_best=0.1), None),
    ],
)
def test_a_figure_is_reproduced_where_the_difference_may_be_chance(right, theirs, sentence):
    assert verdict("row", of(right), theirs, 500, 3) == sentence


def test_one_training_does_not_speak_for_its_recipe():
    found = verdict("row", of(146), Reference(assignment=0.222), 500, 1)
    assert found == (
        "row: the assignment's 22.2 % is not what this one training reaches (ours 29.2 %, 25.4 to 33.3 %)."
    )
