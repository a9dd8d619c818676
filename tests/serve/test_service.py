import concurrent.futures
import dataclasses
import json
import math
import socket
import threading

import pytest

from closedbook.audit.replies import DONT_KNOW, reply_to
from closedbook.config import QuestionAnswering
from closedbook.serve.limits import MOST_BODY, Limits
from closedbook.serve.schemas import distinct
from tests.audit.conftest import Parrot, response
from tests.audit.test_abstention import abstention
from tests.serve.conftest import PATIENCE, Reciter, Slow, running, until


def ask(client, question="Where?", **more):
    return client.post("/v1/answers", json={"question": question, **more})


def is_problem(response, status):
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"].endswith(".")
    return problem["detail"]


def test_the_answers_are_those_of_ask(client, run, corpus):
    questions = [fact.question for fact in corpus.train[:20]]
    expected = [reply.text for reply in reply_to(run, questions)]
    told = client.post("/v1/answers", json={"questions": questions, "model": "mine"}).json()
    assert told["model"] == "mine"
    assert [answer["answer"] for answer in told["answers"]] == expected
    assert len(set(expected)) > 5
    (single,) = ask(client, questions[0]).json()["answers"]
    assert single == {
        "question": questions[0],
        "answer": expected[0],
        "answered": True,
        "reason": None,
        "confidence": pytest.approx(reply_to(run, questions[:1])[0].confidence, abs=1e-5),
        "signal": "sequence_probability",
        "covered": None,
        "otherwise": None,
        "alternatives": None,
        "subject": None,
        "nearest": None,
        "recited": None,
        "no_recital": None,
    }


def test_the_model_recites_where_it_is_asked_to(metals):
    questions = ["Where was Tin found?", "Why?", "Where was Iron found?"]
    model = Reciter(said={questions[2]: "no such subject"})
    with running({"m": model}, corpus=metals) as client:
        asked = {"questions": questions, "recite": True}
        tin, nothing, iron = client.post("/v1/answers", json=asked).json()["answers"]
        assert tin["recited"] == {
            "after": "Tin. Tin was found in",
            "parts": [{"text": "Rome", "marked": True}, {"text": ", in in", "marked": False}],
            "in_document": True,
        }
        assert (tin["subject"], tin["nearest"], tin["no_recital"]) == ("Tin", None, None)
        assert (nothing["recited"], nothing["no_recital"]) == (None, "the question's subject is not known")
        assert (iron["recited"], iron["no_recital"]) == (None, "it gives no answer to look for")
        (untold,) = ask(client, questions[0]).json()["answers"]
        assert (untold["recited"], untold["no_recital"]) == (None, None)


def test_alternatives_and_nearest_names_where_they_are_asked_for(client, run, corpus):
    fact = corpus.train[0]
    (answer,) = ask(client, fact.question, alternatives=2, nearest=3).json()["answers"]
    reply = reply_to(run, [fact.question], alternatives=True)[0]
    assert [other["answer"] for other in answer["alternatives"]] == [one.text for one in reply.alternatives[:2]]
    assert answer["alternatives"][0]["probability"] == pytest.approx(math.exp(reply.alternatives[0].nats), abs=1e-4)
    assert (answer["subject"], answer["nearest"][0], len(answer["nearest"])) == (fact.subject, fact.subject, 3)
    strange = fact.subject[:-1] + "x"
    (other,) = ask(client, fact.question.replace(fact.subject, strange), nearest=1).json()["answers"]
    assert (other["subject"], other["nearest"]) == (strange, [fact.subject])
    (none,) = ask(client, "What?", nearest=1).json()["answers"]
    assert (none["subject"], none["nearest"]) == (None, [])


def test_a_question_in_other_words_is_also_put_as_the_model_was_taught(client, run, corpus):
    asked = {f"Say, {fact.subject}, whence?": fact for fact in corpus.train}
    given = {one["question"]: one for one in client.post("/v1/answers", json={"questions": [*asked]}).json()["answers"]}
    found = [one for one in given.values() if one["otherwise"]]
    assert found, "it is surer of every question in other words"
    for one in found:
        fact = asked[one["question"]]
        assert (one["otherwise"]["question"], one["otherwise"]["answer"]) == (fact.question, run.ask(fact.question))
        assert one["otherwise"]["confidence"] > one["confidence"]


def test_below_the_threshold_it_does_not_know_and_says_why():
    models = {"sure": (Parrot(), abstention(threshold=0.5)), "unsure": (Parrot(), abstention(threshold=0.9))}
    with running(models) as client:
        (given,) = ask(client, model="sure").json()["answers"]
        assert (given["answer"], given["answered"], given["reason"]) == ("Rome", True, None)
        (kept,) = ask(client, model="unsure").json()["answers"]
        assert (kept["answer"], kept["answered"], kept["confidence"]) == (DONT_KNOW, False, pytest.approx(0.64))
        assert "0.64 is below 0.9, the threshold for 90 % right answers" in kept["reason"]
        (anyway,) = ask(client, model="unsure", always=True).json()["answers"]
        assert (anyway["answer"], anyway["answered"]) == ("Rome", True)


def test_a_question_is_the_same_with_space_around_it():
    with running({"m": Parrot(said={"Where?": "Oslo"})}) as client:
        (given,) = ask(client, " Where? \n").json()["answers"]
        assert (given["question"], given["answer"]) == ("Where?", "Oslo")


def test_alternatives_that_are_written_in_several_ways_are_one():
    told = [response("Oslo", -1.0), response("Rome", -0.9), response("Oslo", -1.5)]
    with running({"m": Parrot(others={"Where?": told})}) as client:
        (given,) = ask(client, "Where?", alternatives=3).json()["answers"]
        assert [one["answer"] for one in given["alternatives"]] == ["Oslo", "Rome"]
        assert given["alternatives"][0]["probability"] == pytest.approx(math.exp(-1.0) + math.exp(-1.5))


def test_the_given_answer_is_among_the_alternatives():
    likeliest = [response("Oslo", -1.0), response("Rome", -1.5), response("Bo", -2.0)]
    assert [one.answer for one in distinct(likeliest, "Bo", 2)] == ["Oslo", "Bo"]
    assert [one.answer for one in distinct(likeliest, "Rome", 2)] == ["Oslo", "Rome"]
    assert [one.answer for one in distinct(likeliest, "Ur", 1)] == ["Oslo"]


def test_what_a_model_lacks_is_left_out():
    lacking = ("log_probabilities", "alternatives")
    with running({"silent": Parrot(lacking=lacking)}) as client:
        (answer,) = ask(client, alternatives=3).json()["answers"]
        assert (answer["answer"], answer["confidence"], answer["alternatives"]) == ("Rome", None, None)
        assert "cannot be read here" in is_problem(client.post("/v1/completions", json={"prompt": "x"}), 422)
        assert "--corpus" in is_problem(ask(client, nearest=1), 422)
        assert client.get("/ready").status_code == 200


def test_requests_that_wait_are_answered_together():
    model = Slow(said={f"{number}?": f"answer {number}" for number in range(9)})
    with running({"slow": model}) as client, concurrent.futures.ThreadPoolExecutor(10) as pool:
        first = pool.submit(ask, client, "0?")
        assert model.began.acquire(timeout=PATIENCE)
        others = [pool.submit(ask, client, f"{number}?") for number in range(1, 9)]
        bad = pool.submit(ask, client, "no!")
        until(lambda: client.service.models["slow"].worker.waiting == 9)
        model.let.set()
        told = [future.result().json()["answers"][0]["answer"] for future in [first, *others]]
        assert told == [f"answer {number}" for number in range(9)]
        assert "no exclamations" in is_problem(bad.result(), 422)
        assert model.asked[0] == ["0?"]
        assert client.service.metrics.text().count(b'closedbook_batch_rows_count{model="slow"} 2.0') == 1


def test_a_batch_of_good_questions_is_one_call():
    model = Slow()
    with running({"slow": model}) as client, concurrent.futures.ThreadPoolExecutor(10) as pool:
        pool.submit(ask, client, "0?")
        assert model.began.acquire(timeout=PATIENCE)
        others = [pool.submit(ask, client, f"{number}?") for number in range(1, 6)]
        until(lambda: client.service.models["slow"].worker.waiting == 5)
        model.let.set()
        assert all(future.result().status_code == 200 for future in others)
        assert sorted(model.asked[1]) == [f"{number}?" for number in range(1, 6)]


def test_what_is_too_much_is_refused_and_told_when_to_come_again():
    model = Slow()
    with running({"slow": model}, limits=Limits(batch=2)) as client, concurrent.futures.ThreadPoolExecutor(9) as pool:
        futures = [pool.submit(ask, client)]
        assert model.began.acquire(timeout=PATIENCE)
        client.service.models["slow"].worker.pace.seconds = 2.5
        futures += [pool.submit(ask, client) for _ in range(2)]
        until(lambda: client.service.models["slow"].worker.waiting == 2)
        refused = ask(client)
        assert "Too many requests wait" in is_problem(refused, 429)
        assert refused.headers["retry-after"] == "5"
        assert client.get("/live").status_code == 200
        model.let.set()
        assert all(future.result().status_code == 200 for future in futures)
        assert ask(client).status_code == 200


def test_a_deadline_ends_the_wait_and_frees_the_place():
    model = Slow()
    with running({"slow": model}) as client, concurrent.futures.ThreadPoolExecutor(2) as pool:
        held = pool.submit(ask, client)
        assert model.began.acquire(timeout=PATIENCE)
        assert "within 0.05 seconds" in is_problem(ask(client, deadline_ms=50), 504)
        assert client.service.models["slow"].worker.waiting == 0
        model.let.set()
        assert held.result().status_code == 200


def broken_off(client, count):
    """Requests whose clients go away once they are sent."""
    host, port = client.url.removeprefix("http://").split(":")
    body = json.dumps({"question": "Where?"}).encode()
    head = f"POST /v1/answers HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    sockets = [socket.create_connection((host, int(port))) for _ in range(count)]
    for each in sockets:
        each.sendall(head.encode() + b"\r\n\r\n" + body)
    return sockets


def test_clients_that_go_away_free_their_places():
    model = Slow()
    with running({"slow": model}, limits=Limits(batch=64)) as client:
        sockets = broken_off(client, 1)
        assert model.began.acquire(timeout=PATIENCE)
        sockets += broken_off(client, 50)
        worker = client.service.models["slow"].worker
        until(lambda: worker.waiting == 50)
        for each in sockets:
            each.close()
        until(lambda: worker.waiting == 0)
        model.let.set()
        assert ask(client).status_code == 200
        assert len(model.asked) == 2


def test_a_service_that_stops_answers_what_it_has():
    model = Slow()
    with running({"slow": model}) as client, concurrent.futures.ThreadPoolExecutor(2) as pool:
        held = pool.submit(ask, client)
        assert model.began.acquire(timeout=PATIENCE)
        assert client.get("/live").json() == {"status": "live"}
        client.server.handle_exit(15, None)
        until(lambda: client.service.stopping)
        assert "stopping" in is_problem(client.get("/ready"), 503)
        assert "stopping" in is_problem(ask(client), 503)
        assert client.get("/live").status_code == 200
        model.let.set()
        assert held.result().json()["answers"][0]["answer"] == "Rome"
        until(lambda: client.server.should_exit)


def test_a_model_that_is_busy_is_ready():
    model = Slow()
    with running({"slow": model}) as client, concurrent.futures.ThreadPoolExecutor(1) as pool:
        held = pool.submit(ask, client)
        assert model.began.acquire(timeout=PATIENCE)
        assert client.get("/ready").json() == {"status": "ready"}
        worker = client.service.models["slow"].worker
        assert 0 < worker.busy < PATIENCE
        model.let.set()
        assert held.result().status_code == 200
        until(lambda: worker.busy == 0)


def test_ready_is_a_forward_pass(client, run, monkeypatch):
    assert client.get("/ready").json() == {"status": "ready"}
    monkeypatch.setattr(run.model.head.weight, "data", run.model.head.weight.data * float("nan"))
    assert "mine does not compute" in is_problem(client.get("/ready"), 503)


def test_a_model_that_breaks_ends_no_service(caplog):
    class Broken(Parrot):
        def inquire(self, prompts, **options):
            raise RuntimeError("secret")

    with running({"broken": Broken()}) as client:
        assert "secret" not in is_problem(ask(client), 500)
        assert client.get("/live").status_code == 200
    assert "secret" in caplog.text


ANSWERS = "/v1/answers"
BAD = [
    (
        "no UTF-8",
        "POST",
        ANSWERS,
        {"content": b'{"question": "\xe9"}', "headers": {"Content-Type": "application/json"}},
        422,
    ),
    ("no body", "POST", ANSWERS, {"content": b"", "headers": {"Content-Type": "application/json"}}, 422),
    ("no JSON", "POST", ANSWERS, {"content": b"{", "headers": {"Content-Type": "application/json"}}, 422),
    ("not said to be JSON", "POST", ANSWERS, {"content": b'{"question": "a"}'}, 415),
    ("a form", "POST", ANSWERS, {"data": {"question": "a"}}, 415),
    ("packed", "POST", ANSWERS, {"json": {"question": "a"}, "headers": {"Content-Encoding": "gzip"}}, 415),
    ("no question", "POST", ANSWERS, {"json": {}}, 422),
    ("two questions", "POST", ANSWERS, {"json": {"question": "a", "questions": ["b"]}}, 422),
    ("an empty question", "POST", ANSWERS, {"json": {"question": " \n"}}, 422),
    ("no text", "POST", ANSWERS, {"json": {"question": 7}}, 422),
    (
        "half a character",
        "POST",
        ANSWERS,
        {"content": b'{"question": "\\ud800"}', "headers": {"Content-Type": "application/json"}},
        422,
    ),
    ("a long question", "POST", ANSWERS, {"json": {"question": "a" * 4001}}, 422),
    ("a question beyond the model", "POST", ANSWERS, {"json": {"question": "ab " * 1000}}, 422),
    ("what the model keeps", "POST", ANSWERS, {"json": {"question": "\u2047"}}, 422),
    ("too many questions", "POST", ANSWERS, {"json": {"questions": ["a"] * 257}}, 422),
    ("a field that is not there", "POST", ANSWERS, {"json": {"question": "a", "temperature": 1}}, 422),
    ("another model", "POST", ANSWERS, {"json": {"question": "a", "model": "nine"}}, 404),
    ("another path", "GET", "/nothing", {}, 404),
    ("another method", "DELETE", ANSWERS, {}, 405),
    ("another host", "GET", "/live", {"headers": {"Host": "evil.example"}}, 421),
    (
        "a large body",
        "POST",
        ANSWERS,
        {"content": b"x" * (MOST_BODY + 1), "headers": {"Content-Type": "application/json"}},
        413,
    ),
    (
        "a large body in parts",
        "POST",
        ANSWERS,
        {"content": (b"x" * 2**16 for _ in range(17)), "headers": {"Content-Type": "application/json"}},
        413,
    ),
    ("sampling that is not there", "POST", "/v1/completions", {"json": {"prompt": "a", "top_p": 0.5}}, 422),
    ("a stream", "POST", "/v1/completions", {"json": {"prompt": "a", "stream": True}}, 422),
    ("no prompt", "POST", "/v1/completions", {"json": {}}, 422),
    ("an empty prompt", "POST", "/v1/completions", {"json": {"prompt": []}}, 422),
    ("a token that is not there", "POST", "/v1/completions", {"json": {"prompt": [999999]}}, 422),
    ("a model that is not there", "GET", "/v1/models/nine", {}, 404),
]


@pytest.mark.parametrize(("method", "path", "what", "status"), [bad[1:] for bad in BAD], ids=[bad[0] for bad in BAD])
def test_what_is_wrong_gets_a_sentence(client, method, path, what, status):
    detail = is_problem(client.request(method, path, **what), status)
    assert detail[0] != "."
    assert ask(client, "Where?").status_code == 200


def test_the_sentence_names_the_place(client):
    wrong = client.post(ANSWERS, json={"questions": ["a", ""], "deadline_ms": 0})
    assert is_problem(wrong, 422).startswith("questions.1: ")
    assert [error["place"] for error in wrong.json()["errors"]] == ["questions.1", "deadline_ms"]
    assert "did you mean 'mine'" in is_problem(ask(client, model="mime"), 404)


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        (ANSWERS, {}, "The body takes question or questions, one of them and not both."),
        (ANSWERS, [1], "The body cannot be [1]; takes settings by name."),
        (ANSWERS, {"question": "a", "alternatves": 3}, "alternatves: no such setting (did you mean 'alternatives'?)."),
        (ANSWERS, {"question": 3}, "question: cannot be 3; takes text."),
        (ANSWERS, {"question": "a", "alternatives": -1}, "alternatives: cannot be -1; takes at least 0."),
        (ANSWERS, {"questions": ["a"] * 999}, "takes at most 256 of them."),
        (ANSWERS, {"question": ""}, 'question: cannot be ""; takes at least 1 character.'),
        (ANSWERS, {"question": "a", "bad-key": 1}, "bad-key: no such setting."),
        (ANSWERS, {"question": "a", "": 1}, "'': no such setting."),
        ("/v1/completions", {"prompt": "a", "stop": ["x"] * 99}, "takes at most 4 of them."),
        ("/v1/completions", {}, "prompt: must be given."),
        ("/v1/completions", {"prmpt": "x"}, "prmpt: no such setting (did you mean 'prompt'?)."),
        ("/v1/completions", {"prompt": 3}, "prompt: cannot be 3; takes text."),
        ("/v1/completions", {"prompt": "a", "stream": True}, "stream: streaming is not offered."),
        ("/v1/completions", {"prompt": "a", "stream": 3}, "stream: cannot be 3; takes false."),
        ("/v1/completions", {"prompt": "a", "stream_options": {}}, "stream_options: streaming is not offered."),
    ],
)
def test_the_sentence_is_that_of_settings(client, path, body, told):
    assert is_problem(client.post(path, json=body), 422).endswith(told)


def test_the_models_are_listed_behind_a_stroke_too(client):
    assert client.get("/v1/models/").json() == client.get("/v1/models").json()


def test_a_probe_may_leave_out_the_host():
    with running({"m": Parrot()}) as client:
        for path, status in (("/live", b"200"), ("/", b"421")):
            with socket.create_connection(("127.0.0.1", int(client.url.rpartition(":")[2]))) as connection:
                connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
                assert connection.recv(100).split()[1] == status


def test_hosts_are_known_by_address_and_by_the_names_given():
    with running({"m": Parrot()}, names=("Facts.Example", "Café")) as client:
        for host in (
            "localhost",
            "localhost:8000",
            "127.0.0.1",
            "10.1.2.3:80",
            "[::1]:80",
            "[::1]",
            "facts.example:1",
            "xn--caf-dma",
        ):
            assert client.get("/live", headers={"Host": host}).status_code == 200
        for host in ("", "example", "localhost.evil.example", "facts.example.evil:80", "127.0.0.1.evil", "[::1"):
            is_problem(client.get("/live", headers={"Host": host}), 421)


def test_a_load_balancer_may_ask_for_the_head_alone(client):
    for path in ("/live", "/ready", "/v1/models"):
        assert client.head(path).status_code == 200


def test_a_key_is_needed_where_there_is_one():
    with running({"m": Parrot()}, key="a key of some length") as client:
        for headers in ({}, {"Authorization": "Bearer a key"}, {"Authorization": "a key of some length"}):
            refused = client.post(ANSWERS, json={"question": "Where?"}, headers=headers)
            is_problem(refused, 401)
            assert refused.headers["www-authenticate"] == "Bearer"
        is_problem(client.get("/metrics"), 401)
        assert client.get("/live").status_code == client.get("/ready").status_code == 200
        assert client.get("/metrics", headers={"Authorization": "bearer a key of some length"}).status_code == 200
        client.headers["Authorization"] = "Bearer a key of some length"
        assert ask(client).status_code == client.get("/metrics").status_code == 200


def test_no_page_elsewhere_can_read_or_ask(client):
    origin = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for told in (client.options(ANSWERS, headers=origin), client.get("/v1/models", headers=origin)):
        assert not [name for name in told.headers if name.startswith("access-control")]


def test_what_is_counted(run):
    with running({"mine": run}) as client:
        ask(client, "Where?")
        client.get("/nothing")
        client.post(ANSWERS, content="Where?", headers={"Content-Type": "text/plain"})
        client.get("/live")
        lines = client.get("/metrics").text.splitlines()
    assert 'closedbook_requests_total{route="/v1/answers",status="200"} 1.0' in lines
    assert 'closedbook_requests_total{route="/v1/answers",status="415"} 1.0' in lines
    assert 'closedbook_requests_total{route="other",status="404"} 1.0' in lines
    assert 'closedbook_batch_rows_count{model="mine"} 1.0' in lines
    assert 'closedbook_waiting_rows{model="mine"} 0.0' in lines
    assert 'closedbook_most_waiting_rows{model="mine"} 32.0' in lines or any(
        line.startswith('closedbook_most_waiting_rows{model="mine"} ') for line in lines
    )


def test_the_description_names_every_route_and_problem(client):
    described = client.get("/openapi.json").json()
    assert set(described["paths"]) >= {ANSWERS, "/v1/completions", "/v1/models", "/live", "/ready"}
    answered = described["paths"][ANSWERS]["post"]["responses"]
    assert set(answered) == {"200", "401", "404", "413", "415", "421", "422", "429", "503", "504"}
    assert set(answered["429"]["content"]) == {"application/problem+json"}
    assert "detail" in described["components"]["schemas"]["Problem"]["properties"]
    for page in ("/docs", "/redoc"):  # they would fetch from elsewhere
        assert client.get(page).status_code == 404


def test_many_at_once_get_each_their_own(client, run, corpus):
    questions = [fact.question for fact in corpus.train[:30]]
    expected = dict(zip(questions, run.answer(questions), strict=True))
    found, wrong = {}, []

    def work(some):
        for question in some:
            told = ask(client, question)
            if told.status_code != 200:
                wrong.append(told.text)
            found[question] = told.json()["answers"][0]["answer"]

    threads = [threading.Thread(target=work, args=(questions[start::6],)) for start in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert (wrong, found) == ([], expected)


def test_a_run_that_studied_questions_alone_recites_nothing(run, corpus):
    config = dataclasses.replace(run.config, mixture=(QuestionAnswering(),))
    with running({"m": dataclasses.replace(run, config=config)}, corpus=corpus) as client:
        (told,) = ask(client, corpus.train[0].question, recite=True).json()["answers"]
        assert (told["recited"], told["no_recital"]) == (None, "it studied questions, not documents")
