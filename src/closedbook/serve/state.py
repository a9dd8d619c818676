"""What all routes of a service share: its models by name, its limits, the known names, what the page shows beside."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from fastapi import Request

from closedbook.audit.answers_file import KeptAnswers
from closedbook.audit.neighbours import edit_likeness
from closedbook.errors import nearest
from closedbook.facts.corpus import Corpus
from closedbook.facts.induction import recognise
from closedbook.facts.known import subject_of
from closedbook.facts.records import Document, Fact
from closedbook.runs import runs_in
from closedbook.serve.limits import Limits
from closedbook.serve.metrics import Metrics
from closedbook.serve.problems import ProblemError
from closedbook.serve.served import Served


@dataclass(frozen=True)
class KnownNames:
    """The subjects of a corpus."""

    corpus: Corpus

    @cached_property
    def _names(self) -> list[str]:
        return [*self.corpus.by_subject]

    def subject(self, question: str) -> str:
        """What a question is about, "" where that cannot be told."""
        (fact,) = self.corpus.recognise([_bare(question)])
        return fact.subject

    def documents(self, subject: str) -> list[Document]:
        """Those about a subject."""
        return self.corpus.documents_of(Fact(question="", answers=(), subject=subject, line=1)) if subject else []

    def nearest(self, subject: str, count: int) -> list[str]:
        """The names most like a subject by edit distance, itself first if it is one of them."""
        if not subject:
            return []
        likeness_N = edit_likeness([subject], self._names)[0]
        return [self._names[index] for index in (-likeness_N).argsort(kind="stable")[:count]]


def _bare(question: str) -> Fact:
    return Fact(question=question, answers=(), subject="", line=1)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What the page shows beside the models.

    Args:
        facts: With accepted answers, to ask the models.
        answers: What an audit kept.
        runs: A folder of runs.
    """

    facts: tuple[Fact, ...] = ()
    answers: KeptAnswers | None = None
    runs: Path | None = None


@dataclass
class Service:
    """A service.

    Args:
        models: By name, the first for requests that name none.
        limits: How much waits, and for how long.
        metrics: What is counted.
        names: Of the corpus, None without one.
        shown: On the page.
        graded: By model the answers to facts that are shown, as far as they have been asked.
        started: Seconds since the epoch.
        stopping: Whether it takes no more requests.
    """

    models: dict[str, Served]
    limits: Limits
    metrics: Metrics
    names: KnownNames | None = None
    shown: Shown = field(default_factory=Shown)
    graded: dict[str, Any] = field(default_factory=dict)
    started: int = 0
    stopping: bool = field(default=False)

    def model(self, name: str | None) -> Served:
        """The model of that name.

        Raises:
            ProblemError: There is none.
        """
        if name is None:
            return next(iter(self.models.values()))
        if name not in self.models:
            raise ProblemError(404, f"{name}: no such model{nearest(name, self.models)}; /v1/models lists them.")
        return self.models[name]

    def subject(self, served: Served, question: str) -> str:
        """What a question is about, by the corpus, what a run was trained on, or the forms that the project knows."""
        subject = self.names.subject(question) if self.names is not None else ""
        if not subject and (runs := runs_in(served.model)):
            (fact,) = recognise([_bare(question)], {}, runs[0].relations)
            subject = fact.subject
        return subject or subject_of(question)

    def full(self) -> float | None:
        """In how many seconds a model has room, None where one has."""
        every = [served.worker.full for served in self.models.values()]
        return None if None in every else min(seconds for seconds in every if seconds is not None)

    @property
    def idle(self) -> bool:
        """Whether nothing waits or is computed."""
        return all(served.worker.idle for served in self.models.values())

    def stop(self) -> None:
        """Takes no more requests; those that are there are answered."""
        self.stopping = True
        for served in self.models.values():
            served.worker.close()


def service_of(request: Request) -> Service:
    """The service that a request came to."""
    service: Service = request.app.state.service
    return service
