"""Models behind endpoints: what is sent, what is read, and what is refused; all on this machine."""

import gzip
import socket
import sys
import time
from email.utils import formatdate

import pytest

from closedbook.errors import UserError
from closedbook.evaluation.form import Form
from closedbook.evaluation.language_model import LanguageModel
from closedbook.facts.forms import SLOT
from closedbook.hub import Way, open_model
from closedbook.hub.endpoint import open_endpoint
from closedbook.hub.endpoint_abilities import echo
from closedbook.hub.endpoint_client import Client
from closedbook.hub.endpoint_replies import model_among, responses, same_model
from closedbook.hub.endpoint_settings import KEYS, Patience, base_url
from tests.hub.endpoint_server import ANSWERS, SURE, UNSURE, Server

QUESTIONS = list(ANSWERS)
QUICK = Patience(connect=0.5, request=0.5, opening=2.0, tries=3, pause=0.01, longest_pause=0.05)
CHAT, PLAIN = Form(template=SLOT, chat=True), Form()


@pytest.fixture(autouse=True)
def _no_key(monkeypatch):
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


def opened(server, form=None, served="toy", patience=QUICK, ending=""):
    return open_endpoint(server.url + ending, Way(form=form, served=served), patience)


def asked(model, questions=QUESTIONS, **more):
    return model.inquire(model.prompts(questions), **more)


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
def test_a_chat_answers(server, ending):
    model = opened(server, ending=ending)
    assert isinstance(model, LanguageModel)
    assert model.form == CHAT
    assert model.chats
    prompts = model.prompts(QUESTIONS)
    assert [prompt.ids for prompt in prompts] == [(), ()]
    london, house = model.respond(prompts)
    assert (london.text, house.text) == tuple(ANSWERS.values())
    assert london.pieces == ("London", "<end>")  # what closes it included
    assert london.token_nats == (SURE, SURE)
    assert london.nats == 2 * SURE
    assert london.part(0, 3) == (SURE,)
    assert london.closed
    assert london.ids == ()
    model.respond(prompts[:1])
    body = server.posts()[-1]
    assert body["messages"] == [{"role": "user", "content": QUESTIONS[0]}]
    assert (body["temperature"], body["max_tokens"], body["logprobs"], body["model"]) == (0, 40, True, "toy")


def test_a_text_is_continued_up_to_a_line_break(server):
    server.chats = False
    model = opened(server)
    assert model.form == PLAIN
    assert not model.chats
    (response,) = model.respond(model.prompts(QUESTIONS[:1]))
    assert (response.text, response.pieces, response.token_nats) == ("London", (" London", ""), (SURE, SURE))
    body = server.posts("/v1/completions")[-1]
    assert body["prompt"] == f"Question: {QUESTIONS[0]}\nAnswer:"
    assert (body["stop"], body["max_tokens"], body["temperature"], body["logprobs"]) == (["\n"], 24, 0, 1)
    with pytest.raises(UserError, match=r"cannot chat, /chat/completions does not work .*404"):
        model.asked_by(CHAT)


def test_a_server_that_goes_on_behind_the_line_is_cut():
    choice = {
        "text": " London\nQuestion: Who",
        "finish_reason": "length",
        "logprobs": {
            "content": [{"token": text, "logprob": -1} for text in (" Lon", "don", "\nQ", "uestion", ":", " Who")]
        },
    }
    (response,) = responses({"choices": [choice]}, "url", "toy", chat=False)
    assert (response.text, response.closed) == ("London", True)
    assert response.pieces == (" Lon", "don", "")
    assert response.nats == -3


def test_characters_in_several_tokens_are_put_together():
    tokens = [{"token": "?", "logprob": -1, "bytes": [byte]} for byte in "í".encode()]
    choice = {"message": {"content": "í"}, "logprobs": {"content": tokens}, "finish_reason": "length"}
    (response,) = responses({"choices": [choice]}, "url", "toy", chat=True)
    assert (response.pieces, response.token_nats, response.closed) == (("", "í"), (-1, -1), False)


def test_one_form_is_asked_for_and_another_taken(server):
    model = opened(server, Form(template="Q: {}", examples=(("One?", "1"),)))
    assert model.kind == "a model behind an endpoint, toy, continued texts"
    assert model.prompts(["Two?"])[0].text == "Q: One? 1\n\nQ: Two?"
    chat = model.asked_by(CHAT)
    assert chat.respond(chat.prompts(QUESTIONS))[0].text == "London"
    assert chat.prompts(["Two?"])[0].text == "user: Two?"
    server.chats = False
    with pytest.raises(UserError, match=r"does not work .*perhaps it can be asked without --chat"):
        opened(server, CHAT)
    server.continues = False
    with pytest.raises(UserError, match=r"/chat/completions does not work .*; and /completions does not work"):
        opened(server)


def test_it_is_named_and_has_no_weights(server):
    model = open_model(f"api:{server.url}")  # the one that it lists
    assert model.name == f"api:{server.url}/v1 --model toy"
    assert model.parameters == 0
    assert len(model.fingerprint()) == 64
    server.models = ["other"]
    assert opened(server, served="other").fingerprint() != model.fingerprint()
    with pytest.raises(UserError, match="question 2: is empty"):
        model.prompts(["Who?", " "])
    with pytest.raises(UserError, match="answer 1: is empty"):
        model.check_answers([""])
    with pytest.raises(UserError, match="--precision has no effect"):
        open_endpoint(server.url, Way(precision="fp32"), QUICK)


def test_without_log_probabilities(server):
    server.tells = False
    for form in (CHAT, PLAIN):
        model = opened(server, form)
        assert "does not tell the log-probabilities" in model.lacks("log_probabilities")
        assert model.lacks("given_answers")
        response = model.respond(model.prompts(QUESTIONS))[0]
        assert "logprobs" not in server.posts()[-1]
        assert (response.text, response.token_nats, response.pieces) == ("London", None, ())
        assert model.log_probability(model.prompts(QUESTIONS), ["a", "b"]) == [None, None]
        assert model.continuation_log_probability(["Ada"], ["She"], ["1815"]) == [None]


def test_a_server_that_refuses_log_probabilities_is_asked_without(server):
    answer = server.answer
    server.answer = lambda path, body: (400, {"error": "no logprobs"}) if "logprobs" in body else answer(path, body)
    model = opened(server)
    assert model.lacks("log_probabilities")
    assert model.respond(model.prompts(QUESTIONS))[0].text == "London"


def test_a_server_that_fails_at_chats_is_given_texts(server):
    answer = server.answer
    server.answer = lambda path, body: (500, {"error": "no template"}) if "messages" in body else answer(path, body)
    assert opened(server).form == PLAIN


def test_what_it_can_do_is_said(server):
    chat, plain = opened(server, CHAT), opened(server, PLAIN)
    for ability in ("log_probabilities", "samples", "continuations"):
        assert chat.lacks(ability) is None
        assert plain.lacks(ability) is None
    assert "in a chat" in chat.lacks("given_answers")
    assert plain.lacks("given_answers") is None
    for model in (chat, plain):
        assert "search" in model.lacks("alternatives")
        assert "hidden states" in model.lacks("representations")
    with pytest.raises(UserError, match="hidden states"):
        plain.represent(plain.prompts(QUESTIONS), ["Ada Lovelace"] * 2)
    with pytest.raises(UserError, match="in a chat"):
        chat.choose(chat.prompts(QUESTIONS), ["a", "b"])
    assert all(answers.alternatives == () for answers in asked(chat, alternatives=True))


def test_given_answers_are_scored_by_an_echo(server):
    model = opened(server, PLAIN)
    prompts = model.prompts(QUESTIONS)
    assert model.log_probability(prompts[:1], ["London"]) == [2 * SURE]  # with the line break
    assert model.log_probability(prompts[:1], ["Rome"]) == [UNSURE + SURE]
    assert model.choose(prompts[:1], ["Rome", "London", "Paris"]) == ["London"]
    assert model.continuation_log_probability(["Ada"], [" She was born in"], ["London"]) == [SURE]
    body = server.posts()[-1]
    assert (body["echo"], body["max_tokens"], body["prompt"]) == (True, 0, "Ada. She was born in London")
    with pytest.raises(UserError, match="no two may be spelled alike"):
        model.choose(prompts, ["Rome", "Rome"])


def test_a_server_that_must_write_a_token_is_let(server):
    answer = server.answer
    server.answer = lambda path, body: answer(path, body) if body["max_tokens"] else (400, {"detail": "at least 1"})
    model = opened(server, PLAIN)
    assert model.log_probability(model.prompts(QUESTIONS)[:1], ["London"]) == [2 * SURE]


@pytest.mark.parametrize("pretence", [False, "silently"])
def test_scores_that_mean_nothing_are_not_believed(server, pretence):
    server.scores = pretence  # echo is ignored, or every token is as probable
    assert "no dependable log-probabilities" in opened(server, PLAIN).lacks("given_answers")


def test_an_echo_is_read_where_it_writes_the_text():
    tokens = [("<s>", None), ("A", -1.0), (" b", -2.0), (" c", -3.0), (" more", -4.0)]
    scores = echo(tokens, "A b", " c")
    assert (scores.prompt, scores.text) == ((-1.0, -2.0), (-3.0,))
    assert echo(tokens, "A", " d") is None
    assert echo([("A", None), (" c", None)], "A", " c") is None


def test_documents_are_continued(server):
    model = opened(server)
    assert model.continue_documents(["Ada", "Bob"], ["", " He"]) == ["6", "6"]
    prompts = {body["prompt"] for body in server.posts("/v1/completions")}
    assert {"Ada.", "Bob. He"} < prompts
    server.continues = False
    model = opened(server)
    assert "404" in model.lacks("continuations")
    with pytest.raises(UserError, match="/completions does not work"):
        model.continue_documents(["Ada"], [""])


@pytest.mark.parametrize("draws", [True, False, None], ids=["several", "one", "refuses several"])
def test_samples_are_as_many_as_asked_for(server, draws):
    server.draws = draws
    model = opened(server)
    first, second = asked(model, samples=3, seed=1)
    assert (first.response.text, len(first.samples), len(second.samples)) == ("London", 3, 3)
    drawn = [sample.text for sample in (*first.samples, *second.samples)]
    assert len(set(drawn)) == 6  # each with a seed of its own
    assert all(text.startswith("London ") for text in drawn[:3])
    again = asked(model, samples=3, seed=1)
    assert [sample.text for answers in again for sample in answers.samples] == drawn
    assert asked(model, samples=3, seed=2) != again
    assert {body["temperature"] for body in server.posts()} == {0, 1}


def test_order_is_kept_and_few_requests_are_under_way(server):
    model = opened(server, PLAIN, patience=Patience(at_once=3))
    server.slow, server.most = 0.03, 0
    server.edit = lambda reply: time.sleep(0.02 * (server.tries.update(["edit"]) or server.tries["edit"] % 3))
    questions = [question for _ in range(6) for question in QUESTIONS]
    assert [answers.response.text for answers in asked(model, questions)] == list(ANSWERS.values()) * 6
    assert server.most == 3


def test_how_many_are_under_way_is_set_by_the_environment(server, monkeypatch):
    monkeypatch.setenv("CLOSEDBOOK_REQUESTS", "2")
    assert open_endpoint(server.url, Way()).service.client.patience.at_once == 2
    monkeypatch.setenv("CLOSEDBOOK_REQUESTS", "none")
    with pytest.raises(UserError, match="CLOSEDBOOK_REQUESTS=none: takes a number"):
        open_endpoint(server.url, Way())


def test_a_busy_server_is_asked_again(server):
    model = opened(server)
    server.first = [(503, {}), (429, {"Retry-After": "0"})]
    before = len(server.seen)
    assert asked(model, QUESTIONS[:1])[0].response.text == "London"
    assert len(server.seen) == before + 3


@pytest.mark.parametrize(
    "after",
    [
        pytest.param("1", id="seconds"),
        pytest.param(lambda: formatdate(time.time() + 1.9, usegmt=True), id="date", marks=pytest.mark.slow),
    ],
)
def test_it_waits_as_long_as_it_is_asked_to(server, after):
    model = opened(server, patience=Patience(pause=0.01, longest_pause=5.0))
    server.first = [(429, {"Retry-After": after if isinstance(after, str) else after()})]
    start = time.monotonic()
    assert asked(model, QUESTIONS[:1])[0].response.text == "London"
    assert 0.7 < time.monotonic() - start < 3


def test_but_not_longer_than_it_has_patience(server):
    model = opened(server)
    server.first = [(429, {"Retry-After": "3600"})]
    start = time.monotonic()
    asked(model, QUESTIONS[:1])
    assert time.monotonic() - start < 1


def test_a_failure_on_the_way_names_endpoint_and_cause(server):
    model = opened(server)
    server.first = [(503, {})] * 40
    with pytest.raises(UserError, match=rf"{server.url}/v1: answers with status 503: later, 3 times\.") as failure:
        asked(model, QUESTIONS * 10)
    assert "\n" not in str(failure.value)
    server.first = []
    seen = len(server.seen)
    time.sleep(0.1)
    assert len(server.seen) <= seen + 4  # the others were given up
    server.first = [(400, {})]
    with pytest.raises(UserError, match="answers with status 400: later"):
        asked(model, QUESTIONS[:1])
    assert server.first == []
    assert asked(model, QUESTIONS[:1])[0].response.text == "London"  # and nothing else is wrong with it


def test_the_key_is_sent_and_never_shown(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-other")
    monkeypatch.setenv("CLOSEDBOOK_API_KEY", " sk-secret-7 ")
    model = opened(server)
    asked(model)
    assert set(server.keys) == {"Bearer sk-secret-7"}
    shown = [repr(model), repr(model.service), repr(model.service.client), model.name, model.kind, str(vars(model))]
    for status in (400, 401, 500):
        server.answer = lambda path, body, status=status: (status, {"error": {"message": "bad key sk-secret-7"}})
        with pytest.raises(UserError, match=r"bad key \*\*\*") as failure:
            asked(model, QUESTIONS[:1])
        shown.append(str(failure.value))
    assert not any("secret" in text for text in shown)
    monkeypatch.delenv("CLOSEDBOOK_API_KEY")
    server.keys.clear()
    with pytest.raises(UserError):
        opened(server)
    assert set(server.keys) == {"Bearer sk-other"}
    monkeypatch.setenv("CLOSEDBOOK_API_KEY", "two\nlines")
    with pytest.raises(UserError, match="holds characters that no key has") as failure:
        opened(server)
    assert "lines" not in str(failure.value)


def test_an_endpoint_that_wants_a_key_says_so(server):
    server.answer = lambda path, body: (401, {"error": "no key"})
    with pytest.raises(UserError, match="wants a key in CLOSEDBOOK_API_KEY"):
        opened(server)


@pytest.mark.parametrize(
    ("told", "form"),
    [
        ({"template": "Ask {}:"}, Form(template="Ask {}:")),
        ({"template": "Ask:"}, PLAIN),
        ({"template": "{}" + "x" * 200}, PLAIN),
        ({"template": "{}\x1b[2J"}, PLAIN),
        ({"template": 3}, PLAIN),
        ("{}", PLAIN),
    ],
)
def test_a_form_that_the_endpoint_tells_is_taken_where_none_is_given(server, told, form):
    server.chats, server.told = False, {"closedbook": told}
    assert opened(server).form == form
    given = Form(template="Q {}")
    assert opened(server, given).form == given


def test_models_that_are_not_listed(server):
    server.models = ["toy-2", "llama"]
    with pytest.raises(UserError, match=r"has no model toy \(did you mean 'toy-2'\?\); it lists toy-2, llama\."):
        opened(server)
    with pytest.raises(UserError, match=r"say which of its models with --model \(toy-2, llama\)"):
        opened(server, served=None)
    server.models = ["/models/Toy.gguf"]
    assert opened(server).service.model == "/models/Toy.gguf"
    for server.models in (404, 500):  # not every endpoint has a list
        assert opened(server).service.model == "toy"
    with pytest.raises(UserError, match=r"say which of its models with --model\."):
        opened(server, served=None)


def test_another_model_than_was_asked_is_refused(server):
    server.model = "gpt-9"
    with pytest.raises(UserError, match=r"answers as the model gpt-9, but toy was asked\."):
        opened(server)
    server.model = "models/toy-2026-01-01.gguf"
    opened(server)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("llama3", "llama3:latest", True),
        ("org/Llama-3", "llama-3-Q4_K_M.gguf", True),
        ("org/model:free", "org/model", True),
        ("gpt-4o", "gpt-4o-2024-08-06", True),
        ("gpt-4", "gpt-4o", False),
        ("llama3:8b", "llama3:70b", False),
        ("llama", "mistral", False),
    ],
)
def test_names_of_one_model(one, other, same):
    assert same_model(one, other) is same


def test_a_listed_model_is_meant_by_one_name_alone():
    assert model_among("llama3", ["llama3:8b", "llama3:latest"]) == "llama3:latest"
    assert model_among("llama3", ["a/llama3", "b/llama3"]) is None
    assert model_among("llama3", ["llama3-large"]) is None


def web_page(handler):
    handler.raw(200, b"<!DOCTYPE html><p>Hello", {"Content-Type": "text/html"})


def not_json(handler):
    handler.raw(200, b'{"choices": [')


def no_number(handler):
    handler.raw(
        200, b'{"choices": [{"message": {"content": "a"}, "logprobs": {"content": [{"token": "a", "logprob": NaN}]}}]}'
    )


def nested(handler):
    handler.raw(200, b"[" * 100_000)


def a_list(handler):
    handler.raw(200, b"[1]")


def broken_off(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices"')
    handler.close_connection = True


def hung_up(handler):
    handler.close_connection = True


def large(handler):
    handler.raw(200, b" " * 10_000_000)


def compressed(handler):
    handler.raw(200, gzip.compress(b" " * 10_000_000), {"Content-Encoding": "gzip"})


def silent(handler):
    time.sleep(2.5)
    handler.close_connection = True


def dripping(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(25):
        time.sleep(0.1)
        handler.wfile.write(b" ")
        handler.wfile.flush()


def dripping_head(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(30):
        time.sleep(0.1)
        handler.wfile.write(f"X-{number}: 1\r\n".encode())
        handler.wfile.flush()


def redirect(handler):
    handler.raw(307, b"", {"Location": "http://user:word@elsewhere.example/v1?key=1"})


BAD = {
    web_page: "answers with a web page, not with JSON",
    not_json: "answers with something that is not JSON",
    no_number: "answers with something that is not JSON",
    nested: "answers with something that is not JSON",
    a_list: "answers with JSON that is no object",
    broken_off: "breaks off its answer",
    hung_up: "breaks off its answer",
    large: "answers with more than 2 MB",
    compressed: "answers in a compressed form",
    silent: "does not answer (in time|within 2 seconds)",
    dripping: "does not (finish its answer in time|answer within 2 seconds)",
    dripping_head: "does not answer within 2 seconds",
    redirect: r"sends one on to http://elsewhere\.example/v1, which is not followed",
}


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(raw, id=raw.__name__, marks=[pytest.mark.slow] if raw in (silent, dripping_head) else [])
        for raw in BAD
    ],
)
def test_bad_endpoints_are_refused_soon_and_in_a_sentence(server, raw):
    server.raw = raw
    start = time.monotonic()
    with pytest.raises(UserError, match=BAD[raw]) as failure:
        opened(server)
    assert time.monotonic() - start < 4
    sentence = str(failure.value)
    assert sentence.startswith(f"{server.url}/v1: ")
    assert sentence.endswith((".", "?"))
    assert "\n" not in sentence
    assert "word" not in sentence


@pytest.mark.parametrize(
    ("choices", "why"),
    [
        (None, "choices: input should be a valid list"),
        ([], "choices: list should have at least 1 item"),
        ([{"message": {"content": None}}], "content: input should be a valid string"),
        ([{"message": {"content": 5}}], "content: input should be a valid string"),
        ([{"message": "hello"}], "message: input should be"),
        ([{}], "a choice without message"),
        ([{"message": {"content": "a"}, "logprobs": {"content": [{"token": "a", "logprob": "-1"}]}}], "logprob: input"),
        ([{"message": {"content": "a"}, "logprobs": {"content": [{"token": "a", "logprob": True}]}}], "logprob: input"),
        ([{"message": {"content": "a"}, "logprobs": {"content": [{"token": "a", "logprob": 0.9}]}}], "less than"),
        ([{"message": {"content": "a"}, "logprobs": {"content": [{"token": "a", "logprob": 1e999}]}}], "JSON"),
        ([{"message": {"content": "a"}, "logprobs": {"tokens": ["a"], "token_logprobs": []}}], "1 tokens, but 0"),
    ],
)
def test_wrong_types_are_refused(server, choices, why):
    server.edit = lambda reply: reply.update(choices=choices)
    with pytest.raises(UserError, match=f"{server.url}/v1: .*{why}"):
        opened(server)


def test_missing_choices_are_refused(server):
    server.edit = lambda reply: reply.pop("choices")
    with pytest.raises(UserError, match="choices: field required"):
        opened(server)


def test_a_model_that_thinks_first_is_told_apart(server):
    choices = [{"message": {"content": None, "reasoning_content": "Hm"}, "finish_reason": "length"}]
    server.edit = lambda reply: reply.update(choices=choices)
    with pytest.raises(UserError, match="a model that thinks before it answers"):
        opened(server)


def test_nobody_is_there():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(UserError, match=r"cannot be reached .*refused"):
            open_endpoint(f"http://127.0.0.1:{taken.getsockname()[1]}", Way(), QUICK)
        taken.listen()  # and hangs
        with pytest.raises(UserError, match="does not answer within 1 seconds; if it is still loading"):
            open_endpoint(f"http://127.0.0.1:{taken.getsockname()[1]}", Way(), Patience(opening=1.0))


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://h:1", "http://h:1/v1"),
        ("https://h/api/v1/", "https://h/api/v1"),
        ("https://h/v1beta/openai", "https://h/v1beta/openai"),
        ("http://[::1]:80/x", "http://[::1]:80/x/v1"),
    ],
)
def test_addresses(url, base):
    assert base_url(url) == base


@pytest.mark.parametrize(
    "url",
    ["", "h:1", "ftp://h", "file:///etc/passwd", "http://", "http://h:99999", "http://h/a b", "http://u:secret@h",
     "u:secret@h", "http://secret@h/v1", "http://h/v1?key=secret", "http://h/#secret", "http://[::1", "http://h\n/x"],
)  # fmt: skip
def test_what_is_no_address_is_refused_and_secrets_in_it_are_not_shown(url):
    with pytest.raises(UserError, match=r"^api:") as failure:
        base_url(url)
    assert "secret" not in str(failure.value)


def test_what_must_be_installed_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "tenacity", None)
    for module in ("endpoint", "endpoint_abilities", "endpoint_client"):
        monkeypatch.delitem(sys.modules, f"closedbook.hub.{module}")
    with pytest.raises(UserError, match=r"pip install 'closedbook\[api\]'"):
        open_model("api:http://127.0.0.1:1")


def test_work_that_fails_gives_up_the_rest():
    client, begun = Client("http://127.0.0.1:1/v1", None, QUICK), []

    def work(number, given_up):
        begun.append(number)
        if number == 0:
            raise UserError("no")
        given_up.wait(5)

    start = time.monotonic()
    with pytest.raises(UserError, match="no"):
        client.each(work, range(100))
    assert time.monotonic() - start < 2
    assert len(begun) < 20
