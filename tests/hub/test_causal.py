"""Models that this project did not train, asked and audited from disk."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from closedbook.audit.audit import Material, Settings, audit
from closedbook.errors import UserError
from closedbook.evaluation.form import Form, as_given
from closedbook.evaluation.language_model import LanguageModel
from closedbook.hub import causal
from tests.audit.test_audit import page
from tests.hub.conftest import copy_of, opened, texts


def test_it_says_what_it_was_taught(foreign, taught, prompts):
    assert isinstance(foreign, LanguageModel)
    answers = foreign.respond(prompts)
    right = [answer.text == fact.answers[0] for answer, fact in zip(answers, taught, strict=True)]
    assert np.mean(right) > 0.5
    assert all(answer.closed for answer, hit in zip(answers, right, strict=True) if hit)


def test_its_probability_is_that_of_a_forward_pass(foreign, taught, prompts):
    fact = taught[0]
    (nats,) = foreign.log_probability(prompts[:1], [fact.answers[0]])
    tokenizer, model = foreign.vocabulary.tokenizer, foreign.model
    prompt = tokenizer(f"Question: {fact.question}\nAnswer:")["input_ids"]
    ids = tokenizer(f"Question: {fact.question}\nAnswer: {fact.answers[0]}")["input_ids"]
    with torch.no_grad():
        log = model(torch.tensor([ids])).logits[0].float().log_softmax(dim=-1)
    expected = sum(float(log[place - 1, ids[place]]) for place in range(len(prompt), len(ids)))
    closing = [token for token in range(len(tokenizer)) if "\n" in tokenizer.decode([token])] + [0]
    expected += float(log[-1, closing].logsumexp(dim=0))
    assert nats == pytest.approx(expected, abs=1e-4)
    assert prompts[0].ids == tuple(prompt)


def test_generation_alternatives_and_samples_agree_with_forward_passes(foreign, prompts):
    given = foreign.respond(prompts[:4])
    nats = foreign.log_probability(prompts[:4], [answer.text for answer in given])
    for answer, value in zip(given, nats, strict=True):
        assert len(answer.token_nats) == len(answer.ids)
        assert answer.nats == pytest.approx(value, abs=1e-3)
    told = foreign.inquire(prompts[:4], samples=3, alternatives=True, seed=1)
    for answer, others in zip(given, (each.alternatives for each in told), strict=True):
        assert [other.nats for other in others] == sorted((other.nats for other in others), reverse=True)
        assert others[0].nats >= answer.nats - 1e-3
    drawn = [each.samples for each in told]
    alone = [foreign.inquire([prompt], samples=3, seed=1)[0].samples for prompt in prompts[:4]]
    assert [texts(row) for row in drawn] == [texts(row) for row in alone]  # whatever is in the batch
    for prompt, row in zip(prompts[:4], drawn, strict=True):
        ids = [[*prompt.ids, *one.ids] for one in row if one.closed]
        for one, tokens in zip((one for one in row if one.closed), ids, strict=True):
            with torch.no_grad():
                log = foreign.model(torch.tensor([tokens])).logits[0].float().log_softmax(dim=-1)
            places = range(len(prompt.ids), len(tokens) - 1)
            expected = [float(log[place - 1, tokens[place]]) for place in places]
            assert list(one.token_nats[:-1]) == pytest.approx(expected, abs=1e-3)


def test_a_batch_gives_what_one_question_gives(foreign, prompts):
    together = foreign.respond(prompts)
    for index in (0, 5):
        (alone,) = foreign.respond(prompts[index : index + 1])
        assert alone.text == together[index].text
        assert alone.nats == pytest.approx(together[index].nats, abs=1e-4)


def test_the_choice_is_the_most_probable_candidate(foreign, taught, prompts):
    candidates = sorted({fact.answers[0] for fact in taught})
    chosen = foreign.choose(prompts[:2], candidates)
    for prompt, choice in zip(prompts, chosen, strict=False):
        nats = foreign.log_probability([prompt] * len(candidates), candidates)
        assert choice == candidates[int(np.argmax(nats))]
    with pytest.raises(UserError, match="no two may be spelled with the same tokens"):
        foreign.choose(prompts[:1], ["Rome", "Rome"])


def test_a_document_is_gone_on_with(foreign):
    texts = foreign.continue_documents(["Ann Lee"], [" Ann was born in "])
    assert len(texts) == 1
    (nats,) = foreign.continuation_log_probability(["Ann Lee"], [" Ann was born in "], ["Rome"])
    assert nats < 0
    assert foreign.continuation_log_probability(["Ann"], [" in "], ["word " * 200]) == [None]


@pytest.mark.parametrize(("chat", "context", "limit"), [(False, 128, 24), (True, 128, 40), (False, 20, 10)])
def test_a_document_is_gone_on_with_as_far_as_an_answer_goes(foreign, monkeypatch, chat, context, limit):
    model = dataclasses.replace(foreign, form=Form(chat=chat))
    monkeypatch.setitem(model.__dict__, "context", context)
    asked = []
    monkeypatch.setattr(
        causal, "write", lambda _, rows, **more: asked.append((max(map(len, rows)), more["limit"])) or ()
    )
    model.continue_documents(["Ann Lee"], [" word" * 200])
    assert asked == [(context - limit, limit)]


def test_representations_end_at_the_name(foreign, taught, prompts):
    names = [fact.subject for fact in taught]
    rows = foreign.represent(prompts, names)
    assert rows.shape == (len(names), 32)
    other = foreign.prompts([f"Where was {names[2]} found?"])
    assert rows[2] == pytest.approx(foreign.represent(other, names[2:3])[0], abs=1e-5)


def test_it_is_audited_end_to_end(foreign, people, taught):
    corpus = dataclasses.replace(people, name_lists={})
    material = Material(facts=people.dev[:6], calibration=taught, known=people.train, corpus=corpus)
    report = audit(foreign, material, Settings(match="normalised", depth="full", samples=2, names=1))
    assert report.verdict.total == 6
    assert report.stored.in_document > 0
    assert report.unseen[0].invented.names == 2
    assert set(report.unseen[0].invented.neighbours) == {"edit_distance", "representation"}
    assert report.abstention.form == foreign.form
    assert "When to believe it" in page(report)


def test_a_question_that_does_not_fit_gets_a_sentence(foreign):
    with pytest.raises(UserError, match=r"question 1: .* tokens in its form leave no room"):
        foreign.prompts(["word " * 200])


def test_a_question_that_leaves_little_room_gets_a_short_answer(foreign, taught):
    long, short = foreign.prompts(["x" + " x" * 48, taught[0].question])
    assert foreign.context - len(long.ids) < foreign._limit
    together, alone = foreign.respond([long, short]), [foreign.respond([one])[0] for one in (long, short)]
    assert [one.ids for one in together] == [one.ids for one in alone]
    assert len(together[0].ids) <= foreign.context - len(long.ids)


def test_what_its_files_say_of_sampling_does_not_reach_the_answers(saved, taught, tmp_path):
    plain = opened(saved["gpt2"])
    prompts = plain.prompts([fact.question for fact in taught])
    copy = copy_of(saved["gpt2"], tmp_path)
    wild = {"do_sample": True, "temperature": 5.0, "top_p": 0.9, "repetition_penalty": 3.0, "eos_token_id": 0}
    (copy / "generation_config.json").write_text(json.dumps(wild))
    other = opened(copy)
    assert texts(other.respond(prompts)) == texts(plain.respond(prompts))
    for prompt in prompts[:2]:
        theirs, ours = (model.inquire([prompt], samples=3, alternatives=True, seed=1)[0] for model in (other, plain))
        assert texts(theirs.alternatives) == texts(ours.alternatives)
        assert texts(theirs.samples) == texts(ours.samples)


def test_a_form_names_the_question(saved):
    with pytest.raises(UserError, match="holds the question once"):
        Form(template="Answer:")
    model = opened(saved["gpt2"], as_given("Q {}\\nA", None))
    assert model.prompts(["Where?"])[0].text == "Q Where?\nA"
    with pytest.raises(UserError, match="has no chat format"):
        model.asked_by(Form(template="{}", chat=True))
