"""OpenAI's protocol, spoken by its own client and by ours."""

import pytest

from closedbook.audit.asking import asked_best
from closedbook.audit.inquiry import Material
from closedbook.audit.settings import Settings
from closedbook.errors import UserError
from closedbook.evaluation.evaluate import evaluate
from closedbook.evaluation.form import Form
from closedbook.evaluation.scorers import exact_match, find_scorer
from closedbook.evaluation.trial import possible_forms
from closedbook.evaluation.watch import Unwatched
from closedbook.facts.tokenizers import MASK
from closedbook.hub import Way, open_model
from closedbook.serve.texts import texts_of
from tests.hub.conftest import opened
from tests.serve.conftest import running

openai = pytest.importorskip("openai", reason="openai is not installed: pip install openai")


@pytest.fixture(scope="module")
def foreign(saved):
    return opened(saved["gpt2"])


@pytest.fixture(scope="module")
def client(run, foreign):
    with running({"run": run, "gpt2": foreign}) as http:
        yield openai.OpenAI(base_url=f"{http.url}/v1", api_key="none", max_retries=0)


def test_the_models_are_listed(client):
    assert [model.id for model in client.models.list()] == ["run", "gpt2"]
    assert client.models.retrieve("gpt2").owned_by == "closedbook"
    assert client.models.retrieve("run").closedbook == {"template": "{}" + MASK}
    assert not hasattr(client.models.retrieve("gpt2"), "closedbook")
    with pytest.raises(openai.NotFoundError, match="no such model"):
        client.models.retrieve("three")


def test_completions_are_the_answers(client, run, foreign, corpus, taught):
    for name, model, facts, stop in (("run", run, corpus.train[:8], None), ("gpt2", foreign, taught, ["\n"])):
        prompts = model.prompts([fact.question for fact in facts])
        asked = {"model": name, "temperature": 0, "max_tokens": 30, "stop": stop}
        texts = client.completions.create(prompt=[prompt.text for prompt in prompts], **asked)
        ids = client.completions.create(prompt=[list(prompt.ids) for prompt in prompts], **asked)
        expected = [response.text for response in model.respond(prompts)]
        assert [choice.text.strip() for choice in texts.choices] == expected
        assert [choice.text.strip() for choice in ids.choices] == expected
        assert [choice.index for choice in texts.choices] == list(range(len(facts)))
        assert {choice.finish_reason for choice in texts.choices} == {"stop"}
        one = client.completions.create(prompt=prompts[0].text, **asked)
        assert one.choices[0].text == texts.choices[0].text
        assert one.usage.prompt_tokens == len(prompts[0].ids)
        assert one.usage.total_tokens == one.usage.prompt_tokens + one.usage.completion_tokens
        assert one.choices[0].logprobs is None


def test_a_given_text_is_scored(client, foreign, taught):
    prompt = foreign.prompts([taught[0].question])[0]
    gold = foreign.log_probability([prompt], [taught[0].answers[0]])[0]
    text = f"{prompt.text} {taught[0].answers[0]}"
    asked = {"model": "gpt2", "temperature": 0, "echo": True, "logprobs": 2}
    scored = client.completions.create(prompt=text + "\n", max_tokens=0, **asked).choices[0]
    assert scored.text == text + "\n"
    told = scored.logprobs
    assert "".join(told.tokens) == text + "\n"
    assert told.text_offset == [len("".join(told.tokens[:at])) for at in range(len(told.tokens))]
    assert told.token_logprobs[0] is told.top_logprobs[0] is None
    assert sum(told.token_logprobs[len(prompt.ids) :]) == pytest.approx(gold, abs=0.01)
    assert scored.finish_reason == "length"
    for token, nats, top in zip(told.tokens[1:], told.token_logprobs[1:], told.top_logprobs[1:], strict=True):
        assert top[token] == nats
        assert len(top) in (2, 3)
        assert max(top.values()) >= nats
    written = client.completions.create(prompt=text, max_tokens=1, **asked).choices[0].logprobs
    assert written.token_logprobs[1:-1] == pytest.approx(told.token_logprobs[1:-1], abs=1e-4)
    assert len(written.tokens) == len(told.tokens)  # the line break, written where it was given
    wrong = client.completions.create(prompt=f"{prompt.text} Zzyzx\n", max_tokens=0, **asked).choices[0].logprobs
    assert sum(wrong.token_logprobs[len(prompt.ids) :]) < gold - 5


def test_what_ends_a_completion_is_told_among_its_tokens(client, run, corpus):
    prompt = run.prompts([corpus.train[0].question])[0]
    choice = client.completions.create(model="run", prompt=prompt.text, temperature=0, logprobs=1).choices[0]
    assert choice.logprobs.tokens[-1] == MASK
    assert MASK not in choice.text
    assert sum(choice.logprobs.token_logprobs) == pytest.approx(run.respond([prompt])[0].nats, abs=1e-3)


def test_draws_are_repeated_by_their_seed(client, corpus):
    def draw(seed):
        told = client.completions.create(
            model="run", prompt=[fact.question + MASK for fact in corpus.train[:12]], temperature=1.6, seed=seed
        )
        return [choice.text for choice in told.choices]

    assert draw(3) == draw(3) != draw(4)


def test_refusals_reach_the_client(client):
    with pytest.raises(openai.UnprocessableEntityError, match="temperature"):
        client.completions.create(model="run", prompt="a", temperature=9)
    with pytest.raises(openai.UnprocessableEntityError, match="n: "):
        client.completions.create(model="run", prompt="a", n=2)
    with pytest.raises(openai.UnprocessableEntityError, match="longer than the model's"):
        client.completions.create(model="run", prompt="ab " * 500)


def test_our_own_client_finds_what_is_found_here(client, run, foreign, corpus, taught):
    url = f"api:{str(client.base_url).rstrip('/')}"
    forms = {"run": (run, corpus.train[:10], Form(template="{}" + MASK), exact_match)}
    forms["gpt2"] = (foreign, taught, Form(), find_scorer("contained", taught))
    for name, (model, facts, form, scorer) in forms.items():
        there = open_model(url, Way(served=name, form=form))
        ours, theirs = evaluate(model, facts, scorer), evaluate(there, facts, scorer)
        assert [one.text for one in theirs.responses] == [one.text for one in ours.responses]
        assert theirs.accuracy == ours.accuracy
        assert ours.accuracy.correct.hits > len(facts) / 2
    assert texts_of(there) == f"{there.name}: {there.kind}, whose tokens cannot be read here; ask it in /v1/answers"


def test_a_run_is_asked_over_there_as_it_is_here(client, run, corpus):
    url = f"api:{str(client.base_url).rstrip('/')}"
    there = open_model(url, Way(served="run"))
    assert there.form == Form(template="{}" + MASK)
    assert there.kind.endswith("run, continued texts, in the form that the endpoint tells")
    questions = [fact.question for fact in corpus.train[:10]]
    assert [one.text for one in there.respond(there.prompts(questions))] == run.answer(questions)
    assert possible_forms(there, corpus.train[:4]) == [there.form]
    material = Material(facts=corpus.train)
    asked, spent, trials = asked_best(there, material, Settings(match="exact"), Unwatched(), print, measure=True)
    assert (asked, spent, trials) == (there, material, ())  # nothing is spent on a form that is the only one
    with pytest.raises(UserError, match="in the form that it tells"):
        there.asked_by(Form())
    assert "tells" not in open_model(url, Way(served="run", form=Form())).kind
