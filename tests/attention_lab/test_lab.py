import json
import re

import pytest

from closedbook.attention_lab.lab import drawings, run_lab, write_lab
from closedbook.attention_lab.parameters import Parameters
from closedbook.errors import UserError
from closedbook.report.lab_page import CAPTIONS, lab_lines, lab_page, lab_table, short

CODE = re.compile(r"\b(exp|sqrt|log|ln|alpha|beta|epsilon|norm)\b(\(|\*\*|_)|`|\*\*|\w_[a-z0-9]\b")


@pytest.fixture(scope="session")
def written(lab, tmp_path_factory):
    """The whole lab on disk."""
    out = tmp_path_factory.mktemp("lab") / "out"
    return out, write_lab(lab, out, lab_page)


@pytest.mark.slow
def test_every_figure_is_written(written):
    out, names = written
    assert set(names) == {"claims.json", "report.html"} | {
        f"{name}.{kind}" for name in CAPTIONS for kind in ("png", "svg")
    }
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count("<figure>") == len(CAPTIONS)


@pytest.mark.slow
def test_the_page_holds_verdicts_and_typeset_formulas_and_nothing_from_elsewhere(written, lab):
    page = (written[0] / "report.html").read_text(encoding="utf-8")
    for claim in lab.claims.values():
        assert f'id="{claim.name}"' in page
        assert page.count("<mfrac>") > 10
    assert not re.search(r'(src|href)="(?!#)', re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL))
    text = re.sub(r"<(style|svg|code).*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)
    assert not CODE.search(text), CODE.search(text)


@pytest.mark.slow
def test_json_holds_what_was_measured(written):
    values = json.loads((written[0] / "claims.json").read_text(encoding="utf-8"))
    assert values["schema"] == 2
    assert values["parameters"]["M"] == 10
    (weight, *_) = values["claims"]["average"]["quantities"]
    assert (weight["name"], weight["form"]) == ("alpha_a", "exp(M)/(n + 2*exp(M) - 2)")
    assert values["tasks"][0]["accuracy"] == 0.9


@pytest.mark.slow
def test_the_console_says_verdicts_and_what_belongs_to_them(lab):
    assert len(lab_table(lab).rows) == len(lab.claims)
    said = "\n".join(lab_lines(lab))
    assert "expected squared error 0.1364 at its best, M = 1.93" in said
    assert "recall, dense_synthesizer, seed 1: 90.0 % (88.0 to 92.0 %; chance 25.0 %)" in said
    assert said.count("learned Q, K, V") == len(lab.descents)


def test_one_claim_alone(tmp_path):
    said = []
    lab = run_lab(["average"], Parameters(M=5.0, draws=100), said.append, tasks=False)
    assert said == ["claim average"]
    assert not drawings(lab)
    assert write_lab(lab, tmp_path / "lab", lab_page) == ["claims.json", "report.html"]
    with pytest.raises(UserError, match="exists already"):
        write_lab(lab, tmp_path / "lab", lab_page)


def test_values_in_a_line():
    assert short(0.123456) == "0.1235"
    assert short(-2.5e-17) == "−2.5 · 10⁻¹⁷"
    assert short((1, 2.0)) == "(1, 2)"
    assert short(None) == ""
