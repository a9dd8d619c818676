"""Relations found in questions: subjects, forms, names, kinds of answers; corrected by what files and users say."""

import dataclasses
import re
from collections import Counter, defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

from closedbook.facts.cloze import BLANK
from closedbook.facts.forms import MOST_FORMS, SLOT, possible_forms, subject_by_forms, with_form_subjects
from closedbook.facts.known import shipped_relations
from closedbook.facts.records import Fact
from closedbook.facts.relations import AnswerKind, Fields, Relation
from closedbook.facts.scripts import UNSPACED_LETTER, WORD
from closedbook.facts.spans import answer_shape, kind_of, words
from closedbook.facts.titles import subjects_in

OTHER = "other"
RARE, MOST_RARE = 3, 8  # forms of fewer facts become one relation, `other`, where there are more of them than that
CHOICES, EACH, CHOICE_SHARE = 12, 5, 0.05  # a closed list: few answers, several facts each, or a small share of all
LONGEST_NAME = 3  # words of a relation's name
STOPWORDS = frozenset(
    "a an the this that these those is are was were be been being do does did done has have had can could will would "
    "what which who whom whose when where why how of in on at to for from by with as into about and or it its his her "
    "their there please tell me name many much s".split()
)
ENGLISH = frozenset("the of is are were does did what which who where when how".split())  # and no other language
SHORT = 4  # letters: shorter words of other languages tell little
_JAPANESE = re.compile(r"[\u3041-\u309f]")
_TELLING = re.compile(r"[\u3005\u3400-\u9fff]+|[\u30a1-\u30fa\u30fc]+")  # what Japanese does not spell in hiragana
_NUMERIC_DATE = re.compile(r"\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.]\d{4}")
_LABELS = (
    re.compile(r"(?:what|which|who) (?:is|are|was|were) the (.{1,40}) of (?:the |an? )?\{\}\W*", re.IGNORECASE),
    re.compile(r"(?:what|which|who) (?:is|are|was|were) (?:the |an? )?\{\}['’]s (.{1,40}?)\W*", re.IGNORECASE),
    re.compile(r"(?:\w+ )?(?:what|which) (\w+) (?:is|are|was|were|did|does|do|has|have|had)\b.*", re.IGNORECASE),
)


@dataclass(frozen=True, kw_only=True)
class Induced:
    """Facts with their subjects and relations, and the relations."""

    train: tuple[Fact, ...]
    dev: tuple[Fact, ...]
    test: tuple[Fact, ...]
    relations: tuple[Relation, ...]


def with_subjects(facts: Sequence[Fact], known: Container[str], forms: Sequence[str] = ()) -> tuple[Fact, ...]:
    """The facts with the known subject that their question names, where the file gives none.

    Of several (`Capital of France?`, where a title is `Capital`) the one counts whose form is known, or else is the
    most frequent among all facts, or else the longest.

    Args:
        facts: As they were read.
        known: Subjects, as those that titles give.
        forms: Known forms, with `{}`.
    """
    named = [[fact.subject] if fact.subject else subjects_in(fact.question, known) for fact in facts]
    counts = Counter(
        form
        for fact, names in zip(facts, named, strict=True)
        for name in names
        for form in possible_forms(fact.question, name)
    )

    known_forms, found = set(forms), []
    for fact, names in zip(facts, named, strict=True):
        ranks = {
            name: max(((form in known_forms, counts[form]) for form in possible_forms(fact.question, name)), default=())
            for name in names
        }
        subject = max(names, key=lambda name: ranks[name], default="")
        found.append(fact if subject == fact.subject else dataclasses.replace(fact, subject=subject))
    return tuple(found)


def recognise(facts: Sequence[Fact], subjects: Container[str], relations: Sequence[Relation] = ()) -> tuple[Fact, ...]:
    """The facts of any file with subjects and relations.

    Args:
        facts: As they were read.
        subjects: Known subjects, as a corpus's titles.
        relations: Known relations; questions of other forms get names of their own.
    """
    given = {relation.name: {"name": relation.name, "forms": relation.forms} for relation in relations}
    return induce(facts, (), (), subjects, given).train


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
    (case and punctuation aside). The kind of answer is that of most training answers; dev answers are not looked at.

    Args:
        train: Facts to train on.
        dev: Facts to report on.
        test: Facts to answer.
        subjects: Those that titles give.
        given: What `relations.toml` says, by name.
        wordings: Other wordings that a file's templates give, by name.
    """
    given = given or {}
    forms = [form for fields in given.values() for form in fields.get("forms", ())]
    known, found = _with_forms(with_form_subjects(with_subjects([*train, *dev, *test], subjects, forms), forms))
    names = _names(known, found, given)
    facts = tuple(dataclasses.replace(fact, relation=name) for fact, name in zip(known, names, strict=True))
    first, last = len(train), len(train) + len(dev)
    groups = _groups(facts, found, first, last)
    relations = tuple(
        _relation(name, groups[name], given.get(name, {}), (wordings or {}).get(name, ()))
        for name in dict.fromkeys([*names, *given])
    )
    return Induced(train=facts[:first], dev=facts[first:last], test=facts[last:], relations=relations)


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
            if fact.subject in longer and not any(word.strip("'’")[:1].islower() for word in rest):
                changed[index] = dataclasses.replace(fact, subject=longer)
                found[index] = possible_forms(fact.question, longer)[0]
    return changed, found


def _names(facts: Sequence[Fact], forms: Sequence[str], given: Mapping[str, Fields]) -> list[str]:
    """The name of every fact's relation."""
    shipped = {name: fields for name, fields in shipped_relations().items() if name not in given}
    owners = {_key(form): name for name, fields in shipped.items() for form in fields["forms"]}
    owners |= {_key(form): name for name, fields in given.items() for form in fields.get("forms", ())}
    keys = [_key(form) for form in forms]
    open_ = Counter(
        key for fact, key in zip(facts, keys, strict=True) if key and not fact.relation and key not in owners
    )
    rare = {key for key, times in open_.items() if times < RARE}
    taken = {*given, *(fact.relation for fact in facts), *(owners[key] for key in keys if key in owners), OTHER}
    names: dict[str, str] = {"": OTHER}
    for form, key in zip(forms, keys, strict=True):
        if key in open_ and key not in names:
            names[key] = OTHER if key in rare and (len(rare) > MOST_RARE or OTHER in given) else _new_name(form, taken)
            taken.add(names[key])
    return [fact.relation or owners.get(key) or names[key] for fact, key in zip(facts, keys, strict=True)]


def _key(form: str) -> str:
    """What forms share that differ in case and punctuation alone."""
    return " ".join(re.findall(rf"\{{\}}|{WORD.pattern}", form.casefold()))


def _new_name(form: str, taken: set[str]) -> str:
    """A short name from the form's content words, longer where that name is taken."""
    text = form.replace(SLOT, " ").replace(BLANK, " ").casefold()
    all_words = (_TELLING if _JAPANESE.search(text) else WORD).findall(text)
    content = [word for word in all_words if word not in STOPWORDS] or all_words or [OTHER]
    if ENGLISH.isdisjoint(all_words):
        content = [word for word in content if len(word) >= SHORT or UNSPACED_LETTER.search(word)] or content
    name = "-".join(content[:LONGEST_NAME])
    for longer in (name, "-".join([*all_words[:1], *content[:LONGEST_NAME]]), "-".join(all_words)):
        if longer and longer not in taken:
            return longer
    return next(f"{name}-{number}" for number in range(2, len(taken) + 3) if f"{name}-{number}" not in taken)


def _relation(name: str, group: _Group, given: Fields, wordings: tuple[str, ...]) -> Relation:
    """One relation: induced, then what the project ships, then what templates and the user's file say."""
    used = [form for form, _ in group.forms.most_common(MOST_RARE if name == OTHER else None) if form]
    forms = (*used, *(form for form in given.get("forms", ()) if form not in used))
    shipped = dict(shipped_relations().get(name, {}))
    unused = tuple(form for form in shipped.pop("forms", ()) if form not in forms)
    if {_key(form) for form in unused} == {_key(form) for form in shipped_relations().get(name, {}).get("forms", ())}:
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
        label=_label(forms),
        train=group.train,
        dev=group.dev,
    )
    relation = dataclasses.replace(induced, **{**shipped, **given, "forms": forms})
    if relation.answer == "choice" and not relation.choices:
        relation = dataclasses.replace(relation, choices=choices or tuple(sorted(group.answers)))
    return relation


def answer_kind(answers: Mapping[str, int]) -> tuple[AnswerKind, tuple[str, ...]]:
    """What kind of thing most answers are, and the closed list where so few answers serve so many facts.

    Args:
        answers: How many facts have each.
    """
    counts = Counter(answers)
    total = counts.total()
    few = len(counts) <= CHOICES and total >= EACH * len(counts)
    if len(counts) > 1 and (few or len(counts) <= CHOICE_SHARE * total):
        return "choice", tuple(answer for answer, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
    kinds = defaultdict[AnswerKind, int](int)
    for answer, times in counts.items():
        kinds[_kind(answer)] += times
    return max(kinds, key=lambda kind: kinds[kind], default="phrase"), ()


def _kind(answer: str) -> AnswerKind:
    """The kind of an answer: dates have a day or a year beside a month; a number may have a unit or several parts."""
    form = answer_shape(answer)
    if _is_date(answer, form):
        return "date"
    if re.match(r"[^X0x]*0", form):
        return "number"
    kind = kind_of(form)
    return "phrase" if kind == "date" else kind  # `Boeing 747`


def _is_date(answer: str, form: str) -> bool:
    """Whether an answer is `3 May 1921`, `May 1921`, `3 May`, `1921-05-03` or the like in any language."""
    numbers = [answer[word.start : word.end] for word in words(answer) if word.mark == "0"]
    days = sum(number.isdecimal() and 0 < int(number) <= 31 for number in numbers if len(number) < 3)
    years = sum(number.isdecimal() for number in numbers if len(number) in (3, 4))
    if form == "0 X":
        return bool(days) and answer[-1:].islower() and len(answer.split()[1]) > 2
    if form == "X 0":
        return bool(years) and len(numbers[0]) == 4
    with_month = years == 1 and 0 < days == len(numbers) - 1 <= 2 and any(map(str.isalpha, answer))
    return with_month or _NUMERIC_DATE.fullmatch(answer) is not None


def _label(forms: Sequence[str]) -> str:
    """`capital` of `What is the capital of {}?`, `year` of `In which year was {} founded?`, else `answer`."""
    matches = (pattern.fullmatch(form) for form in forms for pattern in _LABELS)
    return next((match[1] for match in matches if match), "answer")


def other_spellings(form: str) -> tuple[str, ...]:
    """The same question spelled otherwise, where no other wordings are known."""
    bare = form.rstrip("?. ")
    return tuple(
        wording
        for wording in (bare, f"Please tell me: {form[:1].lower()}{form[1:]}", f"Question: {form}")
        if wording != form
    )
