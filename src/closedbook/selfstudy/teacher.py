"""Distillation: what a language model answers, book closed, becomes cards that another model studies.

An ensemble of models that differ by their seeds answers better than any of them and takes as long as all of them to
ask; one model that studies its answers has its recall (Hinton, Vinyals and Dean 2015, arXiv 1503.02531). No document is
read on the way: what the teacher learned from them is all that it can pass on.
"""

import dataclasses
import math
from collections.abc import Callable

from closedbook.config import DistillationConfig
from closedbook.errors import UserError, counted
from closedbook.evaluation.language_model import Answers, LanguageModel
from closedbook.facts.corpus import TEACHER, Corpus
from closedbook.facts.forms import SLOT
from closedbook.facts.records import Card
from closedbook.facts.stored import StoredCorpus
from closedbook.selfstudy.reader import LEAST
from closedbook.selfstudy.study import question_forms, to_ask

PART = 512  # questions that are asked in one go


def taught(
    corpus: Corpus | StoredCorpus,
    teacher: LanguageModel,
    config: DistillationConfig,
    announce: Callable[[str], None] = lambda line: None,
) -> Corpus:
    """The corpus with a card for every subject and form of question that training does not ask, by the teacher.

    The SHA-256 of its weights stands among those of the corpus's files from then on.

    Args:
        corpus: Whose subjects it is asked about.
        teacher: Tells the probabilities of its answers.
        config: What becomes of them.
        announce: Gets a line now and then.

    Raises:
        UserError: The corpus is a store, the teacher cannot tell them or answers nothing, or too few training questions
            have a common form.
    """
    if isinstance(corpus, StoredCorpus):
        raise UserError(
            f"{corpus.path}: a teacher is asked about a directory; give the one that the store is built from."
        )
    for ability in ("log_probabilities", "alternatives"):
        if why := teacher.lacks(ability):
            raise UserError(f"{teacher.name}: cannot teach; {why}.")
    questions = {
        form.replace(SLOT, subject): subject
        for form, facts in question_forms(corpus.train).items()
        for subject in to_ask(corpus, form, facts)
    }
    prompts, told = teacher.prompts(list(questions)), list[Answers]()
    for first in range(0, len(prompts), PART):
        told += teacher.inquire(prompts[first : first + PART], alternatives=True)
        announce(f"the teacher has answered {len(told):,} of {counted(len(prompts), 'question')}")
    cards = [
        card
        for (question, subject), answers in zip(questions.items(), told, strict=True)
        if (card := _card(corpus, question, subject, answers, config)) and card.confidence >= config.at_least
    ]
    if not cards:
        raise UserError(f"{teacher.name}: cannot teach; it has an answer to none of {len(questions):,} questions.")
    files = {**corpus.files, TEACHER: teacher.fingerprint()}
    return dataclasses.replace(corpus, cards=tuple(cards), files=files)


def _card(corpus: Corpus, question: str, subject: str, answers: Answers, config: DistillationConfig) -> Card | None:
    """What the teacher said as a card; None where it closed no answer."""
    said = {one.text: math.exp(one.nats or 0.0) for one in (answers.response, *answers.alternatives) if one.closed}
    probable = sorted(((text, share) for text, share in said.items() if text), key=lambda pair: -pair[1])
    if not probable:
        return None
    rest = max(1.0 - sum(share for _, share in probable), 0.0)
    powers = [share**config.sharpening for share in (*(share for _, share in probable), rest)]
    *shares, none = (power / sum(powers) for power in powers)
    choices = [(text, share) for (text, _), share in zip(probable, shares, strict=True)]
    return Card(
        question=question,
        subject=subject,
        answer=choices[0][0],
        confidence=shares[0],
        line=corpus.by_subject[subject][0].line,
        choices=tuple(choice for choice in choices if choice[1] >= LEAST) or (choices[0],),
        none=none,
    )
