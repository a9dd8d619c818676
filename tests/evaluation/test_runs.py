"""A run as a language model: one encoding, one generation, everything read from it."""

import dataclasses

import numpy as np
import pytest

from closedbook.errors import UserError
from closedbook.evaluation.evaluate import candidates_of, evaluate, rank
from closedbook.evaluation.form import Form
from closedbook.evaluation.language_model import LanguageModel
from closedbook.evaluation.scorers import normalised_match
from closedbook.facts.corpus import sha256
from closedbook.runs import Run, load


@pytest.fixture
def questions(corpus):
    return [fact.question for fact in corpus.train[:10]]


def test_a_run_is_a_language_model(run):
    assert isinstance(run, LanguageModel)
    assert run.lacks("representations") is None
    assert run.form is None
    with pytest.raises(UserError, match="no effect on a run of ours"):
        run.asked_by(Form())
    assert run.parameters == run.environment["parameters"]
    assert run.kind == "a run of closedbook, recipe tiny, key_query_value attention"


def test_answers_are_the_responses_texts(run, questions):
    prompts = run.prompts(questions)
    assert run.answer(questions) == [response.text for response in run.respond(prompts)]
    assert run.ask(questions[0]) == run.answer(questions)[0]
    assert prompts[0].question == questions[0]
    assert run.tokenizer.decode(prompts[0].ids) == prompts[0].text


def test_generation_gives_the_log_probabilities_of_a_forward_pass(run, questions):
    prompts = run.prompts(questions)
    responses = run.respond(prompts)
    nats = run.log_probability(prompts, [response.text for response in responses])
    assert [response.nats for response in responses] == pytest.approx(nats, abs=1e-3)
    assert all(len(response.token_nats) == len(response.ids) for response in responses)
    assert all(response.closed for response in responses)


def test_a_run_in_memory_needs_no_directory(run, questions, tmp_path):
    here = Run(tmp_path / "nowhere", run.config, run.model, run.tokenizer, {})
    assert here.answer(questions) == run.answer(questions)
    assert here.fingerprint() == run.fingerprint() == sha256(run.path / "model.safetensors")
    assert load(run.path).answer(questions) == run.answer(questions)


def test_the_greedy_answer_leads_the_alternatives_where_it_is_the_most_probable(run, questions):
    prompts = run.prompts(questions)
    for answer, told in zip(run.respond(prompts), run.inquire(prompts, alternatives=True), strict=True):
        others = told.alternatives
        nats = [other.nats for other in others]
        assert nats == sorted(nats, reverse=True)
        assert sum(np.exp(nats)) <= 1 + 1e-4
        assert all(other.closed for other in others)
        same = [other.nats for other in others if other.text == answer.text]
        if same:
            assert max(same) == pytest.approx(answer.nats, abs=1e-3)


def test_samples_are_repeatable_and_follow_the_seed(run, corpus):
    prompts = run.prompts([fact.question for fact in corpus.dev[:5]])
    once = run.inquire(prompts, samples=6, seed=1)
    assert [len(told.samples) for told in once] == [6] * 5
    assert once == run.inquire(prompts, samples=6, seed=1)
    assert once != run.inquire(prompts, samples=6, seed=2)
    assert [told.response for told in once] == run.respond(prompts)


def test_the_choice_is_the_most_probable_candidate(run, corpus):
    prompts = run.prompts([fact.question for fact in corpus.train])
    candidates = sorted({fact.answers[0] for fact in corpus.train})[:9]
    chosen = run.choose(prompts, candidates)
    for prompt, choice in list(zip(prompts, chosen, strict=True))[:5]:
        nats = run.log_probability([prompt] * len(candidates), candidates)
        assert nats[candidates.index(choice)] == pytest.approx(max(nats), abs=1e-4)
    with pytest.raises(UserError, match="no two may be spelled with the same tokens"):
        run.choose(prompts, ["Rome", "Rome"])


def test_an_answer_that_does_not_fit_has_no_probability(run, questions):
    prompts = run.prompts(questions[:2])
    none, some = run.log_probability(prompts, ["word " * 80, "Rome"])
    assert none is None
    assert some < 0
    assert run.continuation_log_probability(["Ann Lee"], ["was born in"], ["word " * 80]) == [None]


def test_representations_do_not_depend_on_the_batch_nor_on_what_follows(run, corpus):
    prompts = run.prompts([fact.question for fact in corpus.dev])
    names = [fact.subject for fact in corpus.dev]
    together = run.represent(prompts, names)
    assert together.shape == (len(names), 64)
    assert together[3] == pytest.approx(run.represent(prompts[3:4], names[3:4])[0], abs=1e-5)
    other = run.prompts([f"Where was {names[3]} found?"])
    assert together[3] == pytest.approx(run.represent(other, names[3:4])[0], abs=1e-5)
    assert run.represent([], []).shape == (0, 64)


def test_what_cannot_be_asked_is_named(run):
    with pytest.raises(UserError, match=r"dev\.tsv, question 2: .* longer"):
        run.prompts(["Where?", "word " * 80], place="dev.tsv, question")
    with pytest.raises(UserError, match="facts, answer 1: character"):
        run.check_answers(["Ro\u2047me"], place="facts, answer")


def test_an_evaluation_asks_and_scores_once(run, corpus):
    facts = [dataclasses.replace(fact, answers=(fact.answers[0].upper(),)) for fact in corpus.train[:20]]
    strict, loose = evaluate(run, facts), evaluate(run, facts, normalised_match)
    assert strict.answers == loose.answers == run.answer([fact.question for fact in facts])
    assert strict.accuracy.correct.hits == 0
    assert loose.accuracy.correct.hits == strict.accuracy.normalised.hits > 6
    assert list(loose.by_relation) == ["born"]
    report = loose.to_json()
    assert (report["schema"], report["model"], report["scorer"]) == (3, run.name, "normalised")
    assert report["accuracy"]["correct"]["hits"] == sum(row["grade"] == "correct" for row in report["answers"])
    with pytest.raises(UserError, match="nonsense 1: "):
        evaluate(run, [dataclasses.replace(facts[0], question="word " * 80)], place="nonsense")


def test_ranking_chooses_among_the_candidates_of_the_questions_relation(run, corpus):
    facts = [*corpus.train[:6], dataclasses.replace(corpus.train[6], relation="died")]
    known = [
        dataclasses.replace(fact, answers=(answer,)) for fact, answer in zip(facts, "Rome Oslo".split(), strict=False)
    ]
    known.append(dataclasses.replace(facts[0], relation="ruled", answers=("Lima",)))
    candidates = candidates_of(facts, known)
    assert candidates == {"born": ["Oslo", "Rome"], "died": ["Lima", "Oslo", "Rome"]}
    ranking = rank(run, evaluate(run, facts), candidates)
    assert set(ranking.answers[:6]) <= {"Oslo", "Rome"}
    assert [score.correct for score in ranking.scores] == [
        answer in fact.answers for answer, fact in zip(ranking.answers, facts, strict=True)
    ]
    assert set(ranking.by_relation) == {"born", "died"}
