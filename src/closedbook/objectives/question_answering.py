"""Question answering: `question MASK answer MASK`, loss on the first mask, the answer and the second mask."""

from closedbook.objectives.pieces import Pieces, Spans, lay_out


def question_answering(questions: Spans, answers: Spans) -> Pieces:
    """One example for each pair of question and answer (CS224n 2021, assignment 5, part 2.d)."""
    return lay_out((questions, False), (questions.mask(), True), (answers, True), (questions.mask(), True))
