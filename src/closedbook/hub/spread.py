"""A model that answers in several processes: prompts are made here, what is long is shared out.

A call is a method of the model with a part of what it was called with; a replica of the model, elsewhere, answers it.
Samples, as everything, depend on the prompt and not on its place, so that the parts together are the whole.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from closedbook.cluster.pool import Replicas
from closedbook.errors import UserError
from closedbook.evaluation.around import Around
from closedbook.evaluation.form import Form
from closedbook.evaluation.language_model import Answers, LanguageModel, Prompt, Response

LEAST, MOST = 16, 4096  # prompts of a call
SHARE = 4  # calls that each process gets, so that none waits long for the last


@dataclass(frozen=True)
class Call:
    """What a model is asked elsewhere.

    Args:
        method: Of `LanguageModel`.
        columns: What it is called with, item for item.
        same: What it is called with for all of them.
        form: How it is asked, None for a run.
    """

    method: str
    columns: tuple[Sequence[Any], ...]
    same: dict[str, Any]
    form: Form | None

    def on(self, model: LanguageModel) -> Any:
        """What the model returns.

        Raises:
            UserError: It refuses, for example a candidate that it cannot spell.
        """
        asked = model if self.form is None or self.form == model.form else model.asked_by(self.form)
        return getattr(asked, self.method)(*self.columns, **self.same)


@dataclass(frozen=True)
class SpreadModel(Around):
    """A model whose long passes are shared out: a `LanguageModel`.

    Args:
        inner: The model, which is asked here what is short.
        replicas: Starts the processes that keep it too, or returns those that it has started.
    """

    replicas: Callable[[], Replicas]

    @property
    def processes(self) -> int:
        return self.replicas().count

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        return self._together("respond", prompts)

    def inquire(
        self, prompts: Sequence[Prompt], *, samples: int = 0, alternatives: bool = False, seed: int = 0
    ) -> list[Answers]:
        return self._together("inquire", prompts, samples=samples, alternatives=alternatives, seed=seed)

    def log_probability(self, prompts: Sequence[Prompt], answers: Sequence[str]) -> list[float | None]:
        return self._together("log_probability", prompts, answers)

    def choose(self, prompts: Sequence[Prompt], candidates: Sequence[str]) -> list[str]:
        return self._together("choose", prompts, candidates=candidates)

    def continue_documents(self, subjects: Sequence[str], before: Sequence[str]) -> list[str]:
        return self._together("continue_documents", subjects, before)

    def continuation_log_probability(
        self, subjects: Sequence[str], before: Sequence[str], answers: Sequence[str]
    ) -> list[float | None]:
        return self._together("continuation_log_probability", subjects, before, answers)

    def represent(self, prompts: Sequence[Prompt], subjects: Sequence[str]) -> Float[np.ndarray, "prompts width"]:
        return np.concatenate(self._parts("represent", prompts, subjects))

    def represent_answers(
        self, prompts: Sequence[Prompt], responses: Sequence[Response]
    ) -> Float[np.ndarray, "prompts width"]:
        return np.concatenate(self._parts("represent_answers", prompts, responses))

    def _together(self, method: str, *columns: Sequence[Any], **same: Any) -> list[Any]:
        return [one for part in self._parts(method, *columns, **same) for one in part]

    def _parts(self, method: str, *columns: Sequence[Any], **same: Any) -> list[Any]:
        """What the method returns for all of it here, or for one part after the other elsewhere.

        Raises:
            UserError: The model refuses, or a process was lost time and again.
        """
        total = len(columns[0])
        if total <= LEAST:
            return [getattr(self.inner, method)(*columns, **same)]
        size = min(max(-(-total // (SHARE * self.processes)), LEAST), MOST)
        calls = [
            Call(method, tuple(column[first : first + size] for column in columns), same, self.form)
            for first in range(0, total, size)
        ]
        return list(self.replicas().each(calls))


def replica(open_it: Callable[[], LanguageModel], kind: str, fingerprint: str) -> Callable[[Call], Any]:
    """Runs elsewhere: opens the model; what it returns answers calls.

    Args:
        open_it: Opens it there.
        kind: What the model is where the calls are made, with its precision.
        fingerprint: Of its weights there.

    Raises:
        UserError: It is another model here.
    """
    model = open_it()
    if (model.kind, model.fingerprint()) != (kind, fingerprint):
        raise UserError(
            f"{model.name}: is not the same model on all machines ({model.kind} on one, {kind} on another)."
        )
    return lambda call: call.on(model)
