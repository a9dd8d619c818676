"""Whatever goes wrong, as `application/problem+json` (RFC 9457), a sentence in `detail`."""

import json
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException

from closedbook.config.validation import sentence
from closedbook.errors import UserError
from closedbook.serve.schemas import Problem
from closedbook.visible import visible

MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 10
GONE = 499
"""The status, for the metrics alone, of a request whose client has gone; nobody gets it."""


class ProblemError(Exception):
    """A request that cannot be answered.

    Args:
        status: Of the response.
        detail: Why, in a sentence.
        headers: Of the response.
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers or {}

    def response(self, errors: list[dict[str, Any]] | None = None) -> Response:
        """What is sent."""
        title = "Client Closed Request" if self.status == GONE else HTTPStatus(self.status).phrase
        problem = Problem(title=title, status=self.status, detail=self.detail, message=self.detail, errors=errors)
        body = problem.model_dump_json(exclude_none=True)
        return Response(body, self.status, dict(self.headers), media_type=MEDIA_TYPE)


def too_many(seconds: float) -> ProblemError:
    """The refusal of a request that there is no room for; in so many seconds it is worth another try."""
    return ProblemError(429, "Too many requests wait; try again.", {"Retry-After": str(max(math.ceil(seconds), 1))})


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Statuses as a route's description has them."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def add_problems(app: FastAPI) -> None:
    """Makes every error of the application one of these."""

    @app.exception_handler(ProblemError)
    async def problem(request: Request, error: ProblemError) -> Response:
        return error.response()

    @app.exception_handler(UserError)
    async def refused(request: Request, error: UserError) -> Response:
        return ProblemError(422, str(error)).response()

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        known = _fields(request)
        wrong = [_place_and_why(one, known) for one in _first_what_fits_best(error.errors())[:MOST_ERRORS]]
        detail = f"{wrong[0]['place']}: {wrong[0]['why']}." if wrong[0]["place"] else f"{wrong[0]['why']}."
        return ProblemError(422, detail).response(wrong)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        if error.status_code == 400:  # what cannot be decoded, for which there is no other sentence
            return ProblemError(
                422, "The body is no JSON in UTF-8, or has a number or a nesting that is too long."
            ).response()
        detail = f"{error.detail}."
        if error.status_code == 404:
            detail = f"There is no {visible(request.url.path)} here; questions go to /v1/answers and /v1/completions."
        elif error.status_code == 405:
            detail = f"{request.url.path} takes no {request.method}."
        return ProblemError(error.status_code, detail, error.headers).response()

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        return ProblemError(500, "Something broke; the service's log says what.").response()


def _first_what_fits_best(errors: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is not known, which may be misspelt, then the fields in order.

    Of the errors of one field, which may be a union's, what is of its type comes before what is not.
    """
    order = list(dict.fromkeys(error["loc"][:2] for error in errors))

    def rank(error: dict[str, Any]) -> tuple[bool, int, bool]:
        return (
            error["type"] != "extra_forbidden",
            order.index(error["loc"][:2]),
            error["type"].endswith("_type"),
        )

    return sorted(errors, key=rank)


def _fields(request: Request) -> list[str]:
    """What the body of a request may say, where the path takes one."""
    field = getattr(request.scope.get("route"), "body_field", None)
    body = field.field_info.annotation if field is not None else None
    return list(getattr(body, "model_fields", ()))


def _as_json(value: Any) -> str:
    """A value as a request writes it."""
    return json.dumps(value, ensure_ascii=False, default=repr).encode("utf-8", "backslashreplace").decode("utf-8")


def _place_and_why(error: dict[str, Any], known: Sequence[str]) -> dict[str, str]:
    """Which part of a request is wrong, and why; what is no JSON has no parts."""
    if error["type"] == "json_invalid":
        return {"place": "", "why": f"The body is no JSON ({error['ctx']['error']})"}
    *above, last = map(str, error["loc"][1:] or ("",))
    parts = [part for part in above if part.isalnum() or part.isidentifier()]  # without what a union tried
    if error["type"] == "extra_forbidden" or last.isalnum() or last.isidentifier():
        parts.append(last or "''")
    place = ".".join(parts)
    said = sentence(cast(ErrorDetails, error), place or "body", known, _as_json)
    why = said.removesuffix(".").removeprefix(f"{place}: ")
    return {"place": place, "why": why if place else f"The body {why.removeprefix('body: ')}"}
