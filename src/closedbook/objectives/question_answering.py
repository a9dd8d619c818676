"""Question answering: `question MASK answer MASK`, loss on the first mask, the answer and the second mask."""

import zlib
from collections.abc import Sequence

import torch

from closedbook import config
from closedbook.draws import UNIT, random_bits
from closedbook.facts.records import Card
from closedbook.facts.silence import NOT_TOLD
from closedbook.objectives.objective import Fixed, Material
from closedbook.objectives.rewriting import clauses
from closedbook.objectives.segments import Segments, Spans, lay_out
from closedbook.objectives.store import add_questions

LEAST = 0.01  # probability of what is drawn
JOINING, BEGINNING = 0, 1  # the draws that say in which order questions join, and where those of a card begin
GOLDEN = (5**0.5 - 1) / 2  # between the draws of a card, pass by pass


def pairs(questions: Spans, answers: Spans) -> Segments:
    """One example for each pair of question and answer (CS224n 2021, assignment 5, part 2.d)."""
    return lay_out((questions, False), (questions.mask(), True), (answers, True), (questions.mask(), True))


class QuestionAnswering(Fixed):
    """The training facts; one that is longer than the block is an error."""

    def __init__(self, settings: config.QuestionAnswering, material: Material, seed: int) -> None:
        reading, facts = material.config.reading, material.corpus.train
        questions = add_questions(material.store, facts, block=material.block, reading=reading)
        dropped = sum(not (fact.question + fact.answers[0]).isascii() for fact in facts)
        counts = {"train_facts_made_ascii": dropped} if reading == "course" else {}
        super().__init__(pairs(questions.question, questions.answer), counts)
        self._settings, self._epochs = settings, material.config.training.epochs
        lines_R = torch.tensor([fact.line for fact in facts], dtype=torch.int64, device=material.device)
        self._joins_R = random_bits(material.config.training.seed, 0, JOINING, lines_R).double() / UNIT

    def __call__(self, number: int) -> Segments:
        """Those that have joined by then; which these are does not depend on what else is asked."""
        share = self._settings.share_joined(number // self._settings.repeats, self._epochs)
        examples = super().__call__(number)
        return examples if share == 1.0 else examples.rows(self._joins_R < share)


class StudyCards:
    """The cards that were written, each with its best answer, or with one drawn anew at each pass.

    The draws of a card are a point of the unit interval that moves on by the golden ratio, modulo 1, from a beginning
    of its own: after n passes each of its answers was studied n times its probability, off by O(log n) at most, where
    independent draws are off by O(sqrt(n)) (Kronecker's sequence; Niederreiter 1992, section 3.1).
    """

    def __init__(self, settings: config.StudyCards, material: Material, seed: int) -> None:
        choices = [(card, _choices(card, settings)) for card in material.corpus.cards]
        choices = [(card, of_it) for card, of_it in choices if of_it]
        rows = [(card.question, answer) for card, of_it in choices for answer, _ in of_it]
        self._rows, self.counts = _written(rows, settings.name, material), dict[str, int]()
        keys_C = torch.tensor([zlib.crc32(card.question.encode()) for card, _ in choices], dtype=torch.int64)
        bits_C = random_bits(material.config.training.seed, 0, BEGINNING, keys_C)  # the same in every window of a store
        self._begin_C = (bits_C.double() / UNIT).to(material.device)
        shares = [[share for _, share in of_it] for _, of_it in choices]
        counts_C = torch.tensor([len(row) for row in shares], dtype=torch.int64, device=material.device)
        self._first_C = counts_C.cumsum(0) - counts_C
        widest = max(map(len, shares), default=1)
        padded = [row + [0.0] * (widest - len(row)) for row in shares]
        padded_CK = torch.tensor(padded, dtype=torch.float64).reshape(len(shares), widest)
        self._edges_CK = (padded_CK.cumsum(1) / padded_CK.sum(1, keepdim=True)).to(material.device)

    def __call__(self, number: int) -> Segments:
        """An example of every card."""
        share_C = (self._begin_C + number * GOLDEN) % 1.0
        chosen_C = (self._edges_CK <= share_C[:, None]).sum(dim=1).clamp(max=self._edges_CK.shape[1] - 1)
        return self._rows.rows(self._first_C + chosen_C)


def _choices(card: Card, settings: config.StudyCards) -> tuple[tuple[str, float], ...]:
    """What a card may be studied with, with the probabilities of who wrote it."""
    drawn = settings.answers != "best" and card.choices
    choices = card.choices if drawn else ((card.answer, max(card.confidence, LEAST)),) if card.answer else ()
    if settings.answers == "drawn_or_none" and card.none >= LEAST:
        choices = (*choices, (NOT_TOLD, card.none))
    return choices


class Rewriting(Fixed):
    """What the reader found in wordings of the corpus."""

    def __init__(self, settings: config.Rewriting, material: Material, seed: int) -> None:
        super().__init__(_written(clauses(material.corpus, settings.forms), settings.name, material))


def _written(written: Sequence[tuple[str, str]], name: str, material: Material) -> Segments:
    """Prompts and answers that the machine wrote."""
    prompts = material.store.add_texts([prompt for prompt, _ in written], f"{name} prompt")
    return pairs(prompts, material.store.add_texts([answer for _, answer in written], f"{name} answer"))
