"""What an endpoint writes back, read as responses: each field is held against its type before it is used.

The log-probabilities of tokens come in two shapes, the chat's list of objects and the older completions' lists side by
side; some servers give the one for both.
"""

import posixpath
import re
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from closedbook.errors import UserError
from closedbook.evaluation.language_model import Response
from closedbook.facts.forms import SLOT

Nats = Annotated[float, Field(allow_inf_nan=False, le=1e-3)]
MOST_TEMPLATE = 200  # characters
Byte = Annotated[int, Field(ge=0, le=255)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class _Token(_Part):
    token: str
    logprob: Nats
    bytes: list[Byte] | None = None


class _LogProbabilities(_Part):
    content: list[_Token] | None = None
    tokens: list[str] | None = None
    token_logprobs: list[Nats | None] | None = None


class _Message(_Part):
    content: str


class _Choice(_Part):
    message: _Message | None = None
    text: str | None = None
    logprobs: _LogProbabilities | None = None
    finish_reason: Any = None


class _Reply(_Part):
    model: str | None = None
    choices: list[_Choice] = Field(min_length=1)


class _Listed(_Part):
    id: str
    closedbook: Any = None

    @property
    def template(self) -> str | None:
        """How a service of closedbook says that its run is asked, None where it says nothing of the kind."""
        told = self.closedbook.get("template") if isinstance(self.closedbook, dict) else None
        is_one = isinstance(told, str) and told.count(SLOT) == 1 and len(told) <= MOST_TEMPLATE and told.isprintable()
        return told if is_one else None


class _Models(_Part):
    data: list[_Listed]


def responses(reply: dict[str, Any], url: str, model: str, *, chat: bool) -> list[Response]:
    """The answers in a reply.

    Args:
        reply: As it came.
        url: Whose it is, for errors.
        model: The one that was asked.
        chat: Whether it is a turn of a chat, rather than what follows a text up to a line break.

    Raises:
        UserError: Something is missing or of another type, or another model answers.
    """
    return [_response(_text(choice, url, chat), choice, url, chat) for choice in _checked(reply, url, model).choices]


def tokens_of(reply: dict[str, Any], url: str, model: str) -> list[tuple[str, float | None]]:
    """Text and log-probability of each token of a reply's first choice, none where it does not tell; as `responses`."""
    return _tokens(_checked(reply, url, model).choices[0], url)


def listed(reply: dict[str, Any]) -> dict[str, str | None]:
    """The names in a list of models, each with the template that it is asked by where that is told; none of no list."""
    try:
        return {model.id: model.template for model in _Models.model_validate(reply).data}
    except ValidationError:
        return {}


def same_model(asked: str, answered: str) -> bool:
    """Whether two names may mean one model: but for path, file ending, tag, and what is behind (date, quantisation)."""
    short, other = _plain(asked), _plain(answered)
    return short == other or other == short.split(":")[0] or bool(re.match(re.escape(short) + r"[-:@._]", other))


def model_among(asked: str, names: Sequence[str]) -> str | None:
    """The listed model that a name means, the name itself or alone the same but for path, ending and tag; else None."""
    if asked in names:
        return asked
    alike = [name for name in names if _plain(name) == _plain(asked)]
    return alike[0] if len(alike) == 1 else None


def _plain(name: str) -> str:
    last = posixpath.basename(name.replace("\\", "/").rstrip("/")).lower()
    return last.removesuffix(":latest").removesuffix(".gguf")


def _checked(reply: dict[str, Any], url: str, model: str) -> _Reply:
    try:
        checked = _Reply.model_validate(reply)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        thinks = "reasoning" in str(reply)[:10_000] and place.endswith("content")
        hint = "; a model that thinks before it answers must be served without that" if thinks else ""
        raise UserError(
            f"{url}: its answer is not OpenAI's protocol ({place}: {first['msg'].lower()}){hint}."
        ) from None
    if checked.model and not same_model(model, checked.model):
        name = "".join(filter(str.isprintable, checked.model))[:100]
        raise UserError(f"{url}: answers as the model {name}, but {model} was asked.")
    return checked


def _text(choice: _Choice, url: str, chat: bool) -> str:
    text = (choice.message.content if choice.message else None) if chat else choice.text
    if text is None:
        raise UserError(
            f"{url}: its answer is not OpenAI's protocol (a choice without {'message' if chat else 'text'})."
        )
    return text


def _response(written: str, choice: _Choice, url: str, chat: bool) -> Response:
    tokens = _tokens(choice, url)
    closed = choice.finish_reason == "stop"
    if not chat:
        closed = closed or "\n" in written
        written = written.split("\n")[0]
        tokens = _up_to_line_break(tokens)
    text = written.strip()
    pieces = tuple(piece for piece, _ in tokens)
    nats = [value for _, value in tokens if value is not None]
    return Response(
        text=text,
        ids=(),
        token_nats=tuple(min(value, 0.0) for value in nats) if nats and len(nats) == len(tokens) else None,
        closed=closed,
        pieces=pieces if "".join(pieces).lstrip().startswith(text) else (),
    )


def _up_to_line_break(tokens: Sequence[tuple[str, float | None]]) -> list[tuple[str, float | None]]:
    """The tokens up to the one that closes a line, what stands before the break left of that."""
    kept = []
    for piece, value in tokens:
        kept.append((piece.split("\n")[0], value))
        if "\n" in piece:
            break
    return kept


def _tokens(choice: _Choice, url: str) -> list[tuple[str, float | None]]:
    given = choice.logprobs
    if given is None:
        return []
    if given.content is not None:
        return list(zip(_pieces(given.content), (token.logprob for token in given.content), strict=True))
    texts, nats = given.tokens or [], given.token_logprobs or []
    if len(texts) != len(nats):
        raise UserError(f"{url}: its answer has {len(texts)} tokens, but {len(nats)} log-probabilities.")
    return list(zip(texts, nats, strict=True))


def _pieces(tokens: Sequence[_Token]) -> list[str]:
    """The text that each token adds; of a character in several tokens, the last adds it."""
    pieces, pending = [], b""
    for token in tokens:
        if token.bytes is None:
            pieces.append(token.token)
            continue
        pending += bytes(token.bytes)
        try:
            pieces.append(pending.decode())
            pending = b""
        except UnicodeDecodeError:
            pieces.append("")
    return pieces
