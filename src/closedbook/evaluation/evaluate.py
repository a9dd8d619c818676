"""Evaluation: a model is asked every fact once, and every response scored once; all that follows reads this."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from closedbook.evaluation.language_model import LanguageModel, Prompt, Response
from closedbook.evaluation.metrics import Accuracy, accuracy, by_relation
from closedbook.evaluation.scorers import Score, Scorer, exact_match
from closedbook.facts.records import Fact
from closedbook.facts.silence import silences

SCHEMA = 3
BEGUN = 12  # characters of an answer with which it has begun


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What a model answered, question by question.

    Args:
        model: The model's name.
        scorer: Says what is right.
        facts: What was asked.
        prompts: How.
        responses: What came.
        scores: What each is worth.
    """

    model: str
    scorer: Scorer
    facts: tuple[Fact, ...]
    prompts: tuple[Prompt, ...]
    responses: tuple[Response, ...]
    scores: tuple[Score, ...]

    def __len__(self) -> int:
        return len(self.facts)

    def __repr__(self) -> str:
        right = sum(score.correct for score in self.scores)
        return f"<Evaluation of {self.model}: {right:,} of {len(self):,} right>"

    @cached_property
    def answers(self) -> list[str]:
        """What the responses answer, without the sentences around it."""
        pairs = zip(self.facts, self.responses, strict=True)
        return [self.scorer.read(fact.question, response.text) for fact, response in pairs]

    @cached_property
    def silences(self) -> dict[str, int]:
        """How often the model said what it was taught to say where it does not know, by what it said."""
        return silences([response.text for response in self.responses])

    @cached_property
    def cut_short(self) -> int:
        """How many responses were cut off in the middle of an accepted answer."""
        return sum(
            not response.closed and any(_breaks_off(response.text, answer) for answer in fact.answers)
            for fact, response in zip(self.facts, self.responses, strict=True)
        )

    def of_relation(self, name: str) -> list[int]:
        """The numbers of the facts of a relation."""
        return [index for index, fact in enumerate(self.facts) if fact.relation == name]

    @cached_property
    def accuracy(self) -> Accuracy:
        """Over all facts."""
        return accuracy(self.scores)

    @cached_property
    def by_relation(self) -> dict[str, Accuracy]:
        """Over the facts of each relation."""
        return by_relation(self.facts, self.scores)

    def to_json(self) -> dict[str, Any]:
        """Figures and answers, with the schema's number."""
        rows = zip(self.facts, self.responses, self.answers, self.scores, strict=True)
        return {
            "schema": SCHEMA,
            "model": self.model,
            "scorer": self.scorer.name,
            "accuracy": dataclasses.asdict(self.accuracy),
            "silences": self.silences,
            "by_relation": {name: dataclasses.asdict(found) for name, found in self.by_relation.items()},
            "answers": [
                {
                    "relation": fact.relation,
                    "question": fact.question,
                    "response": response.text,
                    "answer": answer,
                    "accepted": list(fact.answers),
                    "nats": response.nats,
                    "grade": score.grade,
                }
                for fact, response, answer, score in rows
            ],
        }


def evaluate(
    model: LanguageModel, facts: Sequence[Fact], scorer: Scorer = exact_match, *, place: str = "question"
) -> Evaluation:
    """Asks a model the facts and scores what it says.

    Args:
        model: Any.
        facts: Each with an accepted answer.
        scorer: Says what is right.
        place: What an error calls a question, before its number.

    Raises:
        UserError: A question cannot be spelled or is too long.
    """
    prompts = model.prompts([fact.question for fact in facts], place=place)
    return scored(model, facts, prompts, model.respond(prompts), scorer)


def scored(
    model: LanguageModel,
    facts: Sequence[Fact],
    prompts: Sequence[Prompt],
    responses: Sequence[Response],
    scorer: Scorer = exact_match,
) -> Evaluation:
    """What came of asking a model facts, with the score of every response."""
    return Evaluation(
        model=model.name,
        scorer=scorer,
        facts=tuple(facts),
        prompts=tuple(prompts),
        responses=tuple(responses),
        scores=tuple(scorer(response.text, fact) for response, fact in zip(responses, facts, strict=True)),
    )


def _breaks_off(text: str, answer: str) -> bool:
    """Whether a text ends with the beginning of an answer, of which something is missing."""
    return any(text.endswith(answer[:size]) for size in range(min(len(answer) - 1, len(text)), BEGUN - 1, -1))


def candidates_of(facts: Sequence[Fact], known: Sequence[Fact]) -> dict[str, list[str]]:
    """By relation of the facts the first answers of the known facts of that relation; of all where it has none."""
    answers: dict[str, set[str]] = {}
    for fact in known:
        answers.setdefault(fact.relation, set()).add(fact.answers[0].strip())
    every = set().union(*answers.values())
    return {fact.relation: sorted(answers.get(fact.relation, every)) for fact in facts}


def rank(model: LanguageModel, evaluation: Evaluation, candidates: Mapping[str, Sequence[str]]) -> Evaluation:
    """The same questions answered with the most probable of their relation's candidates.

    Raises:
        UserError: A candidate cannot be spelled or is too long, or two of a relation are spelled alike.
    """
    facts, prompts = evaluation.facts, evaluation.prompts
    chosen = [""] * len(facts)
    for relation, texts in candidates.items():
        places = evaluation.of_relation(relation)
        for index, text in zip(places, model.choose([prompts[index] for index in places], texts), strict=True):
            chosen[index] = text
    return dataclasses.replace(
        evaluation,
        responses=tuple(Response(text=text, ids=(), token_nats=None, closed=True) for text in chosen),
        scores=tuple(evaluation.scorer(text, fact) for text, fact in zip(chosen, facts, strict=True)),
    )
