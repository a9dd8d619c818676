"""What the views show, in words."""

import dataclasses

import numpy as np
import pytest

from closedbook.evaluation.scorers import Score
from closedbook.trace.attribution import Attribution
from closedbook.trace.averages import FEWEST, _groups, trace_facts
from closedbook.trace.causal import CausalTrace
from closedbook.trace.findings import facts_findings, heads_finding, question_findings
from closedbook.trace.lens import LogitLens
from closedbook.trace.neighbours import NearestNames
from closedbook.trace.patterns import Patterns
from closedbook.trace.prompts import TracedPrompt
from closedbook.trace.question import QuestionTrace

LABELS = ("Capital", "of", "An", "na", "mask")
STATES = ("embedding", "attention 0 adds", "MLP 0 adds", "stream after 0", "attention 1 adds", "stream after 1")


@pytest.fixture
def trace():
    """A question of which the name "An na" is gathered in MLP 0 and taken to the mask by head 1.1."""
    restored_NT = np.full((6, 5), 0.1)
    restored_NT[2, 3] = 0.5  # half of what the noise took, at the last of the name
    restored_NT[4, 4], restored_NT[5, 4] = 0.9, 0.9
    pattern_LHTS = np.zeros((2, 2, 5, 5), dtype=np.float32)
    pattern_LHTS[..., 0] = 1.0
    pattern_LHTS[1, 1, 4] = [0.1, 0.0, 0.1, 0.7, 0.1]
    return QuestionTrace(
        prompt=TracedPrompt(
            question="Capital of Anna",
            subject="Anna",
            ids=(5, 6, 7, 8, 1),
            labels=LABELS,
            span=(2, 4),
            answer="Rome",
            answer_ids=(9, 1),
            probability=0.85,
        ),
        against=None,
        lens=LogitLens(
            labels=LABELS,
            states=("embedding", "attention 0", "MLP 0", "attention 1"),
            answer="Ro",
            answer_NT=np.array([[0.0] * 5, [0.0] * 5, [0.0, 0.0, 0.0, 0.0, 0.2], [0.0, 0.0, 0.0, 0.0, 0.9]]),
            rank_NT=np.array([[7] * 5, [7] * 5, [7] * 4 + [0], [7] * 4 + [0]]),
            likeliest_NTK=((("a",) * 5,) * 5,) * 4,
            probability_NTK=np.zeros((4, 5, 5)),
        ),
        attribution=Attribution(
            target="Ro",
            logit=5.0,
            components=("embedding", "head 1.1", "MLP 0", "last norm"),
            value_N=np.array([-1.0, 4.0, 1.5, 0.5]),
            labels=LABELS,
            by_source_LHS=np.eye(5)[[[0, 0], [0, 3]]],
        ),
        causal=CausalTrace(labels=LABELS, states=STATES, clean=0.9, corrupted=0.1, restored_NT=restored_NT),
        attention=Patterns(labels=LABELS, pattern_LHTS=pattern_LHTS),
        nearest=None,
    )


def by_name(findings):
    return {finding.name: (finding.words, *finding.figures) for finding in findings}


def test_the_way_of_an_answer_is_told_in_words(trace):
    found = by_name(question_findings(trace))
    assert found["name"] == (
        "It depends on the name: with noise on “Anna” it is gone.",
        "probability of “Ro” 0.90 -> 0.10",
    )
    assert found["heads"][0].startswith("From the mask behind the question, heads 1.1, ")
    assert found["heads"][0].endswith(" look at the name most (40 % of the tokens).")
    assert found["heads"][1].startswith("80, 0, 0 %")
    assert found["at_mask"] == ("At the mask, what attention 1 adds alone brings it back.", "100 % of what was lost")
    assert found["on_the_way"] == (
        "On the way it is in what MLP 0 adds, at “na”, the last token of the name.",
        "50 % of what was lost",
    )
    assert found["comes_up"] == (
        "Read off at the mask, it comes up most with attention 1 and is the likeliest from MLP 0 on.",
        "probability 0.20 -> 0.90",
    )
    assert found["logit"] == (
        "Its logit comes most from head 1.1 (from “na”), MLP 0 and last norm.",
        "+4.00, +1.50, +0.50 of 5.00",
    )
    assert "nearest" not in found


def test_an_answer_that_does_not_need_the_name_is_told_so(trace):
    causal = dataclasses.replace(trace.causal, corrupted=0.85)
    found = by_name(question_findings(dataclasses.replace(trace, causal=causal)))
    assert found["name"][0] == "It hardly depends on the name: with noise on “Anna” it stays."
    assert not {"at_mask", "on_the_way"} & set(found)  # there is nothing to bring back


def test_what_no_state_brings_back_alone_is_told_so(trace):
    restored_NT = np.full((6, 5), 0.1)
    restored_NT[1, 4], restored_NT[5, 4] = 0.3, 0.9
    causal = dataclasses.replace(trace.causal, restored_NT=restored_NT)
    found = by_name(question_findings(dataclasses.replace(trace, causal=causal)))
    assert found["at_mask"][0] == "At the mask, what attention 0 adds brings back more than any other state there."
    assert found["on_the_way"][0] == "Before the mask, no state of one token brings much back."


def test_another_answer_and_other_names_are_compared(trace):
    nearest = NearestNames("Anna", 0, ("Hanna", "Ann"), np.array([0.5, 0.25]))
    found = by_name(question_findings(dataclasses.replace(trace, against="Bern", nearest=nearest)))
    assert found["logit"][0].startswith("Its lead over “Bern” comes most from head 1.1")
    assert found["nearest"] == ("Nearest to the name, for the model: Hanna, Ann.", "cosine 0.50, 0.25")


def test_what_is_not_answered_is_on_neither_side(trace):
    grades = ("correct", "incorrect", "not_attempted") * FEWEST
    scores = [Score(grade=grade, exact=grade == "correct", normalised=False) for grade in grades]
    groups = _groups([dataclasses.replace(trace.prompt, answer=grade) for grade in grades], scores)
    answers = {name: {prompt.answer for prompt in group} for name, group in groups.items()}
    assert answers == {"right": {"correct"}, "made_up": {"incorrect"}}
    assert [len(group) for group in groups.values()] == [FEWEST, FEWEST]


def test_right_and_made_up_answers_are_compared(run, corpus):
    known = [fact for fact in corpus.train if run.ask(fact.question) in fact.answers][:10]
    facts = [*known[:5], *(dataclasses.replace(fact, answers=("nowhere",)) for fact in known[5:])]
    trace = trace_facts(run, facts)
    assert list(trace.groups) == ["right", "made_up"]
    assert (trace.accuracy.correct.hits, trace.accuracy.correct.total) == (5, 10)
    found = by_name(facts_findings(trace))
    clean = trace.groups["made_up"].causal.clean
    assert found["name"][2].startswith(f"{clean:.2f} -> ")
    assert all(len(row) == 3 for row in found.values())
    assert "heads" in heads_finding(trace.looks).words
    few = trace_facts(run, facts[2:7])
    assert list(few.groups) == ["all"]
