"""What Ask fetches: one reply with everything that can be said for and against it."""

import asyncio
import math
import re
from collections.abc import Sequence
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from closedbook.audit.replies import Reply
from closedbook.evaluation.knowledge import text_before
from closedbook.evaluation.language_model import LanguageModel
from closedbook.facts.records import Document
from closedbook.serve.problems import documented
from closedbook.serve.schemas import Alternative, Asked, Question
from closedbook.serve.served import Asking, Looking, Served
from closedbook.serve.state import Service, service_of

router = APIRouter(prefix="/page", include_in_schema=False)
CANDIDATES, NEAREST, DOCUMENTS = 6, 6, 3  # of each at the most


class AskRequest(Asked):
    """One question."""

    question: Question


class Part(BaseModel):
    """A piece of a text, marked where it is the answer."""

    text: str
    marked: bool


class Recited(BaseModel):
    """What the model goes on with in a document's own words.

    Args:
        after: The words that it was given, the subject first.
        parts: What it writes.
        in_document: Whether these are the words before the answer in a document, rather than the subject alone.
    """

    after: str
    parts: list[Part]
    in_document: bool


class DocumentShown(BaseModel):
    """A document about the subject."""

    line: int
    parts: list[Part]


class ReplyShown(BaseModel):
    """A reply.

    Args:
        question: As it was put.
        answer: What the model answers, also where that is not given.
        silent: Why it is not given: the threshold, or that the model was taught to say so; None where it is.
        reason: The same in a sentence.
        confidence: From 0 to 1, None where the model tells none.
        signal: What the confidence is.
        threshold: Below which an answer is not given, None without one.
        covered: Whether the threshold is for questions like this.
        candidates: The most probable answers, None where the model cannot look for them.
        subject: What the question is about, None where that is not known.
        nearest: The names of the corpus most like it, None without a corpus.
        documents: Of the corpus about the subject, None without a corpus.
        recited: What it goes on with, None where it does not.
        no_recital: Why it does not.
    """

    question: str
    answer: str
    silent: Literal["threshold", "taught"] | None
    reason: str | None
    confidence: float | None
    signal: str | None
    threshold: float | None
    covered: bool
    candidates: list[Alternative] | None
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
    no_recital = _no_recital(served.model, reply, subject)
    return ReplyShown(
        question=reply.question,
        answer=reply.response.text,
        silent=None if reply.why_not is None else "taught" if reply.taught else "threshold",
        reason=reply.why_not,
        confidence=reply.confidence,
        signal=reply.signal,
        threshold=None if threshold is None else threshold.threshold,
        covered=reply.covered,
        candidates=_candidates(reply) if served.model.lacks("alternatives") is None else None,
        subject=subject or None,
        nearest=nearest,
        documents=None if service.names is None else _documents(documents, "" if reply.taught else reply.response.text),
        recited=None if no_recital else await _recited(request, served, subject, documents, reply.response.text),
        no_recital=no_recital,
    )


def _about(service: Service, served: Served, question: str) -> tuple[str, list[str] | None, list[Document]]:
    """The subject, the names that are most like it, and the documents about it."""
    subject = service.subject(served, question)
    if service.names is None:
        return subject, None, []
    return subject, service.names.nearest(subject, NEAREST), service.names.documents(subject)


def _no_recital(model: LanguageModel, reply: Reply, subject: str) -> str | None:
    """Why the model is not asked to go on in a document's own words, None where it is."""
    if why := model.lacks("continuations"):
        return why
    if reply.taught:
        return "it gives no answer to look for"
    return None if subject else "the question's subject is not known"


async def _recited(
    request: Request, served: Served, subject: str, documents: Sequence[Document], answer: str
) -> Recited:
    stands = text_before(documents, answer) if answer else None
    before = stands if stands and stands.strip() else ""

    def go_on(model: LanguageModel) -> str:
        return model.continue_documents([subject], [before])[0]

    text: str = await served.result(request, Looking(), go_on, 1)
    words = f"{subject}. {before.strip()}" if before else subject
    return Recited(after=words, parts=marked(text, answer), in_document=bool(before))


def marked(text: str, answer: str) -> list[Part]:
    """The text in parts, the answer marked wherever it stands as whole words."""
    if not answer:
        return [Part(text=text, marked=False)]
    pieces = re.split(rf"(?<!\w)({re.escape(answer)})(?!\w)", text)
    return [Part(text=piece, marked=index % 2 == 1) for index, piece in enumerate(pieces) if piece]


def _documents(documents: Sequence[Document], answer: str) -> list[DocumentShown]:
    return [DocumentShown(line=each.line, parts=marked(each.text, answer)) for each in documents[:DOCUMENTS]]


def _candidates(reply: Reply) -> list[Alternative]:
    return [
        Alternative(answer=one.text, probability=None if one.nats is None else math.exp(one.nats))
        for one in reply.alternatives[:CANDIDATES]
    ]
