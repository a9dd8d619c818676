import json

import numpy as np
import pytest
from benchmarks.confidence import Table, as_tsv, compare, difference, holm, read
from benchmarks.confidence_facts import CALIBRATION, split

from closedbook.errors import UserError


def table(**values):
    right = np.array([True, False] * 30)
    columns = {tuple(name.split("__")): np.asarray(column, dtype=np.float64) for name, column in values.items()}
    return Table(relations=np.array(["capital"] * 60), right=right, values=columns, left_out=0)


@pytest.fixture
def noise():
    return np.random.default_rng(1).random(60)


def test_countries_are_all_on_one_side_whatever_their_order():
    names = [f"Country {number}" for number in range(244)]
    calibration, facts = split(names)
    assert len(calibration) == CALIBRATION
    assert calibration | facts == set(names)
    assert not calibration & facts
    assert split(names[::-1]) == (calibration, facts)


def test_holm_is_that_of_a_worked_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_a_signal_that_tells_all_beats_one_that_tells_nothing(noise):
    right = np.array([True, False] * 30)
    found = difference(right, right.astype(float), noise)
    assert found.low > 0
    assert found.p < 0.001
    assert difference(right, noise, noise).p == 1.0


def test_others_are_held_against_our_best_and_our_default(noise):
    rows = compare(table(closedbook__probe=[1, 0] * 30, closedbook__sequence_probability=noise, tool__x=1 - noise))
    assert (rows[0].signal, rows[0].auroc, rows[0].to_best) == ("probe", 1.0, None)
    other = next(row for row in rows if row.tool == "tool")
    assert other.to_best.corrected == other.to_best.p < 0.001
    assert other.to_best.value == pytest.approx(other.auroc - 1)
    ours = next(row for row in rows if row.signal == "sequence_probability")
    assert ours.to_best.corrected is None
    assert ours.auroc + other.auroc == pytest.approx(1)
    assert as_tsv(rows).splitlines()[1].startswith("closedbook\tprobe\t60\t1.000")


def test_a_signal_is_judged_where_it_is_a_number(noise):
    partly = np.where(np.arange(60) < 20, np.nan, noise)
    rows = compare(table(closedbook__sequence_probability=noise, tool__x=partly))
    other = next(row for row in rows if row.tool == "tool")
    assert other.questions == 40
    assert other.to_best.value == 0.0


def test_questions_with_another_response_are_left_out(tmp_path):
    ours = [
        {"relation": "capital", "question": f"{name}?", "response": name, "right": True, "sequence_probability": 0.5}
        for name in "ab"
    ]
    theirs = [
        {"question": "a?", "response": " a ", "Perplexity": 0.1},
        {"question": "b?", "response": "c", "Perplexity": 0.2},
    ]
    for name, rows in (("ours", ours), ("theirs", theirs)):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = read(tmp_path / "ours", [("tool", tmp_path / "theirs")])
    assert found.left_out == 1
    assert found.values["tool", "Perplexity"].tolist() == [0.1]
    (tmp_path / "theirs").write_text(json.dumps(theirs[0]) + "\n")
    part = read(tmp_path / "ours", [("tool", tmp_path / "theirs")])
    assert part.left_out == 0
    assert np.isnan(part.values["tool", "Perplexity"]).tolist() == [False, True]
    (tmp_path / "ours").write_text(json.dumps(ours[1]) + "\n")
    (tmp_path / "theirs").write_text(json.dumps(theirs[1]) + "\n")
    with pytest.raises(UserError, match="same response"):
        read(tmp_path / "ours", [("tool", tmp_path / "theirs")])
