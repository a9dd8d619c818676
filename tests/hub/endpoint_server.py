"""A server on this machine that answers as OpenAI's protocol has it, or as badly as a test wants."""

import itertools
import json
import math
import re
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANSWERS = {"Where was Ada Lovelace born?": "London", "Where was Nína Sæmundsson born?": "Nikulásarhús"}
SURE, UNSURE = -0.25, -6.0


def pieces(text):
    """Words with the space or line break before them."""
    return re.findall(r"\s?[^\s]+|\s", text)


class QuietServer(ThreadingHTTPServer):
    daemon_threads, block_on_close = True, False

    def handle_error(self, *_):
        """Clients that hang up are what some tests are about."""


class Server:
    """What it can do are attributes that tests change; `seen` are the requests it got."""

    def __init__(self):
        self.told = {}  # beside each name in the list
        self.models, self.model = ["toy"], None  # listed, and the one it says that it answers as
        self.chats = self.continues = self.tells = self.scores = self.draws = True
        self.slow = 0.0
        self.first = []  # what it answers to the first posts instead, each (status, headers)
        self.raw = None  # or to every post: a function of the handler
        self.edit = None  # or changes the reply
        self.seen, self.keys, self.tries = [], [], Counter()
        self.under_way = self.most = 0
        self.lock = threading.Lock()
        self._http = QuietServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._http.server_port}"

    def posts(self, path=""):
        return [body for place, body in self.seen if place.endswith(path)]

    def close(self):
        self._http.shutdown()
        self._http.server_close()

    def _handler(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def do_GET(self):
                server.keys.append(self.headers.get("Authorization"))
                if isinstance(server.models, int):
                    return self.send(server.models, {"error": {"message": "no list"}})
                return self.send(
                    200, {"object": "list", "data": [{"id": name} | server.told for name in server.models]}
                )

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with server.lock:
                    server.seen.append((self.path, body))
                    server.keys.append(self.headers.get("Authorization"))
                    server.under_way += 1
                    server.most = max(server.most, server.under_way)
                    first = server.first.pop(0) if server.first else None
                try:
                    time.sleep(server.slow)
                    if first:
                        return self.send(first[0], {"error": {"message": "later"}}, first[1])
                    if server.raw:
                        return server.raw(self)
                    return self.send(*server.answer(self.path, body))
                finally:
                    with server.lock:
                        server.under_way -= 1

            def send(self, status, values, headers=()):
                self.raw(status, json.dumps(values).encode(), {"Content-Type": "application/json", **dict(headers)})

            def raw(self, status, content, headers=()):
                self.send_response(status)
                for name, value in dict(headers).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        return Handler

    def answer(self, path, body):
        chat = path == "/v1/chat/completions"
        if not (self.chats if chat else self.continues and path == "/v1/completions"):
            return 404, {"error": {"message": "not here"}}
        if body.get("n", 1) > 1 and self.draws is None:
            return 400, {"error": {"message": "n must be 1"}}
        count = body.get("n", 1) if self.draws else 1
        choices = [self.choice(body, chat, index) for index in range(count)]
        reply = {"object": "list", "model": self.model or body["model"], "choices": choices}
        if self.edit:
            self.edit(reply)
        return 200, reply

    def choice(self, body, chat, index):
        prompt = body["messages"][-1]["content"] if chat else body["prompt"]
        question = prompt.split("Question: ")[-1].split("\nAnswer:")[0]
        answer = ANSWERS.get(question, "Yes" if chat else "6")
        if body["temperature"] == 1:
            answer += f" {body['seed'] + index}"
        written = [*pieces(answer if chat else f" {answer}"), "<end>" if chat else "\n"]
        tokens = [(piece, SURE) for piece in written]
        text = answer if chat else f" {answer}"
        if body.get("echo") and self.scores:
            echoed = pieces(prompt)
            nats = [None, *(self.scored(before, piece) for before, piece in itertools.pairwise(echoed))]
            tokens = list(zip(echoed, nats, strict=True)) + (tokens if body["max_tokens"] else [])
            text = prompt + text
        choice = {"index": index, "finish_reason": "stop"}
        choice |= {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
        if self.tells and body.get("logprobs"):
            choice["logprobs"] = self.logprobs(tokens, chat)
        return choice

    def scored(self, before, piece):
        """It has read that one counts, and that Ada Lovelace was born in London."""
        if self.scores == "silently":
            return -math.log(5)
        return SURE if piece.strip(" ") in ("London", "", "\n") or re.fullmatch(r" \d,?", piece) else UNSURE

    def logprobs(self, tokens, chat):
        if not chat:
            return {"tokens": [piece for piece, _ in tokens], "token_logprobs": [nats for _, nats in tokens]}
        return {
            "content": [
                {"token": piece, "logprob": nats, "bytes": list(piece.encode()), "top_logprobs": []}
                for piece, nats in tokens
            ]
        }
