"""closedbook in Python: read a corpus, train by a recipe, evaluate, audit, ask, look inside.

Everything here is exported from `closedbook`; torch is imported only when something needs it.
"""

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from closedbook.config import RunConfig, Stage
from closedbook.errors import UserError
from closedbook.facts.built_in import read_corpus
from closedbook.facts.corpus import Corpus
from closedbook.facts.given import given_facts, with_shared_answers
from closedbook.facts.known import subject_of
from closedbook.facts.records import Fact
from closedbook.facts.text import composed
from closedbook.recipes import find_recipe

if TYPE_CHECKING:
    import torch

    from closedbook.audit.abstention import Abstention
    from closedbook.audit.replies import Reply
    from closedbook.audit.report import AuditReport
    from closedbook.audit.settings import Settings
    from closedbook.evaluation.evaluate import Evaluation
    from closedbook.evaluation.form import Form
    from closedbook.evaluation.language_model import LanguageModel
    from closedbook.hub import Backend
    from closedbook.runs import Run
    from closedbook.trace.attribution import Attribution


def train(
    recipe: str | RunConfig,
    corpus: Corpus | str | Path,
    out: str | Path,
    *,
    stage: Stage = "pretrain",
    start: "Run | str | Path | None" = None,
    teacher: "LanguageModel | str | Path | None" = None,
    device: str = "auto",
    say: Callable[[str], None] = lambda line: None,
) -> "Run":
    """Trains one stage of a recipe and returns the run, which is then in `out`.

    A training that was interrupted is taken up where it was.

    Args:
        recipe: Its name, or a whole configuration, which names its stage itself.
        corpus: What to learn, or its directory.
        out: The run directory; must not exist.
        stage: Which stage of a named recipe.
        start: The pretrained run that `finetune` goes on from.
        teacher: Whose answers the recipe `distilled` studies, or its name; see `open_model`.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        say: Gets lines about the training before it begins.

    Raises:
        UserError: There is no such recipe, `out` exists, the data do not fit the model, or a teacher is missing, is
            one too many or has nothing to teach.
    """
    from closedbook.experiments.teaching import taught_for
    from closedbook.experiments.train import train_run
    from closedbook.experiments.unfinished import refuse_finished
    from closedbook.machine import pick_device

    config = find_recipe(recipe).stage(stage) if isinstance(recipe, str) else recipe
    corpus = _corpus(corpus)
    refuse_finished(Path(out))
    config.check_teacher(teacher is not None)
    if teacher is not None:
        asked = open_model(teacher, pick_device(device)) if isinstance(teacher, str | Path) else teacher
        corpus = taught_for(config, corpus, asked, say)
    origin = start if start is None or isinstance(start, str | Path) else start.path
    begin = None if origin is None else Path(origin)
    return train_run(config, corpus, Path(out), device=pick_device(device), start=begin, announce=say)


def audit_model(
    model: "LanguageModel | str | Path",
    facts: Iterable[Fact] | str | Path,
    *,
    corpus: Corpus | str | Path | None = None,
    calibration: Iterable[Fact] | str | Path = (),
    settings: "Settings | None" = None,
    measure_form: bool = True,
    journal: str | Path | None = None,
    out: str | Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> "AuditReport":
    """When to believe a model: the result has `verdict`, `advice`, `signals`, `by_relation` and more.

    Args:
        model: A run, or what `open_model` opens, or its name.
        facts: To report on, never trained on, or their file.
        corpus: What it was trained on, or its directory; its training answers are the candidates.
        calibration: Facts to choose the threshold of "I don't know" on, never trained on either.
        settings: How; see `closedbook.audit.settings.Settings`.
        measure_form: Whether the best form of asking a model from elsewhere is looked for; else it is asked as it was
            opened.
        journal: A file in which the answers of such a model are kept, so that a stopped audit goes on.
        out: A directory for its page, figures and answers; a threshold is then kept with the model, as `ask` heeds it.
        say: Gets a line for every step.

    Raises:
        UserError: `out` is something else, there are no facts, a question cannot be asked, or the calibration facts
            share a subject with the audited ones or with the training questions.
    """
    from closedbook import hub
    from closedbook.audit.abstention import save
    from closedbook.audit.audit import audit
    from closedbook.audit.inquiry import Material
    from closedbook.audit.leaks import checked
    from closedbook.audit.settings import Settings
    from closedbook.evaluation.journal import Journal
    from closedbook.report.audit_files import check_place, check_threshold_place, write_audit

    if settings is not None and not isinstance(settings, Settings):
        raise UserError(f"settings: takes closedbook.AuditSettings, not {type(settings).__name__}.")
    out = None if out is None else check_place(Path(out))
    model, corpus = _model(model), None if corpus is None else _corpus(corpus)
    kept = None if out is None else hub.threshold_file(_name(model))
    check_threshold_place(kept)
    given = {"facts": facts, "calibration": calibration}
    read = {part: given_facts(some, part) for part, some in given.items()}
    files = {part: Path(some) for part, some in given.items() if isinstance(some, str | Path)}
    material = Material(
        facts=read["facts"].facts,
        calibration=read["calibration"].facts,
        known=[*(corpus.train if corpus else ()), *read["calibration"].facts],
        corpus=corpus,
        templates=read["facts"].wordings,
    )
    material, provenance = checked(model, material, files)
    for warning in provenance.warnings:
        say(f"Careful: {warning}")
    report = audit(
        model,
        material,
        settings,
        measure_form=measure_form,
        calibration_sha256=provenance.sha256("calibration"),
        journal=None if journal is None else Journal(Path(journal), model.name, model.kind, model.fingerprint()),
        say=say,
    )
    report = dataclasses.replace(report, provenance=provenance)
    if out is not None:
        write_audit(out, report)
        if kept is not None and report.abstention is not None and report.abstention.threshold is not None:
            save(report.abstention, kept)
    return report


def trace_answer(
    run: "Run | str | Path",
    question: str,
    *,
    corpus: Corpus | str | Path | None = None,
    subject: str = "",
    against: str | None = None,
) -> "Attribution":
    """What adds to the answer's logit, embedding, head and MLP one by one: `.top(5)`, `.figure()`.

    Args:
        run: From `train` or `load`, or its directory; other models cannot be looked into.
        question: What to ask.
        corpus: Knows the subject in the question, or its directory; else the questions do that the run was trained on.
        subject: The part of the question that is its subject, where that is not known.
        against: Another answer, to attribute the difference of the logits to.

    Raises:
        UserError: The model is no run, the question cannot be asked, or its subject is not known or not in it.
    """
    from closedbook.runs import Run
    from closedbook.trace.attribution import attribute
    from closedbook.trace.prompts import trace_prompts

    run, corpus = load(run) if isinstance(run, str | Path) else run, None if corpus is None else _corpus(corpus)
    if not isinstance(run, Run):
        raise UserError(f"{run.name}: a look inside takes a run of closedbook.")
    (prompt,) = trace_prompts(run, [question], [subject or subject_in(question, run, corpus)])
    return attribute(run, prompt, against)


def subject_in(question: str, run: "Run", corpus: Corpus | None = None) -> str:
    """The part of a question that is its subject, by the corpus, what the run was asked in training, or shipped forms.

    Raises:
        UserError: It is not known.
    """
    from closedbook.runs import recognised

    asked = [Fact(question=question, answers=(), subject="", line=1)]
    (of_corpus,), (of_run,) = recognised(asked, run, corpus), recognised(asked, run, None)
    subject = of_corpus.subject or of_run.subject or subject_of(question)
    if not question.strip():
        raise UserError("The question is empty.")
    if not subject:
        way = "(--subject), or give the corpus" if corpus is None else "(--subject)"
        raise UserError(f"{question!r}: which part of it is the subject? Say so {way}.")
    return subject


def load(path: str | Path, device: "str | torch.device" = "cpu") -> "Run":
    """A run from its directory; see `closedbook.runs.load`.

    Args:
        path: Of the directory.
        device: Where it computes; `auto` for a GPU where there is one.
    """
    from closedbook import runs
    from closedbook.machine import pick_device

    return runs.load(path, pick_device(device) if isinstance(device, str) else device)


def open_model(
    name: str | Path,
    device: "str | torch.device" = "cpu",
    form: "Form | None" = None,
    served: str | None = None,
    precision: 'Literal["fp32", "bf16"] | None' = None,
    backend: "Backend | None" = None,
) -> "LanguageModel":
    """A run directory, `hf:DIR`, `gguf:FILE`, `api:URL` or `ensemble:DIR`, ready to be asked.

    Args:
        name: Which.
        device: Where it computes; `auto` for a GPU where there is one.
        form: How it is asked, None for its own way.
        served: The name of the model at an endpoint.
        precision: What an `hf:` or `gguf:` model computes in, None for bf16 where that is native, else fp32.
        backend: What computes a `gguf:` file, None for transformers.
    """
    from closedbook import hub
    from closedbook.machine import pick_device

    where = pick_device(device) if isinstance(device, str) else device
    way = hub.Way(device=where, form=form, served=served, precision=precision, backend=backend)
    return hub.open_model(str(name), way)


def ask(model: "LanguageModel | str | Path", question: str, *, always: bool = False) -> "Reply":
    """What a model says to a question, as `closedbook ask` has it: `.text`, `.confidence`, `.why_not`.

    Where an audit has saved a threshold with the model, an answer below it becomes "I don't know"; `run.ask` says the
    answer whatever it is worth.

    Args:
        model: A run, or what `open_model` opens, or its name.
        question: What to ask.
        always: Whether an answer is given below the threshold as well.

    Raises:
        UserError: The question cannot be asked, or the threshold was chosen for other weights or another way of asking.
    """
    from closedbook.audit.replies import reply_to

    if not isinstance(question, str) or not composed(question, "question").strip():
        raise UserError("ask takes one question, a text that is not empty.")
    if isinstance(model, str | Path):
        threshold = None if always else _threshold(str(model))
        model = open_model(str(model), form=None if threshold is None else threshold.form)
    else:
        threshold = None if always else _threshold(_name(model), model.form)
    return reply_to(model, [question], threshold)[0]


def _name(model: "LanguageModel") -> str:
    """What a model is called from wherever the process has gone."""
    return str(getattr(model, "home", model.name))


def _threshold(name: str, form: "Form | None" = None) -> "Abstention | None":
    from closedbook import hub
    from closedbook.audit.abstention import threshold_in

    return threshold_in(hub.threshold_file(name), lambda: hub.fingerprint(name), form)


def _corpus(given: Corpus | str | Path) -> Corpus:
    if isinstance(given, str | Path):
        return read_corpus(given)
    if not hasattr(given, "documents"):
        raise UserError(f"corpus: takes a Corpus, or the path of one, not {type(given).__name__}.")
    return given


def _model(given: "LanguageModel | str | Path") -> "LanguageModel":
    return open_model(str(given)) if isinstance(given, str | Path) else given


def evaluate(
    model: "LanguageModel | str | Path",
    facts: Iterable[Fact] | str | Path,
    *,
    match: 'Literal["exact", "normalised", "contained"] | None' = None,
) -> "Evaluation":
    """Asks a model every fact; the result has `accuracy`, `by_relation` and the answers.

    Args:
        model: A run, or what `open_model` opens, or its name.
        facts: Such as `corpus.dev`, or a file of them; of a question that stands there again any of the answers counts.
        match: What is right: the same to the letter, the same after normalisation, or what stands in the response;
            None for exact of a run, else contained.

    Raises:
        UserError: Something is no fact, or one without an answer, or a question cannot be spelled or is too long.
    """
    from closedbook.evaluation.evaluate import evaluate as ask_all
    from closedbook.evaluation.scorers import find_scorer, usual_match
    from closedbook.runs import recognised

    model, asked = _model(model), given_facts(facts).facts
    known = asked if all(fact.relation for fact in asked) else recognised(asked, model, None)
    shared, _ = with_shared_answers(known, "facts")
    return ask_all(model, shared, find_scorer(match or usual_match(model), shared))
