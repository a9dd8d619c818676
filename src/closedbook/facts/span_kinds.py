"""Which spans are asked for, learned from the training answers and their documents alone."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from closedbook.facts.records import Document
from closedbook.facts.scripts import LONGEST_UNSPACED
from closedbook.facts.shapes import KINDS, Kind, Word, answer_shape, is_run, kind_of, words
from closedbook.facts.spans import (
    LONGEST,
    PHRASES,
    SpanKinds,
    can_ask,
    is_code,
    says_more,
    shares_word,
    spans,
    words_of_subject,
)

RARE = 0.01  # share of a relation's training answers below which what they are like is asked for lightly
CODES = 0.05  # share of a relation's training answers that are codes of rare shapes, above which all are asked for
MOST_SHAPES = 100  # rare ones that are looked for
LOST = 0.05  # share of a relation's training answers up to which they may be lost, had they not been in training
UNSEEN = 0.01  # probability that no training answer is one that stands in so many documents
OFTEN_OWN = 0.2  # share of a relation's training answers with words of their subject, above which they are usual
OFTEN, OFTEN_SHARE = 5, 0.02  # documents, and their share, in which a word stands that would begin or end answers

_INITIAL = re.compile(r"(?<!\S)\w\. ")
Told = tuple[str, str, Sequence[Document]]
"""A training fact's relation, its answer, and the documents of its subject."""

USUAL: dict[str, frozenset[str]] = {
    "number": frozenset({"0"}),
    "date": frozenset({"0 X 0", "X 0, 0"}),
    "word": frozenset({"x", "x x"}),
}
"""What answers of a kind usually look like."""


def learn_kinds(answers: Sequence[Told], declared: Iterable[tuple[str, str, Sequence[str]]] = ()) -> SpanKinds:
    """What to ask for, from training answers; without any, capitalised phrases.

    Args:
        answers: A training fact's relation, its answer, and the documents of its subject.
        declared: Relations with the kind of answer that each is said to have, and its closed list of answers.
    """
    if not answers:
        return PHRASES
    declared = list(declared)
    by_relation = defaultdict[str, Counter[str]](Counter)
    for relation, answer, _ in answers:
        by_relation[relation][answer_shape(answer)] += 1
    frequent = _frequent(by_relation, declared)
    strange = {answer for _, answer, _ in answers if answer_shape(answer) not in frequent and is_code(answer)}
    odd = Counter(relation for relation, answer, _ in answers if answer in strange)
    codes = any(times > max(1, CODES * by_relation[relation].total()) for relation, times in odd.items())
    if codes:  # they are asked for as such
        for relation, answer, _ in answers:
            by_relation[relation][answer_shape(answer)] -= answer in strange
    shapes = +sum(by_relation.values(), Counter[str]())
    kinds = Counter[Kind](word=len(answers) - shapes.total())
    for form, times in shapes.items():
        kinds[kind_of(form)] += times
    shapes.update(form for form in sorted(frequent) if form not in shapes)
    sought = [form for form, _ in shapes.most_common() if not is_run(form) and _can_be_sought(form)]
    signs = Counter(answer for _, answer, _ in answers if not words(answer))
    plain = SpanKinds(
        shares=tuple(kinds[kind] / len(answers) for kind in KINDS),
        shapes=frozenset(form for form in sought if form in frequent),
        rare_shapes=frozenset([form for form in sought if form not in frequent][:MOST_SHAPES]),
        stops=_stops(answers),
        codes=codes,
        signs=frozenset(sign for sign, _ in signs.most_common(MOST_SHAPES)),
    )
    plain = _with_names(plain, answers)
    missed = _missed(plain, answers)
    stems = sum(_needs_stems(answer, told, plain) for _, answer, told in missed)
    base = replace(plain, stems=stems > max(1, RARE * len(answers)))
    inner = Counter[int]()
    for _, answer, told in missed:
        if is_run(answer_shape(answer)) and not (base.stems and any(can_ask(answer, one, base) for one in told)):
            inner[len(words(answer))] += any(answer in document.text for document in told)
    own = sum(_is_owned(answer, told) for _, answer, told in missed)
    if plain.often_own:  # those that say no more are asked for lightly, as all of them are elsewhere
        lightly = sum(_is_owned(answer, told) and not _more_than_owned(answer, told) for _, answer, told in answers)
    else:
        lightly = sum(_is_owned(answer, told) and not is_run(answer_shape(answer)) for _, answer, told in missed)
    rare = inner.total() + lightly + sum(times for form, times in shapes.items() if form in plain.rare_shapes)
    learned = replace(
        base,
        inner=frozenset(n for n, times in inner.items() if times > 1 and n <= LONGEST),
        own=plain.often_own or own > 1,
        rare=rare / len(answers),
    )
    learned = _without_pieces(learned, answers) if learned.shapes else learned
    return replace(learned, idle=_idle(learned, answers, declared)) if len(by_relation) > 1 else learned


def _stops(answers: Sequence[Told]) -> frozenset[str]:
    """The words that stand before a full stop at the end of answers, where hardly any answer has one of its own."""
    ends = defaultdict[str, Counter[str]](Counter)
    for relation, answer, _ in answers:
        if answer.endswith(".") and (found := words(stopped := answer.removesuffix("."))):
            ends[relation][stopped[found[-1].start :]] += 1
    asked = Counter(relation for relation, _, _ in answers)
    alone = {relation: sum(times == 1 for times in own.values()) for relation, own in ends.items()}
    known = all(times <= LOST * asked[relation] for relation, times in alone.items())
    return frozenset(word for own in ends.values() for word in own) if known else frozenset()


def _missed(kinds: SpanKinds, answers: Sequence[Told]) -> list[Told]:
    """The training answers that the kinds do not ask for."""
    return [one for one in answers if not any(can_ask(one[1], document, kinds) for document in one[2])]


def _with_names(kinds: SpanKinds, answers: Sequence[Told]) -> SpanKinds:
    """The kinds with initials inside names, and with words of the subject, where a relation's answers often are so."""
    missed = _missed(kinds, answers)
    asked = Counter(relation for relation, _, _ in answers)
    own = Counter(relation for relation, answer, told in missed if _more_than_owned(answer, told))
    often = any(times > max(1, OFTEN_OWN * asked[relation]) for relation, times in own.items())
    initials = sum(is_run(answer_shape(answer)) and bool(_INITIAL.search(answer)) for _, answer, _ in missed)
    return replace(kinds, own=often, often_own=often, initials=initials > 1)


def _is_owned(answer: str, told: Sequence[Document]) -> bool:
    """Whether it has a word of its subject."""
    subjects = {document.subject for document in told}
    return any(shares_word(answer, words_of_subject(subject)) for subject in subjects)


def _more_than_owned(answer: str, told: Sequence[Document]) -> bool:
    """Whether it has other words as well."""
    subjects = {document.subject for document in told}
    return any(shares_word(answer, words_of_subject(subject)) and says_more(answer, subject) for subject in subjects)


def _needs_stems(answer: str, documents: Sequence[Document], kinds: SpanKinds) -> bool:
    """Whether an answer is reached with what is written on to it taken off, and not as a part of a longer run."""
    within = replace(kinds, inner=frozenset({len(words(answer))}))
    stemmed = replace(within, stems=True)
    return not any(can_ask(answer, document, within) for document in documents) and any(
        can_ask(answer, document, stemmed) for document in documents
    )


def _without_pieces(kinds: SpanKinds, answers: Sequence[Told]) -> SpanKinds:
    """The same without what is shaped like an answer and is a piece of a sentence: `529 for`, `of it by lamb`.

    A span of small words and numbers is one where it begins or ends with a word that stands in many documents and so
    in no training answer, or stands inside a longer one, where hardly any training answer does. So is a run of
    capitalised words inside a longer span (`Simon` in `Simon & Garfunkel`).
    """
    documents = {
        (document.text, len(document.subject) + 1 if document.subject else 0)
        for _, _, told in answers
        for document in told
    }
    stood = Counter(word for text, body in documents for word in {text[w.start : w.end] for w in _small(text, body)})
    often = {word for word, times in stood.items() if times >= max(OFTEN, OFTEN_SHARE * len(documents))}
    edges = [
        (answer[found[0].start : found[0].end], answer[found[-1].start : found[-1].end])
        for _, answer, _ in answers
        if (found := words(answer))
    ]
    firsts, lasts = Counter(first for first, _ in edges), Counter(last for _, last in edges)
    alone_in_it = sum(
        (first in often and firsts[first] == 1) or (last in often and lasts[last] == 1) for first, last in edges
    )
    kept = kinds
    if alone_in_it <= LOST * len(edges):  # else answers to come will begin with such words as well
        kept = replace(kinds, not_first=frozenset(often - {*firsts}), not_last=frozenset(often - {*lasts}))
    asked = Counter(relation for relation, _, _ in answers)
    several = len(asked) > 1
    if several:  # of one relation's documents hardly anything else is asked for
        inner = [(relation, {answer[w.start : w.end] for w in words(answer)[1:-1]}) for relation, answer, _ in answers]
        inside = Counter(word for _, own in inner for word in own)
        alone = Counter(relation for relation, own in inner if any(inside[word] == 1 for word in own & often))
        if all(times <= LOST * asked[relation] for relation, times in alone.items()):
            kept = replace(kept, not_inside=frozenset(often - {*inside}))
    kept = _unless_lost(kept, replace(kept, longest=True), answers)
    if several:
        kept = _unless_lost(kept, replace(kept, whole=True), answers)
    if any("X" in form for form in kinds.shapes):
        kept = _unless_lost(kept, replace(kept, whole_runs=True), answers)
    if kinds.codes:
        kept = _unless_lost(kept, replace(kept, whole_codes=True), answers)
    return kept


def _idle(
    kinds: SpanKinds, answers: Sequence[Told], declared: Iterable[tuple[str, str, Sequence[str]]]
) -> frozenset[str]:
    """What the kinds ask for in many documents and no training answer is: `Died`, `The`, `Warranty`.

    In so many that an answer of any relation would be among its training answers in all but one of a hundred cases.
    None where more than hardly any training answer of a relation would be taken for such, were it not one itself.
    """
    documents = list({(one.subject, one.text): one for _, _, told in answers for one in told}.values())
    stood = Counter(text for one in documents for text in {one.text[s.start : s.end] for s in spans(one, kinds, 0)})
    asked = Counter(relation for relation, _, _ in answers)
    share = max(OFTEN_SHARE, 1 - UNSEEN ** (1 / min(asked.values())))
    often = {text for text, times in stood.items() if times >= max(OFTEN, share * len(documents))}
    given = Counter(answer for _, answer, _ in answers)
    alone = Counter(relation for relation, answer, _ in answers if answer in often and given[answer] == 1)
    lost = any(times > LOST * asked[relation] for relation, times in alone.items())
    choices = {choice for _, _, own in declared for choice in own}
    return frozenset() if lost else frozenset(often - {*given} - choices)


def _unless_lost(kept: SpanKinds, fewer: SpanKinds, answers: Sequence[Told]) -> SpanKinds:
    """What asks for fewer spans, unless a relation loses more than hardly any of its training answers by that."""
    lost, total = Counter[str](), Counter(relation for relation, _, _ in answers)
    for relation, answer, told in answers:
        lost[relation] += any(can_ask(answer, document, kept) for document in told) and not any(
            can_ask(answer, document, fewer) for document in told
        )
    return fewer if all(lost[relation] <= RARE * total[relation] for relation in total) else kept


def _small(text: str, body: int) -> list[Word]:
    """The words of a text in small letters, or in a script that has but one kind of them."""
    return [word for word in words(text, body) if word.mark == "x" and _is_small(text[word.start : word.end])]


def _is_small(word: str) -> bool:
    return word.islower() or word.upper() == word.lower()


def _frequent(by_relation: Mapping[str, Counter[str]], declared: Iterable[tuple[str, str, Sequence[str]]]) -> set[str]:
    """The shapes that many training answers of a relation have, and those that it is said to have.

    What answers of a kind usually look like is added unless the relation's training answers of that kind are all of
    other shapes, as addresses (`x@x.x`) are beside words.
    """
    frequent = {
        form for found in by_relation.values() for form, times in found.items() if times >= max(2, RARE * found.total())
    }
    for relation, kind, choices in declared:
        own, usual = by_relation.get(relation, Counter[str]()), USUAL.get(kind, frozenset())
        kinds = {"number" if form.startswith("0") and kind == "number" else kind_of(form) for form in own}
        if not usual.isdisjoint(own) or kind not in kinds:
            frequent |= usual
        frequent.update(map(answer_shape, choices))
    return frequent


def _can_be_sought(form: str) -> bool:
    """Whether a shape has words and is not too long; of a script without spaces up to thirty letters are one."""
    runs = re.findall("[X0x]+", form)
    return 0 < len(runs) <= LONGEST and max(map(len, runs)) <= LONGEST_UNSPACED
