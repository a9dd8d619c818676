"""`/v1/completions` and `/v1/models`, in the shapes of OpenAI's API."""

import itertools
import time
import uuid

from fastapi import APIRouter, Request, Response

from closedbook.serve.completion import Completed, Place, Wanted
from closedbook.serve.problems import documented
from closedbook.serve.schemas import (
    Choice,
    CompletionsRequest,
    CompletionsResponse,
    HowAsked,
    Logprobs,
    Model,
    Models,
    Usage,
)
from closedbook.serve.served import Completing, Served
from closedbook.serve.state import Service, service_of
from closedbook.serve.texts import Texts, encoded

router = APIRouter()
OWNER = "closedbook"
ERRORS = documented(401, 404, 413, 415, 421, 422, 429, 503, 504)


@router.head("/v1/models", include_in_schema=False)
@router.get("/v1/models/", response_model=Models, response_model_exclude_none=True, include_in_schema=False)
@router.get(
    "/v1/models",
    response_model=Models,
    response_model_exclude_none=True,
    responses=documented(401, 421),
    tags=["OpenAI"],
)
async def models(request: Request) -> Models:
    """The models by their names."""
    service = service_of(request)
    return Models(object="list", data=[_listed(service, served) for served in service.models.values()])


@router.get(
    "/v1/models/{name:path}",
    response_model=Model,
    response_model_exclude_none=True,
    responses=documented(401, 404, 421),
    tags=["OpenAI"],
)
async def model(request: Request, name: str) -> Model:
    """One of them."""
    service = service_of(request)
    return _listed(service, service.model(name))


def _listed(service: Service, served: Served) -> Model:
    template = None if isinstance(served.texts, str) else served.texts.template
    return Model(
        id=served.name,
        object="model",
        created=service.started,
        owned_by=OWNER,
        closedbook=None if template is None else HowAsked(template=template),
    )


@router.post("/v1/completions", response_model=CompletionsResponse, responses=ERRORS, tags=["OpenAI"])
async def completions(request: Request, asked: CompletionsRequest) -> Response:
    """Goes on after texts, or scores them: `max_tokens` 0 with `echo` and `logprobs`."""
    service = service_of(request)
    served = service.model(asked.model)
    texts = served.readable()
    wanted = [_wanted(texts, prompt, asked) for prompt in asked.prompts]
    kind = Completing(scores=any(one.scores for one in wanted))
    completed: list[Completed] = await served.result(request, kind, wanted, len(wanted))
    choices = [_choice(texts, each, index) for index, each in enumerate(completed)]
    read, written = sum(len(one.ids) for one in wanted), sum(len(each.written) for each in completed)
    response = CompletionsResponse(
        id=f"cmpl-{uuid.uuid4().hex}",
        object="text_completion",
        created=int(time.time()),
        model=served.name,
        choices=choices,
        usage=Usage(prompt_tokens=read, completion_tokens=written, total_tokens=read + written),
    )
    return Response(response.model_dump_json(), media_type="application/json")


def _wanted(texts: Texts, prompt: str | list[int], asked: CompletionsRequest) -> Wanted:
    return Wanted(
        ids=tuple(encoded(texts, prompt)),
        text=prompt if isinstance(prompt, str) else None,
        most=16 if asked.max_tokens is None else asked.max_tokens,
        stops=asked.stops,
        temperature=1.0 if asked.temperature is None else asked.temperature,
        seed=asked.seed,
        echo=bool(asked.echo),
        likeliest=asked.logprobs,
    )


def _choice(texts: Texts, each: Completed, index: int) -> Choice:
    wanted = each.wanted
    prompt = "" if not wanted.echo else _text(texts, wanted.ids) if wanted.text is None else wanted.text
    logprobs = None
    if wanted.likeliest is not None:
        logprobs = _logprobs(texts, each, wanted.likeliest)
    return Choice(text=prompt + each.text, index=index, logprobs=logprobs, finish_reason=each.reason)


def _text(texts: Texts, ids: tuple[int, ...]) -> str:
    return "".join(texts.piece(ids[:at], token) for at, token in enumerate(ids))


def _logprobs(texts: Texts, each: Completed, likeliest: int) -> Logprobs:
    """Of the prompt's tokens where it is echoed, then of those that are written, what ended them included.

    Of a character in several tokens the last has the text.
    """
    ids, places = each.ids, [*each.scored, *each.written]
    befores = [ids[:number] for number in range(len(ids) - len(places), len(ids))]
    tokens = [texts.piece(before, place.token) for before, place in zip(befores, places, strict=True)]
    given = each.wanted.text
    if each.scored and given is not None and not given.startswith(" "):
        tokens[0] = tokens[0].removeprefix(" ")  # which the spelling put before the text
    top = [_top(texts, *row) for row in zip(befores, places, tokens, strict=True)] if likeliest else None
    return Logprobs(
        tokens=tokens,
        token_logprobs=[place.nats for place in places],
        top_logprobs=top,
        text_offset=list(itertools.accumulate(map(len, tokens[:-1]), initial=0)) if tokens else [],
    )


def _top(texts: Texts, before: list[int], place: Place, shown: str) -> dict[str, float] | None:
    """The likeliest tokens there, the one that stands there among them; None for a text's first.

    Of tokens that are written alike, as parts of characters are, that one has the text, others their numbers.
    """
    if place.nats is None:
        return None
    top: dict[str, float] = {}
    for token, nats in place.likeliest:
        text = texts.piece(before, token)
        taken = text in top or (text == shown and token != place.token)
        top[f"token_id:{token}" if taken else text] = nats
    return top
