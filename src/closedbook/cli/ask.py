"""`closedbook ask`: one question, or a prompt that loops."""

import sys
from collections.abc import Sequence

from closedbook.cli.options import add_machine, make_parser, parse, set_up_machine
from closedbook.errors import UserError


def run(arguments: Sequence[str]) -> None:
    """Prints the answer to the question, or asks for questions until the input ends."""
    parser = make_parser("ask", "Ask a run one question, or be prompted for questions until an empty line or Ctrl-D.")
    parser.add_argument("run", type=str, help="a run directory")
    parser.add_argument("question", nargs="?", type=str, help="for example 'Where was Ann Lee born?'")
    add_machine(parser)
    options = parse(parser, arguments)
    device = set_up_machine(options)
    from closedbook.runs import load

    loaded = load(options.run, device)
    if options.question is not None:
        if not options.question.strip():
            raise UserError("The question is empty.")
        print(loaded.ask(options.question))
        return
    while question := _prompt():
        try:
            print(loaded.ask(question))
        except UserError as error:
            print(error, file=sys.stderr)


def _prompt() -> str:
    try:
        return input("question> " if sys.stdin.isatty() else "").strip()
    except EOFError:
        return ""
