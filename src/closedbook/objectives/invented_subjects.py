"""Invented subjects: `question MASK no such subject MASK` about names that are in no document, drawn anew each pass."""

from collections import Counter
from collections.abc import Container, Sequence
from itertools import islice

import numpy as np
import torch

from closedbook import config
from closedbook.draws import derive, random_bits
from closedbook.facts.corpus import Corpus
from closedbook.facts.forms import SLOT, form_of
from closedbook.facts.invented import blended
from closedbook.facts.silence import NO_SUBJECT
from closedbook.facts.tokenizing import words_of
from closedbook.objectives.objective import Material, NothingToAsk
from closedbook.objectives.question_answering import pairs
from closedbook.objectives.segments import Segments

POOL, MOST = 16, 32_000  # names there are to draw from: passes' worth, and at the most (but one pass's worth)
TRIES = 4  # names that are made for one that is kept


class InventedSubjects:
    """A pass takes names from a pool many times its size; a form of question goes with each name."""

    def __init__(self, settings: config.InventedSubjects, material: Material, seed: int) -> None:
        corpus = material.corpus
        subjects = list(dict.fromkeys([*corpus.by_subject, *(fact.subject for fact in corpus.train if fact.subject)]))
        self._take = max(round(settings.rate * len(subjects)), 1)
        generator = np.random.default_rng(derive(seed))
        whole = material.whole
        pool = max(min(POOL * self._take, MOST), self._take) if whole is None else settings.repeats * self._take
        names = _names(corpus, subjects, pool, generator, whole.taken if whole else words_of(corpus.documents))
        if not names:
            raise NothingToAsk("The objective invented_subjects comes upon no name that is not the corpus's own.")
        prompts = _questions(corpus, names, generator)
        if settings.names:
            prompts += names
        store, self._names = material.store, len(names)
        said = store.add_texts([NO_SUBJECT] * len(prompts), f"{settings.name} answer")
        self._rows = pairs(store.add_texts(prompts, f"{settings.name} prompt"), said)
        self._seed, self.counts = seed, dict[str, int]()

    def __call__(self, number: int) -> Segments:
        """The examples of a pass."""
        rows_P = torch.arange(self._names, device=self._rows.start_RK.device)
        taken_R = random_bits(self._seed, number, 0, rows_P).argsort(stable=True)[: self._take]
        if len(self._rows) > self._names:
            taken_R = torch.cat([taken_R, taken_R + self._names])
        return self._rows.rows(taken_R)


def _names(
    corpus: Corpus, subjects: Sequence[str], count: int, generator: np.random.Generator, words: Container[str]
) -> list[str]:
    """Distinct names that are no subject, nor, if they are one word, a word of the documents; perhaps fewer."""
    known = {subject.casefold() for subject in subjects}
    taken: dict[str, None] = {}
    for name in islice(blended(subjects, generator, _alike(corpus)), TRIES * count):
        if len(taken) == count:
            break
        if name.casefold() not in known and name.casefold() not in words:
            taken[name] = None
    return list(taken)


def _alike(corpus: Corpus) -> list[list[str]]:
    """Subjects of which training, or the reader, gives the same answer: they share origins, families or kinds."""
    pairs = [(fact.answers[0], fact.subject) for fact in corpus.train if fact.answers]
    pairs += [(card.answer, card.subject) for card in corpus.cards]
    groups: dict[str, dict[str, None]] = {}
    for answer, subject in pairs:
        if answer and subject:
            groups.setdefault(answer, {})[subject] = None
    return [list(group) for group in groups.values()]


def _questions(corpus: Corpus, names: Sequence[str], generator: np.random.Generator) -> list[str]:
    """A question about each name, in a form of the training questions, as often as they have it.

    Raises:
        NothingToAsk: No training question names its subject.
    """
    forms = Counter(form for fact in corpus.train if (form := form_of(fact)) is not None)
    if not forms:
        raise NothingToAsk(
            "The objective invented_subjects needs training questions that name a subject of the corpus."
        )
    common = [(form, times) for form, times in forms.most_common() if times > 1] or list(forms.items())
    times_F = np.array([times for _, times in common], dtype=float)
    chosen = generator.choice(len(common), size=len(names), p=times_F / times_F.sum())
    return [common[form][0].replace(SLOT, name) for form, name in zip(chosen.tolist(), names, strict=True)]
