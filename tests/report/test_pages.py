import dataclasses
import json

import pytest
from matplotlib.figure import Figure

from closedbook.drawing import to_svg
from closedbook.errors import UserError
from closedbook.evaluation.knowledge import summarise
from closedbook.experiments.results import from_values
from closedbook.facts.known import Reference
from closedbook.manifest import seal
from closedbook.report.compare_page import write_comparison
from closedbook.report.figures import learning_curves
from closedbook.report.page import write_page
from tests.report.conftest import known


def test_the_page_has_a_table_a_track_and_stands_alone(reproduction, tmp_path):
    page = write_page(tmp_path, reproduction).read_text()
    assert page.count("Results on dev") == page.count("By relation:") == 2
    assert not any(f'{attribute}="http' in page for attribute in ("src", "href", "xlink:href"))
    assert "<script" not in page  # escaped
    assert "&lt;script&gt;" in page
    for row in reproduction.systems:
        assert f'<td class="number">{100 * row.accuracy:.1f} %</td>' in page
        assert row.label.replace("'", "&#39;") in page
    assert "9.5/20" in page
    assert "87.5 %" in page
    assert "birthplace" in page
    assert "split documents 1,234" in page
    assert "&lt;b&gt;music&lt;/b&gt; (Ann Lee)" in page
    assert "+45.0 points" in page


def test_no_table_is_wider_than_a_narrow_window(reproduction, comparison, tmp_path):
    for page in (write_page(tmp_path, reproduction), write_comparison(tmp_path, comparison)):
        text = page.read_text()
        assert text.count('<div class="scroll"><table') == text.count("<table") > 3


def test_kinds_of_facts_that_there_are_none_of_have_no_row(reproduction, tmp_path):
    page = write_page(tmp_path, reproduction).read_text()
    assert "training facts with the same answer: 2-5" in page
    assert "training facts with the same answer: 6-20" not in page
    assert ">0/0<" not in page


def test_a_row_of_which_nothing_is_known_has_no_column(reproduction, tmp_path):
    row = reproduction.systems[1]
    together = dataclasses.replace(row.runs[0], run=None, knowledge=None)
    ensemble = dataclasses.replace(row, name=f"{row.name}_ensemble", label="some together", runs=(together,))
    page = write_page(tmp_path, dataclasses.replace(reproduction, systems=(row, ensemble))).read_text()
    assert "some together" in page


def test_what_is_known_is_a_mean_over_the_seeds(reproduction, tmp_path):
    row = reproduction.systems[1]
    less = summarise([known(True), *[known(False)] * 3])
    runs = (row.runs[0], dataclasses.replace(row.runs[1], knowledge=less))
    systems = (reproduction.systems[0], dataclasses.replace(row, runs=runs), reproduction.systems[2])
    page = write_page(tmp_path, dataclasses.replace(reproduction, systems=systems)).read_text()
    assert '<td>tokens of the name: 1-4</td><td class="number">2/4</td>' in page
    assert "Means over the seeds" in page


def test_one_relation_needs_no_table_of_its_own(reproduction, tmp_path):
    systems = tuple(dataclasses.replace(row, relations=row.relations[:1]) for row in reproduction.systems)
    page = write_page(tmp_path, dataclasses.replace(reproduction, systems=systems)).read_text()
    assert "By relation" not in page


def test_figures_of_others_stand_beside_their_own_data_alone(reproduction, tmp_path):
    assert "assignment" not in write_page(tmp_path, reproduction).read_text()
    known = Reference(assignment=0.222, public_median=0.32)
    systems = tuple(
        dataclasses.replace(row, reference=known if row.name == "standard" else None) for row in reproduction.systems
    )
    page = write_page(tmp_path, dataclasses.replace(reproduction, systems=systems)).read_text()
    assert "22.2 %" in page
    assert "32.0 %" in page
    assert "diamond: the assignment's" in page


def test_a_verdict_stands_under_the_table_of_its_recipe_alone(reproduction, tmp_path):
    assert "reproduced?" not in write_page(tmp_path, reproduction).read_text()
    systems = tuple(dataclasses.replace(row, verdict="it is reproduced") for row in reproduction.systems)
    page = write_page(tmp_path, dataclasses.replace(reproduction, systems=systems)).read_text()
    assert "<li>it is reproduced</li>" in page


def test_learning_curves_come_from_the_runs(reproduction, tmp_path):
    before = write_page(tmp_path, reproduction).read_text().count("<svg")
    for seed in (0, 1):
        directory = tmp_path / "runs" / f"standard-seed-{seed}-pretrain"
        directory.mkdir(parents=True)
        (directory / "metrics.jsonl").write_text('{"step": 1, "loss": 5.0}\n{"step": 2, "loss": 3.0}\n')
        (directory / "recall.jsonl").write_text('{"step": 2, "recall": 0.5}\n')
        seal(directory)
    page = write_page(tmp_path, reproduction).read_text()
    assert page.count("<svg") == before + 1
    assert "nothing was chosen by it" in page


def test_a_curve_of_a_run_that_has_changed_is_not_drawn(reproduction, tmp_path):
    directory = tmp_path / "runs" / "standard-seed-0-pretrain"
    directory.mkdir(parents=True)
    (directory / "metrics.jsonl").write_text('{"step": 1, "loss": 5.0}\n')
    seal(directory)
    (directory / "metrics.jsonl").write_text('{"step": 1, "loss": 4.0}\n')
    with pytest.raises(UserError, match=r"metrics\.jsonl: damaged"):
        write_page(tmp_path, reproduction)


def test_the_seeds_of_a_system_share_its_colour_and_its_place_in_the_legend():
    points = [(1, 5.0), (2, 3.0), (3, 2.0)]
    curves = {"pretrain": {"standard": [points] * 2, "open": [points]}, "scratch": {"open": [points] * 2}}
    first, second = learning_curves(curves, "loss").axes
    standard, open_track = (line.get_color() for line in first.lines[1:])
    assert first.lines[0].get_color() == standard != open_track
    assert {line.get_color() for line in second.lines} == {open_track}
    legends = [[text.get_text() for text in axis.get_legend().get_texts()] for axis in (first, second)]
    assert legends == [["standard", "open"], ["open"]]


def test_the_comparison_holds_every_variant_kind_and_figure(comparison, tmp_path):
    (tmp_path / "maps-7.svg").write_text("of a variant that is gone")
    page = write_comparison(tmp_path, comparison).read_text()
    assert page.count("<svg") == 4
    assert "key query value, positions=none, heads=1" in page
    assert "tokens of the name" in page
    assert "+25.0" in page
    assert "3.0 MiB" in page
    assert {path.suffix for path in tmp_path.iterdir()} == {".html", ".svg", ".png"}
    assert not (tmp_path / "maps-7.svg").exists()


def test_a_figure_is_drawn_once_for_its_file_and_the_page(comparison, tmp_path, monkeypatch):
    drawn, savefig = [], Figure.savefig

    def counting(self, where, **settings):
        drawn.append(settings.get("format"))
        savefig(self, where, **settings)

    monkeypatch.setattr(Figure, "savefig", counting)
    page = write_comparison(tmp_path, comparison).read_text()
    assert all(path.read_text().strip() in page for path in tmp_path.glob("*.svg"))
    assert drawn.count("svg") == len(list(tmp_path.glob("*.svg"))) == 4


@pytest.mark.parametrize("which", ["reproduction", "comparison"])
def test_a_result_goes_to_json_and_comes_back(which, request, tmp_path):
    result = request.getfixturevalue(which)
    path = tmp_path / "report.json"
    result.write(path)
    assert json.loads(path.read_text())["schema"] == result.SCHEMA
    assert from_values(type(result), json.loads(path.read_text()), path) == result


def test_text_in_a_figure_is_no_formula_and_steers_nothing():
    figure = Figure()
    axis = figure.subplots()
    axis.barh(["$x_", "a\x1b[31m\u202e"], [1, 2])
    axis.set_title("$\\nothing")
    axis.set_xscale("log")
    svg = to_svg(figure, "<$>")
    assert all(text in svg for text in ("$x_", r"a\x1b[31m\u202e", "$\\nothing"))
    assert "<tspan" in svg  # but powers of ten are formulas
