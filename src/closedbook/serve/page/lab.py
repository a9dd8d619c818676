"""What Lab fetches: the assignment's claims on attention at the values of the sliders.

SymPy, which derives the closed forms, is imported with the first of them.
"""

import asyncio
import threading
from functools import cache

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from closedbook.serve.page.views import HEADERS
from closedbook.serve.problems import documented

router = APIRouter(prefix="/page/lab", include_in_schema=False)
ERRORS = documented(401, 421, 422)
LOCK = threading.Lock()  # one at a time, however fast a slider is moved

Pairs = list[tuple[float, float]]


class Design(BaseModel):
    """One head or two that look at a and b, k_a being epsilon mu_a.

    Args:
        weight: On v_a in the head of a, at this epsilon, by the closed form.
        computed: The same by attention itself.
        logit_mean: Of the weight's logit over epsilon, by the closed form.
        logit_variance: The same.
        fails: Probability that the head of a fails, by the closed form; what holds without noise on the keys.
        failed: Share of draws in which it does.
        variance: Total variance of the output, by quadrature; what holds without noise on the keys.
        drawn_variance: That of the draws.
        near: Share of draws near the goal.
        curve: Epsilon and the weight.
        draws: The same of some draws, with the noise on the keys.
    """

    weight: float
    computed: float
    logit_mean: float
    logit_variance: float
    fails: float
    failed: float
    variance: float
    drawn_variance: float
    near: float
    curve: Pairs
    draws: Pairs


class Construction(BaseModel):
    """A choice of Q, K and V for the three tokens, on u_a, ..., u_d.

    Args:
        query: Q times beta squared.
        attention: The weights of x_1 and x_2 on x_1, x_2, x_3.
        outputs: c_1 and c_2 as computed.
        derived: The same by the closed form.
        errors: Of c_1 and c_2 over the norms of their goals.
        curves: Beta and these errors.
    """

    query: list[list[float]]
    attention: list[list[float]]
    outputs: list[list[float]]
    derived: list[list[float]]
    errors: tuple[float, float]
    curves: tuple[Pairs, Pairs]


class LabShown(BaseModel):
    """What the sliders give."""

    one: Design
    two: Design
    derived: Construction
    printed: Construction


@router.get("", responses=ERRORS)
async def lab(M: float = 10.0, epsilon: float = 1.0, beta: float = 3.0, alpha: float = 0.0) -> LabShown:
    """The claims at these values."""
    return await asyncio.to_thread(_lab, M, epsilon, beta, alpha)


@router.get("/formulas", responses=ERRORS)
async def formulas() -> Response:
    """The closed forms as a document, whose elements go by what they say."""
    return HTMLResponse(await asyncio.to_thread(_formulas), headers=HEADERS)


def _lab(M: float, epsilon: float, beta: float, alpha: float) -> LabShown:
    from closedbook.serve.page.lab_figures import figures

    with LOCK:
        return figures(M, epsilon, beta, alpha)


@cache
def _formulas() -> str:
    from closedbook.serve.page.lab_figures import formulas

    with LOCK:
        return "".join(f'<div id="{name}">{mathml}</div>' for name, mathml in formulas().items())
