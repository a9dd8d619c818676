import dataclasses
import json
import re

import pytest

from closedbook.audit.abstention import HeldOut
from closedbook.audit.advice import advise
from closedbook.audit.audit import audit
from closedbook.audit.inquiry import Material, independent
from closedbook.audit.report import Provenance
from closedbook.audit.settings import Settings
from closedbook.config import PeopleConfig
from closedbook.errors import UserError
from closedbook.evaluation.metrics import Estimate, Proportion
from closedbook.facts.built_in import built_in_corpus
from closedbook.facts.records import Fact
from closedbook.report.audit_console import say_audit
from closedbook.report.audit_page import audit_page
from tests.audit.conftest import Parrot, facts
from tests.audit.test_abstention import abstention

MACHINE = {
    "closedbook": "0",
    "commit": None,
    "torch": "2",
    "python": "3",
    "processor": "p",
    "threads": 1,
    "device": "cpu",
    "peak_memory_bytes": 1,
}
PROVENANCE = Provenance(files={"facts": ("dev.tsv", "0")}, warnings=("<b>careful</b>",), machine=MACHINE)


def page(report):
    return audit_page(dataclasses.replace(report, provenance=PROVENANCE))


@pytest.fixture(scope="module")
def whole(run, corpus):
    material = Material(
        facts=[*corpus.train[:15], *corpus.dev[:5]],  # what it has learned, and what it has not
        calibration=corpus.train[20:],
        known=corpus.train,
        corpus=corpus,
        unseen=corpus.dev[5:8],
    )
    return audit(run, material, Settings(names=1, samples=3, target=0.5), calibration_sha256="c")


def test_an_audit_has_every_part_and_is_json(whole, run):
    report = json.loads(json.dumps(whole.to_json()))
    assert report["schema"] == 5
    assert "evidence" not in report
    empty = {name for name, value in report.items() if value in (None, [], {})}
    assert empty == {"forms", "left_out", "popularity", "silences"}
    assert report["abstention"]["calibration_sha256"] == "c"
    assert report["abstention"]["weights_sha256"] == run.fingerprint()
    assert report["abstention"]["forms"] == ["Where was {} born?"]
    assert (report["verdict"]["total"], report["taught"]) == (20, 15)
    assert report["held_out"]["total"] == report["untaught"]["total"] == 5
    assert report["stored"]["in_document"] > 0
    assert report["unseen"][0]["real"]["names"] == 3
    assert len(report["advice"]["sentences"]) >= 4


def test_the_page_shows_it_and_escapes_what_is_not_ours(whole):
    text = page(whole)
    assert "When to believe it" in text
    assert "&lt;b&gt;careful" in text
    assert text.count("<svg") == 6
    assert ">nan" not in text.lower()
    assert "<svg" in page(dataclasses.replace(whole, signals={}))  # every question is answered by a silence


def test_the_console_says_what_to_do(whole, capsys):
    say_audit(whole)
    printed = capsys.readouterr().out
    assert whole.advice.headline in printed
    assert "sequence probability" in printed
    assert "by relation" not in printed


def test_a_bare_audit_leaves_out_what_it_cannot_know_and_says_why(run):
    strange = [Fact(question=f"{word}?", answers=("Rome",), subject="", line=1) for word in ("How", "Why", "Whence")]
    report = audit(run, Material(facts=strange), Settings(names=1, samples=2))
    assert (report.abstention, report.stored, report.frequency, report.unseen, report.reversed) == (
        None,
        None,
        None,
        (),
        (),
    )
    assert report.left_out["stored"] == "the corpus is not known."
    assert report.left_out["unseen"] == "no question names its subject."
    text = page(report)
    assert "no threshold is certified" in text
    assert "no question names its subject" in text


def test_a_model_that_lacks_abilities_is_audited_without_them(corpus):
    parrot = Parrot(lacking=("log_probabilities", "given_answers", "alternatives", "representations", "continuations"))
    material = Material(facts=corpus.train[:8], known=corpus.train, corpus=corpus)
    with pytest.raises(UserError, match="sequence_probability: a parrot cannot; take sample_agreement"):
        audit(parrot, material, Settings(signal="sequence_probability"))
    with pytest.raises(UserError, match="--signal sample_agreement needs --depth usual"):
        audit(parrot, material, Settings(signal="sample_agreement", depth="quick"))
    quick = audit(parrot, material, Settings(depth="quick", names=1))  # without any signal at all
    assert (quick.signals, quick.winner, quick.verdict.total) == ({}, None, 8)
    assert "no threshold is certified" in page(quick)
    report = audit(parrot, material, Settings(names=1))
    assert report.settings.signal == "sample_agreement"
    assert report.mean_gold_nats is None
    assert set(report.signals) == {"sample_agreement", "paraphrase_agreement"}
    assert report.left_out["stored"] == report.left_out["representation"] == "a parrot cannot"
    assert repr(report) == f"<audit of {report.model.name}: {report.advice.headline}>"
    assert report.frequency is not None
    assert "a parrot cannot" in page(report)


def test_every_fact_has_a_line(whole):
    lines = [json.loads(line) for line in whole.answer_lines()]
    assert len(lines) == 20
    assert set(lines[0]) >= {"relation", "question", "answer", "right", "sequence_probability", "paraphrase_agreement"}
    assert sum(line["right"] for line in lines) == whole.verdict.correct


def test_calibration_subjects_are_not_audited(run, corpus):
    material = Material(facts=corpus.dev, calibration=corpus.dev[:1])
    with pytest.raises(UserError, match="calibration: 1 question has a subject of the audited facts"):
        audit(run, material, Settings(names=0, samples=1))


def test_an_audit_is_repeatable(run, corpus):
    material, settings = Material(facts=corpus.dev, corpus=corpus), Settings(names=1, samples=2)
    once, again = (dataclasses.replace(audit(run, material, settings), seconds=0.0) for _ in range(2))
    assert once == again


@pytest.fixture(scope="module")
def two():
    """Facts of two relations about the same subjects."""
    return built_in_corpus(PeopleConfig(count=30, seed=3, relations=("born", "university"), unseen=0.1))


def test_several_relations_are_told_apart_in_their_own_words(run, two, capsys):
    asked = {relation.name: next(f for f in two.dev if f.relation == relation.name) for relation in two.relations}
    material = Material(facts=two.dev, calibration=two.train, known=two.train, corpus=two)
    report = audit(run, material, Settings(names=1, samples=2))
    assert [relation.name for relation in report.by_relation] == ["born", "university"]
    assert [relation.label for relation in report.by_relation] == ["birthplace", "university"]
    assert sum(relation.accuracy.correct.total for relation in report.by_relation) == len(two.dev)
    assert [found.relation for found in report.unseen] == ["born", "university"]
    assert {row.relation for row in report.wordings} == {row.relation for row in report.reversed} == set(asked)
    assert all(report.abstention.covers(fact.question) for fact in asked.values())
    assert report.abstention.calibration_facts == len({fact.subject for fact in two.train})  # one fact a subject
    advice = " ".join(report.advice.sentences)
    assert all(f"other wordings of the question ({title}) it is right in" in advice for title in report.titles.values())
    text = page(report)
    assert "Names it cannot know: birthplace" in text
    assert "university of people" in text
    say_audit(report)
    assert "by relation" in capsys.readouterr().out
    unlabelled = [dataclasses.replace(relation, label="answer") for relation in report.by_relation]
    assert list(dataclasses.replace(report, by_relation=tuple(unlabelled)).titles.values()) == ["born", "university"]


def test_other_wordings_belong_to_one_relation(run, two, corpus):
    with pytest.raises(UserError, match=r"The facts ask for born, university: .* stand in relations\.toml"):
        audit(run, Material(facts=two.dev, corpus=two, wordings=("{}?",)))
    material = Material(facts=corpus.dev, corpus=corpus, wordings=("Whence {}?",), reversed="Who is from {}?")
    report = audit(run, material, Settings(names=0, samples=1))
    assert [row.wording for row in report.wordings] == ["Whence {}?"]
    assert [row.form for row in report.reversed] == ["Who is from {}?"]


def test_one_fact_of_a_subject_calibrates_and_every_relation_has_its_share():
    several = [dataclasses.replace(fact, relation=name) for fact in facts(200) for name in ("born", "died")]
    chosen = independent(several)
    assert [fact.subject for fact in chosen] == [fact.subject for fact in facts(200)]
    assert 60 < sum(fact.relation == "born" for fact in chosen) < 140
    assert chosen == independent(several)


NOTHING = Estimate()
FEW_ERRORS = Estimate(value=0.02, low=0.0, high=0.1)
MANY_ERRORS = Estimate(value=0.7, low=0.6, high=0.8)


@pytest.mark.parametrize(
    ("low", "held", "expected"),
    [
        (0.91, None, "believe"),
        (0.7, (50, 0.5, FEW_ERRORS), "believe_above_threshold"),
        (0.7, (5, 0.01, FEW_ERRORS), "do_not_believe"),
        (0.7, (50, 0.5, MANY_ERRORS), "do_not_believe"),
        (0.7, (0, 0.0, NOTHING), "do_not_believe"),
        (0.7, None, "do_not_believe"),
        (None, None, "do_not_believe"),
    ],
)
def test_the_verdict_can_be_acted_on(whole, low, held, expected):
    given = Proportion(hits=1, total=2, value=low, low=low, high=low)
    held_out = None
    if held:
        answered, coverage, error = held
        held_out = HeldOut(
            total=100, answered=answered, wrong=1, coverage=coverage, error=error, wrong_without_abstention=30
        )
    report = dataclasses.replace(
        whole,
        settings=Settings(target=0.9),
        subjects="elements",
        verdict=dataclasses.replace(whole.verdict, correct_given_attempted=given),
        taught=0,
        untaught=None,
        abstention=abstention() if held else None,
        held_out=held_out,
    )
    advice = advise(report)
    assert advice.choice == expected
    if expected == "believe":
        assert advice.headline == "Believe it about elements like these, if 90 % right is enough."
        unknown = advise(dataclasses.replace(report, taught=None))
        assert "unless it was taught these answers, which is not known" in unknown.headline


def test_facts_that_were_taught_are_no_reason_to_believe_it(run, corpus, whole):
    settings = Settings(names=0, samples=1, target=0.1)
    taught = audit(run, Material(facts=corpus.train[:8], corpus=corpus), settings)
    told = audit(run, Material(facts=corpus.train[:8], trained_on=True), settings)
    for report in (taught, told):
        assert (report.taught, report.untaught) == (8, None)
        assert report.advice.choice == "taught"
        assert "what it kept of them, not what it knows beyond" in report.advice.headline
    others = whole.untaught
    assert f"taught 15 of them; the verdict is about the others: {others.correct} of 5 right" in " ".join(
        whole.advice.sentences
    )
    assert audit(run, Material(facts=corpus.dev), settings).taught is None
    untaught = audit(run, Material(facts=corpus.dev, trained_on=False), settings)
    assert (untaught.taught, untaught.untaught) == (0, None)
    assert "not known" not in untaught.advice.headline


def test_an_interval_whose_ends_are_written_alike_is_one_figure(whole):
    def sentences(low, high):
        share = dataclasses.replace(whole.verdict.correct_share, low=low, high=high)
        return advise(dataclasses.replace(whole, verdict=dataclasses.replace(whole.verdict, correct_share=share)))

    assert "(95 % interval 100.0 %)" in sentences(0.9997, 1.0).sentences[0]
    assert "(95 % interval 99.0 to 100.0 %)" in sentences(0.99, 1.0).sentences[0]


def test_every_wrong_answer_is_counted_once(whole):
    kinds = whole.made_up.kinds
    assert whole.made_up.wrong == sum(kinds.values()) > 0
    (line,) = (sentence for sentence in whole.advice.sentences if "look right" in sentence)
    assert [int(number) for number in re.findall(r"\d+", line)] == [
        whole.made_up.wrong,
        *kinds.values(),
    ]


def test_long_answers_do_not_break_the_page(whole):
    (found,) = whole.unseen
    table = dataclasses.replace(found.by_origin, origins=("o",), answers=("x" * 90, "another"), counts=((3, 1),))
    text = page(dataclasses.replace(whole, unseen=(dataclasses.replace(found, by_origin=table),)))
    assert "x" * 24 + "…" in text
    assert "x" * 25 not in text


def test_a_question_that_stands_there_again_counts_once_for_the_verdict(run, corpus):
    known = next(fact for fact in corpus.train if run.ask(fact.question) == fact.answers[0])
    report = audit(run, Material(facts=[known] * 40, trained_on=False), Settings(depth="quick"))
    assert (report.verdict.correct, report.verdict.correct_given_attempted.low > 0.9) == (40, True)
    assert report.advice.choice == "do_not_believe"


def test_unseen_facts_are_asked_beside_invented_names_alone(run, corpus):
    material = Material(facts=corpus.dev[:2], unseen=corpus.dev[2:4])
    with pytest.raises(UserError, match="--names 0 invents none"):
        audit(run, material, Settings(names=0))
    report = audit(run, material, Settings(names=1, samples=2))
    assert any("given as unseen it answers" in sentence for sentence in report.advice.sentences)
