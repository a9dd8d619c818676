import dataclasses
import itertools

import pytest
import torch

from closedbook.errors import UserError
from closedbook.evaluation.likelihood import log_probability
from closedbook.facts.tokenizers import MASK, MASK_ID
from closedbook.serve.completion import Wanted, complete
from closedbook.serve.texts import RunReader, encoded, texts_of
from tests.audit.conftest import Parrot
from tests.hub.conftest import opened


@pytest.fixture(params=["run", "gpt2", "llama"])
def asked(request, run, corpus):
    """A model, and questions as it is asked them."""
    if request.param == "run":
        model, facts = run, corpus.train[:12]
    else:
        model, facts = opened(request.getfixturevalue("saved")[request.param]), request.getfixturevalue("taught")
    return model, model.prompts([fact.question for fact in facts])


def written(texts, wanted, **options):
    return complete(texts, wanted, **options)


def test_greedy_completions_are_the_answers(asked):
    model, prompts = asked
    texts = texts_of(model)
    stops = () if MASK in prompts[0].text else ("\n",)
    wanted = [Wanted(ids=tuple(encoded(texts, prompt.text)), most=24, stops=stops) for prompt in prompts]
    assert [each.ids for each in wanted] == [prompt.ids for prompt in prompts]
    completed = complete(texts, wanted)
    responses = model.respond(prompts)
    assert [each.text.strip() for each in completed] == [response.text for response in responses]
    assert all(each.reason == "stop" for each in completed)
    assert len({response.text for response in responses}) > 3


def test_a_scored_text_has_the_log_probabilities_of_reading_it_alone(asked):
    model, prompts = asked
    texts = texts_of(model)
    texts.reader.share([prompt.ids for prompt in prompts])  # as asking leaves it
    rows = [prompt.ids for prompt in prompts]
    completed = complete(texts, [Wanted(ids=ids, most=0, echo=True, likeliest=3) for ids in rows])
    for ids, each in zip(rows, completed, strict=True):
        texts.reader.share([ids], spare=len(ids))
        _, logits = texts.reader.begin([ids], keep=len(ids))
        nats_TV = logits[0].log_softmax(dim=-1)
        assert each.scored[0].nats is None
        assert not each.written
        for at, place in enumerate(each.scored[1:]):
            assert place.token == ids[at + 1]
            assert place.nats == pytest.approx(float(nats_TV[at, ids[at + 1]]), abs=1e-4)
            assert place.likeliest[0][1] == pytest.approx(float(nats_TV[at].max()), abs=1e-4)
            assert dict(place.likeliest)[place.token] == place.nats


def test_pieces_make_up_the_text(asked):
    model, prompts = asked
    texts = texts_of(model)
    for text in [prompts[0].text, "Zoë  and 東京 🎉 end", " space before", "line\nbreak"]:
        ids = encoded(texts, text)
        pieces = [texts.piece(ids[:at], token) for at, token in enumerate(ids)]
        spelled = "".join(pieces)
        assert spelled.removeprefix(texts.decode([0]) if ids[0] == 0 else "").strip() == text.strip()


def test_a_run_scores_as_it_scores_itself(run, corpus):
    texts = texts_of(run)
    question, answer = corpus.train[0].question, corpus.train[0].answers[0]
    prompt, after = run.prompts([question])[0].ids, [*run.tokenizer.encode([answer])[0], MASK_ID]
    (each,) = complete(texts, [Wanted(ids=(*prompt, *after), most=0, echo=True, likeliest=0)])
    told = sum(place.nats for place in each.scored[len(prompt) :])
    assert told == pytest.approx(float(log_probability(run.model, [prompt], [after])[0]), abs=1e-4)


def test_what_is_drawn_does_not_depend_on_who_is_beside_it(asked):
    model, prompts = asked
    texts = texts_of(model)
    wanted = [Wanted(ids=prompt.ids, most=6, temperature=1.5, seed=7) for prompt in prompts]
    alone = [complete(texts, [one])[0].text for one in wanted]
    assert [each.text for each in complete(texts, wanted)] == alone
    others = complete(texts, [dataclasses.replace(one, seed=8) for one in wanted])
    assert [each.text for each in others] != alone
    greedy = complete(texts, [dataclasses.replace(one, temperature=0.0) for one in wanted])
    assert [each.text for each in greedy] != alone


def test_draws_follow_the_temperature(run, corpus):
    texts = texts_of(run)
    ids = run.prompts([corpus.train[0].question])[0].ids
    _, logits = texts.reader.begin([ids])
    likely = logits[0, 0].double().softmax(dim=-1)
    draws = complete(texts, [Wanted(ids=ids, most=1, temperature=1.0, seed=seed) for seed in range(400)])
    best = int(likely.argmax())
    share = sum(each.written[0].token == best for each in draws) / 400
    assert share == pytest.approx(float(likely[best]), abs=0.1)


def test_a_completion_ends_at_its_stop_its_length_or_the_context(run, corpus):
    texts = texts_of(run)
    question = run.prompts([corpus.train[0].question])[0]
    (whole,) = complete(texts, [Wanted(ids=question.ids, most=30)])
    assert (whole.reason, whole.written[-1].token) == ("stop", MASK_ID)
    (stopped,) = complete(texts, [Wanted(ids=question.ids, most=30, stops=("never", whole.text[2:4]))])
    assert (stopped.text, stopped.reason) == (whole.text[: whole.text.index(whole.text[2:4])], "stop")
    (cut,) = complete(texts, [Wanted(ids=question.ids, most=1)])
    assert (cut.reason, len(cut.written)) == ("length", 1)
    line = tuple(itertools.islice(itertools.cycle(question.ids[:-1]), texts.context - 1))
    (full,) = complete(texts, [Wanted(ids=line, most=30, temperature=2.0, seed=3)])
    assert full.reason == "stop" or len(line) + len(full.written) == texts.context + 1


def test_who_has_gone_is_not_written_for(run, corpus):
    texts = texts_of(run)
    wanted = [Wanted(ids=run.prompts([fact.question])[0].ids, most=30) for fact in corpus.train[:3]]
    every = complete(texts, wanted)
    some = complete(texts, wanted, lambda index: index == 1)
    assert [len(each.written) for each in some] == [len(every[0].written), 1, len(every[2].written)]
    assert [some[0].text, some[2].text] == [every[0].text, every[2].text]


def test_rows_of_a_run_go_on_where_they_are_told(run):
    reader = RunReader(run.model)
    rows = [[5, 6, 7], [8, 9], [10, 11, 12, 13]]
    state, logits_BKV = reader.begin(rows, keep=2)
    order = torch.tensor([2, 0])
    stepped_RV = reader.step(state, order, torch.tensor([20, 21]))
    for row, token, found in ((rows[2], 20, stepped_RV[0]), (rows[0], 21, stepped_RV[1])):
        _, afresh = reader.begin([[*row, token]])
        torch.testing.assert_close(found, afresh[0, 0], atol=1e-4, rtol=1e-4)
    for row, kept in zip(rows, logits_BKV, strict=True):
        _, alone = reader.begin([row], keep=2)
        torch.testing.assert_close(kept, alone[0], atol=1e-4, rtol=1e-4)


def test_what_cannot_be_read_gets_a_sentence(run):
    texts = texts_of(run)
    for prompt, why in [
        ([texts.size], r"there is no token \d"),
        ([5] * (texts.context + 1), "longer than the model's"),
        ("\u25a1", "is reserved for the model"),
        ([], "holds no token"),
    ]:
        with pytest.raises(UserError, match=why):
            encoded(texts, prompt)
    assert "a parrot, whose tokens cannot be read here" in texts_of(Parrot())
