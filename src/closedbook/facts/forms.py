"""Forms of questions: a question with its subject taken out."""

import re
from collections.abc import Iterable, Sequence

from closedbook.errors import UserError
from closedbook.facts.records import Card, Fact
from closedbook.facts.scripts import occurrences
from closedbook.facts.titles import LONGEST_SUBJECT, PARTICLES, SMALL

SLOT = "{}"
MOST_PLACES = 20  # of a subject in its question that may each be the one that is meant
MOST_OTHERS = 8  # questions that one may mean
STEM = 4  # characters of a word that is met again
ENDS = "?!.;。？！؟ "
MARKS = '"“”„«»()[]?!.,:;¿¡'
INITIAL = re.compile(r"(?:[^\W\d_]\.)+(?!\w)")  # `J.`, `J.R.R.`
POSSESSIVE = re.compile(r"['’]s?$")
WORD_START = re.compile(r"(?<![\w'’])\w")
APOSTROPHE = re.compile(r"(?<=['’])\w(?=\w)")
CODE_BEGINS = ".-_/\\#@$%&"  # a name that begins so is spelled as it is
ELISION = re.compile(r"\b[DdLl](?=['’])")


def possible_forms(question: str, subject: str) -> list[str]:
    """The question with `{}` for its subject, once for every place where it stands as whole words.

    Where it stands nowhere so, in other capitals, or inside a word if that is one place alone. Of several places one
    may be meant, or all: the last form has them all (`If {} has a mayor, when did {} get one?`). Of more than twenty it
    is the only one.
    """
    if SLOT in question:
        return []
    starts = places(question, subject)
    each = starts if len(starts) <= MOST_PLACES else []
    forms = [_with_slots(question, [start], len(subject)) for start in each]
    return [*forms, _with_slots(question, starts, len(subject))] if len(starts) > 1 else forms


def _with_slots(question: str, starts: Iterable[int], length: int) -> str:
    """The question with `{}` for the `length` characters at each start, those that overlap left as they are."""
    parts, end = [], 0
    for start in starts:
        if start >= end:
            parts.append(question[end:start])
            end = start + length
    return SLOT.join([*parts, question[end:]])


def places(text: str, subject: str) -> list[int]:
    """Where a subject begins in a text as whole words, or else inside a word if that is one place alone.

    Where it stands nowhere, what differs from it in capitals alone counts, as whole words.
    """
    found = list(occurrences(text, subject))
    whole = [start for start, stands_alone in found if stands_alone]
    if found or not subject:
        return whole or ([found[0][0]] if len(found) == 1 else [])
    spellings = dict.fromkeys(re.findall(re.escape(subject), text, re.IGNORECASE))
    return sorted(
        start for spelling in spellings for start, stands_alone in occurrences(text, spelling) if stands_alone
    )


def form_of(fact: Fact | Card) -> str | None:
    """The question with `{}` for its subject wherever it stands, None if it does not name it."""
    forms = possible_forms(fact.question, fact.subject)
    return forms[-1] if forms else None


def up_to_subjects(questions: Sequence[str], subjects: Sequence[str]) -> list[str]:
    """Each question up to the end of its subject.

    Raises:
        UserError: A question does not name its subject.
    """
    starts = []
    for question, subject in zip(questions, subjects, strict=True):
        found = places(question, subject)
        if not found:
            raise UserError(f"The question {question!r} does not name its subject, {subject!r}.")
        starts.append(question[: found[0] + len(subject)])
    return starts


def slot_of(question: str, form: str) -> str | None:
    """What stands in every slot of a form, None where the question does not have it."""
    start, *others = form.split(SLOT)
    if not others or not question.startswith(start) or not question.endswith(others[-1]):
        return None
    length = (len(question) - sum(map(len, (start, *others)))) // len(others)
    inside = question[len(start) : len(start) + max(length, 0)]
    return inside if question == form.replace(SLOT, inside) else None


def subject_by_forms(question: str, forms: Iterable[str]) -> str:
    """What stands in the slot of the longest form that the question has, "" if it has none of them.

    Of forms of one length the last of the alphabet counts, whatever their order.
    """
    return first_slot(question, longest_first(forms))


def otherwise(question: str, forms: Iterable[str]) -> list[str]:
    """What a question may mean that is not put as the forms are: they with the name that it may be about.

    Args:
        question: As it was put.
        forms: That it may have, whatever their case and the mark at their end.

    Returns:
        At most eight questions in one of the forms, none of which is the question itself: of the form that it has but
        for capitals and the mark at its end, with the name as it stands and with capitals, of a form that is written
        in small letters with it in small letters first; else of the forms that
        share most words with it, with each run of capitals. None where it has one of the forms and its name capitals,
        or where no form is like it.
    """
    known = longest_first(forms)
    exact = [(form, name) for form in known if (name := slot_of(question, form))]
    small = [form.replace(SLOT, name.lower()) for form, name in exact if _is_small(form)]
    if any(not any(word[0].islower() for word in name.split() if word not in SMALL) for _, name in exact):
        return [one for one in dict.fromkeys(small) if one != question][:MOST_OTHERS]
    near = next((names for form in known if (names := _nearly(question, form))), [])
    if not near:
        names = _runs_of_capitals(question) or _first_alone(question, known)
        near = [form.replace(SLOT, name) for form in _likest(question, known) for name in names]
    return [one for one in dict.fromkeys((*small, *near)) if one != question][:MOST_OTHERS]


def _is_small(form: str) -> bool:
    """Whether a form is written without capitals, also where it begins, as names are then too."""
    return form.islower() and form[0].isalpha()


def _nearly(question: str, form: str) -> list[str]:
    """The form with what stands in its slot where the question has it but for capitals and the mark at its end."""
    bare = form.rstrip(ENDS)
    mark, start = form[len(bare) :], len(bare.partition(SLOT)[0])
    for text in dict.fromkeys((question.strip().removesuffix(mark), question.rstrip(ENDS))):
        name = slot_of(text.lower(), bare.lower())
        if name and 0 < len(name.split()) <= LONGEST_SUBJECT:
            stands = text[start : start + len(name)]
            spelled = [stands if stands.lower() == name else name, *_with_capitals(name)]
            if _is_small(form):
                spelled.insert(0, name)
            return [form.replace(SLOT, one) for one in (*spelled, *(one.rstrip(ENDS) for one in spelled)) if one]
    return []


def _with_capitals(name: str) -> list[str]:
    """A name with a capital in every word and behind its apostrophes, and without them in particles (`van`, `d'`).

    None of a code (`.cz`, `--all`), which is spelled as it is.
    """
    if name[0] in CODE_BEGINS:
        return []
    plain = WORD_START.sub(lambda found: found.group().title(), name)
    every = APOSTROPHE.sub(lambda found: found.group().upper(), plain)
    pairs = zip(name.split(), every.split(), strict=True)
    words = [lower if lower in PARTICLES else upper for lower, upper in pairs]
    return [every, plain, ELISION.sub(lambda found: found.group().lower(), " ".join(words))]


def _runs_of_capitals(question: str) -> list[str]:
    """Names that a question may hold: runs of words with capitals, and of particles between them.

    That with which it begins also without its first word, which has a capital in any case; that word alone if it has
    something (`Peru's capital?`).
    """
    written = [found[0] if (found := INITIAL.match(word)) else word.strip(MARKS) for word in question.split()]
    words = [POSSESSIVE.sub("", word) for word in written]
    runs: list[list[str]] = [[]]
    for word, raw in zip(words, question.split(), strict=True):
        named = word[:1].isupper() or word[:1].isdigit() or (word in PARTICLES and runs[-1])
        if named:
            runs[-1].append(word)
        if runs[-1] and (not named or raw[-1] in ",;:"):
            runs.append([])
    if words and runs[0] and runs[0][0] == words[0]:
        runs.insert(1, runs[0][1:])
    for run in runs:
        while run and run[-1] in PARTICLES:
            run.pop()
    names = [
        " ".join(run)
        for run in runs
        if any(word[:1].isupper() for word in run) and (run != words[:1] or words[:1] != written[:1])
    ]
    return list(dict.fromkeys(names))[:MOST_PLACES]


def _first_alone(question: str, forms: Iterable[str]) -> list[str]:
    """The first word, of a question without another name, if it is a word of no form (`Tin: symbol?`)."""
    first, *others = [word.strip(MARKS) for word in question.split()] or [""]
    known = {word.strip(MARKS).lower() for form in forms for word in form.split()}
    return [first] if others and first[:1].isupper() and first.lower() not in known else []


def _likest(question: str, forms: Sequence[str]) -> list[str]:
    """The forms that share most words with a question, by how they begin; the only one whatever it shares.

    The first word of the question, which mostly asks, counts where others do not decide, however short (`How`, `Qui`);
    alone it decides nothing between several forms (`Who wrote {}?`, `Who translated {}?`).
    """
    if len(forms) == 1:
        return list(forms)
    for words in (_beginnings(question.partition(" ")[2]), _beginnings(question), {_first_word(question)}):
        shared = [len(words & {*_beginnings(form), _first_word(form)}) for form in forms]
        if any(shared):
            likest = [form for form, count in zip(forms, shared, strict=True) if count == max(shared)]
            same = [form for form in likest if _first_word(form) == _first_word(question)] or likest
            return same if words != {_first_word(question)} or len(same) == 1 else []
    return []


def _first_word(text: str) -> str:
    return text.partition(" ")[0].strip(MARKS).lower()


def _beginnings(text: str) -> set[str]:
    return {word[:STEM] for word in re.findall(rf"\w{{{STEM},}}", text.lower())}


def longest_first(forms: Iterable[str]) -> list[str]:
    """Each form once, the longest first, of one length the last of the alphabet."""
    return sorted(set(forms), key=lambda form: (len(form), form), reverse=True)


class Fitting:
    """Of many forms those that begin as a question does.

    Args:
        forms: In the order in which they come.
    """

    def __init__(self, forms: Iterable[str]) -> None:
        self._ranks = {form: rank for rank, form in enumerate(dict.fromkeys(forms))}
        self._by_start: dict[str, list[str]] = {}
        for form in self._ranks:
            self._by_start.setdefault(form.partition(SLOT)[0], []).append(form)
        self._lengths = sorted({len(start) for start in self._by_start})

    def __call__(self, question: str) -> list[str]:
        """Those of a question."""
        found = [form for length in self._lengths for form in self._by_start.get(question[:length], ())]
        return sorted(found, key=self._ranks.__getitem__)


def first_slot(question: str, forms: Iterable[str]) -> str:
    """What stands in the slot of the first form that fits, without a question mark that ends the question."""
    for form in forms:
        inside = slot_of(question, form)
        inside = inside.rstrip("?？؟ ") if inside and form.endswith(SLOT) else inside
        if inside and inside == inside.strip() and len(inside.split()) <= LONGEST_SUBJECT:
            return inside
    return ""
