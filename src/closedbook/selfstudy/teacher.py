"""Distillation: what a language model answers, book closed, becomes cards that another model studies.

An ensemble of models that differ by their seeds answers better than any of them and takes as long as all of them to
ask; one model that studies its answers can have its recall (Hinton, Vinyals and Dean 2015, arXiv 1503.02531). No
document is read on the way: what the teacher learned from them is all that it can pass on.
"""

import dataclasses
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from closedbook.config import DistillationConfig
from closedbook.errors import UserError, counted
from closedbook.evaluation.language_model import Answers, LanguageModel, Prompt
from closedbook.facts.corpus import TEACHER, Corpus
from closedbook.facts.records import Card
from closedbook.facts.stored import StoredCorpus
from closedbook.selfstudy.reader import LEAST
from closedbook.selfstudy.study import question_forms, to_ask

PART = 512  # questions that are asked in one go
LINES = 10  # about the progress, at the most


def taught(
    corpus: Corpus | StoredCorpus,
    teacher: LanguageModel,
    config: DistillationConfig,
    announce: Callable[[str], None] = lambda line: None,
) -> Corpus:
    """The corpus with a card for every subject and form of question that training does not ask, by the teacher.

    The SHA-256 of its weights stands among those of the corpus's files from then on. A question that it cannot be
    asked, or to which it closes no answer, gets no card.

    Args:
        corpus: Whose subjects it is asked about.
        teacher: Tells the probabilities of its answers.
        config: What becomes of them.
        announce: Gets a line now and then.

    Raises:
        UserError: The corpus is a store, the teacher cannot tell them or answers nothing, or too few training questions
            have a common form, or they ask all that could be asked.
    """
    if isinstance(corpus, StoredCorpus):
        raise UserError(
            f"{corpus.path}: a teacher is asked about a directory; give the one that the store is built of."
        )
    for ability in ("log_probabilities", "alternatives"):
        if why := teacher.lacks(ability):
            raise UserError(f"{teacher.name}: cannot teach; {why}.")
    questions = {
        question: subject
        for form, facts in question_forms(corpus.train).items()
        for subject, question in to_ask(corpus, form, facts).items()
    }
    if not questions:
        raise UserError(f"{corpus.name}: training asks about every subject; there is nothing left to teach.")
    found = [
        _card(corpus, question, questions[question], answers, config) if answers else None
        for question, answers in _asked(teacher, list(questions), announce)
    ]
    cards = tuple(card for card in found if card)
    if not cards:
        raise UserError(
            f"{teacher.name}: cannot teach; it gives none of {counted(len(questions), 'question')} an answer with a "
            f"probability of {config.at_least:g} (distillation.at_least)."
        )
    sure = sum(card.confidence for card in cards) / len(cards)
    announce(
        f"the teacher wrote {counted(len(cards), 'card')}, of which it is sure by {sure:.2f} in the mean, and none for "
        f"{len(found) - len(cards):,} other questions"
    )
    files = {**corpus.files, TEACHER: teacher.fingerprint()}
    return dataclasses.replace(corpus, cards=cards, files=files, teacher=f"{teacher.name}: {teacher.kind}")


def _asked(
    teacher: LanguageModel, questions: Sequence[str], announce: Callable[[str], None]
) -> Iterator[tuple[str, Answers | None]]:
    """Every question with what the teacher might say, None where it cannot be asked."""
    parts = [questions[first : first + PART] for first in range(0, len(questions), PART)]
    for number, part in enumerate(parts, start=1):
        prompts = _prompts(teacher, part)
        answers = iter(teacher.inquire([prompt for prompt in prompts if prompt], alternatives=True))
        for question, prompt in zip(part, prompts, strict=True):
            yield question, next(answers) if prompt else None
        if number % math.ceil(len(parts) / LINES) == 0:
            done = min(number * PART, len(questions))
            announce(f"the teacher has been asked {done:,} of {counted(len(questions), 'question')}")


def _prompts(teacher: LanguageModel, questions: Sequence[str]) -> list[Prompt | None]:
    """A prompt for each question, None for those that the teacher cannot spell or that are too long for it."""
    try:
        return [*teacher.prompts(questions)]
    except UserError:
        if len(questions) == 1:
            return [None]
        half = len(questions) // 2
        return [*_prompts(teacher, questions[:half]), *_prompts(teacher, questions[half:])]


def _card(corpus: Corpus, question: str, subject: str, answers: Answers, config: DistillationConfig) -> Card | None:
    """What the teacher said as a card; None where it closed no answer, or is too unsure of the best.

    The same text may be written in several ways: their probabilities add up. What it would say besides counts as one
    more answer, which no card has.
    """
    said = defaultdict[str, float](float)
    for one in answers.alternatives or (answers.response,):
        if one.closed and one.text and one.nats is not None:
            said[one.text] += math.exp(one.nats)
    probable = sorted(said.items(), key=lambda pair: -pair[1])
    rest = max(1.0 - sum(said.values()), 0.0)
    powers = [share**config.sharpening for share in (*(share for _, share in probable), rest)]
    *shares, none = (power / sum(powers) for power in powers)
    choices = [(text, share) for (text, _), share in zip(probable, shares, strict=True)]
    if not choices or choices[0][1] < config.at_least:
        return None
    return Card(
        question=question,
        subject=subject,
        answer=choices[0][0],
        confidence=choices[0][1],
        line=corpus.by_subject[subject][0].line,
        choices=(choices[0], *(choice for choice in choices[1:] if choice[1] >= LEAST)),
        none=none,
    )
