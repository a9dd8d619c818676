"""`closedbook serve`: models answer over HTTP."""

import importlib.util
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge, Le

from closedbook.cli.options import as_base
from closedbook.cli.shared import HowAsked, described, read_corpus_for
from closedbook.config.validation import POSITIONAL, Named
from closedbook.errors import UserError
from closedbook.serve.limits import Limits

if TYPE_CHECKING:
    from closedbook.audit.abstention import Abstention
    from closedbook.evaluation.language_model import LanguageModel
    from closedbook.serve.state import Shown

PACKAGES = ("fastapi", "uvicorn", "prometheus_client")

EXAMPLE = "closedbook serve runs/mine"


@dataclass(frozen=True, kw_only=True)
class Options(HowAsked, Limits):
    """Let models answer over HTTP: a page at /, POST /v1/answers, and /v1/completions as OpenAI's API has it.

    Args:
        models: Each a run directory, hf:DIR, gguf:FILE, api:URL or ensemble:DIR; NAME=MODEL gives it another name in
            requests.
        host: The address to listen on; one that others can reach needs a key in CLOSEDBOOK_SERVE_KEY.
        port: The port, 0 for any that is free.
        names: Names of this host that requests may call it by, beside localhost and its addresses.
        corpus: The corpus whose names are told that are most like a question's, and whose documents the page shows.
        facts: Questions with accepted answers, which the page asks the models to show what a threshold would do.
        answers: The answers.jsonl of an audit, of which the page shows the same.
        runs: A folder of runs, which the page lists, compares and follows.
    """

    models: Annotated[tuple[str, ...], POSITIONAL, Named("MODEL...")]
    host: str = "127.0.0.1"
    port: Annotated[int, Ge(0), Le(65535)] = 8000
    names: tuple[str, ...] = ()
    corpus: str | None = None
    facts: Path | None = None
    answers: Path | None = None
    runs: Path | None = None


def run(options: Options) -> None:
    """Serves until it is told to stop."""
    named = names_of(options.models)
    if missing := [package for package in PACKAGES if importlib.util.find_spec(package) is None]:
        raise UserError(
            f"closedbook serve needs {' and '.join(missing)}; install with pip install 'closedbook[serve]'."
        )
    from closedbook.serve.server import address, key_for, listen, serve

    key = key_for(options.host)
    listening = listen(options.host, options.port)
    with listening:
        from closedbook.report.console import say
        from closedbook.serve.app import make_app, make_service

        corpus = read_corpus_for(run_among(named.values()), options.corpus) if options.corpus else None
        shown = shown_beside(options)
        models = {name: open_one(options, model) for name, model in named.items()}
        service = make_service(models, as_base(Limits, options), corpus, shown)
        for name, (model, threshold) in models.items():
            say(f"{name}: {described(model)}{silent_below(threshold)}")
        say(f"serving at {address(listening)}; that is a page for a browser too; Ctrl-C stops")
        serve(make_app(service, key=key, names=options.names), service, listening)


def silent_below(threshold: "Abstention | None") -> str:
    """What to say of a model's threshold."""
    if threshold is None or threshold.threshold == 0.0:
        return ""
    if threshold.threshold is None:
        return ', always says "I don\'t know": no threshold could be certified'
    return f', says "I don\'t know" below a {threshold.signal.replace("_", " ")} of {threshold.threshold:.3g}'


def run_among(models: Iterable[str]) -> str:
    """The first that is a run, whose recipe says which built-in corpus is meant; else the first."""
    from closedbook.hub import runs_of

    names = list(models)
    return next((name for name in names if runs_of(name)), names[0])


def shown_beside(options: Options) -> "Shown":
    """What the page shows beside the models.

    Raises:
        UserError: A file or folder is missing or holds something else.
    """
    from closedbook.audit.answers_file import is_answers_file, read_answers
    from closedbook.facts.readers import read_facts
    from closedbook.serve.state import Shown

    if options.runs is not None and not options.runs.is_dir():
        raise UserError(f"--runs {options.runs}: no such directory; it takes one that holds runs.")
    if options.facts is not None and is_answers_file(options.facts):
        raise UserError(f"--facts {options.facts}: answers that an audit kept; give them with --answers.")
    facts = tuple(read_facts(options.facts)) if options.facts is not None else ()
    kept = read_answers(options.answers) if options.answers is not None else None
    return Shown(facts=facts, answers=kept, runs=options.runs)


def open_one(options: Options, model: str) -> "tuple[LanguageModel, Abstention | None]":
    """A model with the threshold that an audit saved with it.

    Raises:
        UserError: It cannot be loaded, or the threshold was chosen for it in another precision.
    """
    from closedbook.audit.replies import check_kind

    threshold = options.threshold_of(model)
    opened = options.open_model(model, threshold)
    check_kind(opened, threshold)
    return opened, threshold


def names_of(models: Sequence[str]) -> dict[str, str]:
    """The models by the names that requests call them by.

    Raises:
        UserError: Two have one name, or a name is empty.
    """
    named: dict[str, str] = {}
    for given in models:
        name, equals, model = given.partition("=")
        if not equals or "/" in name or ":" in name:  # the sign is a part of the path
            name, model = given.rstrip("/") or given, given
        if not name or not model:
            raise UserError(f"{given}: takes a name and a model, as in NAME=MODEL.")
        if name in named:
            raise UserError(f"{name}: two models have that name; call one of them NAME=MODEL.")
        named[name] = model
    return named
