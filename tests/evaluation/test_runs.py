import numpy as np
import pytest
import torch

from closedbook.errors import UserError


def test_greedy_answers_are_the_runs(examinee, run, corpus):
    questions = [fact.question for fact in corpus.dev]
    assert [answer.text for answer in examinee.answer(questions)] == run.answer(questions)


def test_the_greedy_answer_leads_the_alternatives_where_it_is_the_most_probable(examinee, corpus):
    questions = [fact.question for fact in corpus.train[:10]]
    given, others = examinee.answer(questions), examinee.alternatives(questions)
    for answer, found in zip(given, others, strict=True):
        nats = [other.nats for other in found]
        assert nats == sorted(nats, reverse=True)
        assert sum(np.exp(nats)) <= 1 + 1e-4
        same = [other for other in found if other.text == answer.text]
        if same:
            assert max(other.nats for other in same) == pytest.approx(answer.nats, abs=1e-3)


def test_samples_are_repeatable_and_follow_the_seed(examinee, corpus):
    questions = [fact.question for fact in corpus.dev[:5]]
    once = examinee.sample(questions, 6, 1)
    assert [len(found) for found in once] == [6] * 5
    assert once == examinee.sample(questions, 6, 1)
    assert once != examinee.sample(questions, 6, 2)


def test_a_gold_answer_that_does_not_fit_has_no_probability(examinee, corpus):
    question = corpus.dev[0].question
    assert examinee.log_probability([question], ["word " * 80]) == [None]
    assert examinee.log_probability([question], ["Rome"])[0] < 0


def test_representations_do_not_depend_on_the_batch(examinee, corpus):
    questions = [fact.question for fact in corpus.dev]
    names = [fact.subject for fact in corpus.dev]
    together = examinee.represent(questions, names)
    assert together.shape == (len(names), 64)
    assert together[3] == pytest.approx(examinee.represent(questions[3:4], names[3:4])[0], abs=1e-5)
    # what follows the name has no influence
    assert together[3] == pytest.approx(examinee.represent([f"Where was {names[3]} found?"], names[3:4])[0], abs=1e-5)


def test_what_cannot_be_asked_is_named(examinee):
    with pytest.raises(UserError, match=r"facts, question 2: .* longer"):
        examinee.check(["Where?", "word " * 80], [], "facts")
    with pytest.raises(UserError, match="facts, answer 1: character"):
        examinee.check(["Where?"], ["Ro\u2047me"], "facts")
    assert torch.is_grad_enabled()
