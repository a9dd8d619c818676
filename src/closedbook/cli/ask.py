"""`closedbook ask`: one question, or a prompt that loops."""

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from closedbook.cli.shared import WithModel
from closedbook.config.validation import POSITIONAL
from closedbook.errors import UserError
from closedbook.facts.text import MOST_CHARACTERS
from closedbook.visible import in_a_sentence, visible

EXAMPLE = "closedbook ask runs/mine 'What is the symbol of Tin?'"


@dataclass(frozen=True, kw_only=True)
class Options(WithModel):
    """Ask a model one question, or be prompted for questions until the input ends or, on a terminal, a line is empty.

    Args:
        question: What to ask.
        always: Answer also below the threshold that an audit saved.
    """

    question: Annotated[str | None, POSITIONAL] = None
    always: bool = False


def run(options: Options) -> None:
    """Prints the answer to the question, or asks for questions until the input ends.

    With a threshold that an audit saved, an answer below it becomes "I don't know", and standard error says why.
    """
    if options.question is not None and not options.question.strip():
        raise UserError("The question is empty.")
    from closedbook.audit.replies import answered_otherwise, reply_to
    from closedbook.evaluation.ensemble import Ensemble

    threshold = None if options.always else options.threshold()
    model = options.open(threshold)
    if isinstance(model, Ensemble) and model.note:
        print(f"(careful: this is {model.kind})", file=sys.stderr)

    def say_reply(question: str) -> None:
        if len(question) > MOST_CHARACTERS:
            raise UserError(
                f"A question of {len(question):,} characters; no model takes more than {MOST_CHARACTERS:,}."
            )
        reply = reply_to(model, [question], threshold)[0]
        print(visible(reply.text), flush=True)
        if not reply.text.strip():
            print("(the answer of the model is empty)", file=sys.stderr)
        if threshold is not None and not reply.covered:
            forms = in_a_sentence(" or ".join(threshold.forms))
            print(f"(careful: the threshold is for questions like {forms})", file=sys.stderr)
        if reply.why_not:
            hint = "" if reply.taught else "; --always answers anyway"
            print(f"({in_a_sentence(reply.why_not)}{hint})", file=sys.stderr)
        if other := answered_otherwise(model, reply, threshold):
            print(f"({in_a_sentence(other.question)} {in_a_sentence(other.text)})", file=sys.stderr)

    if options.question is not None:
        say_reply(options.question)
        return
    for question in _questions():
        try:
            say_reply(question)
        except UserError as error:
            print(in_a_sentence(str(error)), file=sys.stderr)


def _questions() -> Iterator[str]:
    """The lines of the input up to its end, or on a terminal up to an empty one."""
    typed = sys.stdin.isatty()
    with contextlib.suppress(EOFError):
        while (question := input("question> " if typed else "").strip()) or not typed:
            if question:
                yield question
