"""The views' own files: HTML, styles and modules, which hold nothing of models or data.

What is to be seen is fetched by the modules, so that a service with a key gives these files to anybody and its data to
those who have the key. Texts of models and files become text nodes only: by the policy that is sent along, a browser
takes neither scripts nor styles from elsewhere or in line, and refuses to read any string as HTML.
"""

from functools import cache
from importlib import resources

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

import closedbook
from closedbook.report.templates import environment
from closedbook.runs import Run
from closedbook.serve.limits import MOST_QUESTION
from closedbook.serve.page.doubt import MOST
from closedbook.serve.problems import documented
from closedbook.serve.served import Served
from closedbook.serve.state import service_of

router = APIRouter(include_in_schema=False)
PACKAGE = "closedbook.serve.page"
STATIC = "/static"
VIEWS = {"/": "Ask", "/inside": "Look inside", "/doubt": "Doubt", "/lab": "Lab", "/runs": "Runs"}
"""What each view is called, by its path."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
EXAMPLES = 3


class Files(StaticFiles):
    """The styles and modules."""

    def __init__(self) -> None:
        super().__init__(packages=[(PACKAGE, "static")])

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response


@cache
def files() -> frozenset[str]:
    """The paths of all of them, views included."""
    static = resources.files(PACKAGE) / "static"
    return frozenset({*VIEWS, *(f"{STATIC}/{file.name}" for file in static.iterdir())})


@cache
def view(path: str) -> str:
    """The HTML of a view."""
    name = path.strip("/") or "ask"
    template = environment(PACKAGE).get_template(f"{name}.html.j2")
    return template.render(name=name, path=path, views=VIEWS, static=STATIC, version=closedbook.__version__)


async def _send(request: Request) -> Response:
    return HTMLResponse(view(request.url.path), headers=HEADERS)


for _path in VIEWS:
    router.add_api_route(_path, _send, methods=["GET", "HEAD"], response_class=HTMLResponse)


class ModelShown(BaseModel):
    """A model as the page has it."""

    name: str
    kind: str
    parameters: int
    no_inside: str | None  # why it cannot be looked into
    threshold: float | None  # below which it says "I don't know"
    target: float | None  # share of right answers that this is for


class About(BaseModel):
    """What there is to be seen."""

    models: list[ModelShown]
    corpus: str | None  # its name
    facts: int  # that models can be asked for the risk-coverage curve
    answers: bool  # of an audit
    runs: str | None  # the folder's name
    examples: list[str]  # questions that a reader may begin with


@router.get("/page/about", responses=documented(401, 421))
async def about(request: Request) -> About:
    """What there is to be seen, which each view begins with."""
    service = service_of(request)
    corpus, shown = service.names.corpus if service.names is not None else None, service.shown
    facts = [*shown.facts, *(corpus.dev if corpus is not None else ())]
    questions = dict.fromkeys(fact.question for fact in facts if len(fact.question) <= MOST_QUESTION)
    return About(
        models=[_shown(served) for served in service.models.values()],
        corpus=corpus.name if corpus is not None else None,
        facts=len(shown.facts[:MOST]),
        answers=shown.answers is not None,
        runs=shown.runs.resolve().name if shown.runs is not None else None,
        examples=list(questions)[:EXAMPLES],
    )


def no_inside(served: Served) -> str | None:
    """Why a model cannot be looked into, None where it can."""
    if isinstance(served.model, Run):
        return None
    return f"{served.name} is {served.model.kind}; one run of closedbook at a time can be looked into"


def _shown(served: Served) -> ModelShown:
    threshold = served.threshold
    return ModelShown(
        name=served.name,
        kind=served.model.kind,
        parameters=served.model.parameters,
        no_inside=no_inside(served),
        threshold=None if threshold is None else threshold.threshold,
        target=None if threshold is None else threshold.target,
    )
