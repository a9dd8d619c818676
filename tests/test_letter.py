"""What the letter costs: drawn from a toy, the numbers behind the figures counted again, the page held against them."""

import dataclasses
import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from benchmarks.letter.__main__ import main
from benchmarks.letter.figures import FIGURES, synthesizers
from benchmarks.letter.measures import measure, rates
from benchmarks.letter.results import PADDING, READ, SCORED, SYSTEMS
from benchmarks.letter.table import table

from closedbook.facts.corpus import read_directory
from closedbook.recipes import find_recipe

ROOT = Path(__file__).resolve().parents[1]
NAMES = "Ada Berg|Bea Carr|Cid Dorn|Dan Ekström|Eva Falk|Fay Gray|Gil Hall|Hal Iver|Ida Jung|Kim Lund|Lea Moss|Max Nord"
PLACES = "Oslo|Oslo|Bonn|Bonn|Rome|Rome|Graz|Graz|Nice|Nice|Bern|Bern".split("|")
EPOCHS = 40


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """Twelve people, sorted by name: eight to train on, two to report on, two to answer about."""
    directory = tmp_path_factory.mktemp("letter") / "toy"
    directory.mkdir()
    people = list(zip(NAMES.split("|"), PLACES, strict=True))
    lines = [f"{name}. {name} was born in {place}{' and went to sea early on' * 4}.\n" for name, place in people]
    asked = [f"Where was {name} born?\t{place}\n" for name, place in people]
    (directory / "corpus.txt").write_text("".join(lines), encoding="utf-8")
    (directory / "train.tsv").write_text("".join(asked[:8]), encoding="utf-8")
    (directory / "dev.tsv").write_text("".join(asked[8:10]), encoding="utf-8")
    (directory / "test.tsv").write_text("".join(asked[10:]), encoding="utf-8")
    return directory


@pytest.fixture(scope="module")
def corpus(directory):
    return read_directory(directory)


@pytest.fixture(scope="module")
def recipe():
    """The faithful recipe with fewer passes of pretraining and small batches."""
    faithful = find_recipe("faithful")
    training = dataclasses.replace(faithful.pretrain.training, epochs=EPOCHS, batch_rows=5)
    return dataclasses.replace(faithful, pretrain=dataclasses.replace(faithful.pretrain, training=training))


@pytest.fixture(scope="module")
def letter(corpus, recipe):
    return measure(corpus, recipe)


def test_the_command_draws_every_figure_but_those_of_other_data(directory, tmp_path, capsys):
    main(["--corpus", str(directory), "--out", str(tmp_path / "figures")])
    printed = capsys.readouterr().out
    assert "| real positions of pretraining, of finetuning |" in printed
    assert "the assignment" not in printed
    drawn = sorted((tmp_path / "figures").iterdir())
    assert [path.stem for path in drawn] == sorted(FIGURES)
    assert all(ElementTree.parse(path).getroot().get("aria-label") for path in drawn)


@pytest.mark.slow
def test_curves_of_pretrainings_are_drawn(directory, tmp_path):
    curve = tmp_path / "toy.pretrain.jsonl"
    lines = [{"step": step, "steps": 90, "loss": 3 - step / 50, "rate": 1 - step / 90} for step in range(1, 91)]
    curve.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    main(["--corpus", str(directory), "--out", str(tmp_path / "figures"), "--curves", str(curve)])
    assert "nats" in (tmp_path / "figures" / "letter-loss.svg").read_text(encoding="utf-8")


def test_a_missing_corpus_is_one_sentence(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--corpus", str(tmp_path / "none"), "--out", str(tmp_path / "figures")])
    assert stopped.value.code == 2
    assert str(tmp_path / "none") in capsys.readouterr().err
    assert not (tmp_path / "figures").exists()


def test_the_rate_is_what_the_schedule_is_told_to_be():
    """Two hundred passes of 128 counted positions are 201.6 of 127; then the cosine rises again."""
    course = rates(find_recipe("faithful").pretrain, 13, 13)
    assert len(course.letter_S) == 650
    assert (course.positions_S[:3] == [0, 13 * 127, 26 * 127]).all()
    assert course.letter_S[0] == 1.0
    assert course.expected_S[0] == 1.0
    assert course.expected_S[-1] == pytest.approx(0.1)
    assert (np.diff(course.expected_S) <= 0).all()
    assert course.letter_S[202] == course.letter_S.min() == 0.1
    assert abs(course.summit - 2 * 200 * 128 / 127) < 12  # the warm-up is 6 of these tiny passes
    assert course.letter_S[-1] > 0.1
    assert course.untouched(0.1)[1] == pytest.approx((1 - 6e-4) * (1 - 6e-4 * course.letter_S[1]))


def test_batches_in_file_order_and_the_empty_last_row(letter):
    assert letter.batches == ({"train": 5}, {"train": 3, "dev": 2}, {"test": 2, "no question": 1})


def test_a_sorted_file_is_seen_to_be_sorted(letter):
    found = {row.what: row for row in letter.neighbours}
    assert found["names in alphabetical order"].observed == 1.0
    assert found["names in alphabetical order"].deviations > 2
    assert found["the same answer"].observed == pytest.approx(4 / 7)
    assert found["the same answer"].deviations > 2
    assert abs(np.mean(found["names in alphabetical order"].shuffled) - 0.5) < 0.1


def test_real_positions_are_those_of_the_examples(letter, corpus):
    """Of finetuning: `question MASK answer MASK` but for its last token; the first mask is predicted, too."""
    batch = letter.first_batches["finetune"]
    for kinds_T, fact in zip(batch.kinds_BT, corpus.train, strict=True):
        question, answer = (text.encode("ascii", "ignore").decode() for text in (fact.question, fact.answers[0]))
        read, used = len(question) - 1, len(question) + len(answer) + 1
        assert (kinds_T[:read] == READ).all()
        assert (kinds_T[read:used] == SCORED).all()
        assert (kinds_T[used:] == PADDING).all()
    assert batch.real == pytest.approx((batch.kinds_BT != PADDING).mean())
    pretrain = letter.first_batches["pretrain"]
    assert set(np.unique(pretrain.kinds_BT)) == {PADDING, SCORED}
    assert abs(pretrain.real - 12 / 13 * 59 / 127) < 0.15  # cuts of 4 to 112, two masks; one row is empty


def test_passes_that_show_an_answer(letter):
    """Every length from 4 to 112 is as likely: an answer that ends at character 34 is read in 79 of 109 passes."""
    seen = letter.exposure
    assert (seen.asked_F <= seen.hidden_F).all()
    assert (seen.hidden_F <= seen.read_F).all()
    assert abs(seen.read_F.mean() - 79 / 109) < 0.1
    assert 0 < seen.hidden_F.mean() < 0.3
    assert 100 < seen.longest <= 113


def test_characters_that_finetuning_drops(letter):
    found = letter.characters
    assert found.dropped == {"train": (1, 8), "dev": (0, 2), "test": (0, 2)}
    assert found.foreign == [2]
    assert found.counts[" "] == sum(length for length, _ in found.line_lengths) - sum(
        count for character, count in found.counts.items() if character != " "
    )
    assert found.size == len(found.counts | dict.fromkeys("□⁇\nWhere was born?"))
    assert found.line_lengths[0][0] > 2 * found.line_lengths[0][1]
    assert found.unread == 0
    assert found.beyond == pytest.approx(
        sum(length - 112 for length, _ in found.line_lengths) / sum(found.counts.values())
    )


@pytest.mark.parametrize("attention", ["key_query_value", "dense_synthesizer"])
def test_parameters_by_group(letter, attention):
    groups = {group.kind: group for group in letter.groups[attention]}
    assert {kind for kind, group in groups.items() if not group.decays} == {"biases"}
    assert groups["LayerNorm weights"].count == 9 * 256
    assert groups["positions"].count == 128 * 256
    size = letter.characters.size
    assert (
        sum(group.count for group in groups.values())
        == {
            "key_query_value": 3_323_392,
            "dense_synthesizer": 3_076_988,
        }[attention]
        - 2 * (256 - size) * 256
    )


def test_what_others_report_is_drawn_without_paper():
    figure = synthesizers()
    assert figure.patch.get_alpha() == 0
    assert all(axis.patch.get_alpha() == 0 for axis in figure.axes)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == [system.name for system in SYSTEMS]


@pytest.mark.real
@pytest.mark.slow
def test_the_page_shows_what_the_command_prints(course):
    printed = table(measure(course, find_recipe("faithful")), reported=True)
    assert printed in (ROOT / "docs" / "the-letter.md").read_text(encoding="utf-8")
