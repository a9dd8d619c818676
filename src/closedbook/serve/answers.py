"""`POST /v1/answers`: questions in, replies out, as `closedbook ask` gives them."""

import asyncio
import time
from collections.abc import Sequence

from fastapi import APIRouter, Request, Response

from closedbook.audit.replies import Reply
from closedbook.facts.records import Document
from closedbook.serve.instead import instead
from closedbook.serve.problems import ProblemError, documented
from closedbook.serve.recital import no_recital, recite
from closedbook.serve.schemas import Answer, AnswersRequest, AnswersResponse, Otherwise, Recited, distinct
from closedbook.serve.served import Asking, Served
from closedbook.serve.state import Service, service_of

About = tuple[str, list[str] | None, list[Document]]
router = APIRouter()
ERRORS = documented(401, 404, 413, 415, 421, 422, 429, 503, 504)


@router.post("/v1/answers", response_model=AnswersResponse, responses=ERRORS, tags=["answers"])
async def answers(request: Request, asked: AnswersRequest) -> Response:
    """Answers questions, or says that the model does not know and why."""
    service = service_of(request)
    served = service.model(asked.model)
    if asked.nearest and service.names is None:
        raise ProblemError(422, "nearest: the service knows no names; start it with --corpus.")
    questions, began = asked.asked, time.monotonic()
    kind = Asking(always=asked.always, alternatives=asked.alternatives > 0)
    seconds = None if asked.deadline_ms is None else asked.deadline_ms / 1000
    replies: list[Reply] = await served.result(request, kind, questions, len(questions), seconds)
    left = None if seconds is None else max(began + seconds - time.monotonic(), 0.001)
    others_said = await instead(request, served, replies, always=asked.always, seconds=left)
    about: list[About] = [("", None, [])] * len(questions)
    recited: list[tuple[Recited | None, str | None]] = [(None, None)] * len(questions)
    if asked.nearest or asked.recite:
        about = await asyncio.to_thread(_about, service, served, asked, replies)
    if asked.recite:
        left = None if seconds is None else max(began + seconds - time.monotonic(), 0.001)
        recited = await _recited(request, served, replies, about, left)
    others = asked.alternatives if served.model.lacks("alternatives") is None else None
    found = [
        _answer(reply, others, other, subject, near, *own)
        for reply, other, (subject, near, _), own in zip(replies, others_said, about, recited, strict=True)
    ]
    return Response(AnswersResponse(model=served.name, answers=found).model_dump_json(), media_type="application/json")


def _about(service: Service, served: Served, asked: AnswersRequest, replies: Sequence[Reply]) -> list[About]:
    """Each question's subject, the names most like it and the documents about it, as far as they are asked for."""
    subjects, names = [service.subject(served, reply.question) for reply in replies], service.names
    if names is None:
        return [(subject, None, []) for subject in subjects]
    near = [names.nearest(subject, asked.nearest) if asked.nearest else None for subject in subjects]
    documents = [names.documents(subject) if asked.recite else [] for subject in subjects]
    return [*zip(subjects, near, documents, strict=True)]


async def _recited(
    request: Request, served: Served, replies: Sequence[Reply], about: Sequence[About], seconds: float | None
) -> list[tuple[Recited | None, str | None]]:
    """What the model recites beside each reply, or why it does not."""
    why = [no_recital(served.model, reply, subject) for reply, (subject, _, _) in zip(replies, about, strict=True)]
    asked = [
        (subject, reply.response.text, documents)
        for reply, (subject, _, documents), missing in zip(replies, about, why, strict=True)
        if missing is None
    ]
    found = iter(await recite(request, served, asked, seconds))
    return [(next(found) if missing is None else None, missing) for missing in why]


def _answer(
    reply: Reply,
    others: int | None,
    other: Otherwise | None,
    subject: str,
    nearest: list[str] | None,
    recited: Recited | None,
    no_recital: str | None,
) -> Answer:
    return Answer(
        question=reply.question,
        answer=reply.text,
        answered=reply.why_not is None,
        reason=reply.why_not,
        confidence=reply.confidence,
        signal=reply.signal,
        covered=reply.covered,
        alternatives=distinct(reply.alternatives, reply.response.text, others) if others else None,
        otherwise=other,
        subject=subject or None,
        nearest=nearest,
        recited=recited,
        no_recital=no_recital,
    )
