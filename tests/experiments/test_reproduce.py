import contextlib
import dataclasses
import json

import pytest
import torch

from closedbook.config import PeopleConfig
from closedbook.errors import UserError
from closedbook.experiments.reproduce import Job, prepare, reproduce
from closedbook.presets import of_recipe
from closedbook.recipes import Recipe
from closedbook.report.page import write_page
from tests.conftest import tiny_config


def tiny_recipe():
    return Recipe(
        name="tiny",
        summary="a toy",
        pretrain=tiny_config("pretrain"),
        finetune=tiny_config("finetune"),
        scratch=dataclasses.replace(tiny_config("finetune"), stage="scratch"),
        people=PeopleConfig(count=60),
        inert=("something",),
    )


def job(out, **changes):
    settings = {
        "preset": of_recipe(tiny_recipe()),
        "corpus": "people",
        "seeds": 1,
        "out": out,
        "device": torch.device("cpu"),
    }
    return Job(**(settings | changes))


def quiet(title):
    return contextlib.nullcontext(lambda record: None)


def run(job, said=None):
    corpus = prepare(job)
    report = reproduce(job, corpus, (said if said is not None else []).append, quiet)
    return report, corpus


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    out = tmp_path_factory.mktemp("reproduce") / "out"
    report, corpus = run(job(out, seeds=2))
    write_page(out, report, corpus)
    return out, report, corpus


def test_the_report_has_the_promised_form(done):
    out, report, corpus = done
    assert json.loads((out / "report.json").read_text()) == report
    assert [row["name"] for row in report["systems"]] == [system.name for system in of_recipe(tiny_recipe()).systems]
    for row in report["systems"]:
        assert {"name", "attention", "parameters", "accuracy", "interval", "seed_figure", "seconds", "runs"} <= set(row)
        assert row["interval"][0] <= row["accuracy"] <= row["interval"][1]
        assert [run["seed"] for run in row["runs"]] == ([0, 1] if row["attention"] else [0])
        for result in row["runs"]:
            assert {"seed", "correct", "total", "accuracy", "seconds", "run"} <= set(result)
            assert result["total"] == len(corpus.dev)
            assert result["run"] is None or (out / result["run"] / "model.safetensors").is_file()
    assert len(report["comparisons"]) == 6
    assert all(0 <= p <= 1 for pair in report["comparisons"] for p in pair["p_values"])
    assert report["machine"]["peak_memory_bytes"] > 0


def test_predictions_bear_the_courses_names(done):
    out, _, corpus = done
    for stem in ("vanilla.nopretrain", "vanilla.pretrain", "synthesizer.pretrain", "most_frequent"):
        assert len((out / f"{stem}.dev.predictions").read_text().splitlines()) == len(corpus.dev)
        assert len((out / f"{stem}.test.predictions").read_text().splitlines()) == len(corpus.test)
    assert (out / "vanilla.pretrain.seed-1.dev.predictions").is_file()


def test_the_page_stands_alone(done):
    out, report, _ = done
    page = (out / "report.html").read_text()
    assert page.count("<svg") == 3  # bars, loss, recall
    assert not any(f'{attribute}="http' in page for attribute in ("src", "href", "xlink:href"))
    assert "<script" not in page
    for row in report["systems"]:
        assert f"{100 * row['accuracy']:.1f} %" in page
    assert report["machine"]["processor"].split("@")[0][:10] in page


def test_a_second_call_keeps_what_is_finished(done):
    out, report, _ = done
    before = {path: path.stat().st_mtime_ns for path in out.glob("runs/*/model.safetensors")}
    said = []
    again, _ = run(job(out, seeds=2), said)
    assert sum("kept" in line for line in said) == 7
    assert {path: path.stat().st_mtime_ns for path in out.glob("runs/*/model.safetensors")} == before
    assert again["systems"] == report["systems"]


class KilledError(Exception):
    pass


def test_a_killed_job_finishes_with_the_same_answers(done, tmp_path):
    finished, _, _ = done

    def killing(title):
        def listen(record):
            if title.startswith("key_query_value-seed-0 finetune"):
                raise KilledError

        return contextlib.nullcontext(listen)

    mine = job(tmp_path / "out")
    with pytest.raises(KilledError):
        reproduce(mine, prepare(mine), lambda line: None, killing)
    assert not (tmp_path / "out" / "report.json").exists()
    run(mine)
    for name in ("vanilla.pretrain.dev.predictions", "synthesizer.pretrain.dev.predictions"):
        assert (tmp_path / "out" / name).read_text() == (finished / name).read_text()


def test_an_output_that_is_not_ours_is_refused(tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(UserError, match="is not an output of closedbook reproduce"):
        run(job(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_an_output_of_other_settings_is_refused(done, people):
    out, _, _ = done
    recipe = tiny_recipe()
    other = dataclasses.replace(recipe, people=PeopleConfig(count=61))
    with pytest.raises(UserError, match="other settings or data"):
        prepare(job(out, preset=of_recipe(other)))


def test_a_corpus_directory_is_read_where_it_is(done, tmp_path):
    out, _, _ = done
    corpus = prepare(job(tmp_path / "out", corpus=str(out / "corpus")))
    assert len(corpus.documents) > 0
    assert not (tmp_path / "out" / "corpus").exists()
    with pytest.raises(UserError, match="no such directory"):
        prepare(job(tmp_path / "other", corpus="nowhere"))
    assert not (tmp_path / "other").exists()


def test_a_corpus_that_has_changed_is_noticed(done, tmp_path):
    out, _, _ = done
    directory = tmp_path / "mine"
    directory.mkdir()
    for name in ("corpus.txt", "train.tsv", "dev.tsv"):
        (directory / name).write_bytes((out / "corpus" / name).read_bytes())
    mine = job(tmp_path / "out", corpus=str(directory))
    prepare(mine)
    prepare(mine)
    with (directory / "train.tsv").open("a") as file:
        file.write("Where was Ann born?\tRome\n")
    with pytest.raises(UserError, match="other settings or data"):
        prepare(mine)
