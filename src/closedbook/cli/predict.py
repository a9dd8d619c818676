"""`closedbook predict`: one answer a line."""

from collections.abc import Sequence
from pathlib import Path

from closedbook.cli.examinee import MODEL_HELP, model_directory, open_examinee, threshold_of
from closedbook.cli.options import add_machine, make_parser, parse, set_up_machine
from closedbook.errors import UserError
from closedbook.facts.readers import read_facts


def run(arguments: Sequence[str]) -> None:
    """Writes the answers to a new file; questions need no gold answers."""
    parser = make_parser("predict", "Answer a file of questions, one answer a line; gold answers are not needed.")
    parser.add_argument("model", type=str, help=MODEL_HELP)
    parser.add_argument("--facts", type=str, required=True, help="questions (TSV or JSONL), answers ignored")
    parser.add_argument("--out", type=str, required=True, help="the file to write; must not exist")
    parser.add_argument(
        "--abstain", action="store_true", help='"I don\'t know" below the threshold that an audit saved'
    )
    parser.add_argument("--template", type=str | None, default=None, help="the prompt of an hf: model, with {}")
    add_machine(parser)
    options = parse(parser, arguments)
    out, path = Path(options.out), Path(options.facts)
    if out.exists():
        raise UserError(f"{out}: exists already; choose another --out or remove it.")
    facts = read_facts(path, answers_required=False)
    device = set_up_machine(options)
    from closedbook.audit.abstention import DONT_KNOW, answer_or_abstain
    from closedbook.runs import write_predictions

    threshold = threshold_of(options.model, options.template) if options.abstain else None
    if options.abstain and threshold is None:
        raise UserError(
            f"--abstain: {model_directory(options.model)} has no threshold; closedbook audit --calibration saves one."
        )
    examinee = open_examinee(
        options.model, device, options.template if threshold is None else threshold.template or None
    )
    questions = [fact.question for fact in facts]
    examinee.check(questions, [], str(path))
    replies = answer_or_abstain(examinee, questions, threshold)
    write_predictions(out, [DONT_KNOW if why else answer for answer, why in replies])
    if threshold is not None and (others := sum(not threshold.covers(question) for question in questions)):
        print(f"Careful: {others} questions are not like {threshold.form!r}, which the threshold is for.")
    abstained = sum(why is not None for _, why in replies)
    print(f"{len(replies)} answers in {out}" + (f", {abstained} of them {DONT_KNOW!r}" if options.abstain else ""))
