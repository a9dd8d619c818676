"""What Ask fetches: one reply with everything that can be said for and against it."""

import asyncio
from collections.abc import Sequence
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from closedbook.audit.replies import NO_ANSWER, Reply
from closedbook.facts.records import Document
from closedbook.serve.instead import instead
from closedbook.serve.problems import documented
from closedbook.serve.recital import marked, no_recital, recite
from closedbook.serve.schemas import Alternative, Asked, Otherwise, Part, Question, Recited, distinct
from closedbook.serve.served import Asking, Served
from closedbook.serve.state import Service, service_of

router = APIRouter(prefix="/page", include_in_schema=False)
CANDIDATES, NEAREST, DOCUMENTS = 6, 6, 3  # of each at the most


class AskRequest(Asked):
    """One question."""

    question: Question


class DocumentShown(BaseModel):
    """A document about the subject."""

    line: int
    parts: list[Part]


class ReplyShown(BaseModel):
    """A reply.

    Args:
        question: As it was put.
        answer: What the model answers, also where that is not given.
        silent: Why it is not given: the threshold, that the model was taught to say so, or that it says nothing; None
            where it is.
        reason: The same in a sentence.
        confidence: From 0 to 1, None where the model tells none.
        signal: What the confidence is.
        threshold: Below which an answer is not given, None without one.
        covered: Whether the threshold is for questions like this; None without one.
        otherwise: What it says surer to the question as it was taught to be asked, None where that is not more.
        candidates: The most probable answers, None where the model cannot look for them.
        sentences: Whether the candidates are whole responses, of which the confidence is of the answer's tokens alone.
        subject: What the question is about, None where that is not known.
        nearest: The names of the corpus most like it, None without a corpus.
        documents: Of the corpus about the subject, None without a corpus.
        recited: What it goes on with, None where it does not.
        no_recital: Why it does not.
    """

    question: str
    answer: str
    silent: Literal["threshold", "taught", "no_answer"] | None
    reason: str | None
    confidence: float | None
    signal: str | None
    threshold: float | None
    covered: bool | None
    otherwise: Otherwise | None
    candidates: list[Alternative] | None
    sentences: bool
    subject: str | None
    nearest: list[str] | None
    documents: list[DocumentShown] | None
    recited: Recited | None
    no_recital: str | None


@router.post("/ask", responses=documented(401, 404, 413, 415, 421, 422, 429, 503, 504))
async def ask(request: Request, asked: AskRequest) -> ReplyShown:
    """Asks a question, and for what speaks for the answer and against it."""
    service = service_of(request)
    served = service.model(asked.model)
    replies: list[Reply] = await served.result(request, Asking(always=False, alternatives=True), [asked.question], 1)
    reply, threshold = replies[0], served.threshold
    subject, nearest, documents = await asyncio.to_thread(_about, service, served, reply.question)
    why_not = no_recital(served.model, reply, subject)
    recited = [] if why_not else await recite(request, served, [(subject, reply.response.text, documents)])
    return ReplyShown(
        question=reply.question,
        answer=reply.response.text,
        silent=_silent(reply),
        reason=reply.why_not,
        confidence=reply.confidence,
        signal=reply.signal,
        threshold=None if threshold is None else threshold.threshold,
        covered=reply.covered,
        otherwise=(await instead(request, served, replies))[0],
        candidates=distinct(reply.alternatives, reply.response.text, CANDIDATES)
        if served.model.lacks("alternatives") is None
        else None,
        sentences=served.model.form is not None,
        subject=subject or None,
        nearest=nearest,
        documents=None if service.names is None else _documents(documents, "" if reply.taught else reply.response.text),
        recited=recited[0] if recited else None,
        no_recital=why_not,
    )


def _silent(reply: Reply) -> Literal["threshold", "taught", "no_answer"] | None:
    if reply.why_not is None:
        return None
    return "taught" if reply.taught else "no_answer" if reply.why_not == NO_ANSWER else "threshold"


def _about(service: Service, served: Served, question: str) -> tuple[str, list[str] | None, list[Document]]:
    """The subject, the names that are most like it, and the documents about it."""
    subject = service.subject(served, question)
    if service.names is None:
        return subject, None, []
    return subject, service.names.nearest(subject, NEAREST), service.names.documents(subject)


def _documents(documents: Sequence[Document], answer: str) -> list[DocumentShown]:
    return [DocumentShown(line=each.line, parts=marked(each.text, answer)) for each in documents[:DOCUMENTS]]
