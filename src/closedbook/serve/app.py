"""The application: every route, behind the guard."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from starlette.routing import Route

import closedbook
from closedbook.audit.abstention import Abstention
from closedbook.evaluation.language_model import LanguageModel
from closedbook.facts.corpus import Corpus
from closedbook.serve import answers, health, openai
from closedbook.serve.guard import Guard
from closedbook.serve.limits import Limits
from closedbook.serve.metrics import Metrics
from closedbook.serve.page import ask, doubt, inside, lab, runs, views
from closedbook.serve.problems import add_problems
from closedbook.serve.schemas import Problem
from closedbook.serve.served import Served
from closedbook.serve.state import KnownNames, Service, Shown

PAGES = (views.router, ask.router, inside.router, doubt.router, lab.router, runs.router)
ROUTERS = (answers.router, openai.router, health.router, *PAGES)


def make_service(
    models: Mapping[str, tuple[LanguageModel, Abstention | None]],
    limits: Limits,
    corpus: Corpus | None = None,
    shown: Shown | None = None,
) -> Service:
    """A service with a thread for every model.

    Args:
        models: By name, each with its threshold.
        limits: How much waits, and for how long.
        corpus: Whose names are known.
        shown: What the page shows beside the models.
    """
    metrics = Metrics()
    served = {name: Served(name, model, threshold, limits, metrics) for name, (model, threshold) in models.items()}
    metrics.watch({name: each.worker for name, each in served.items()})
    names = KnownNames(corpus) if corpus is not None else None
    return Service(served, limits, metrics, names, shown or Shown(), started=int(time.time()))


def make_app(service: Service, *, key: str | None = None, names: Sequence[str] = ()) -> Guard:
    """The application.

    Args:
        service: What it serves.
        key: That every request must have, None for none.
        names: Hosts' names that it is known by beside localhost.
    """
    app = FastAPI(title="closedbook", version=closedbook.__version__, docs_url=None, redoc_url=None)
    app.state.service = service
    add_problems(app)
    for router in ROUTERS:
        app.include_router(router)
    app.mount(views.STATIC, views.Files())
    _describe_problems(app)
    return Guard(
        app,
        metrics=service.metrics,
        full=service.full,
        key=key,
        names=names,
        files=views.files(),
        routes=[route.path for router in ROUTERS for route in router.routes if isinstance(route, Route)],
    )


def _describe_problems(app: FastAPI) -> None:
    """Puts the shape of a problem into the description of the API, which no route returns by itself."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        described = describe()
        described["components"]["schemas"]["Problem"] = Problem.model_json_schema()
        return described

    app.openapi = openapi  # type: ignore[method-assign]
