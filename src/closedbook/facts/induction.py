"""Relations found in questions: subjects, forms, names, kinds of answers; corrected by what files and users say."""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from closedbook.facts.answers import answer_kind
from closedbook.facts.forms import possible_forms, subject_by_forms
from closedbook.facts.frames import MOST_FORMS, with_form_subjects
from closedbook.facts.known import shipped_relations
from closedbook.facts.naming import (
    OTHER,
    YEAR,
    form_key,
    label,
    new_name,
    other_spellings,
    topic_key,
    without_years,
)
from closedbook.facts.records import Fact
from closedbook.facts.relations import Fields, Relation
from closedbook.facts.titles import folded, subjects_in

RARE, MOST_RARE = 3, 8  # forms of fewer facts become one relation, `other`, where there are more of them than that
ROUNDS = 5  # of looking for subjects by the forms that were found


@dataclass(frozen=True, kw_only=True)
class Induced:
    """Facts with their subjects and relations, and the relations."""

    train: tuple[Fact, ...]
    dev: tuple[Fact, ...]
    test: tuple[Fact, ...]
    relations: tuple[Relation, ...]


class Named:
    """The known subjects that the questions of facts name, found once, and how often every form is among them.

    Args:
        facts: As they were read.
        known: Subjects, as those that titles give.
    """

    def __init__(self, facts: Sequence[Fact], known: Container[str]) -> None:
        self._facts = facts
        self._names = [[fact.subject] if fact.subject else subjects_in(fact.question, known) for fact in facts]
        self._counts = Counter(
            form
            for fact, names in zip(facts, self._names, strict=True)
            for name in names
            for form in possible_forms(fact.question, name)
        )

    def facts(self, forms: Sequence[str] = ()) -> tuple[Fact, ...]:
        """The facts with the known subject that their question names, where the file gives none.

        Of several (`Capital of France?`, where a title is `Capital`) the one counts whose form is known, or else is the
        most frequent among all facts, or else the longest.

        Args:
            forms: Known forms, with `{}`.
        """
        known, found = set(forms), []
        for fact, names in zip(self._facts, self._names, strict=True):
            subject = names[0] if names else ""
            if len(names) > 1:
                subject = max(names, key=lambda name: self._rank(fact.question, name, known))
            found.append(fact if subject == fact.subject else dataclasses.replace(fact, subject=subject))
        return tuple(found)

    def _rank(self, question: str, name: str, known: Container[str]) -> tuple[bool, int] | tuple[()]:
        """What the best form of a question with a name counts."""
        return max(((form in known, self._counts[form]) for form in possible_forms(question, name)), default=())


def spelled(induced: Induced, subjects: Iterable[str]) -> Induced:
    """The facts with their subjects as documents spell them, so that `the fox` and `the Fox` are about one subject.

    A subject of no document takes the spelling of the one that differs from it in capitals alone, if there is one
    such and the question has the same forms with it.

    Args:
        induced: With the subjects as the questions spell them.
        subjects: Those of the documents.
    """
    known = set(subjects) - {""}
    spellings = defaultdict[str, list[str]](list)
    for subject in known:
        spellings[folded(subject)].append(subject)

    def of(fact: Fact) -> Fact:
        return as_spelled(fact, () if fact.subject in known else spellings.get(folded(fact.subject), ()))

    train, dev, test = (tuple(map(of, part)) for part in (induced.train, induced.dev, induced.test))
    return dataclasses.replace(induced, train=train, dev=dev, test=test)


def as_spelled(fact: Fact, others: Sequence[str]) -> Fact:
    """A fact whose subject has no document, with the one other spelling that has, of those in other capitals first.

    One that has more than they (`The Shard`) must stand in the question as well.
    """
    same = [other for other in others if other.lower() == fact.subject.lower()]
    if len(same or others) != 1:
        return fact
    (spelling,) = same or others
    forms = possible_forms(fact.question, spelling)
    if not forms or (same and forms != possible_forms(fact.question, fact.subject)):
        return fact
    return dataclasses.replace(fact, subject=spelling)


def recognise(facts: Sequence[Fact], subjects: Collection[str], relations: Sequence[Relation] = ()) -> tuple[Fact, ...]:
    """The facts of any file with subjects and relations.

    Args:
        facts: As they were read.
        subjects: Known subjects, as a corpus's titles.
        relations: Known relations; questions of other forms get names of their own.
    """
    return spelled(induce(facts, (), (), subjects, known_forms(relations)), subjects).train


def known_forms(relations: Sequence[Relation]) -> dict[str, Fields]:
    """Relations as `induce` takes those that are given: names and forms."""
    return {relation.name: {"name": relation.name, "forms": relation.forms} for relation in relations}


def induce(
    train: Sequence[Fact],
    dev: Sequence[Fact],
    test: Sequence[Fact],
    subjects: Container[str],
    given: Mapping[str, Fields] | None = None,
    wordings: Mapping[str, tuple[str, ...]] | None = None,
) -> Induced:
    """What is asked, from the questions.

    The questions are grouped by their form, which is the question with `{}` for its subject. Whichever comes first
    gives a form its relation: the file's column, `relations.toml`, a relation that the project ships, the form itself
    (case, punctuation and an article before the subject aside). The kind of answer is that of most training answers;
    dev answers are not looked at.

    Args:
        train: Facts to train on.
        dev: Facts to report on.
        test: Facts to answer.
        subjects: Those that titles give.
        given: What `relations.toml` says, by name.
        wordings: Other wordings that a file's templates give, by name.
    """
    given = given or {}
    facts, found = _settled([*train, *dev, *test], subjects, given)
    first, last = len(train), len(train) + len(dev)
    groups = _groups(facts, found, first, last)
    relations = tuple(
        _relation(name, groups[name], given.get(name, {}), (wordings or {}).get(name, ()))
        for name in dict.fromkeys([*(fact.relation for fact in facts), *given])
    )
    return Induced(train=facts[:first], dev=facts[first:last], test=facts[last:], relations=relations)


def fragments(induced: Induced) -> int:
    """How many forms the questions have, one that is nobody else's for each that has none in common."""
    return sum(one.train + one.dev if one.name == OTHER else len(one.forms) for one in induced.relations)


def _settled(
    facts: Sequence[Fact], subjects: Container[str], given: Mapping[str, Fields]
) -> tuple[tuple[Fact, ...], list[str]]:
    """The facts with subjects and relations, and their forms, "" for none.

    Where no title gives a subject, the forms that were found are known the next time, until they find themselves: so
    what is written down is found again when it is read.
    """
    own = [form for fields in given.values() for form in fields.get("forms", ())]
    forms, of_titles = own, Named(facts, subjects)
    for _ in range(ROUNDS):
        named = of_titles.facts(forms)
        known, found = _with_forms(with_form_subjects(named, forms))
        names = _names(known, found, given)
        settled = tuple(dataclasses.replace(fact, relation=name) for fact, name in zip(known, names, strict=True))
        before, forms = (
            forms,
            [*own, *(form for group in _groups(settled, found, 0, 0).items() for form in _used(*group))],
        )
        if set(forms) == set(before) or all(fact.subject for fact in named):
            break
    return settled, found


@dataclass(kw_only=True)
class _Group:
    """A relation's facts, counted: its forms ("" for none) and the answers of its training facts."""

    forms: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    train: int = 0
    dev: int = 0


def _groups(facts: Sequence[Fact], forms: Sequence[str], first: int, last: int) -> Mapping[str, _Group]:
    """The groups by name, of facts of which those before `first` are to train on, those up to `last` to report on."""
    groups: dict[str, _Group] = defaultdict(_Group)
    for index, (fact, form) in enumerate(zip(facts, forms, strict=True)):
        group = groups[fact.relation]
        group.forms[form] += 1
        if index < first:
            group.answers.update(fact.answers[:1])
        group.train += index < first
        group.dev += first <= index < last
    return groups


def _with_forms(facts: Sequence[Fact]) -> tuple[list[Fact], list[str]]:
    """Every fact with its form, "" for none; a subject that stands there twice is taken out where most have theirs.

    A title may be part of a longer subject that has no document. Where its form is nobody else's and the question has
    a frequent form as well, whose slot holds the title and no further word in lower case, that is the subject.
    """
    possible = [possible_forms(fact.question, fact.subject) for fact in facts]
    counts = Counter(form for forms in possible for form in forms)
    found = [max(forms, key=lambda form: counts[form], default="") for forms in possible]
    frequent = [form for form, times in counts.most_common(MOST_FORMS) if times >= RARE]
    changed = list(facts)
    for index, (fact, form) in enumerate(zip(facts, found, strict=True)):
        if form and counts[form] == 1 and (longer := subject_by_forms(fact.question, frequent)):
            rest = longer.replace(fact.subject, "").split()
            more = any(map(str.isalnum, "".join(rest)))
            if more and fact.subject in longer and not any(word.strip("'’")[:1].islower() for word in rest):
                changed[index] = dataclasses.replace(fact, subject=longer)
                found[index] = possible_forms(fact.question, longer)[0]
    return changed, found


def _names(facts: Sequence[Fact], forms: Sequence[str], given: Mapping[str, Fields]) -> list[str]:
    """The name of every fact's relation."""
    keys = [form_key(form) for form in forms]
    owners = _owners(facts, keys, given)
    topics = [topic_key(form) for form in forms]
    of_topics = {topic_key(key): owners[key] for key in reversed(owners)}
    owned = [
        fact.relation or owners.get(key) or of_topics.get(topic, "")
        for fact, key, topic in zip(facts, keys, topics, strict=True)
    ]
    topics = without_years(topics)
    open_ = Counter(topic for name, topic in zip(owned, topics, strict=True) if topic and not name)
    rare = {topic for topic, times in open_.items() if times < RARE}
    taken = {*given, *owned, OTHER}
    names: dict[str, str] = {"": OTHER}
    for name, form, topic in zip(owned, forms, topics, strict=True):
        if not name and topic not in names:
            lost = topic in rare and (len(rare) > MOST_RARE or OTHER in given)
            telling = form if topic == topic_key(form) else YEAR.sub("", form)
            names[topic] = OTHER if lost else new_name(telling, taken)
            taken.add(names[topic])
    return [name or names[topic] for name, topic in zip(owned, topics, strict=True)]


def _owners(facts: Sequence[Fact], keys: Sequence[str], given: Mapping[str, Fields]) -> dict[str, str]:
    """The relation of a form's key, as the user's file says, else a column of some facts, else what is shipped.

    A form of several relations that a column tells apart is the first one's where there is no column.
    """
    shipped = {name: fields for name, fields in shipped_relations().items() if name not in given}
    owners = {form_key(form): name for name, fields in shipped.items() for form in fields["forms"]}
    columns: dict[str, str] = {}
    for fact, key in zip(facts, keys, strict=True):
        if fact.relation and key:
            columns.setdefault(key, fact.relation)
    return (
        owners | columns | {form_key(form): name for name, fields in given.items() for form in fields.get("forms", ())}
    )


def _used(name: str, group: _Group) -> list[str]:
    """The forms of a relation's questions, the most frequent first; of those without one in common, some."""
    return [form for form, _ in group.forms.most_common(MOST_RARE if name == OTHER else None) if form]


def _relation(name: str, group: _Group, given: Fields, wordings: tuple[str, ...]) -> Relation:
    """One relation: induced, then what the project ships, then what templates and the user's file say."""
    used = _used(name, group)
    forms = (*used, *(form for form in given.get("forms", ()) if form not in used))
    shipped = dict(shipped_relations().get(name, {}))
    known = shipped.pop("forms", ())
    unused = tuple(form for form in known if form not in forms)
    if {form_key(form) for form in unused} == {form_key(form) for form in known}:
        shipped = {}  # another relation of the same name
    if "wordings" in shipped:
        shipped["wordings"] = (*unused, *shipped["wordings"])
    if more := tuple(wording for wording in wordings if wording not in forms):
        shipped["wordings"] = more
    answer, choices = answer_kind(group.answers)
    induced = Relation(
        name=name,
        forms=forms,
        wordings=other_spellings(forms[0]) if forms else (),
        answer=answer,
        label=label(forms),
        train=group.train,
        dev=group.dev,
    )
    relation = dataclasses.replace(induced, **{**shipped, **given, "forms": forms})
    if relation.answer == "choice" and not relation.choices:
        relation = dataclasses.replace(relation, choices=choices or tuple(sorted(group.answers)))
    return relation
