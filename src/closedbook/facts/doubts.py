"""Where `relations.toml` and the files of facts disagree: one sentence each, said before anything is trained."""

import difflib
from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence

from closedbook.errors import UserError, counted
from closedbook.facts.answers import CALLED, kind_of_answer, kinds_of_answers
from closedbook.facts.forms import Fitting, possible_forms, slot_of
from closedbook.facts.frames import MOST_FORMS
from closedbook.facts.naming import form_key
from closedbook.facts.records import Fact
from closedbook.facts.relations import Fields
from closedbook.facts.text import shortened

SHOWN = 3  # answers that a sentence names
LONGEST_COMPARED = 300  # characters of a form that others are likened to: the time is the square of it
ALIKE = 0.6  # from which likeness a form that is asked is taken for the one that was meant


def doubts(
    given: Mapping[str, Fields], train: Sequence[Fact], others: Sequence[Fact], titles: Container[str], place: str
) -> tuple[str, ...]:
    """What a user should look at in a `relations.toml`, a sentence each.

    Args:
        given: What the file says, by name.
        train: Facts to train on, with subjects and relations.
        others: Facts to report on or to answer, whose answers are not looked at.
        titles: The subjects that have documents.
        place: What to call the file.

    Raises:
        UserError: A relation is said to have a closed list of answers, and nothing says which.
    """
    facts = (*train, *others)
    forms = [possible_forms(fact.question, fact.subject) for fact in facts]
    asked = Counter(form for possible in forms for form in possible)
    keys = [{form_key(form) for form in possible} for possible in forms]
    found = []
    for name, fields in given.items():
        answers = Counter(fact.answers[0] for fact in train if fact.relation == name and fact.answers)
        if fields.get("answer") == "choice" and not answers and not fields.get("choices"):
            raise UserError(f"{place}, relation {name}: answer = \"choice\" without training answers needs 'choices'.")
        own = {form_key(form) for form in fields.get("forms", ())}
        elsewhere = Counter(fact.relation for fact, has in zip(facts, keys, strict=True) if not own.isdisjoint(has))
        sentences = (
            *_of_answers(fields, answers),
            *_of_forms(fields, asked),
            *_of_questions(name, fields, train, others),
            *_of_columns({other: times for other, times in elsewhere.items() if other not in given}),
        )
        found += [f"{place}, relation {name}: {sentence}" for sentence in sentences]
    return (*found, *(f"{place}: {sentence}" for sentence in _of_both(given, facts, titles)))


def _of_answers(fields: Fields, answers: Counter[str]) -> Iterator[str]:
    """What training answers are, and what the file says of them."""
    kind = fields.get("answer")
    if kind in CALLED:
        kinds = kinds_of_answers(answers)
        if kinds.get(kind, 0) < max(kinds.values(), default=0):
            yield _some(answers, [answer for answer in answers if kind_of_answer(answer) != kind], f"no {CALLED[kind]}")
    elif "choices" in fields and (others := [answer for answer in answers if answer not in fields["choices"]]):
        yield _some(answers, others, "none of its choices")


def _some(answers: Counter[str], some: Sequence[str], what: str) -> str:
    number, examples = sum(answers[answer] for answer in some), ", ".join(map(shortened, some[:SHOWN]))
    verb = "is" if number == 1 else "are"
    return f"{number:,} of {counted(answers.total(), 'training answer')} {verb} {what}, such as {examples}"


def _of_forms(fields: Fields, asked: Counter[str]) -> Iterator[str]:
    """Forms that no question has, with the one that was perhaps meant."""
    keys = {form_key(form) for form in asked}
    frequent = [form for form, times in asked.most_common(MOST_FORMS) if times > 1 and len(form) <= LONGEST_COMPARED]
    for form in fields.get("forms", ()):
        if form_key(form) not in keys:
            like = difflib.get_close_matches(form, frequent, 1, ALIKE) if len(form) <= LONGEST_COMPARED else []
            yield f"no question has the form {shortened(form)!r}" + (f" (did you mean {like[0]!r}?)" if like else "")


def _of_questions(name: str, fields: Fields, train: Sequence[Fact], others: Sequence[Fact]) -> Iterator[str]:
    """Whether anything is asked, and taught."""
    untaught = sum(fact.relation == name for fact in others)
    if any(fact.relation == name for fact in train):
        return
    if untaught:
        does = "does" if untaught == 1 else "do"
        yield f"no training question asks this, but {counted(untaught, 'other')} {does}: nothing teaches what answers"
    elif not fields.get("forms"):
        yield "without forms, and named by no column of the facts, it has no effect"


def _of_columns(elsewhere: Mapping[str, int]) -> Iterator[str]:
    """Questions that a column gives to another relation than their form."""
    for name, times in elsewhere.items():
        have = "has one of its forms, but counts" if times == 1 else "have one of its forms, but count"
        yield f"{counted(times, 'question')} {have} as {name!r} by a column of the facts"


def _of_both(given: Mapping[str, Fields], facts: Sequence[Fact], titles: Container[str]) -> Iterator[str]:
    """Questions that have forms of two relations, with subjects that are both known or both not."""
    forms = defaultdict[str, list[str]](list)
    for name, fields in given.items():
        for form in fields.get("forms", ()):
            forms[form].append(name)
    fitting = Fitting(forms)
    shared = dict[tuple[str, ...], list[Fact]]()
    for fact in facts:
        own = [(form, slot) for form in fitting(fact.question) if (slot := slot_of(fact.question, form))]
        slots = {name: slot for form, slot in own for name in forms[form]}
        names = tuple(name for name, slot in slots.items() if slot in titles or fact.subject not in titles)
        if len(names) > 1:
            shared.setdefault(names, []).append(fact)
    for names, some in shared.items():
        verb = "has" if len(some) == 1 else "have"
        yield (
            f"{counted(len(some), 'question')} {verb} forms of {' and '.join(names)}, such as {some[0].question!r}, "
            f"which counts as {some[0].relation}"
        )
