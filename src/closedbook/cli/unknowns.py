"""`closedbook unknowns`: what finetuning on facts that the model does not know does to its answers."""

from collections.abc import Sequence
from pathlib import Path

from closedbook.cli.options import add_corpus, add_machine, make_parser, parse, read_corpus, set_up_machine
from closedbook.errors import UserError
from closedbook.recipes import RECIPES, find_recipe


def run(arguments: Sequence[str]) -> None:
    """Finetunes with and without facts that the pretrained model cannot complete, and compares made-up answers."""
    parser = make_parser(
        "unknowns", "Finetune with and without facts that the pretrained model does not know; compare made-up answers."
    )
    parser.add_argument(
        "recipe", nargs="?", type=str, default="default", help=f"one of {', '.join(RECIPES)} (default: default)"
    )
    add_corpus(parser, default="people")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of all draws and trainings")
    parser.add_argument("--epochs", type=int, default=10, help="epochs of finetuning")
    parser.add_argument("--out", type=str, default="runs/unknowns", help="the output directory, taken up again")
    add_machine(parser)
    options = parse(parser, arguments)
    for name in ("seeds", "epochs"):
        if options[name] < 1:
            raise UserError(f"--{name} {options[name]}: takes a whole number from 1.")
    recipe = find_recipe(options.recipe)
    corpus = read_corpus(options.corpus, recipe, strict=options.strict)
    device = set_up_machine(options)
    from closedbook.experiments.unknowns import Unknowns, measure_unknowns
    from closedbook.report.audit_console import say_unknowns
    from closedbook.report.console import Progress, say, say_corpus

    say_corpus(corpus)
    job = Unknowns(recipe, options.seeds, options.epochs, Path(options.out), device)
    say_unknowns(measure_unknowns(job, corpus, say, Progress))
    say(f"figures: {Path(options.out) / 'report.json'}")
