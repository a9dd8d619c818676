"""What Look inside fetches: one question traced through a run, live.

What traces, and matplotlib with it, is imported with the first question.

Axes: L layers, H heads, T positions of the prompt, N states, K likeliest tokens.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from fastapi import APIRouter, Request
from pydantic import BaseModel

from closedbook.errors import UserError
from closedbook.evaluation.language_model import LanguageModel
from closedbook.facts.text import composed
from closedbook.runs import Run
from closedbook.serve.page.views import no_inside
from closedbook.serve.problems import ProblemError, documented
from closedbook.serve.schemas import Asked, Question
from closedbook.serve.served import Looking
from closedbook.serve.state import service_of

if TYPE_CHECKING:
    from closedbook.trace.question import QuestionTrace

router = APIRouter(prefix="/page", include_in_schema=False)
ROWS = 16
"""As many questions a trace counts for in the line: it takes longer than one, and not longer than a full batch."""
MOST_TOKENS = 64
"""Of a question: the pictures have a column a token, and tracing grows with their square."""


class InsideRequest(Asked):
    """One question, and which part of it is the subject where that is to be said."""

    question: Question
    subject: Question | None = None


class FindingShown(BaseModel):
    """A sentence, and the figures beside it."""

    words: str
    figures: list[str]


class LensShown(BaseModel):
    """What the model would say after each state.

    Args:
        states: First to last.
        answer: The first token of the answer.
        probability: Of it, a row a state, a column a token.
        likeliest: The likeliest token there, and its probability.
    """

    states: list[str]
    answer: str
    probability: list[list[float]]
    likeliest: list[list[tuple[str, float]]]


class CausalShown(BaseModel):
    """Which state brings the answer back.

    Args:
        states: First to last.
        clean: Probability of the answer's first token.
        corrupted: The same with noise on the name.
        restored: With one state put back, a row a state, a column a token.
    """

    states: list[str]
    clean: float
    corrupted: float
    restored: list[list[float]]


class InsideShown(BaseModel):
    """One question from all sides.

    Args:
        question: As it was put.
        subject: The part of it that noise is put on.
        answer: What the model answers.
        probability: Of the whole answer.
        tokens: The prompt's.
        span: The first token of the subject, and one past its last.
        findings: In words.
        attention: By layer and head, rows look, columns are looked at.
        lens: The logit lens.
        causal: Causal tracing.
    """

    question: str
    subject: str
    answer: str
    probability: float
    tokens: list[str]
    span: tuple[int, int]
    findings: list[FindingShown]
    attention: list[list[list[list[float]]]]
    lens: LensShown
    causal: CausalShown


@router.post("/inside", responses=documented(401, 404, 413, 415, 421, 422, 429, 503, 504))
async def inside(request: Request, asked: InsideRequest) -> InsideShown:
    """Traces a question; takes as long as some dozens of answers."""
    service = service_of(request)
    served = service.model(asked.model)
    if why := no_inside(served):
        raise ProblemError(422, f"{why}.")
    subject = asked.subject or service.subject(served, asked.question)
    if not subject:
        raise ProblemError(422, "Which part of the question is the subject? Say so beside it.")

    def look(model: LanguageModel) -> InsideShown:
        assert isinstance(model, Run)
        return _looked(model, asked.question, subject)

    shown: InsideShown = await served.result(request, Looking(), look, ROWS)
    return shown


def _looked(run: Run, question: str, subject: str) -> InsideShown:
    from closedbook.trace.question import trace_question

    question, subject = composed(question, "question"), composed(subject, "subject")
    (prompt,) = run.prompts([question])
    if len(prompt.ids) > MOST_TOKENS:
        raise UserError(f"question: {len(prompt.ids)} tokens; at most {MOST_TOKENS} are looked into here.")
    return _shown(trace_question(run, question, subject))


def _shown(trace: "QuestionTrace") -> InsideShown:
    from closedbook.trace.findings import question_findings

    prompt, lens, causal = trace.prompt, trace.lens, trace.causal
    likeliest = [
        [(tokens[0], round(float(probability_K[0]), 3)) for tokens, probability_K in zip(*pair, strict=True)]
        for pair in zip(lens.likeliest_NTK, lens.probability_NTK, strict=True)
    ]
    return InsideShown(
        question=prompt.question,
        subject=prompt.subject,
        answer=prompt.answer,
        probability=prompt.probability,
        tokens=list(prompt.labels),
        span=prompt.span,
        findings=[FindingShown(words=each.words, figures=list(each.figures)) for each in question_findings(trace)],
        attention=_rounded(trace.attention.pattern_LHTS),
        lens=LensShown(
            states=list(lens.states), answer=lens.answer, probability=_rounded(lens.answer_NT), likeliest=likeliest
        ),
        causal=CausalShown(
            states=list(causal.states),
            clean=causal.clean,
            corrupted=causal.corrupted,
            restored=_rounded(causal.restored_NT),
        ),
    )


def _rounded(values: np.ndarray) -> Any:
    return values.astype(np.float64).round(3).tolist()
