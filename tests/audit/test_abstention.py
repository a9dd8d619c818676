import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from closedbook.audit import replies
from closedbook.audit.abstention import (
    Abstention,
    certify,
    fewest_answers,
    held_out,
    save,
    sequences,
    threshold_in,
    upper_bound,
)
from closedbook.audit.replies import DONT_KNOW, NO_ANSWER, answered_otherwise, reply_to
from closedbook.audit.signals import gather
from closedbook.errors import UserError
from closedbook.evaluation.form import Form
from closedbook.evaluation.metrics import Estimate
from closedbook.evaluation.scorers import contained_match, exact_match
from closedbook.facts.silence import NO_SUBJECT, NOT_TOLD
from tests.audit.conftest import Parrot, facts, response

DRAWS = [pytest.param(400, id="400 draws"), pytest.param(2000, id="2000 draws", marks=pytest.mark.slow)]


def bound(wrong, answered):
    return float(upper_bound(np.array([wrong]), np.array([answered]))[0])


@pytest.mark.parametrize(("wrong", "answered"), [(0, 30), (3, 40), (17, 267), (40, 40)])
def test_the_bound_is_clopper_and_pearsons(wrong, answered):
    interval = binomtest(wrong, answered, alternative="less").proportion_ci(0.95, method="exact")
    assert bound(wrong, answered) == pytest.approx(interval.high)
    if wrong < answered:  # and inverts the binomial test
        assert binom.cdf(wrong, answered, bound(wrong, answered)) == pytest.approx(0.05)


def test_without_answers_nothing_is_certified():
    assert bound(0, 0) == 1.0
    assert fewest_answers(0.9) == 29
    assert bound(0, 29) <= 0.1 < bound(0, 28)


def test_the_sequences_go_from_strict_to_always():
    found = sequences(np.random.default_rng(0).random(500), 400, 0.9)
    for thresholds in found:
        assert (np.diff(thresholds) < 0).all()
        assert thresholds[-1] == 0.0
    kept = [(np.random.default_rng(1).random(10_000) >= thresholds[0]).mean() for thresholds in found]
    assert kept[0] * 400 == pytest.approx(4 * fewest_answers(0.9, 0.05 / 3), abs=20)
    assert kept == sorted(kept)


def test_no_question_stands_on_the_edge_of_a_threshold():
    draws = np.random.default_rng(0).random(300)
    for others in (draws, 1 - 1e-3 * draws, np.full(300, 0.041912937), np.repeat(draws[:30], 10), 1e-300 * draws):
        chains = sequences(others, 300, 0.9)
        assert len(chains[0]) > 20 or len(np.unique(others)) < 50  # also where all are nearly sure
        for threshold in np.concatenate(chains):
            nearest = np.abs(others - threshold).min()
            assert threshold == 0 or nearest > 9e-7 * threshold, threshold


def test_testing_stops_at_the_first_that_is_not_certified():
    right = np.array([True] * 60 + [False] * 30 + [True] * 400)  # in the end the error falls again
    confidence = np.linspace(1, 0, len(right))
    threshold, answered, wrong = certify(right, confidence, [np.linspace(0.93, 0, 50)], 0.9)
    assert (threshold, wrong) != (0.0, 30)
    assert answered < 80
    assert bound(wrong, answered) <= 0.1


def test_a_second_start_finds_what_a_strict_one_misses():
    right = np.ones(400, dtype=bool)
    right[:4] = False  # among the very surest, as where all are equally sure
    confidence = np.linspace(1, 0, 400)
    strict, loose = np.array([0.9, 0.5, 0.0]), np.array([0.2, 0.0])
    assert certify(right, confidence, [strict], 0.95)[0] is None
    assert certify(right, confidence, [strict, loose], 0.95)[:2] == (0.0, 400)


def world(kind, size, generator, target):
    """Confidence and whether the answer is right, in four worlds."""
    confidence = generator.random(size)
    if kind == "calibrated":
        confidence = confidence**0.2
        return generator.random(size) < confidence, confidence
    if kind == "overconfident":
        return generator.random(size) < 0.3 + 0.65 * confidence**2, confidence
    if kind == "flat":
        return generator.random(size) < 0.99 * target, confidence
    confidence = confidence.round(1)  # few values, not monotonous: the surest are the worst
    return generator.random(size) < np.where(confidence > 0.85, 0.88, 0.93), confidence


@pytest.mark.parametrize("kind", ["calibrated", "overconfident", "flat", "not monotonous"])
@pytest.mark.parametrize(("target", "facts"), [(0.9, 400), (0.75, 100)])
@pytest.mark.parametrize("draws", DRAWS)
def test_the_guarantee_holds_in_simulation(kind, target, facts, draws):
    # the true risk above every threshold, from a world large enough to be exact
    many = np.random.default_rng(99)
    right, confidence = world(kind, 400_000, many, target)
    order = np.argsort(confidence)
    sure, wrong_above = confidence[order], np.cumsum((~right[order])[::-1])[::-1]

    def risk(threshold):
        first = np.searchsorted(sure, threshold, side="left")
        return wrong_above[first] / (len(sure) - first)

    violated = chosen = 0
    for draw in range(draws):
        generator = np.random.default_rng([7, draw])
        others = world(kind, 500, generator, target)[1]
        calibration = world(kind, facts, generator, target)
        threshold, _, _ = certify(*calibration, sequences(others, facts, target), target)
        if threshold is not None:
            chosen += 1
            violated += risk(threshold) > 1 - target
    # 5 %, and the error of a simulation of so many draws (99.9 %)
    assert violated <= binom.ppf(0.999, draws, 0.05)
    if kind == "calibrated":
        assert chosen > draws / 2


def test_a_model_that_is_always_wrong_never_answers():
    thresholds = sequences(np.random.default_rng(1).random(200), 200, 0.9)
    assert certify(np.zeros(200, dtype=bool), np.random.default_rng(0).random(200), thresholds, 0.9) == (None, 0, 0)
    found = abstention(threshold=None)
    assert not found.answers(1.0)
    assert "no threshold could be certified" in found.why(1.0)
    report = held_out(found, np.zeros(10, dtype=bool), np.ones(10))
    assert (report.answered, report.error) == (0, Estimate())


def test_held_out_facts_are_counted():
    found = abstention(threshold=0.5)
    report = held_out(found, np.array([True, False, True, False]), np.array([0.9, 0.8, 0.5, 0.1]))
    assert (report.answered, report.wrong, report.coverage) == (3, 1, 0.75)
    assert report.error.value == pytest.approx(1 / 3)
    assert "below 0.5, the threshold" in found.why(0.1)


def abstention(**changes):
    values = {
        "signal": "sequence_probability",
        "threshold": 0.5,
        "target": 0.9,
        "delta": 0.05,
        "samples": 10,
        "calibration_facts": 100,
        "answered": 60,
        "wrong": 1,
        "bound": 0.08,
    }
    return Abstention(**(values | changes))


def test_a_confidence_of_numpy_is_one():
    assert abstention().answers(np.float64(0.5)) is True
    assert abstention(threshold=None).answers(np.float64(0.5)) is False


def test_a_threshold_is_saved_and_loaded(tmp_path):
    chosen = abstention(forms=("What is the symbol of {}?", "Say {} again"), weights_sha256="w")
    save(chosen, tmp_path / "kept.json")
    assert threshold_in(tmp_path / "kept.json", lambda: "w") == chosen


def test_a_threshold_covers_the_forms_that_it_was_calibrated_on():
    chosen = abstention(forms=("What is the symbol of {}?", "{} has which number?"))
    assert chosen.covers("What is the symbol of tin?")
    assert chosen.covers("Tin has which number?")
    assert not chosen.covers("What is tin?")
    assert abstention().covers("What is tin?")  # of questions without a form nothing is known


def test_a_saved_threshold_must_fit_the_weights_and_the_form(tmp_path):
    file = tmp_path / "abstention.json"
    assert threshold_in(file, lambda: "w") is None
    assert threshold_in(None, lambda: "w") is None  # an endpoint has no place for one
    form = Form(template="Q {}", examples=(("Where?", "Here"),))
    save(abstention(weights_sha256="w", form=form, match="contained"), file)
    assert threshold_in(file, lambda: "w").form == form
    assert threshold_in(file, lambda: "w", form).threshold == 0.5
    with pytest.raises(UserError, match="was chosen for other weights"):
        threshold_in(file, lambda: "v")
    with pytest.raises(UserError, match=r"was chosen for questions asked as 'plain: Q \{\}, 1 example'"):
        threshold_in(file, lambda: "w", Form(template="A {}"))


def test_an_answer_is_given_or_its_lack_explained():
    parrot = Parrot(said={"Who?": "I"})
    assert [(reply.text, reply.why_not) for reply in reply_to(parrot, ["Who?", "Where?"])] == [
        ("I", None),
        ("Rome", None),
    ]
    (given,) = reply_to(parrot, ["Where?"], abstention(threshold=0.64 - 1e-9))
    assert (given.text, given.why_not, given.confidence) == ("Rome", None, pytest.approx(0.64))
    (kept,) = reply_to(parrot, ["Where?"], abstention(threshold=0.7, forms=("Who is {}?",)))
    assert (kept.text, kept.response.text, kept.covered) == (DONT_KNOW, "Rome", False)
    assert kept.why_not == "sequence probability 0.64 is below 0.7, the threshold for 90 % right answers"
    with pytest.raises(UserError, match="it 1: no exclamations"):
        reply_to(parrot, ["What!"], None, place="it")


def test_a_question_is_tried_as_the_run_was_taught_to_be_asked(monkeypatch):
    relation = SimpleNamespace(forms=("Where was {} born?",))
    monkeypatch.setattr(replies, "runs_in", lambda model: [SimpleNamespace(relations=[relation])])
    silent = {f"{where} was {name} born?": NO_SUBJECT for where in ("where", "Where") for name in ("ann lee", "bo lee")}
    silent |= dict.fromkeys(("What is the birthplace of Ann Lee?", "Where was Bo born?", "Who?"), NO_SUBJECT)
    parrot = Parrot(said={**silent, "Where was Ann Lee born?": "Oslo", "Where was Bo Lee born?": NO_SUBJECT})

    def other(question, threshold=None):
        (reply,) = reply_to(parrot, [question], threshold)
        found = answered_otherwise(parrot, reply, threshold)
        return found and (found.question, found.text)

    assert other("where was ann lee born?") == ("Where was Ann Lee born?", "Oslo")
    assert other("where was ann lee born?", abstention(threshold=0.7)) is None  # nor is that answered
    assert other("What is the birthplace of Ann Lee?") == ("Where was Ann Lee born?", "Oslo")
    assert other("where was cy lee born?") is None  # as sure of the same
    for question in ("where was bo lee born?", "Where was Bo born?", "Who?"):
        assert other(question) is None


def test_a_reply_holds_what_the_model_tells_and_nothing_else():
    parrot = Parrot(others={"Where?": [response("Paris"), response("Rome")]})
    (reply,) = reply_to(parrot, ["Where?"], alternatives=True)
    assert (reply.signal, reply.confidence) == ("sequence_probability", pytest.approx(0.64))
    assert [answer.text for answer in reply.alternatives] == ["Paris", "Rome"]
    (silent,) = reply_to(Parrot(lacking=("log_probabilities", "alternatives")), ["Where?"])
    assert (silent.text, silent.signal, silent.confidence) == ("Rome", None, None)
    (composed,) = reply_to(parrot, ["Wo liegt Ko\u0308ln?"])
    assert composed.question == "Wo liegt K\u00f6ln?"


def test_a_threshold_counts_what_would_be_given_and_gives_no_refusal():
    asked = facts(4)
    sentences = (
        "P0 was born in Rome.",
        "P1 was born in Lyon. Would you like to know more?",  # a wrong answer
        "P2 was a painter of the Baroque, in truth.",  # says nothing of what is asked, and would be given
        "I'm not able to find that.",
    )
    parrot = Parrot(said={fact.question: said for fact, said in zip(asked, sentences, strict=True)})
    evidence = gather(parrot, asked, contained_match({"born": ["Rome", "Bonn"] * 3}), signals=["sequence_probability"])
    assert evidence.right.tolist() == [True, False, False, False]
    assert evidence.attempted.tolist() == [True, True, False, False]
    given = evidence.given("sequence_probability")
    assert (given > 0).tolist() == [True, True, True, False]
    kept = reply_to(parrot, [fact.question for fact in asked], abstention(threshold=0.0, match="contained"))
    assert [reply.why_not for reply in kept] == [None, None, None, NO_ANSWER]
    assert kept[3].text == DONT_KNOW


@pytest.mark.parametrize("change", [{"signal": "mood"}, {"threshold": "high"}, {"extra": 1}])
def test_a_damaged_threshold_gets_a_sentence(tmp_path, change):
    (tmp_path / "abstention.json").write_text(json.dumps(dataclasses.asdict(abstention()) | change))
    with pytest.raises(UserError, match=r"abstention.json: damaged"):
        threshold_in(tmp_path / "abstention.json", lambda: "")


@pytest.mark.parametrize("draws", DRAWS)
def test_each_sequence_keeps_to_its_share_of_the_level(draws):
    # the error is just too large everywhere, so whatever is certified is a violation
    counts = {0.05 / 3: [0, 0, 0], 0.3: [0, 0, 0]}
    for draw in range(draws):
        generator = np.random.default_rng([11, draw])
        others, confidence = generator.random(500), generator.random(400)
        right = generator.random(400) >= 0.101
        for level, violated in counts.items():
            for index, thresholds in enumerate(sequences(others, 400, 0.9)):
                violated[index] += certify(right, confidence, [thresholds], 0.9, level)[0] is not None
    most = binom.ppf(0.999, draws, 0.05 / 3)
    assert max(counts[0.05 / 3]) <= most
    assert min(counts[0.3]) > most  # a level that is too high would be seen


def test_a_confidence_that_is_not_told_is_none():
    evidence = gather(Parrot(), facts(3), exact_match, samples=1)
    evidence.signals["sequence_probability"][1] = np.nan
    assert evidence.given("sequence_probability").tolist() == pytest.approx([0.64, -1.0, 0.64])
    for chain in sequences(np.array([-1.0] * 90 + [0.5] * 10), 100, 0.9):
        assert (chain >= 0).all()


def test_a_threshold_is_for_the_model_as_it_computed():
    with pytest.raises(UserError, match="was chosen for a parrot, bf16; this is a parrot"):
        reply_to(Parrot(), ["Where?"], abstention(kind="a parrot, bf16"))


def test_what_a_model_was_taught_to_say_is_no_answer_whatever_the_threshold():
    parrot = Parrot(said={"Who?": NO_SUBJECT, "When?": NOT_TOLD})
    for threshold in (None, abstention(threshold=0.1), abstention(threshold=0.9)):
        stranger, untold = reply_to(parrot, ["Who?", "When?"], threshold)
        assert (stranger.text, untold.text) == (DONT_KNOW, DONT_KNOW)
        assert stranger.taught
        assert "no such subject" in stranger.why_not
        assert "does not say" in untold.why_not
