import dataclasses
import io
from collections import namedtuple

import pytest
from rich.console import Console

from closedbook import errors
from closedbook.audit.reliability import Bin
from closedbook.evaluation.metrics import accuracy, proportion
from closedbook.evaluation.scorers import score_all
from closedbook.experiments.ablate import Ablation
from closedbook.experiments.attribute import Attribution
from closedbook.experiments.capacity import BitsHeld, Capacity
from closedbook.experiments.comparing import Compared, advantage, difference, recall
from closedbook.experiments.extraction import Extraction, PointRow
from closedbook.experiments.reader import ReaderReport
from closedbook.experiments.results import Result
from closedbook.experiments.sweep import Setting, Sweep
from closedbook.experiments.unknowns import MixtureRow, UnknownFacts
from closedbook.facts.known import Reference
from closedbook.facts.records import Fact
from closedbook.report import console, numbers
from closedbook.report.console import Progress, Reporter, say_accuracy, say_corpus
from closedbook.report.experiments import show
from tests.report.conftest import MACHINE

HALF, ALL = [[1, 0]], [[1, 1]]


def printed(result, out, capsys):
    Reporter().show(result, out)
    return capsys.readouterr().out


def shared(corpus):
    return {"recipe": "tiny", "corpus": corpus.summary(), "machine": MACHINE, "seeds": 1}


def test_a_results_table_a_track_and_by_relation(reproduction, tmp_path, capsys):
    text = printed(reproduction, tmp_path, capsys)
    assert "exact match on dev, standard track" in text
    assert "by relation, open track" in text
    assert "12.5 %" in text
    assert "assignment" not in text
    known = tuple(dataclasses.replace(row, reference=Reference(public_best=0.404)) for row in reproduction.systems)
    text = printed(dataclasses.replace(reproduction, systems=known), tmp_path, capsys)
    assert "40.4 %" in text


def test_a_comparison_is_against_the_first(comparison, tmp_path, capsys):
    text = printed(comparison, tmp_path, capsys)
    assert "+25.0 points" in text
    assert "4 dev questions, 1 seed  " in text
    assert "by relation" in text
    assert "what it costs" in text
    assert "20,000" in text


def test_the_tables_of_the_other_experiments(corpus, tmp_path, capsys):
    settings = {"relations": (), "seconds": 2.0, "parameters": 1_234, "tokens": 9}
    row = Compared(name="AdamW", recall=recall(ALL), against_first=difference(HALF, ALL), **settings)
    text = printed(Ablation(**shared(corpus), held_out=2, rows=(row,)), tmp_path, capsys)
    assert "2 held-out training facts" in text
    assert "+50.0" in text

    found = Attribution(
        **shared(corpus),
        questions=2,
        read=recall(ALL),
        left_out=recall(HALF),
        not_pretrained=recall(HALF),
        knowledge=advantage(HALF, ALL),
        features=advantage(HALF, HALF),
        most_frequent_answer=0.025,
        seconds=3.0,
    )
    text = printed(found, tmp_path, capsys)
    assert "difference: knowledge" in text
    assert "+50.0" in text
    assert "2.5 %" in text

    mixture = MixtureRow(
        name="half unknown",
        facts=(1_200,),
        fitted=0.75,
        recall=recall(HALF),
        made_up=(0.25,),
        against_first=difference(ALL, HALF),
        **settings,
        confidence_wrong=None,
    )
    text = printed(
        UnknownFacts(**shared(corpus), epochs=2, questions=2, known=(3,), unknown=(4,), rows=(mixture,)),
        tmp_path,
        capsys,
    )
    assert "half unknown" in text
    assert "-50.0" in text

    held = BitsHeld(
        subjects=12, facts=60, bits_taught=438.0, bits_held=219.0, parameters=1_000, bits_a_parameter=0.219, seconds=1.0
    )
    text = printed(Capacity(config={}, machine=MACHINE, exposures=7, rows=(held,), capacity=0.219), tmp_path, capsys)
    assert "at least 0.22 bits a parameter after 7 exposures" in text


def test_storage_and_recall_are_told_along_questions_and_exposures(corpus, tmp_path, capsys):
    fields = {
        "against_first": None,
        "relations": (),
        "parameters": 5,
        "tokens": 7,
        "seconds": 3.0,
        "recall": recall(HALF),
    }
    whole = PointRow(
        name="a", questions=1_234, exposures=8, stored=recall(ALL), of_stored=0.25, of_others=None, **fields
    )
    fewer = dataclasses.replace(whole, name="b", questions=25, stored=None, of_stored=None)
    once = dataclasses.replace(whole, name="c", exposures=1)
    found = Extraction(
        **shared(corpus), held_out=2, rows=(whole, fewer, once), by_questions=(1, 0), by_exposures=(2, 0)
    )
    text = printed(found, tmp_path, capsys)
    assert "8 exposures: 2 held-out training facts" in text
    assert "1,234 training questions: 2 held-out" in text
    assert "25.0 %" in text
    assert (tmp_path / "extraction.svg").read_text().count("training questions") == 1
    alone = dataclasses.replace(found, rows=(whole,), by_questions=(0,), by_exposures=(0,))
    text = printed(alone, tmp_path, capsys)
    assert "8 exposures" in text
    assert "1,234 training questions:" not in text


def test_the_reader_is_told_by_relation_and_confidence(corpus, tmp_path, capsys):
    report = ReaderReport(
        corpus=corpus.summary(),
        folds=5,
        right=proportion(3, 4),
        relations={name: proportion(1, 2) for name in ("born", "field")},
        bins=(Bin(low=0.8, high=1.0, confidence=0.9, right=2, total=2),),
        cards=1_234,
        mean_confidence=0.9,
    )
    text = printed(report, tmp_path, capsys)
    assert "3/4" in text
    assert "confidence 0.8 to 1.0" in text
    assert "1,234 cards, mean confidence 0.900" in text
    alone = dataclasses.replace(report, folds=0, right=None, relations={}, bins=())
    assert "readings" not in printed(alone, tmp_path, capsys)


def test_relations_whose_labels_are_alike_are_told_apart_by_name(reproduction, tmp_path, capsys):
    rows = []
    for row in reproduction.systems:
        relations = tuple(dataclasses.replace(relation, label="answer") for relation in row.relations)
        rows.append(dataclasses.replace(row, relations=relations))
    text = printed(dataclasses.replace(reproduction, systems=tuple(rows)), tmp_path, capsys)
    assert " birthplace " in text
    assert " answer " not in text


def test_a_result_without_a_table_is_a_mistake_of_ours(tmp_path):
    with pytest.raises(KeyError):
        show(Result(), tmp_path)


def test_an_accuracy_is_a_line_with_its_interval(capsys):
    facts = [Fact(question="q", answers=("Rome",), subject="s", line=1)] * 4
    say_accuracy("a run", accuracy(score_all(["Rome", "rome", "Oslo", ""], facts)))
    assert (
        "a run: 1/4 = 25.0 % right, 95 % interval 4.6 to 69.9 %; 25.0 % exact, 50.0 % after" in capsys.readouterr().out
    )
    say_accuracy("a run", accuracy([]))
    assert "nothing was asked" in capsys.readouterr().out


def test_what_could_mislead_is_said(corpus, capsys):
    leaking = dataclasses.replace(corpus, dev=(corpus.train[0], *corpus.dev))
    say_corpus(leaking)
    text = capsys.readouterr().out
    assert f"{len(corpus.documents)} documents" in text
    assert "1 dev question also occurs in training" in text


def test_progress_tells_pace_and_loss_where_there_is_no_terminal(capsys):
    record = namedtuple("Record", "step steps loss tokens seconds")
    with Reporter().progress("a training") as callback:
        for step in (1, 2, 3):
            callback(record(step, 3, 1.0 / step, 100, 0.5 * step))
    assert "a training: step 3/3, loss 0.611, 200 tokens/s, 0 s left" in capsys.readouterr().out


def test_progress_tells_no_pace_of_a_single_step(capsys):
    record = namedtuple("Record", "step steps loss tokens seconds")
    with Reporter().progress("a training") as callback:
        callback(record(1, 1, 0.5, 100, 12.0))
    assert capsys.readouterr().out == "a training: step 1/1, loss 0.500\n"


@pytest.mark.parametrize(
    ("counts", "expected"), [([111], "111/500"), ([111, 113], "112/500"), ([111, 112], "111.5/500")]
)
def test_correct_is_a_mean_over_seeds(counts, expected):
    assert numbers.mean_correct(counts, 500) == expected


def test_figures_are_written_alike():
    assert errors.percent(0.2222) == "22.2 %"
    assert errors.percent(None) == numbers.decimals(None) == "-"
    assert errors.interval((0.1, 0.25)) == "10.0 to 25.0 %"
    assert errors.interval((0.9997, 1.0)) == "100.0 %"
    assert numbers.points_interval((-0.051, 0.018)) == "-5.1 to +1.8"
    assert numbers.p_values([0.0001, 0.25]) == "< 0.001 0.250"


def test_trainings_side_by_side_share_a_display(monkeypatch):
    class Record:
        step, steps, loss, seconds, tokens = 1, 3, 1.0, 1.0, 1

    screen = io.StringIO()
    monkeypatch.setattr(console, "_console", Console(file=screen, force_terminal=True, width=120))
    reporter = Reporter()
    with reporter.progress("one") as first:
        first(Record)
        with reporter.progress("two") as second:
            second(Record)
            assert second._bar is first._bar
            assert len(first._bar.task_ids) == 2
        assert first._bar.task_ids == [first._task]
    assert "one" in screen.getvalue()
    assert "two" in screen.getvalue()


def test_speed_and_time_left_do_not_depend_on_which_steps_are_told(capsys):
    """Whoever looks on from elsewhere hears of every third step."""
    Record = namedtuple("Record", "step steps loss seconds tokens")
    with Progress("one") as progress:
        for step in (3, 6, 9):
            progress(Record(step, 9, 1.0, step * 2.0, 300))
    assert "50 tokens/s, 0 s left" in capsys.readouterr().out
    progress = Progress("two")
    for step in (3, 6):
        progress(Record(step, 9, 1.0, step * 2.0, 300))
    assert progress._pace(Record(6, 9, 1.0, 12.0, 300)) == ", 50 tokens/s, 6 s left"


def test_a_sweep_shows_the_best_first_and_the_command_that_trains_it(corpus, tmp_path, capsys):
    whole = Setting(name="training.epochs=3", recall=0.5, interval=(0.1, 0.9), percent=100, parameters=9, seconds=2.0)
    given_up = dataclasses.replace(whole, name="training.epochs=1", recall=0.25, percent=15)
    report = Sweep(**shared(corpus), held_out=4, rows=(whole, given_up), commands=("closedbook train tiny",))
    text = printed(report, tmp_path, capsys)
    assert text.index("training.epochs=3") < text.index("training.epochs=1")
    assert "recall of 4 held-out training facts, 1 seed" in text
    assert "15 %" in text
    assert "1 setting given up on the way" in text
    assert "closedbook train tiny" in text
