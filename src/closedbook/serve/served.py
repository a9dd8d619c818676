"""A served model: what it does with a batch of requests, and how a request waits for its result."""

import asyncio
import contextlib
import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from starlette.requests import Request

from closedbook.audit.abstention import Abstention
from closedbook.audit.replies import Reply, reply_to
from closedbook.errors import UserError
from closedbook.evaluation.language_model import LanguageModel
from closedbook.serve.completion import Completed, Wanted, complete
from closedbook.serve.limits import Limits
from closedbook.serve.metrics import Metrics
from closedbook.serve.problems import GONE, ProblemError, too_many
from closedbook.serve.texts import Texts, texts_of
from closedbook.serve.worker import Closed, Full, Job, Worker

BEING_READY = "ready"  # the kind of a job that asks nothing
SOON = 0.2  # seconds after which it is not waited for any longer behind a request


@dataclass(frozen=True, kw_only=True)
class Asking:
    """The kind of a job that asks questions."""

    always: bool
    alternatives: bool


@dataclass(frozen=True, kw_only=True)
class Completing:
    """The kind of a job that completes prompts."""

    scores: bool


@dataclass(frozen=True, kw_only=True)
class Looking:
    """The kind of a job that brings what it does with the model: a function of it, which may raise a `UserError`."""


@dataclass(eq=False)
class Served:
    """A model by its name.

    Args:
        name: As requests have it.
        model: Any.
        threshold: Below which it says "I don't know", None for never.
        limits: How much may wait.
        metrics: Gets the batches.
    """

    name: str
    model: LanguageModel
    threshold: Abstention | None
    limits: Limits
    metrics: Metrics
    texts: Texts | str = field(init=False)
    worker: Worker = field(init=False)

    def __post_init__(self) -> None:
        self.texts = texts_of(self.model)
        rows = self.metrics.batch_rows.labels(self.name)
        seconds = self.metrics.batch_seconds.labels(self.name)

        def measured(count: int, taken: float) -> None:
            if count:
                rows.observe(count)
                seconds.observe(taken)

        self.worker = Worker(self.name, self._work, _deliver, self.limits, measured)

    def readable(self) -> Texts:
        """How its tokens are read.

        Raises:
            ProblemError: They cannot be.
        """
        if isinstance(self.texts, str):
            raise ProblemError(422, f"{self.texts}.")
        return self.texts

    def _work(self, kind: Hashable, jobs: Sequence[Job]) -> list[Any]:
        if isinstance(kind, Asking):
            return self._reply(kind, jobs)
        if isinstance(kind, Completing):
            return self._complete(jobs)
        if isinstance(kind, Looking):
            return [self._look(job) for job in jobs]
        return [self._is_ready() for _ in jobs]

    def _is_ready(self) -> bool:
        """Whether a forward pass gives numbers."""
        if isinstance(self.texts, str):
            return True
        self.texts.reader.share([(0,)])
        _, logits = self.texts.reader.begin([(0,)])
        return bool(torch.isfinite(logits).all())

    def _reply(self, kind: Asking, jobs: Sequence[Job]) -> list[list[Reply] | Exception]:
        """The replies to each job; if one cannot be asked, the others are still answered together."""
        threshold = None if kind.always else self.threshold
        others = kind.alternatives and self.model.lacks("alternatives") is None

        def ask(some: Sequence[Job]) -> list[list[Reply]]:
            questions = [question for job in some for question in job.payload]
            replies = iter(reply_to(self.model, questions, threshold, alternatives=others))
            return [[next(replies) for _ in job.payload] for job in some]

        with contextlib.suppress(UserError):
            return [*ask(jobs)]
        results: list[list[Reply] | Exception] = []
        for job in jobs:
            try:
                results += ask([job])
            except UserError as error:
                results.append(error)
        return results

    def _complete(self, jobs: Sequence[Job]) -> list[list[Completed]]:
        wanted: list[Wanted] = [one for job in jobs for one in job.payload]
        owners = [job for job in jobs for _ in job.payload]
        completed = iter(complete(self.readable(), wanted, lambda index: owners[index].given_up))
        return [[next(completed) for _ in job.payload] for job in jobs]

    def _look(self, job: Job) -> Any:
        try:
            return job.payload(self.model)
        except UserError as error:
            return error

    async def result(
        self, request: Request, kind: Hashable, payload: Any, rows: int, seconds: float | None = None
    ) -> Any:
        """What comes of a job, once the model has come to it.

        Args:
            request: Whose it is; when it is disconnected the job is given up.
            kind: Of the job.
            payload: What is wanted.
            rows: It takes so many.
            seconds: After which it is given up, None for the usual.

        Raises:
            ProblemError: There is no room (429), or not in time (504), or the service is stopping (503).
            UserError: The model cannot be asked that.
        """
        seconds = min(seconds or self.limits.deadline, self.limits.deadline)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        job = Job(kind=kind, payload=payload, rows=rows, deadline=time.monotonic() + seconds, future=future)
        try:
            self.worker.submit(job)
        except Full as full:
            raise too_many(full.after) from None
        except Closed:
            raise ProblemError(503, "The service is stopping.", {"Connection": "close"}) from None
        gone = asyncio.ensure_future(_disconnected(request))
        try:
            await asyncio.wait({future, gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            if not future.done():
                self.worker.give_up(job)
        if future.done():
            return future.result()
        if gone.done() and not gone.cancelled():
            raise ProblemError(GONE, "The client has gone.")
        raise ProblemError(504, f"No answer within {seconds:g} seconds.")

    async def ready(self, seconds: float) -> bool:
        """Whether the model computes; it is asked before all that waits.

        While it works on a request it does, unless that takes longer than any may.
        """
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        job = Job(kind=BEING_READY, payload=None, rows=0, future=future)
        try:
            self.worker.submit(job, first=True)
            await asyncio.wait({future}, timeout=min(SOON, seconds))
            if not future.done() and 0 < self.worker.busy < self.limits.deadline:
                self.worker.give_up(job)
                return True
            return await asyncio.wait_for(future, seconds)
        except Closed:
            return False
        except TimeoutError:
            self.worker.give_up(job)
            return False


async def _disconnected(request: Request) -> None:
    """Comes back when the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _deliver(results: list[tuple[Job, Any]]) -> None:
    """Hands results from a worker's thread to the requests that wait for them, all in one go."""

    def settle() -> None:
        for job, result in results:
            if job.given_up or job.future.done():
                continue
            if isinstance(result, Exception):
                job.future.set_exception(result)
            else:
                job.future.set_result(result)

    loop = results[0][0].future.get_loop()
    with contextlib.suppress(RuntimeError):  # the loop has ended, and with it whoever waited
        loop.call_soon_threadsafe(settle)
