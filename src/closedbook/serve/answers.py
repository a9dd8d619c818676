"""`POST /v1/answers`: questions in, replies out, as `closedbook ask` gives them."""

import asyncio
import math

from fastapi import APIRouter, Request, Response

from closedbook.audit.replies import Reply
from closedbook.serve.problems import ProblemError, documented
from closedbook.serve.schemas import Alternative, Answer, AnswersRequest, AnswersResponse
from closedbook.serve.served import Asking
from closedbook.serve.state import KnownNames, service_of

router = APIRouter()
ERRORS = documented(401, 404, 413, 415, 421, 422, 429, 503, 504)


@router.post("/v1/answers", response_model=AnswersResponse, responses=ERRORS, tags=["answers"])
async def answers(request: Request, asked: AnswersRequest) -> Response:
    """Answers questions, or says that the model does not know and why."""
    service = service_of(request)
    served = service.model(asked.model)
    if asked.nearest and service.names is None:
        raise ProblemError(422, "nearest: the service knows no names; start it with --corpus.")
    questions = asked.asked
    kind = Asking(always=asked.always, alternatives=asked.alternatives > 0)
    seconds = None if asked.deadline_ms is None else asked.deadline_ms / 1000
    replies: list[Reply] = await served.result(request, kind, questions, len(questions), seconds)
    told: list[tuple[str | None, list[str] | None]] = [(None, None)] * len(questions)
    if asked.nearest and service.names is not None:
        told = await asyncio.to_thread(_nearest, service.names, questions, asked.nearest)
    others = asked.alternatives if served.model.lacks("alternatives") is None else None
    found = [_answer(reply, others, *pair) for reply, pair in zip(replies, told, strict=True)]
    return Response(AnswersResponse(model=served.name, answers=found).model_dump_json(), media_type="application/json")


def _nearest(names: KnownNames, questions: list[str], count: int) -> list[tuple[str | None, list[str] | None]]:
    subjects = [names.subject(question) for question in questions]
    return [(subject or None, names.nearest(subject, count)) for subject in subjects]


def _answer(reply: Reply, others: int | None, subject: str | None, nearest: list[str] | None) -> Answer:
    alternatives = None
    if others:
        alternatives = [
            Alternative(answer=one.text, probability=None if one.nats is None else math.exp(one.nats))
            for one in reply.alternatives[:others]
        ]
    return Answer(
        question=reply.question,
        answer=reply.text,
        answered=reply.why_not is None,
        reason=reply.why_not,
        confidence=reply.confidence,
        signal=reply.signal,
        covered=reply.covered,
        alternatives=alternatives,
        subject=subject,
        nearest=nearest,
    )
