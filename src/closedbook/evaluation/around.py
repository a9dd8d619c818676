"""A language model around another: all that it does not do otherwise is what the other does."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from closedbook.evaluation.form import Form
from closedbook.evaluation.language_model import Ability, Answers, LanguageModel, Prompt, Response


@dataclass(frozen=True)
class Around:
    """A `LanguageModel` that passes everything on.

    Args:
        inner: The model.
    """

    inner: LanguageModel

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def kind(self) -> str:
        return self.inner.kind

    @property
    def parameters(self) -> int:
        return self.inner.parameters

    @property
    def processes(self) -> int:
        """In how many it answers."""
        return processes_of(self.inner)

    @property
    def form(self) -> Form | None:
        return self.inner.form

    @property
    def chats(self) -> bool:
        return self.inner.chats

    def asked_by(self, form: Form) -> LanguageModel:
        return replace(self, inner=self.inner.asked_by(form))

    def lacks(self, ability: Ability) -> str | None:
        return self.inner.lacks(ability)

    def fingerprint(self) -> str:
        return self.inner.fingerprint()

    def prompts(self, questions: Sequence[str], *, place: str = "question") -> list[Prompt]:
        return self.inner.prompts(questions, place=place)

    def check_answers(self, answers: Sequence[str], *, place: str = "answer") -> None:
        self.inner.check_answers(answers, place=place)

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        return self.inner.respond(prompts)

    def inquire(
        self, prompts: Sequence[Prompt], *, samples: int = 0, alternatives: bool = False, seed: int = 0
    ) -> list[Answers]:
        return self.inner.inquire(prompts, samples=samples, alternatives=alternatives, seed=seed)

    def log_probability(self, prompts: Sequence[Prompt], answers: Sequence[str]) -> list[float | None]:
        return self.inner.log_probability(prompts, answers)

    def choose(self, prompts: Sequence[Prompt], candidates: Sequence[str]) -> list[str]:
        return self.inner.choose(prompts, candidates)

    def continue_documents(self, subjects: Sequence[str], before: Sequence[str]) -> list[str]:
        return self.inner.continue_documents(subjects, before)

    def continuation_log_probability(
        self, subjects: Sequence[str], before: Sequence[str], answers: Sequence[str]
    ) -> list[float | None]:
        return self.inner.continuation_log_probability(subjects, before, answers)

    def represent(self, prompts: Sequence[Prompt], subjects: Sequence[str]) -> Float[np.ndarray, "prompts width"]:
        return self.inner.represent(prompts, subjects)

    def represent_answers(
        self, prompts: Sequence[Prompt], responses: Sequence[Response]
    ) -> Float[np.ndarray, "prompts width"]:
        return self.inner.represent_answers(prompts, responses)


def innermost(model: LanguageModel) -> LanguageModel:
    """The model itself, whatever is around it."""
    while isinstance(model, Around):
        model = model.inner
    return model


def processes_of(model: LanguageModel) -> int:
    """In how many processes a model answers."""
    return model.processes if isinstance(model, Around) else 1
