import dataclasses
import json

import pytest

from closedbook.audit.advice import advice
from closedbook.audit.audit import Material, Settings, answer_lines, audit
from closedbook.errors import UserError
from closedbook.report.audit_page import audit_page

MACHINE = {
    "closedbook": "0",
    "commit": None,
    "torch": "2",
    "python": "3",
    "processor": "p",
    "threads": 1,
    "device": "cpu",
}


def page(report):
    whole = report | {
        "data": {"facts": {"path": "dev.tsv", "sha256": "0"}},
        "corpus": None,
        "template": "",
        "warnings": ["<b>careful</b>"],
        "machine": MACHINE | {"peak_memory_bytes": 1},
    }
    return audit_page(json.loads(json.dumps(whole)))


@pytest.fixture(scope="module")
def whole(examinee, corpus):
    material = Material(
        facts=corpus.train[:20],
        calibration=corpus.train[20:],
        known=corpus.train,
        corpus=corpus,
        people=corpus.dev[:3],
    )
    return audit(
        examinee,
        material,
        Settings(names=1, samples=3, target=0.5),
        origin={"calibration_sha256": "c", "weights_sha256": "w"},
    )


def test_an_audit_has_every_part_and_is_json(whole):
    report = json.loads(json.dumps(whole.report))
    assert {
        "verdict",
        "signals",
        "abstention",
        "held_out",
        "made_up",
        "unseen",
        "stored",
        "wordings",
        "reversed",
    } <= set(report)
    assert {"frequency", "advice", "winner", "answering_above_target", "verdict_with_abstention"} <= set(report)
    assert report["abstention"]["calibration_sha256"] == "c"
    assert report["abstention"]["weights_sha256"] == "w"
    assert report["form"] == "Where was {} born?"
    assert len(report["advice"]["sentences"]) >= 4


def test_the_page_shows_it_and_escapes_what_is_not_ours(whole):
    text = page(whole.report)
    assert "When to believe it" in text
    assert "&lt;b&gt;careful" in text
    assert text.count("<svg") == 6
    assert "nan" not in text.lower().replace("nancy", "").replace("nando", "").replace("hernan", "").replace(
        "fernan", ""
    )


def test_a_bare_audit_leaves_out_what_it_cannot_know(examinee, corpus):
    facts = [dataclasses.replace(fact, subject="") for fact in corpus.dev[:5]]
    found = audit(examinee, Material(facts=facts), Settings(names=0, samples=2))
    assert found.abstention is None
    assert not {"abstention", "unseen", "stored", "frequency", "reversed"} & set(found.report)
    assert "no threshold is certified" in page(found.report)


def test_every_fact_has_a_line(whole, corpus):
    lines = [json.loads(line) for line in answer_lines(corpus.train[:20], whole.evidence)]
    assert len(lines) == 20
    assert set(lines[0]) >= {"question", "answer", "right", "sequence_probability", "paraphrase_agreement"}


def test_calibration_people_are_not_audited(examinee, corpus):
    material = Material(facts=corpus.dev, calibration=corpus.dev[:1])
    with pytest.raises(UserError, match="calibration: 1 of its people are also among the audited facts"):
        audit(examinee, material, Settings(names=0, samples=1))


def test_an_audit_is_repeatable(examinee, corpus):
    material, settings = Material(facts=corpus.dev, corpus=corpus), Settings(names=1, samples=2)
    once, again = (audit(examinee, material, settings).report for _ in range(2))
    for report in (once, again):
        report.pop("seconds")
    assert once == again


@pytest.mark.parametrize(
    ("interval", "held", "expected"),
    [
        ([0.91, 0.95], None, "believe"),
        (
            [0.7, 0.8],
            {"answered": 50, "coverage": 0.5, "error": 0.02, "error_interval": [0, 0.1]},
            "believe_above_threshold",
        ),
        ([0.7, 0.8], {"answered": 5, "coverage": 0.01, "error": 0.0, "error_interval": [0, 0.5]}, "do_not_believe"),
        ([0.7, 0.8], {"answered": 50, "coverage": 0.5, "error": 0.7, "error_interval": [0.6, 0.8]}, "do_not_believe"),
        ([0.7, 0.8], {"answered": 0, "coverage": 0.0, "error": None, "error_interval": None}, "do_not_believe"),
        ([0.7, 0.8], None, "do_not_believe"),
        (None, None, "do_not_believe"),
    ],
)
def test_the_verdict_can_be_acted_on(whole, interval, held, expected):
    report = json.loads(json.dumps(whole.report))
    report["settings"]["target"] = 0.9
    report["verdict"]["correct_given_attempted"]["interval"] = interval
    report.pop("held_out")
    report.pop("abstention")
    if held:
        report["held_out"] = held
        report["abstention"] = {"threshold": 0.5, "signal": "margin", "delta": 0.05, "calibration_facts": 9}
    assert advice(report)["verdict"] == expected
