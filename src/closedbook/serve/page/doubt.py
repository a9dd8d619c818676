"""What Doubt fetches: answers to the facts that the service was given, or what an audit kept, and how sure they are.

The facts are asked some at a time, as many as a batch holds, so that others are answered in between; what was asked
is kept.

Axes: N answers, A those that are answers at all with a confidence.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from closedbook.audit.abstention import Abstention, upper_bound
from closedbook.audit.answers_file import KeptAnswers
from closedbook.audit.reliability import auroc, risk_coverage
from closedbook.audit.replies import Reply
from closedbook.audit.settings import Signal
from closedbook.errors import UserError
from closedbook.evaluation.scorers import Score, Scorer, find_scorer, usual_match
from closedbook.facts.corpus import Corpus
from closedbook.facts.given import with_shared_answers
from closedbook.facts.records import Fact
from closedbook.runs import recognised
from closedbook.serve.problems import ProblemError, documented
from closedbook.serve.schemas import Asked
from closedbook.serve.served import Asking, Served
from closedbook.serve.state import Service, service_of

router = APIRouter(prefix="/page/doubt", include_in_schema=False)
MOST = 2000
"""Facts that are asked, and answers of an audit that are shown, the first of them."""
DELTA = 0.05  # of the bound that stands beside a share
ERRORS = documented(401, 404, 413, 415, 421, 422, 429, 503, 504)


@dataclass
class Graded:
    """Answers of a model to the facts, as far as they have been asked.

    Args:
        facts: What it is asked, as `evaluate` asks it.
        scorer: What is right, by all facts of the file.
        replies: To the first of them.
        scores: Of these.
    """

    facts: Sequence[Fact]
    scorer: Scorer
    replies: list[Reply] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)


class DoubtRequest(Asked):
    """Which facts to ask next: those from a place on that are not asked yet."""

    first: Annotated[int, Field(ge=0, le=MOST)] = 0


class Progress(BaseModel):
    """How many have been asked, and of how many."""

    asked: int
    of: int


class Row(BaseModel):
    """An answer."""

    question: str
    answer: str
    expected: str | None
    right: bool
    confidence: float


class Interval(BaseModel):
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


class Certified(BaseModel):
    """The threshold that an audit certified."""

    threshold: float
    target: float
    coverage: float  # at it, of these facts


class Doubts(BaseModel):
    """Answers by how sure they are.

    Args:
        total: Answers, of whatever kind.
        asked: The same.
        of: How many there would be.
        silent: Those that are none: what a model was taught to say where it does not know, or a refusal.
        untold: Answers of which it is not told how sure they are.
        signals: The confidences that there are.
        signal: The one that is shown, None where there is none.
        rows: The others, surest first.
        bounds: After each row, the one-sided Clopper-Pearson 95 % bound of the share of wrong ones up to it.
        curve: Coverage, of all, and risk.
        auroc: Whether it tells right from wrong, None where all are right or all wrong.
        certified: The threshold in force, None without one.
    """

    total: int
    asked: int
    of: int
    silent: int
    untold: int
    signals: list[str]
    signal: str | None
    rows: list[Row]
    bounds: list[float]
    curve: list[tuple[float, float]]
    auroc: Interval | None
    certified: Certified | None


@router.post("/ask", responses=ERRORS)
async def ask(request: Request, asked: DoubtRequest) -> Progress:
    """Asks a batch more of the facts."""
    service = service_of(request)
    served = service.model(asked.model)
    graded = await _graded(service, served)
    first = len(graded.replies)
    batch = graded.facts[first : first + service.limits.batch]
    if batch and asked.first >= first:
        questions = [fact.question for fact in batch]
        try:
            replies = await served.result(request, Asking(always=False, alternatives=False), questions, len(questions))
        except UserError as error:
            raise ProblemError(422, f"--facts, from the fact of line {batch[0].line} on: {error}") from None
        if len(graded.replies) == first:  # nobody else has asked them meanwhile
            scores = await asyncio.to_thread(_scores, graded.scorer, batch, replies)
            if len(graded.replies) == first:
                graded.replies += replies
                graded.scores += scores
    return Progress(asked=len(graded.replies), of=len(graded.facts))


def _facts(service: Service) -> tuple[Fact, ...]:
    if not service.shown.facts:
        raise ProblemError(422, "The service has no facts to ask; start it with --facts.")
    return service.shown.facts


async def _graded(service: Service, served: Served) -> Graded:
    """What a model has been asked, which begins with reading the facts as it knows them."""
    facts = _facts(service)
    if served.name not in service.graded:
        corpus = service.names.corpus if service.names is not None else None
        begun = await asyncio.to_thread(_begun, served, facts, corpus)
        service.graded.setdefault(served.name, begun)  # unless somebody else has begun meanwhile
    graded: Graded = service.graded[served.name]
    return graded


def _begun(served: Served, facts: Sequence[Fact], corpus: Corpus | None) -> Graded:
    """The facts with the subjects and relations that the model or the corpus knows, and a question's answers shared."""
    shared, _ = with_shared_answers(recognised(facts, served.model, corpus), "--facts")
    match = served.threshold.match if served.threshold is not None else usual_match(served.model)
    return Graded(facts=shared[:MOST], scorer=find_scorer(match, shared))


def _scores(scorer: Scorer, batch: Sequence[Fact], replies: Sequence[Reply]) -> list[Score]:
    return [scorer(reply.response.text, fact) for reply, fact in zip(replies, batch, strict=True)]


@router.get("", responses=ERRORS)
async def doubts(
    request: Request,
    model: str | None = None,
    source: Literal["model", "audit"] = "model",
    signal: Annotated[Signal | None, Query()] = None,
) -> Doubts:
    """What there is so far, by how sure it is."""
    service = service_of(request)
    if source == "audit":
        if service.shown.answers is None:
            raise ProblemError(422, "The service has no audit's answers; start it with --answers.")
        return await asyncio.to_thread(_doubts, service.shown.answers.first(MOST), len(service.shown.answers), signal)
    served = service.model(model)
    graded = await _graded(service, served)
    return await asyncio.to_thread(_doubts, _kept(graded), len(graded.facts), signal, served.threshold)


def _kept(graded: Graded) -> KeptAnswers:
    """The answers as an audit keeps them."""
    replies, scores = [*graded.replies], [*graded.scores]
    named = next((reply.signal for reply in replies if reply.signal is not None), None)
    sure_N = np.array([np.nan if reply.confidence is None else reply.confidence for reply in replies], dtype=np.float64)
    return KeptAnswers(
        questions=tuple(reply.question for reply in replies),
        answers=tuple(reply.response.text for reply in replies),
        expected=tuple(fact.answers[0] for fact in graded.facts[: len(replies)]),
        right_N=np.array([score.correct for score in scores], dtype=bool),
        attempted_N=np.array([score.attempted for score in scores], dtype=bool),
        signals={} if named is None else {named: sure_N},
    )


def _doubts(kept: KeptAnswers, of: int, signal: Signal | None, threshold: Abstention | None = None) -> Doubts:
    if signal is not None and signal not in kept.signals:
        raise ProblemError(422, f"{signal}: not among these answers, which have {', '.join(kept.signals) or 'none'}.")
    chosen = signal or next(iter(kept.signals), None)
    sure_N = np.full(len(kept), np.nan) if chosen is None else kept.signals[chosen]
    there_N = kept.attempted_N & ~np.isnan(sure_N)
    order_A = np.flatnonzero(there_N)[np.argsort(-sure_N[there_N], kind="stable")]
    right_A, sure_A = kept.right_N[order_A], sure_N[order_A]
    curve, bounds, estimate = [], np.array([]), None
    if len(order_A):
        coverage_A, risk_A = risk_coverage(right_A, sure_A)
        share = len(order_A) / len(kept)
        curve = [(float(share * at), float(risk)) for at, risk in zip(coverage_A, risk_A, strict=True)]
        bounds = upper_bound(np.cumsum(~right_A), np.arange(1, len(order_A) + 1), DELTA)
        area = auroc(kept.right_N[there_N], sure_N[there_N])  # in the file's order, by which an audit draws
        if area.value is not None and area.low is not None and area.high is not None:
            estimate = Interval(value=area.value, low=area.low, high=area.high)
    return Doubts(
        total=len(kept),
        asked=len(kept),
        of=of,
        silent=int((~kept.attempted_N).sum()),
        untold=int((kept.attempted_N & np.isnan(sure_N)).sum()),
        signals=list(kept.signals),
        signal=chosen,
        rows=[_row(kept, index, float(sure_N[index])) for index in order_A.tolist()],
        bounds=bounds.tolist(),
        curve=curve,
        auroc=estimate,
        certified=_certified(threshold, sure_A, len(kept)),
    )


def _row(kept: KeptAnswers, index: int, confidence: float) -> Row:
    return Row(
        question=kept.questions[index],
        answer=kept.answers[index],
        expected=kept.expected[index],
        right=bool(kept.right_N[index]),
        confidence=confidence,
    )


def _certified(threshold: Abstention | None, sure_A: np.ndarray, total: int) -> Certified | None:
    if threshold is None or threshold.threshold is None or not total:
        return None
    coverage = float((sure_A >= threshold.threshold).sum() / total)
    return Certified(threshold=threshold.threshold, target=threshold.target, coverage=coverage)
