"""Other questions for the same facts: in other wordings, and the other way round.

A model that was taught one form of question may not know another. *Reversed*: it says which subject the answer is true
of (the reversal curse: Berglund et al. 2023).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from closedbook.errors import UserError
from closedbook.evaluation.evaluate import Evaluation
from closedbook.evaluation.language_model import LanguageModel
from closedbook.evaluation.metrics import Proportion, proportion
from closedbook.evaluation.scorers import Scorer
from closedbook.evaluation.spelling import normalise
from closedbook.facts.forms import SLOT, form_of
from closedbook.facts.records import Fact
from closedbook.facts.relations import Relation

SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Wording:
    """One other wording of a relation's question."""

    relation: str  # its name
    wording: str  # with `{}` for the subject
    right: Proportion  # right answers, of the facts that could be asked so
    same: Proportion  # answers that are those to the question itself
    skipped: str | None = None  # why it was not asked, None if it was


def ask_otherwise(
    model: LanguageModel, evaluation: Evaluation, relations: Sequence[Relation]
) -> tuple[tuple[Wording, ...], np.ndarray]:
    """What came of every other wording, and for each fact the share of them that are answered as the question is.

    That share is not a number for a fact whose question does not name its subject.
    """
    rows, scorer = [], evaluation.scorer
    own = [
        scorer.plain(fact.question, response.text)
        for fact, response in zip(evaluation.facts, evaluation.responses, strict=True)
    ]
    asked, same = np.zeros(len(evaluation)), np.zeros(len(evaluation))
    for relation in relations:
        of_it = evaluation.of_relation(relation.name)
        places = [index for index in of_it if form_of(evaluation.facts[index]) is not None]
        for wording in relation.wordings:
            questions = [wording.replace(SLOT, evaluation.facts[index].subject) for index in places]
            try:
                responses = model.respond(model.prompts(questions, place=f"{wording}, question"))
            except UserError as error:
                none = proportion(0, 0)
                rows.append(Wording(relation=relation.name, wording=wording, right=none, same=none, skipped=str(error)))
                continue
            pairs = list(zip(places, responses, strict=True))
            right = sum(scorer(said.text, evaluation.facts[index]).correct for index, said in pairs)
            agrees = [
                scorer.alike(own[index], scorer.plain(question, said.text))
                for question, (index, said) in zip(questions, pairs, strict=True)
            ]
            asked[places] += 1
            same[places] += agrees
            rows.append(
                Wording(
                    relation=relation.name,
                    wording=wording,
                    right=proportion(right, len(places)),
                    same=proportion(sum(agrees), len(places)),
                )
            )
    return tuple(rows), np.divide(same, asked, out=np.full(len(evaluation), np.nan), where=asked > 0)


@dataclass(frozen=True, kw_only=True)
class Reversed:
    """A relation asked the other way round."""

    relation: str  # its name
    form: str  # the question, with `{}` for the answer
    right: Proportion  # answers for which a subject is named that they are true of
    names_any: int = 0  # how often a subject is named of which anything is known
    examples: tuple[tuple[str, str], ...] = ()  # pairs of what was asked about and what came
    skipped: str | None = None  # why it was not asked, None if it was


def ask_reversed(
    model: LanguageModel, facts: Sequence[Fact], known: Sequence[Fact], relation: Relation, scorer: Scorer
) -> Reversed:
    """Asks for the subject of every distinct answer; right is any subject of which a known fact says so.

    Args:
        model: Any.
        facts: Whose first answers are asked about.
        known: Further facts that may make an answer right.
        relation: With a reversed form; facts of others are left out.
        scorer: Says which subject a response names.
    """
    form = relation.reversed or ""
    subjects = defaultdict[str, set[str]](set)
    for fact in [*facts, *known]:
        if fact.relation == relation.name:
            for answer in fact.answers:
                subjects[answer].add(normalise(fact.subject))
    about = list(dict.fromkeys(fact.answers[0] for fact in facts if fact.subject and fact.relation == relation.name))
    try:
        prompts = model.prompts([form.replace(SLOT, answer) for answer in about], place="reversed, question")
    except UserError as error:
        return Reversed(relation=relation.name, form=form, right=proportion(0, 0), skipped=str(error))
    responses = model.respond(prompts)
    texts = [scorer.read(prompt.question, said.text) for prompt, said in zip(prompts, responses, strict=True)]
    named = [normalise(text) for text in texts]
    pairs = list(zip(about, texts, strict=True))
    right = [
        any(scorer.alike(name, true) for true in subjects[answer]) for answer, name in zip(about, named, strict=True)
    ]
    everyone = {name for names in subjects.values() for name in names}
    return Reversed(
        relation=relation.name,
        form=form,
        right=proportion(sum(right), len(about)),
        names_any=sum(name in everyone for name in named),
        examples=tuple(pairs[:SHOWN]),
    )
