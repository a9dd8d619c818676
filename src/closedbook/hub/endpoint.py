"""A model behind an endpoint of OpenAI's protocol (llama.cpp's server, vLLM, Ollama, a service): a `LanguageModel`.

A form with chat goes to /chat/completions, one without to /completions, where an answer goes up to a line break. What
the endpoint can do beside answering is found out, see `endpoint_abilities`; `endpoint_client` sends, `endpoint_replies`
reads. Its tokens stay with it: a response has their texts and log-probabilities at the most, and what closes an answer
is among them only where the endpoint tells it.
"""

import dataclasses
import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import numpy as np
from jaxtyping import Float

from closedbook.draws import derive
from closedbook.errors import UserError
from closedbook.evaluation.form import Form
from closedbook.evaluation.language_model import Ability, Answers, Prompt, Response
from closedbook.facts.forms import SLOT
from closedbook.hub import ENDPOINT, Way
from closedbook.hub.endpoint_abilities import Service, logprobs, served_at
from closedbook.hub.endpoint_client import Client, Refused
from closedbook.hub.endpoint_settings import Patience, base_url, key, usual_patience

T = TypeVar("T")
MOST_NEW_TOKENS = 24
MOST_NEW_TOKENS_OF_CHAT = 40
MOST_CONTEXT = 4000  # characters of a document before what is to follow
CLOSING = "\n"


@dataclass(frozen=True)
class EndpointModel:
    """A model behind an endpoint, and the form that it is asked in.

    Args:
        service: Where it answers.
        form: How it is asked.
    """

    service: Service
    form: Form

    @property
    def name(self) -> str:
        return f"{ENDPOINT}:{self._url} --model {self.service.model}"

    @property
    def kind(self) -> str:
        way = "turns of a chat" if self.form.chat else "continued texts"
        told = ", in the form that the endpoint tells" if self.form == told_form(self.service) else ""
        return f"a model behind an endpoint, {self.service.model}, {way}{told}"

    @property
    def parameters(self) -> int:
        return 0

    @property
    def chats(self) -> bool:
        return self.service.chatting.why_not is None

    @property
    def _url(self) -> str:
        return self.service.client.url

    def asked_by(self, form: Form) -> "EndpointModel":
        if self.form == told_form(self.service) != form:
            raise UserError(f"{self.name}: answers in the form that it tells, {self.form.template!r}, and in no other.")
        if why := self.service.answering(chat=form.chat).why_not:
            raise UserError(f"{self.name}: {'cannot chat' if form.chat else 'can only chat'}, {why}.")
        return dataclasses.replace(self, form=form)

    def lacks(self, ability: Ability) -> str | None:
        if ability == "log_probabilities":
            tells = self.service.answering(chat=self.form.chat).tells
            return None if tells else "the endpoint does not tell the log-probabilities of what it writes"
        if ability == "given_answers":
            if self.form.chat:
                return "an endpoint scores no given answers in a chat"
            return self.service.scoring.why_not
        if ability == "alternatives":
            return "an endpoint does not search for the most probable answers"
        if ability == "representations":
            return "an endpoint does not show hidden states"
        if ability == "continuations":
            return self.service.continuing.why_not
        return None

    def fingerprint(self) -> str:
        """SHA-256 of the address and the model's name: nobody sees the weights."""
        return hashlib.sha256(f"{self._url}\n{self.service.model}".encode()).hexdigest()

    def prompts(self, questions: Sequence[str], *, place: str = "question") -> list[Prompt]:
        _check(questions, place)
        return [Prompt(question=question, ids=(), text=self._put(question)) for question in questions]

    def _put(self, question: str) -> str:
        """The prompt for a reader; the endpoint's chat format is its own."""
        if not self.form.chat:
            return self.form.text(question)
        return "\n".join(f"{turn['role']}: {turn['content']}" for turn in self.form.messages(question))

    def check_answers(self, answers: Sequence[str], *, place: str = "answer") -> None:
        _check(answers, place)

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        return [answers.response for answers in self.inquire(prompts)]

    def inquire(
        self, prompts: Sequence[Prompt], *, samples: int = 0, alternatives: bool = False, seed: int = 0
    ) -> list[Answers]:
        bodies = [self._body(prompt) for prompt in prompts]
        greedy = self._replies([body | {"temperature": 0} for body in bodies])
        drawn = self._samples(bodies, samples, seed) if samples else [()] * len(prompts)
        return [
            Answers(response=responses[0], samples=tuple(others))
            for responses, others in zip(greedy, drawn, strict=True)
        ]

    def _body(self, prompt: Prompt) -> dict[str, Any]:
        telling = logprobs(self.form.chat) if self.service.answering(chat=self.form.chat).tells else {}
        if self.form.chat:
            asked = {"messages": self.form.messages(prompt.question), "max_tokens": MOST_NEW_TOKENS_OF_CHAT}
            return asked | telling
        return {"prompt": prompt.text, "max_tokens": MOST_NEW_TOKENS, "stop": [CLOSING]} | telling

    def _replies(self, bodies: Sequence[dict[str, Any]]) -> list[list[Response]]:
        def reply(body: dict[str, Any], given_up: threading.Event) -> list[Response]:
            return self.service.reply(body, chat=self.form.chat, given_up=given_up)

        return self.service.client.each(reply, bodies)

    def _samples(self, bodies: Sequence[dict[str, Any]], count: int, seed: int) -> list[list[Response]]:
        """As many as asked for to each, in one request where the endpoint draws several, the missing one by one."""

        def several(body: dict[str, Any], given_up: threading.Event) -> list[Response]:
            try:
                return self.service.reply(body, chat=self.form.chat, given_up=given_up)
            except Refused as refusal:
                if body["n"] == 1 or refusal.busy:
                    raise
                return []

        drawing = [body | {"temperature": 1, "n": count, "seed": _seed(seed, body, 0)} for body in bodies]
        first = self.service.client.each(several, drawing[:1])  # the others need not ask in vain
        if first and len(first[0]) < count:
            drawn = [*first, *([] for _ in drawing[1:])]
        else:
            drawn = first + self.service.client.each(several, drawing[1:])
        missing = [(number, place) for number, some in enumerate(drawn) for place in range(len(some), count)]
        singly = self._replies(
            [
                bodies[number] | {"temperature": 1, "seed": _seed(seed, bodies[number], place)}
                for number, place in missing
            ]
        )
        for (number, _), responses in zip(missing, singly, strict=True):
            drawn[number].append(responses[0])
        return [some[:count] for some in drawn]

    def log_probability(self, prompts: Sequence[Prompt], answers: Sequence[str]) -> list[float | None]:
        """Of each answer and a line break after its prompt; None for all where the endpoint does not score texts."""
        if self.lacks("given_answers"):
            return [None] * len(prompts)
        return self._nats(
            [prompt.text for prompt in prompts], [f"{self.form.gap}{answer}{CLOSING}" for answer in answers]
        )

    def choose(self, prompts: Sequence[Prompt], candidates: Sequence[str]) -> list[str]:
        self._need("given_answers")
        if len(set(candidates)) < len(candidates) or not candidates:
            raise UserError("The candidates must be at least one, and no two may be spelled alike.")
        self.check_answers(candidates, place="candidate")
        pairs = [(prompt, candidate) for prompt in prompts for candidate in candidates]
        values = self.log_probability([prompt for prompt, _ in pairs], [candidate for _, candidate in pairs])
        nats = np.array([-np.inf if value is None else value for value in values], dtype=np.float64)
        rows = nats.reshape(len(prompts), len(candidates))
        if unscored := [prompt for prompt, row in zip(prompts, rows, strict=True) if np.isneginf(row).all()]:
            raise UserError(
                f"{self.name}: gives no candidate a score, {unscored[0].question[:60]!r} the first: what it echoes "
                "does not make up the text that it was sent."
            )
        return [candidates[index] for index in rows.argmax(axis=1)]

    def continue_documents(self, subjects: Sequence[str], before: Sequence[str]) -> list[str]:
        self._need("continuations")

        def reply(text: str, given_up: threading.Event) -> str:
            body = {"prompt": text, "max_tokens": MOST_NEW_TOKENS, "stop": [CLOSING], "temperature": 0}
            return self.service.reply(body, chat=False, given_up=given_up)[0].text

        return self.service.client.each(reply, _documents(subjects, before))

    def continuation_log_probability(
        self, subjects: Sequence[str], before: Sequence[str], answers: Sequence[str]
    ) -> list[float | None]:
        """Of each answer in a document's own words; None for all where the endpoint does not score given texts."""
        if self.service.scoring.why_not:
            return [None] * len(subjects)
        return self._nats(_documents(subjects, before), [f" {answer}" for answer in answers])

    def _nats(self, prompts: Sequence[str], texts: Sequence[str]) -> list[float | None]:
        """Log-probability of each text behind its prompt."""
        max_tokens = self.service.scoring.max_tokens

        def score(pair: tuple[str, str], given_up: threading.Event) -> float | None:
            echoed = self.service.echoed(*pair, max_tokens, given_up)
            return None if echoed is None else sum(echoed.text)

        return self.service.client.each(score, list(zip(prompts, texts, strict=True)))

    def represent(self, prompts: Sequence[Prompt], subjects: Sequence[str]) -> Float[np.ndarray, "prompts width"]:
        self._refuse("representations")

    def represent_answers(
        self, prompts: Sequence[Prompt], responses: Sequence[Response]
    ) -> Float[np.ndarray, "prompts width"]:
        self._refuse("representations")

    def _need(self, ability: Ability) -> None:
        if self.lacks(ability):
            self._refuse(ability)

    def _refuse(self, ability: Ability) -> NoReturn:
        raise UserError(f"{self.name}: {self.lacks(ability)}.")


def open_endpoint(url: str, way: Way, patience: Patience | None = None) -> EndpointModel:
    """The model behind an endpoint, ready to be asked.

    The key is read from the environment, CLOSEDBOOK_API_KEY or else OPENAI_API_KEY.

    Args:
        url: Its address, with /v1 or without.
        way: The model's name there, and the form; None for what the endpoint tells, else a chat where it has one, else
            a plain question.
        patience: With the endpoint, None for the usual, with CLOSEDBOOK_REQUESTS at once.

    Raises:
        UserError: It cannot be reached, does not speak the protocol, or has not that model or form.
    """
    if way.precision is not None:
        raise UserError("--precision has no effect on an endpoint, which computes as it likes.")
    base = base_url(url)
    patience = patience or usual_patience()
    client = Client(base, key(), patience)
    try:
        with client.hurried():
            service, form = _within(patience.opening, lambda: _found(client, way))
    except TimeoutError:
        raise UserError(
            f"{base}: does not answer within {patience.opening:g} seconds; if it is still loading its model, try again."
        ) from None
    return EndpointModel(service, form)


def told_form(service: Service) -> Form | None:
    """The form that an endpoint tells, as a service of closedbook does of its runs; None where it tells none."""
    return None if service.template is None else Form(template=service.template)


def _within(seconds: float, work: Callable[[], T]) -> T:
    """What `work` gives.

    Raises:
        TimeoutError: It takes longer; it is left to itself.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future.result(timeout=seconds)


def _found(client: Client, way: Way) -> tuple[Service, Form]:
    """The model and the form that it is asked in, once it has answered in it."""
    service = served_at(client, way.served)
    form = way.form or told_form(service)
    for chat in (True, False) if form is None else (form.chat,):
        answering = service.answering(chat=chat)
        if answering.why_not is None:
            return service, form or (Form(template=SLOT, chat=True) if chat else Form())
        if answering.broken:
            raise UserError(f"{answering.why_not}.")
    if way.form is None:
        raise UserError(f"{service.chatting.why_not}; and {service.continuing.why_not}.")
    raise UserError(f"{answering.why_not}; perhaps it can be asked with{'out' if way.form.chat else ''} --chat.")


def _check(texts: Sequence[str], place: str) -> None:
    for number, text in enumerate(texts, 1):
        if not text.strip():
            raise UserError(f"{place} {number}: is empty.")


def _documents(subjects: Sequence[str], before: Sequence[str]) -> list[str]:
    """Each document up to where it is to go on."""
    return [f"{subject}.{words}".rstrip()[-MOST_CONTEXT:] for subject, words in zip(subjects, before, strict=True)]


def _seed(seed: int, body: dict[str, Any], place: int) -> int:
    """Of a sample: another for each prompt and place, and the same when asked again, whatever is asked beside it."""
    asked = json.dumps(body.get("messages", body.get("prompt")))
    return derive(seed, int.from_bytes(hashlib.sha256(asked.encode()).digest()[:7]), place) % 2**31
