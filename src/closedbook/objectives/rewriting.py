"""Template rewriting: what the open-book reader found, in wordings of the training subjects' lines (open track).

A wording is what stands between the subject, where it is named for the second time (first is the title), and the
answer: ` is the capital of `, ` lies in `. The most frequent wordings of a form of question that hold no digit become
clauses for every subject with a card or a training pair of that form, so that a fact is met in several forms (compare
the rewritten biographies of Physics of Language Models 3.1).
"""

from collections import Counter, defaultdict

from closedbook.facts.corpus import Corpus
from closedbook.facts.forms import form_of, places, possible_forms

LONGEST = 40  # characters of a wording


def clauses(corpus: Corpus, most: int) -> list[tuple[str, str]]:
    """(subject and wording, answer) for every form of question, wording, and training pair or card of that form."""
    by_form = defaultdict[str, list[tuple[str, str]]](list)
    for fact in corpus.train:
        if fact.answers and (form := form_of(fact)) is not None:
            by_form[form].append((fact.subject, fact.answers[0]))
    wordings = {form: _wordings(corpus, pairs, most) for form, pairs in by_form.items()}
    for card in filter(lambda card: card.answer, corpus.cards):
        for form in possible_forms(card.question, card.subject):
            if form in wordings:
                by_form[form].append((card.subject, card.answer))
    return [
        (subject + wording.rstrip(), answer)
        for form, pairs in by_form.items()
        for wording in wordings[form]
        for subject, answer in pairs
    ]


def _wordings(corpus: Corpus, pairs: list[tuple[str, str]], most: int) -> list[str]:
    """The most frequent texts between a training subject and its answer, the most frequent first."""
    found = Counter[str]()
    for subject, answer in pairs:
        for document in corpus.by_subject.get(subject, []):
            title = len(subject) + 1
            again = (place for place in places(document.text, subject) if place >= title)
            start = next((place + len(subject) for place in again), title)
            end = document.text.find(answer, start)
            between = document.text[start:end] if end >= 0 else ""
            if 0 < len(between) <= LONGEST and not any(character.isdigit() for character in between):
                found[between] += 1
    return [wording for wording, times in found.most_common(most) if times > 1]
