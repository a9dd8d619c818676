"""An ensemble: several models that are asked together, as one language model.

The probability of an answer is the mean of what its members give it (Lakshminarayanan et al. 2017, arXiv 1612.01474),
and the answer is the most probable of what they say. Members differ by their seeds at the least: where each errs by
chance the others outvote it, and where they disagree the mean is low.
"""

import hashlib
import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

import numpy as np
from jaxtyping import Float
from scipy.special import logsumexp

from closedbook.errors import UserError
from closedbook.evaluation.form import Form
from closedbook.evaluation.language_model import Ability, Answers, LanguageModel, Prompt, Response

MOST = 16  # answers of a prompt beside the greedy ones that all members are asked about, the most probable


@dataclass(frozen=True, kw_only=True)
class SharedPrompt(Prompt):
    """A question as every member has it.

    Args:
        own: One prompt a member.
    """

    own: tuple[Prompt, ...]


class Ensemble:
    """Runs asked together; see `LanguageModel` for what it answers to.

    Args:
        name: As it was opened.
        members: At least two, each asked with a prompt of its own.
        note: What to say of them besides.

    Raises:
        UserError: They are fewer, or one is no run.
    """

    form: None = None
    chats = False

    def __init__(self, name: str, members: Sequence[LanguageModel], note: str = "") -> None:
        self.name, self.members, self.note = name, tuple(members), note
        if len(members) < 2:
            raise UserError(f"{name}: found {len(members)} run; an ensemble needs two at the least.")
        for member in members:
            if member.form is not None:
                raise UserError(f"{name}: {member.name} is no run; an ensemble is made of runs.")

    @property
    def kind(self) -> str:
        kinds = dict.fromkeys(member.kind.removeprefix("a run of closedbook, ") for member in self.members)
        names = ", ".join(PurePath(member.name).name for member in self.members)
        return f"an ensemble of {len(self.members)} runs of closedbook ({names}), {' and '.join(kinds)}{self.note}"

    @property
    def parameters(self) -> int:
        return sum(member.parameters for member in self.members)

    def asked_by(self, form: Form) -> "Ensemble":
        return Ensemble(self.name, [member.asked_by(form) for member in self.members], self.note)

    def lacks(self, ability: Ability) -> str | None:
        if ability == "representations":
            return "the members of an ensemble have hidden states of their own"
        if ability == "continuations":
            return "the members of an ensemble would each write a document of their own"
        return next((why for member in self.members if (why := member.lacks(ability))), None)

    def fingerprint(self) -> str:
        return combined(member.fingerprint() for member in self.members)

    def prompts(self, questions: Sequence[str], *, place: str = "question") -> list[Prompt]:
        own = [member.prompts(questions, place=place) for member in self.members]
        return [
            SharedPrompt(question=question, ids=of_each[0].ids, text=of_each[0].text, own=of_each)
            for question, of_each in zip(questions, zip(*own, strict=True), strict=True)
        ]

    def check_answers(self, answers: Sequence[str], *, place: str = "answer") -> None:
        for member in self.members:
            member.check_answers(answers, place=place)

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        return [answers.response for answers in self.inquire(prompts)]

    def inquire(
        self, prompts: Sequence[Prompt], *, samples: int = 0, alternatives: bool = False, seed: int = 0
    ) -> list[Answers]:
        """As of one model; samples are drawn from the members in turn.

        Of what the members would say, the sixteen answers to which they give most together, and their greedy ones, are
        alternatives.
        """
        drawn = math.ceil(samples / len(self.members))
        told = [
            member.inquire(own, samples=drawn, alternatives=alternatives, seed=seed + number)
            for number, (member, own) in enumerate(zip(self.members, self._own(prompts), strict=True))
        ]
        return [
            Answers(
                response=_best(ranked, [answers.response for answers in of_each]),
                samples=tuple(itertools.islice(_in_turn([answers.samples for answers in of_each]), samples)),
                alternatives=tuple(answer for answer in ranked if answer.closed) if alternatives else (),
            )
            for ranked, of_each in self._ranked(prompts, told)
        ]

    def log_probability(self, prompts: Sequence[Prompt], answers: Sequence[str]) -> list[float | None]:
        nats = [
            member.log_probability(own, answers) for member, own in zip(self.members, self._own(prompts), strict=True)
        ]
        return [_mean(of_each) for of_each in zip(*nats, strict=True)]

    def choose(self, prompts: Sequence[Prompt], candidates: Sequence[str]) -> list[str]:
        self.check_answers(candidates, place="candidate")
        chosen = []
        for prompt in prompts:
            nats = self.log_probability([prompt] * len(candidates), candidates)
            probable = [-math.inf if value is None else value for value in nats]
            chosen.append(candidates[probable.index(max(probable))])
        return chosen

    def continue_documents(self, subjects: Sequence[str], before: Sequence[str]) -> list[str]:
        raise UserError(f"{self.name}: {self.lacks('continuations')}.")

    def continuation_log_probability(
        self, subjects: Sequence[str], before: Sequence[str], answers: Sequence[str]
    ) -> list[float | None]:
        raise UserError(f"{self.name}: {self.lacks('continuations')}.")

    def represent(self, prompts: Sequence[Prompt], subjects: Sequence[str]) -> Float[np.ndarray, "prompts width"]:
        raise UserError(f"{self.name}: {self.lacks('representations')}.")

    def represent_answers(
        self, prompts: Sequence[Prompt], responses: Sequence[Response]
    ) -> Float[np.ndarray, "prompts width"]:
        raise UserError(f"{self.name}: {self.lacks('representations')}.")

    def _own(self, prompts: Sequence[Prompt]) -> list[list[Prompt]]:
        """The prompts of every member."""
        shared = [prompt for prompt in prompts if isinstance(prompt, SharedPrompt)]
        assert len(shared) == len(prompts), "prompts of one model, not of an ensemble"
        return [[prompt.own[number] for prompt in shared] for number in range(len(self.members))]

    def _ranked(
        self, prompts: Sequence[Prompt], told: Sequence[Sequence[Answers]]
    ) -> Iterator[tuple[list[Response], tuple[Answers, ...]]]:
        """What is said after each prompt, each text once, the most probable first, and what every member said."""
        of_prompts = list(zip(*told, strict=True))
        said = [_said(of_each) for of_each in of_prompts]
        asked = [prompt for prompt, texts in zip(prompts, said, strict=True) for _ in texts]
        nats = iter(self.log_probability(asked, [text for texts in said for text in texts]))
        for texts, of_each in zip(said, of_prompts, strict=True):
            ranked = [
                Response(text=text, ids=(), token_nats=(mean,), closed=one.closed)
                for text, one in texts.items()
                if (mean := next(nats)) is not None
            ]
            yield sorted(ranked, key=lambda one: one.nats or 0.0, reverse=True), of_each


def _said(of_each: Sequence[Answers]) -> dict[str, Response]:
    """What there is to ask all members about, each text once."""
    together = defaultdict[str, float](float)
    for one in itertools.chain.from_iterable(answers.alternatives for answers in of_each):
        together[one.text] += math.exp(one.nats or 0.0)
    probable = sorted(together, key=lambda text: -together[text])[:MOST]
    alternatives = [one for answers in of_each for one in answers.alternatives if one.text in probable]
    return {one.text: one for one in (*alternatives, *(answers.response for answers in of_each))}


def combined(fingerprints: Iterable[str]) -> str:
    """SHA-256 of an ensemble whose members have these, in any order."""
    return hashlib.sha256(" ".join(sorted(fingerprints)).encode()).hexdigest()


def _best(ranked: Sequence[Response], greedy: Sequence[Response]) -> Response:
    """The most probable of the members' greedy answers; the first's where all are cut off and fit nowhere."""
    texts = {one.text for one in greedy}
    return next((one for one in ranked if one.text in texts), replace(greedy[0], ids=()))


def _mean(nats: Sequence[float | None]) -> float | None:
    """The logarithm of the mean probability; a member after whose prompt an answer does not fit gives it none."""
    known = [value for value in nats if value is not None]
    return float(logsumexp(known)) - math.log(len(nats)) if known else None


def _in_turn(drawn: Sequence[Sequence[Response]]) -> Iterator[Response]:
    return itertools.chain.from_iterable(zip(*drawn, strict=True))
