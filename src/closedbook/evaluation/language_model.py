"""A language model is what answers: prompts in, responses out, whoever trained it and wherever it runs.

A run of ours, a directory in Hugging Face format and whatever follows implement one protocol, and everything that asks
(evaluate, predict, ask, audit, trace, serve) takes any of them. A prompt is encoded once, when it is made; a response
carries the log-probabilities that generating it computed anyway.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from closedbook.evaluation.form import Form

Ability = Literal["log_probabilities", "samples", "alternatives", "representations", "continuations", "given_answers"]
"""What a kind of model may be unable to do, beside answering: `log_probabilities` of what it writes, `given_answers`
those of other texts (`log_probability`, `choose`)."""


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """A question as it was put, ready for the model.

    Args:
        question: The question, without template or mask.
        ids: Token ids of the whole prompt, empty where the model encodes it elsewhere (an endpoint).
        text: The whole prompt as the model sees it.
    """

    question: str
    ids: tuple[int, ...]
    text: str


@dataclass(frozen=True, kw_only=True)
class Response:
    """What a model said.

    Args:
        text: The answer, without what closes it.
        ids: Its token ids, what closes it included; empty where the model does not tell.
        token_nats: Log-probability of each of those tokens in nats, None where the model does not tell.
        closed: Whether the model closed the answer itself, rather than being cut off.
        pieces: The text that each token adds, so that they make up the text with space around it and what closes it;
            empty where that is not known, and for a run of ours, whose answer is nothing but an answer.
    """

    text: str
    ids: tuple[int, ...]
    token_nats: tuple[float, ...] | None
    closed: bool
    pieces: tuple[str, ...] = ()

    @property
    def nats(self) -> float | None:
        """Log-probability of the whole answer and its closing."""
        return None if self.token_nats is None else min(sum(self.token_nats), 0.0)

    def part(self, start: int, end: int) -> tuple[float, ...] | None:
        """Log-probabilities of the tokens that write `text[start:end]`, of all of them where that is the whole text."""
        if self.token_nats is None or not self.pieces or (start, end) == (0, len(self.text)):
            return self.token_nats
        written = "".join(self.pieces)
        first = len(written) - len(written.lstrip())  # the text begins behind space
        nats, place, begun = [], -first, list[float]()
        for piece, value in zip(self.pieces, self.token_nats, strict=True):
            begun.append(value)  # of a token that begins a character no text is known before its last
            if piece:
                nats += begun if place < end and place + len(piece) > start else []
                place, begun = place + len(piece), []
        return tuple(nats) or self.token_nats


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What came of one prompt.

    Args:
        response: The greedy answer.
        samples: Answers drawn at temperature 1.
        alternatives: The most probable complete answers, best first; perhaps none.
    """

    response: Response
    samples: tuple[Response, ...] = ()
    alternatives: tuple[Response, ...] = ()


@runtime_checkable
class LanguageModel(Protocol):
    """A model that can be asked. Everything comes in lists, and results are in their order."""

    @property
    def name(self) -> str:
        """As it was opened: a run directory, `hf:DIR`."""

    @property
    def kind(self) -> str:
        """What it is, in a line."""

    @property
    def parameters(self) -> int:
        """Parameters, shared ones once; 0 where that is not known."""

    @property
    def form(self) -> Form | None:
        """How it is asked, None where it was trained with a prompt of its own."""

    @property
    def chats(self) -> bool:
        """Whether it has a chat format."""

    def asked_by(self, form: Form) -> "LanguageModel":
        """The same model, asked otherwise.

        Raises:
            UserError: It was trained with a prompt of its own, or the form is a chat and it has no chat format.
        """

    def lacks(self, ability: Ability) -> str | None:
        """Why the model cannot do that, None where it can."""

    def fingerprint(self) -> str:
        """SHA-256 of the weights."""

    def prompts(self, questions: Sequence[str], *, place: str = "question") -> list[Prompt]:
        """The questions as prompts, encoded.

        Raises:
            UserError: A question cannot be spelled or is too long; `place` and its number name it.
        """

    def check_answers(self, answers: Sequence[str], *, place: str = "answer") -> None:
        """Raises a `UserError` for the first answer that cannot be spelled; `place` and its number name it."""

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        """The greedy answer to each prompt."""

    def inquire(
        self, prompts: Sequence[Prompt], *, samples: int = 0, alternatives: bool = False, seed: int = 0
    ) -> list[Answers]:
        """The greedy answer to each prompt with what else the model might say, all in one go.

        Args:
            prompts: Whatever was asked.
            samples: Answers to draw at temperature 1; the same for the same seed on the same machine.
            alternatives: Whether the most probable complete answers are looked for.
            seed: Of the samples.
        """

    def log_probability(self, prompts: Sequence[Prompt], answers: Sequence[str]) -> list[float | None]:
        """Log-probability in nats of each answer and its closing after its prompt, None where it does not fit."""

    def choose(self, prompts: Sequence[Prompt], candidates: Sequence[str]) -> list[str]:
        """The most probable of the candidates for each prompt.

        Raises:
            UserError: A candidate cannot be spelled, or two are spelled alike.
        """

    def continue_documents(self, subjects: Sequence[str], before: Sequence[str]) -> list[str]:
        """How the model goes on in a document's own words: after the subject and the text that stands before."""

    def continuation_log_probability(
        self, subjects: Sequence[str], before: Sequence[str], answers: Sequence[str]
    ) -> list[float | None]:
        """Log-probability in nats of each answer in a document's own words, None where it does not fit."""

    def represent(self, prompts: Sequence[Prompt], subjects: Sequence[str]) -> Float[np.ndarray, "prompts width"]:
        """The residual stream at the last token of the subject, half-way through the layers."""

    def represent_answers(
        self, prompts: Sequence[Prompt], responses: Sequence[Response]
    ) -> Float[np.ndarray, "prompts width"]:
        """The residual stream at the last token of the answer, half-way through the layers."""
