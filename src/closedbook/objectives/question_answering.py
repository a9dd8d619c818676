"""Question answering: `question MASK answer MASK`, loss on the first mask, the answer and the second mask."""

from collections.abc import Sequence

from closedbook import config
from closedbook.objectives.objective import Fixed, Material
from closedbook.objectives.rewriting import clauses
from closedbook.objectives.segments import Segments, Spans, lay_out
from closedbook.objectives.store import add_questions


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


class StudyCards(Fixed):
    """The cards that an open-book reader wrote."""

    def __init__(self, settings: config.StudyCards, material: Material, seed: int) -> None:
        cards = [(card.question, card.answer) for card in material.corpus.cards]
        super().__init__(_written(cards, settings.name, material))


class Rewriting(Fixed):
    """What the reader found in wordings of the corpus."""

    def __init__(self, settings: config.Rewriting, material: Material, seed: int) -> None:
        super().__init__(_written(clauses(material.corpus, settings.forms), settings.name, material))


def _written(written: Sequence[tuple[str, str]], name: str, material: Material) -> Segments:
    """Prompts and answers that the machine wrote."""
    prompts = material.store.add_texts([prompt for prompt, _ in written], f"{name} prompt")
    return pairs(prompts, material.store.add_texts([answer for _, answer in written], f"{name} answer"))
