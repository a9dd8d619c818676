"""`closedbook ask`: one question, or a prompt that loops."""

import sys
from collections.abc import Sequence

from closedbook.cli.examinee import MODEL_HELP, open_examinee, threshold_of
from closedbook.cli.options import add_machine, make_parser, parse, set_up_machine
from closedbook.errors import UserError


def run(arguments: Sequence[str]) -> None:
    """Prints the answer to the question, or asks for questions until the input ends.

    With a threshold that an audit saved, an answer below it becomes "I don't know", and standard error says why.
    """
    parser = make_parser("ask", "Ask a model one question, or be prompted for questions until an empty line or Ctrl-D.")
    parser.add_argument("model", type=str, help=MODEL_HELP)
    parser.add_argument("question", nargs="?", type=str, help="for example 'Where was Ann Lee born?'")
    parser.add_argument("--always", action="store_true", help="answer also below the threshold that an audit saved")
    parser.add_argument("--template", type=str | None, default=None, help="the prompt of an hf: model, with {}")
    add_machine(parser)
    options = parse(parser, arguments)
    device = set_up_machine(options)
    from closedbook.audit.abstention import DONT_KNOW, answer_or_abstain

    threshold = None if options.always else threshold_of(options.model, options.template)
    template = options.template if threshold is None else threshold.template or None
    examinee = open_examinee(options.model, device, template)

    def reply(question: str) -> None:
        examinee.check([question], [], "the question")
        answer, why = answer_or_abstain(examinee, [question], threshold)[0]
        print(DONT_KNOW if why else answer, flush=True)
        if threshold is not None and not threshold.covers(question):
            print(f"(careful: the threshold is for questions like {threshold.form!r})", file=sys.stderr)
        if why:
            print(f"({why}; --always answers anyway)", file=sys.stderr)

    if options.question is not None:
        if not options.question.strip():
            raise UserError("The question is empty.")
        reply(options.question)
        return
    while question := _prompt():
        try:
            reply(question)
        except UserError as error:
            print(error, file=sys.stderr)


def _prompt() -> str:
    try:
        return input("question> " if sys.stdin.isatty() else "").strip()
    except EOFError:
        return ""
