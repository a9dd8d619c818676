"""What is asked of a service and what it says, as JSON; what is not named here is refused."""

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from closedbook.evaluation.language_model import Response
from closedbook.facts.text import SPACES
from closedbook.serve.limits import (
    MOST_ALTERNATIVES,
    MOST_LOGPROBS,
    MOST_QUESTION,
    MOST_QUESTIONS,
    MOST_STOPS,
)


def _whole(text: str) -> str:
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("holds half a character")
    return text


def _said(text: str) -> str:
    if not text.translate(SPACES).strip():
        raise ValueError("is empty")
    return _whole(text)


def _not_streamed(wanted: object) -> object:
    if wanted is True or isinstance(wanted, dict):
        raise ValueError("streaming is not offered")
    return wanted


Question = Annotated[str, Field(min_length=1, max_length=MOST_QUESTION), AfterValidator(_said)]
Token = Annotated[int, Field(ge=0, lt=2**31)]
Text = Annotated[str, Field(min_length=1, max_length=10 * MOST_QUESTION), AfterValidator(_whole)]
Row = Annotated[list[Token], Field(min_length=1, max_length=10 * MOST_QUESTION)]


class Asked(BaseModel):
    """What every request may say."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    model: str | None = Field(default=None, description="One of /v1/models; the first unless given.")


class AnswersRequest(Asked):
    """One question or several."""

    question: Question | None = None
    questions: Annotated[list[Question], Field(min_length=1, max_length=MOST_QUESTIONS)] | None = None
    alternatives: Annotated[int, Field(ge=0, le=MOST_ALTERNATIVES)] = 0
    nearest: Annotated[int, Field(ge=0, le=MOST_ALTERNATIVES)] = 0
    recite: Annotated[bool, Field(description="Let the model go on in a document's own words.")] = False
    always: Annotated[bool, Field(description="Answer also below the threshold.")] = False
    deadline_ms: Annotated[int, Field(ge=1, le=600_000)] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "AnswersRequest":
        if (self.question is None) == (self.questions is None):
            raise ValueError("takes question or questions, one of them and not both")
        return self

    @property
    def asked(self) -> list[str]:
        """The questions."""
        return self.questions or [self.question or ""]


class Alternative(BaseModel):
    """What the model might say instead."""

    answer: str
    probability: float | None


def distinct(responses: Sequence[Response], given: str, most: int) -> list[Alternative]:
    """The most probable texts, best first, with the given one if it was found; spellings of one text are added up."""
    shares = dict[str, float | None]()
    for one in responses:
        share = None if one.nats is None else math.exp(one.nats)
        before = shares.get(one.text)
        shares[one.text] = share if before is None else before + (share or 0.0)
    best = sorted(shares.items(), key=lambda pair: -(pair[1] or 0.0))
    own = [pair for pair in best[most:] if pair[0] == given]
    return [Alternative(answer=text, probability=share) for text, share in [*best[: most - len(own)], *own]]


class Part(BaseModel):
    """A piece of a text."""

    text: str
    marked: bool = Field(description="Whether it is the answer.")


class Recited(BaseModel):
    """What the model goes on with in a document's own words."""

    after: str = Field(description="The words that it was given, the subject first.")
    parts: list[Part] = Field(description="What it writes, cut where the answer stands in it.")
    in_document: bool = Field(description="Whether it was given the words before the answer in a document.")


class Otherwise(BaseModel):
    """The reply to a question in the words that the model was taught to be asked in."""

    question: str
    answer: str
    confidence: float | None


class Answer(BaseModel):
    """The reply to one question."""

    question: str
    answer: str
    answered: bool
    reason: str | None = Field(description="Why it is not answered.")
    confidence: float | None
    signal: str | None = Field(description="What the confidence is.")
    covered: bool | None = Field(description="Whether the threshold is for questions like this; null without one.")
    alternatives: list[Alternative] | None
    otherwise: Otherwise | None = Field(
        description="What it says, and says surer, to the question as it was taught to be asked; not given unless so."
    )
    subject: str | None = Field(description="What it is about, where nearest names or a recital are asked for.")
    nearest: list[str] | None = Field(description="The names of the corpus most like it, itself first if it is one.")
    recited: Recited | None = Field(description="What the model goes on with, where that is asked for.")
    no_recital: str | None = Field(description="Why it recites nothing although that is asked for.")


class AnswersResponse(BaseModel):
    """The replies, in the order of the questions."""

    model: str
    answers: list[Answer]


class CompletionsRequest(Asked):
    """OpenAI's, as far as it has an effect here; the rest is refused unless it asks for nothing."""

    prompt: (
        Text
        | Annotated[list[Text], Field(min_length=1, max_length=MOST_QUESTIONS)]
        | Row
        | Annotated[list[Row], Field(min_length=1, max_length=MOST_QUESTIONS)]
    )
    max_tokens: Annotated[int, Field(ge=0, le=2**20)] | None = 16
    temperature: Annotated[float, Field(ge=0, le=2)] | None = 1.0
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    stop: Text | Annotated[list[Text], Field(max_length=MOST_STOPS)] | None = None
    logprobs: Annotated[int, Field(ge=0, le=MOST_LOGPROBS)] | None = None
    echo: bool | None = False
    user: str | None = Field(default=None, description="Without effect.")
    n: Literal[1] | None = 1
    best_of: Literal[1] | None = 1
    stream: Annotated[Literal[False] | None, BeforeValidator(_not_streamed)] = False
    top_p: Annotated[float, Field(ge=1, le=1)] | None = 1.0
    presence_penalty: Annotated[float, Field(ge=0, le=0)] | None = 0.0
    frequency_penalty: Annotated[float, Field(ge=0, le=0)] | None = 0.0
    suffix: Annotated[str, Field(max_length=0)] | None = None
    stream_options: Annotated[None, BeforeValidator(_not_streamed)] = None
    logit_bias: Annotated[dict[str, float], Field(max_length=0)] | None = None

    @property
    def prompts(self) -> list[str | list[int]]:
        """The prompts, each a text or tokens."""
        if isinstance(self.prompt, str):
            return [self.prompt]
        return [[*self.prompt]] if isinstance(self.prompt[0], int) else [*self.prompt]

    @property
    def stops(self) -> tuple[str, ...]:
        """The texts that end a completion."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())


class Logprobs(BaseModel):
    """Token by token; of a text's first token nothing is known."""

    tokens: list[str]
    token_logprobs: list[float | None]
    top_logprobs: list[dict[str, float] | None] | None
    text_offset: list[int]


class Choice(BaseModel):
    """What came of one prompt."""

    text: str
    index: int
    logprobs: Logprobs | None
    finish_reason: Literal["stop", "length"]


class Usage(BaseModel):
    """Tokens."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class CompletionsResponse(BaseModel):
    """OpenAI's."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: Usage


class HowAsked(BaseModel):
    """How a model is asked."""

    template: str = Field(description="The text that it completes with its answer, {} for the question.")


class Model(BaseModel):
    """A model by its name here."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    closedbook: HowAsked | None = Field(
        default=None, description="Of runs, which answer in the form of their training."
    )


class Models(BaseModel):
    """All models."""

    object: Literal["list"]
    data: list[Model]


class Problem(BaseModel):
    """RFC 9457: what is wrong, in a sentence."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    message: str = Field(description="The detail, where OpenAI's clients look for it.")
    errors: list[dict[str, Any]] | None = Field(default=None, description="Each place that is wrong, and why.")
