"""Template rewriting: what the open-book reader found, in the wordings of the training people's own lines (open track).

A wording is what stands between the subject and its answer where a line begins with both (`X was born in`, `X (born
in`). The most frequent wordings that hold no digit become clauses for every subject with a card or a training pair, so
that a fact is met in several forms (compare the rewritten biographies of Physics of Language Models 3.1).
"""

from collections import Counter

from closedbook.facts.corpus import Corpus

LONGEST = 40  # characters of a wording


def wordings(corpus: Corpus, most: int) -> list[str]:
    """The most frequent texts between a training subject and its answer, the most frequent first."""
    found = Counter[str]()
    for fact in corpus.train:
        for document in corpus.candidates(fact):
            start = document.text.find(fact.subject, len(fact.subject) + 1)
            start = start + len(fact.subject) if start >= 0 else len(fact.subject) + 1
            end = document.text.find(fact.answers[0], start)
            between = document.text[start:end] if end >= 0 else ""
            if 0 < len(between) <= LONGEST and not any(character.isdigit() for character in between):
                found[between] += 1
    return [wording for wording, times in found.most_common(most) if times > 1]


def clauses(corpus: Corpus, most: int) -> list[tuple[str, str]]:
    """(subject and wording, answer) for every wording and every training pair or card."""
    known = [(fact.subject, fact.answers[0]) for fact in corpus.train if fact.subject]
    known += [(card.subject, card.answer) for card in corpus.cards]
    return [(subject + wording.rstrip(), answer) for wording in wordings(corpus, most) for subject, answer in known]
