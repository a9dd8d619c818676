"""`closedbook predict`: one answer a line."""

from collections.abc import Sequence
from pathlib import Path

from closedbook.cli.options import add_machine, make_parser, parse, set_up_machine
from closedbook.errors import UserError
from closedbook.facts.readers import read_facts


def run(arguments: Sequence[str]) -> None:
    """Writes the answers to a new file; questions need no gold answers."""
    parser = make_parser("predict", "Answer a file of questions, one answer a line; gold answers are not needed.")
    parser.add_argument("run", type=str, help="a run directory")
    parser.add_argument("--facts", type=str, required=True, help="questions (TSV or JSONL), answers ignored")
    parser.add_argument("--out", type=str, required=True, help="the file to write; must not exist")
    add_machine(parser)
    options = parse(parser, arguments)
    out, path = Path(options.out), Path(options.facts)
    if out.exists():
        raise UserError(f"{out}: exists already; choose another --out or remove it.")
    facts = read_facts(path, answers_required=False)
    device = set_up_machine(options)
    from closedbook.runs import load, write_predictions

    answers = load(options.run, device).answer([fact.question for fact in facts], place=f"{path}, question")
    write_predictions(out, answers)
    print(f"{len(answers)} answers in {out}")
