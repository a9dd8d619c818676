"""Which form to ask a model in: a handful of forms are tried on facts that nothing else is measured on.

How far a model's answers depend on the form is itself a finding, so all forms are reported, not the best alone.
"""

import dataclasses
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from closedbook.errors import UserError, counted
from closedbook.evaluation.evaluate import evaluate
from closedbook.evaluation.form import PLAIN, Form
from closedbook.evaluation.language_model import LanguageModel
from closedbook.evaluation.metrics import Accuracy
from closedbook.evaluation.scorers import Scorer
from closedbook.facts.forms import SLOT
from closedbook.facts.records import Fact

EXAMPLES = 4
TRIED = 32  # facts that each form is tried on
FEWEST = 8  # with which forms are compared at all
SHARE = 0.2  # of the facts at hand, at the most
INSTRUCTION = "{question}\nAnswer with the {kind} only."


@dataclass(frozen=True, kw_only=True)
class FormTrial:
    """What came of one form."""

    form: Form
    name: str  # in a few words
    accuracy: Accuracy
    chosen: bool


@dataclass(frozen=True, kw_only=True)
class Spent:
    """Facts that are spent on the choice of a form, and those that are left.

    Args:
        examples: To stand before the question.
        tried: What every form is tried on.
        left: All others.
    """

    examples: tuple[Fact, ...]
    tried: tuple[Fact, ...]
    left: tuple[Fact, ...]


def spend(
    facts: Sequence[Fact], seed: int, *, examples: int = EXAMPLES, tried: int = TRIED, share: float = SHARE
) -> Spent:
    """Examples and facts to try forms on, taken evenly from the relations; nothing where there are too few.

    A subject is on one side: facts about one that is spent are left out of what is left, and are among the spent.
    """
    of_subject: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        of_subject[fact.subject or fact.question].append(fact)
    room, wanted = int(share * len(facts)), examples + tried
    spent: dict[str, list[Fact]] = {}
    for subject in _in_turn(of_subject, seed):
        count = sum(map(len, spent.values()))
        if count < wanted and count + len(of_subject[subject]) <= room:
            spent[subject] = of_subject[subject]
    chosen = [fact for group in spent.values() for fact in group][:wanted]
    if len(chosen) < examples + min(tried, FEWEST):
        return Spent(examples=(), tried=(), left=tuple(facts))
    return Spent(
        examples=tuple(chosen[:examples]),
        tried=tuple(chosen[examples:]),
        left=tuple(fact for fact in facts if (fact.subject or fact.question) not in spent),
    )


def needed(examples: int, tried: int, share: float = SHARE) -> int:
    """How many facts there must be so that `spend` finds the examples and the fewest facts to try forms on."""
    return math.ceil((examples + min(tried, FEWEST)) / share)


def _in_turn(of_subject: Mapping[str, Sequence[Fact]], seed: int) -> list[str]:
    """Subjects in a random order that takes the relations in turn, each subject by the first of its facts."""
    by_relation: dict[str, list[str]] = defaultdict(list)
    subjects = list(of_subject)
    for index in np.random.default_rng(seed).permutation(len(subjects)).tolist():
        by_relation[of_subject[subjects[index]][0].relation].append(subjects[index])
    rounds = zip_longest(*by_relation.values())
    return [subject for turn in rounds for subject in turn if subject is not None]


def apart(facts: Sequence[Fact], asked: Sequence[Fact]) -> list[Fact]:
    """The facts without those whose question or subject is among what is asked: these must not be shown."""
    questions, subjects = {fact.question for fact in asked}, {fact.subject for fact in asked if fact.subject}
    return [fact for fact in facts if fact.question not in questions and fact.subject not in subjects]


def possible_forms(model: LanguageModel, examples: Sequence[Fact], shots: int | None = None) -> list[Form]:
    """The forms that are tried: chat and plain, with and without an instruction, with and without examples.

    Before these the model's own, where it is another.

    Args:
        model: Whether it has a chat format.
        examples: Facts to stand before the question.
        shots: How many of them, None for none and all.
    """
    shown = tuple((fact.question, fact.answers[0]) for fact in examples)

    def can(form: Form) -> bool:
        try:
            model.asked_by(form)
        except UserError:  # an endpoint that can only chat, a tokenizer without a chat format
            return False
        return True

    counts = sorted({0, len(shown)}) if shots is None else [min(shots, len(shown))]
    number = sum(any(c.isdigit() for c in fact.answers[0]) for fact in examples) > len(examples) / 2
    instruction = INSTRUCTION.format(question=SLOT, kind="number" if number else "name")
    own = model.form
    forms = [own] if own is not None and own.template not in (SLOT, PLAIN) else []
    for count in counts:
        forms.append(Form(template=SLOT, chat=True, examples=shown[:count]))
        if not count:
            forms.append(Form(template=instruction, chat=True))
        forms.append(Form(template=PLAIN, examples=shown[:count]))
    return [form for form in forms if can(form)]


def try_forms(
    model: LanguageModel, forms: Sequence[Form], facts: Sequence[Fact], scorer: Scorer
) -> tuple[LanguageModel, tuple[FormTrial, ...]]:
    """The model asked in the form that gives most right answers, the first of equals, and what came of every form.

    A form in which one of the questions is too long for the model is left out.

    Raises:
        UserError: None of the forms can be asked.
    """
    tried, questions, too_long = [], [fact.question for fact in facts], None
    for form in forms:
        asked = model.asked_by(form)
        try:
            asked.prompts(questions, place="form, question")
        except UserError as error:
            too_long = error
            continue
        found = evaluate(asked, facts, scorer, place="form, question").accuracy
        tried.append(FormTrial(form=form, name=form.described(), accuracy=found, chosen=False))
    if not tried:
        raise too_long or UserError("There is no form to try.")
    best = max(range(len(tried)), key=lambda index: (tried[index].accuracy.correct.hits, -index))
    trials = tuple(dataclasses.replace(trial, chosen=index == best) for index, trial in enumerate(tried))
    return model.asked_by(trials[best].form), trials


def chosen_form(
    model: LanguageModel,
    facts: Sequence[Fact],
    scorer: Scorer,
    *,
    shots: int | None = None,
    measure: bool = True,
    seed: int = 0,
) -> tuple[LanguageModel, tuple[FormTrial, ...]]:
    """The model in the form that is best on the facts, or in its own with examples of them.

    Args:
        model: That was trained elsewhere.
        facts: To spend.
        scorer: Says what is right.
        shots: Examples, None to compare none and four.
        measure: Whether forms are compared.
        seed: Of the choice of facts.

    Raises:
        UserError: The model has a prompt of its own, or the facts are too few.
    """
    if model.form is None:
        raise UserError("--calibration and --shots have no effect on a run of ours, which has a prompt of its own.")
    examples = EXAMPLES if shots is None else shots
    spent = spend(facts, seed, examples=examples, tried=TRIED if measure else 0, share=1.0)
    if (shots and len(spent.examples) < shots) or (measure and not spent.tried):
        raise UserError(f"--calibration: {counted(len(facts), 'fact')} are too few to choose a form on; give more.")
    if measure:
        return try_forms(model, possible_forms(model, spent.examples, shots), spent.tried, scorer)
    shown = tuple((fact.question, fact.answers[0]) for fact in spent.examples[: shots or 0])
    return model.asked_by(dataclasses.replace(model.form, examples=shown)), ()
