"""What was understood of a corpus directory, in lines to read before anything is trained."""

from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Sequence

from closedbook.errors import counted
from closedbook.facts.answers import CALLED, kinds_of_answers
from closedbook.facts.corpus import Corpus
from closedbook.facts.readers import TABS
from closedbook.facts.relations import Relation
from closedbook.facts.stored import SAMPLE, StoredCorpus
from closedbook.facts.summary import conflicting
from closedbook.facts.text import shortened

RARELY_SHARED = 0.02  # share of the subjects that may have several documents each without a word
MOST_SAID = 12  # relations of which something is said apart
SHOWN = 3  # forms and answers that a line shows
FEW = 5  # answers below which relations are not compared
SELDOM = 10  # training questions below which a relation may be a part of another
SAME = 0.8  # share of the answers of the smaller that two wordings of one relation have in common
MOST_COMPARED = 100  # relations
HEADER = 3  # words of a line that may name columns
MINORITY = 0.1  # share of the answers from which a kind is named beside the most frequent


def describe(corpus: Corpus | StoredCorpus) -> list[str]:
    """What is asked, relation by relation, how the files were read, and what no document is about.

    The first line is as in ``3 relations: `What is the symbol of {}?` 97 train, 39 dev; ...``.
    """
    if isinstance(corpus, StoredCorpus):
        return [*_of_relations(corpus, corpus.sample()), *_of_store(corpus)]
    lines = [*_of_relations(corpus, corpus), *_perhaps_one(corpus)]
    facts = [*corpus.train, *corpus.dev, *corpus.test]
    without_subject = sum(not fact.subject for fact in facts)
    without_document = sum(not corpus.documents_of(fact) for fact in facts) - without_subject
    if without_subject:
        lines.append(f"{without_subject:,} of {len(facts):,} questions name no subject that is known")
    if without_document:
        lost = dict.fromkeys(fact.subject for fact in facts if fact.subject and not corpus.documents_of(fact))
        names = ", ".join(map(shortened, list(lost)[:SHOWN]))
        lines.append(
            f"{without_document:,} of {len(facts):,} questions are about subjects without a document, such as {names}"
            + (_longer_title(corpus, lost) or _titles_there(corpus, without_document > len(facts) / 2))
        )
    lines += [*_headers(corpus), *_of_two_answers(corpus)]
    shared = {fact.subject: len(told) for fact in facts if len(told := corpus.documents_of(fact)) > 1}
    if len(shared) > RARELY_SHARED * len(corpus.by_subject):
        names = ", ".join(f"{shortened(name)} ({count:,})" for name, count in list(shared.items())[:SHOWN])
        lines.append(
            f"{counted(len(shared), 'subject that questions name has', 'subjects that questions name have')} several "
            f"documents each, such as {names}"
        )
    return lines


def _longer_title(corpus: Corpus, lost: Container[str]) -> str:
    """Of titles that are a subject without a document and more in brackets, as `Mercury (planet)`, what to do."""
    for name in corpus.by_subject:
        if name.endswith(")") and name.partition(" (")[0] in lost:
            return f"; several documents are called so, such as {shortened(name)}: name one in a column `subject`"
    return ""


def _titles_there(corpus: Corpus, most: bool) -> str:
    """What the documents are about instead, where most questions are about something else."""
    if not most:
        return ""
    untitled = sum(not document.subject for document in corpus.documents)
    names = ", ".join(map(shortened, list(corpus.by_subject)[:SHOWN]))
    return (f"; the documents are about {names}" if names else "") + (
        f"; {untitled:,} of {counted(len(corpus.documents), 'document')} begin with no title" if untitled else ""
    )


def _of_two_answers(corpus: Corpus) -> Iterator[str]:
    """Dev questions that have different answers, each held against its own; training questions are in the summary."""
    if conflicts := conflicting(corpus.dev):
        question, answers = next(iter(conflicts.items()))
        have = counted(len(conflicts), "dev question has", "dev questions have")
        yield f"{have} different answers, for example {shortened(question)} ({', '.join(map(shortened, answers))})"


def _headers(corpus: Corpus) -> Iterator[str]:
    """First lines of `question<TAB>answer` that are like no other question, and short: perhaps a header."""
    counts = Counter(fact.relation for part in (corpus.train, corpus.dev) for fact in part)
    layouts = list(corpus.read_as.items())
    for (name, layout), facts in zip(layouts, (corpus.train, corpus.dev, corpus.test), strict=False):
        first = facts[0] if facts else None
        if first is None or first.line > 1 or layout != TABS or not first.answers or corpus.documents_of(first):
            continue
        if len(first.question.split()) <= HEADER and counts[first.relation] <= 2 < len(facts):
            yield f"{name}, line 1 ({first.question!r}) is like no other question; if it is a header, take it out"


def _of_relations(corpus: Corpus | StoredCorpus, facts: Corpus) -> list[str]:
    """What is asked, with answers of some facts, and how the files were read."""
    relations = [f"{_form(one)} {one.train:,} train, {one.dev:,} dev" for one in corpus.relations[:MOST_SAID]]
    if (left := len(corpus.relations) - MOST_SAID) > 0:
        relations.append(f"and {counted(left, 'more relation')}")
    lines = [f"{counted(len(corpus.relations), 'relation')}: {'; '.join(relations)}"]
    lines += [*_answers_by_relation(facts, corpus.relations), *corpus.doubts]
    return [*lines, *(f"{name} was read as {layout}" for name, layout in corpus.read_as.items())]


def _answers_by_relation(facts: Corpus, relations: Sequence[Relation]) -> list[str]:
    """What answers are, a line a relation; of many relations those that have the same are one line."""
    said = {relation.name: _answers(facts, relation) for relation in relations}
    if len(relations) <= MOST_SAID:
        return [_sentence(f"{name}:", what, examples) for name, (what, examples) in said.items()]
    groups = defaultdict[str, list[str]](list)
    for name, (what, _) in said.items():
        groups[what].append(name)
    lines = list[tuple[int, str]]()
    for what, names in groups.items():
        if len(names) > SHOWN:
            some = list(dict.fromkeys(example for name in names for example in said[name][1][:1]))
            lines.append((len(names), _sentence(f"{counted(len(names), 'relation')}:", what, some[:SHOWN])))
        else:
            lines += [(1, _sentence(f"{name}:", what, said[name][1])) for name in names]
    left = sum(number for number, _ in lines[MOST_SAID:])
    return [line for _, line in lines[:MOST_SAID]] + ([f"and {counted(left, 'more relation')}"] if left else [])


def _sentence(about: str, what: str, examples: Sequence[str]) -> str:
    between = "; " if any("," in example for example in examples) else ", "
    return f"{about} {what}" + (f", such as {between.join(map(shortened, examples))}" if examples else "")


def _perhaps_one(corpus: Corpus) -> Iterator[str]:
    """Relations that may be one asked in several wordings: they share no subject, and answers, or their kind at least.

    Answers that are all different, as spouses are, tell nothing by themselves; then both relations must be asked
    seldom, or most subjects of both be asked for the same third thing.
    """
    if "relations.toml" in corpus.files:
        return
    subjects, answers = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for fact in (*corpus.train, *corpus.dev, *corpus.test):
        subjects[fact.relation].add(fact.subject)
    for fact in corpus.train:
        answers[fact.relation].update(fact.answers[:1])

    compared = [relation for relation in corpus.relations if answers[relation.name]][:MOST_COMPARED]
    mostly = {
        one.name: {
            other.name
            for other in compared
            if 2 * len(subjects[one.name] & subjects[other.name]) > len(subjects[one.name])
        }
        - {one.name}
        for one in compared
    }

    def alike(first: Relation, other: Relation) -> bool:
        common = len(answers[first.name] & answers[other.name])
        several = min(len(answers[first.name]), len(answers[other.name])) >= FEW
        seldom = max(first.train, other.train) < SELDOM or bool(mostly[first.name] & mostly[other.name])
        of_a_kind = seldom and first.answer == other.answer != "choice"
        share = common >= SAME * min(len(answers[first.name]), len(answers[other.name]))
        return subjects[first.name].isdisjoint(subjects[other.name]) and (of_a_kind or (several and share))

    left = compared
    while left:
        first, *left = left
        others = [other for other in left if alike(first, other)]
        if len(others) == 1 and not answers[first.name] & answers[others[0].name]:
            others = []  # two that have nothing in common but the kind of their answers
        left = [other for other in left if other not in others]
        if others:
            more = [f"{len(others) - SHOWN:,} others"] if len(others) > SHOWN else []
            named = [first.name, *(other.name for other in others[:SHOWN]), *more]
            shared = any(answers[first.name] & answers[other.name] for other in others)
            have = "answers in common and no subject" if shared else "answers of one kind and no subject in common"
            yield (
                f"{', '.join(named[:-1])} and {named[-1]} have {have}; if they are one relation in several wordings, "
                "let one have all forms in relations.toml (data describe --write)"
            )


def _of_store(corpus: StoredCorpus) -> list[str]:
    """What a store of many documents is, and what no document is about."""
    summary = corpus.summary()
    facts, without = summary.train + summary.dev + summary.test, summary.questions_without_document
    lines = [f"too large for memory: answers are those of {SAMPLE:,} training facts, read step by step"]
    return lines + ([f"{without:,} of {facts:,} questions are about subjects without a document"] if without else [])


def _form(relation: Relation) -> str:
    if not relation.forms:
        return "questions of no form in common"
    if not relation.train + relation.dev:
        return f"`{shortened(relation.forms[0])}` (no question)"
    others = len(relation.forms) - 1
    more = f" and {others} other form{'s' * (others > 1)}" if others else ""
    return f"`{shortened(relation.forms[0])}`{more}"


def _answers(corpus: Corpus, relation: Relation) -> tuple[str, list[str]]:
    """What the answers are, and some of them."""
    answers = Counter(fact.answers[0] for fact in corpus.train if fact.relation == relation.name and fact.answers)
    if relation.answer == "choice":
        return f"answers are one of {len(relation.choices)}", list(relation.choices[:SHOWN])
    if not relation.train:
        called = CALLED[relation.answer]
        return (
            f"no training question asks this, so that nothing teaches what to answer; answers are taken for {called}",
            [],
        )
    if not answers:
        return f"no training answer tells what answers are, they are taken for {CALLED[relation.answer]}", []
    kinds = Counter(kinds_of_answers(answers))
    others = [kind for kind, times in kinds.most_common() if times >= MINORITY * answers.total()]
    named = " or ".join(CALLED[kind] for kind in dict.fromkeys([relation.answer, *others]))
    return f"answers are {named}", [answer for answer, _ in answers.most_common(SHOWN)]
