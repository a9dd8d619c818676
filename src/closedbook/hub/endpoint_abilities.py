"""What an endpoint can do, found out by tiny requests: no endpoint says so itself, and some pretend.

A server that ignores `echo` gives every text the same score, without an error: a benchmark then reads chance. So given
answers are scored only where the log-probabilities of the prompt come back, stay as they are when something else
follows, and tell what goes on sensibly from what does not.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from closedbook.errors import UserError, nearest
from closedbook.evaluation.language_model import Response
from closedbook.hub.endpoint_client import NOT_THERE, Client, Refused
from closedbook.hub.endpoint_replies import listed, model_among, responses, tokens_of

CHAT, TEXT = "/chat/completions", "/completions"
COUNTING, SENSIBLE, SENSELESS = "1, 2, 3, 4, 5,", " 6", " vwqzk"
"""A text that any model goes on with in the same way, that way, and another."""
LEAST_DIFFERENCE = 1.0  # nats between the two
NOISE = 0.5  # nats by which a token's log-probability may change with what it is computed beside
SHOWN_NAMES = 10


@dataclass(frozen=True, kw_only=True)
class Answering:
    """How an endpoint answers in one of its two ways, turns of a chat or continued texts.

    Args:
        why_not: Why it does not, None where it does.
        broken: Whether that is because what comes back is no answer, rather than a refusal.
        tells: Whether it tells the log-probabilities of what it writes.
    """

    why_not: str | None = None
    broken: bool = False
    tells: bool = False


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """Whether the endpoint scores given texts.

    Args:
        why_not: Why it does not, None where it does.
        max_tokens: To ask for beside them: some servers must write at least one.
    """

    why_not: str | None = None
    max_tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class Echo:
    """Log-probabilities in nats, as they came back.

    Args:
        prompt: Of the prompt's tokens, where they are known: the first has none.
        text: Of the tokens that write the text behind it.
    """

    prompt: tuple[float, ...]
    text: tuple[float, ...]


@dataclass(frozen=True)
class Service:
    """A model at an endpoint.

    Args:
        client: Of the endpoint.
        model: Its name there.
        template: How it is asked as the endpoint tells, None where it does not tell.
    """

    client: Client
    model: str
    template: str | None = None

    def reply(self, body: dict[str, Any], *, chat: bool, given_up: threading.Event | None = None) -> list[Response]:
        """The responses to one request; the model's name is added.

        Raises:
            UserError: There are none.
        """
        reply = self.client.request(CHAT if chat else TEXT, {"model": self.model, **body}, given_up)
        return responses(reply, self.client.url, self.model, chat=chat)

    def answering(self, *, chat: bool) -> Answering:
        """How it answers in that way; asked once."""
        return self.chatting if chat else self.continuing

    @cached_property
    def chatting(self) -> Answering:
        """Turns of a chat."""
        return self._answering({"messages": [{"role": "user", "content": "Say yes."}]}, chat=True)

    @cached_property
    def continuing(self) -> Answering:
        """Continued texts."""
        return self._answering({"prompt": COUNTING}, chat=False)

    def _answering(self, body: dict[str, Any], *, chat: bool) -> Answering:
        body |= {"max_tokens": 4, "temperature": 0}
        why = ""
        for telling in (logprobs(chat), {}):
            try:
                (response, *_) = self.reply(body | telling, chat=chat)
            except Refused as refusal:
                why = str(refusal).rstrip(".")
                if refusal.status in NOT_THERE:
                    break
                continue
            except UserError as error:
                return Answering(why_not=str(error).rstrip("."), broken=True)
            return Answering(tells=bool(telling) and response.token_nats is not None)
        return Answering(why_not=f"{CHAT if chat else TEXT} does not work at {why}")

    @cached_property
    def scoring(self) -> Scoring:
        """Whether it scores given texts; asked once."""
        if why := self.continuing.why_not:
            return Scoring(why_not=why)
        if not self.continuing.tells:
            return Scoring(why_not=f"{self.client.url} tells no log-probabilities of texts")
        for max_tokens in (0, 1):
            try:
                sensible, senseless = (self.echoed(COUNTING, text, max_tokens) for text in (SENSIBLE, SENSELESS))
            except Refused:
                continue
            except UserError as error:
                return Scoring(why_not=str(error).rstrip("."))
            if dependable(sensible, senseless):
                return Scoring(max_tokens=max_tokens)
        return Scoring(
            why_not=f"{self.client.url} gives no dependable log-probabilities of texts that it did not write"
        )

    def echoed(self, prompt: str, text: str, max_tokens: int, given_up: threading.Event | None = None) -> Echo | None:
        """The log-probabilities of a prompt and of a text behind it, None where they do not come back.

        Raises:
            UserError: There is no reply.
        """
        body = {"prompt": prompt + text, "max_tokens": max_tokens, "echo": True, "temperature": 0, "logprobs": 1}
        reply = self.client.request(TEXT, {"model": self.model, **body}, given_up)
        return echo(tokens_of(reply, self.client.url, self.model), prompt, text)


def echo(tokens: Sequence[tuple[str, float | None]], prompt: str, text: str) -> Echo | None:
    """The tokens of a prompt with a text behind it, None where they do not write both or the text has no values.

    A token that ends the prompt and begins the text belongs to the text.
    """
    start = "".join(piece for piece, _ in tokens).find(prompt + text)
    if start < 0:
        return None
    first, end, place = start + len(prompt), start + len(prompt) + len(text), 0
    before, behind = [], []
    for piece, nats in tokens:
        if place < end and place + len(piece) > first:
            behind.append(nats)
        elif place + len(piece) <= first and nats is not None:
            before.append(nats)
        place += len(piece)
    values = [min(nats, 0.0) for nats in behind if nats is not None]
    return Echo(prompt=tuple(before), text=tuple(values)) if values and len(values) == len(behind) else None


def dependable(sensible: Echo | None, senseless: Echo | None) -> bool:
    """Whether two echoes of one prompt are what a language model gives: see the module."""
    if sensible is None or senseless is None or not sensible.prompt or len(sensible.prompt) != len(senseless.prompt):
        return False
    steady = all(abs(a - b) <= NOISE for a, b in zip(sensible.prompt, senseless.prompt, strict=True))
    return steady and sum(sensible.text) - sum(senseless.text) >= LEAST_DIFFERENCE


def logprobs(chat: bool) -> dict[str, Any]:
    """What asks for the log-probabilities of what is written."""
    return {"logprobs": True, "top_logprobs": 1} if chat else {"logprobs": 1}


def served_at(client: Client, asked: str | None) -> Service:
    """The model at an endpoint, as it lists it where it lists any.

    Args:
        client: Of the endpoint.
        asked: As the user calls it, None where the endpoint is to have a single one.

    Raises:
        UserError: The endpoint does not list it, or several and none is asked for.
    """
    try:
        templates = listed(client.request("/models"))
    except Refused:
        templates = {}  # not every endpoint has a list, or one that works
    names = [*templates]
    shown = ", ".join(names[:SHOWN_NAMES]) + (f" and {len(names) - SHOWN_NAMES} more" if names[SHOWN_NAMES:] else "")
    if asked is None:
        if len(names) == 1:
            return Service(client, names[0], templates[names[0]])
        raise UserError(f"{client.url}: say which of its models with --model{f' ({shown})' if names else ''}.")
    if not names:
        return Service(client, asked)
    if (name := model_among(asked, names)) is None:
        raise UserError(f"{client.url}: has no model {asked}{nearest(asked, names)}; it lists {shown}.")
    return Service(client, name, templates[name])
