"""`closedbook attribute`: where the knowledge comes from."""

from collections.abc import Sequence
from pathlib import Path

from closedbook.cli.options import add_corpus, add_machine, make_parser, parse, read_corpus, set_up_machine
from closedbook.errors import UserError
from closedbook.recipes import RECIPES, find_recipe


def run(arguments: Sequence[str]) -> None:
    """Pretrains without the lines of half the people asked about, and compares recall on both halves."""
    parser = make_parser(
        "attribute", "Leave the lines of a random half of the people out of pretraining, and compare recall on both."
    )
    parser.add_argument(
        "recipe", nargs="?", type=str, default="default", help=f"one of {', '.join(RECIPES)} (default: default)"
    )
    add_corpus(parser, default="people")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of split and training")
    parser.add_argument(
        "--out", type=str, default="runs/attribute", help="the output directory, taken up again if ours"
    )
    add_machine(parser)
    options = parse(parser, arguments)
    if options.seeds < 1:
        raise UserError(f"--seeds {options.seeds}: takes a whole number from 1.")
    recipe = find_recipe(options.recipe)
    corpus = read_corpus(options.corpus, recipe, strict=options.strict)
    device = set_up_machine(options)
    from closedbook.experiments.attribute import Attribution, attribute
    from closedbook.report.audit_console import say_attribution
    from closedbook.report.console import Progress, say, say_corpus

    say_corpus(corpus)
    say_attribution(attribute(Attribution(recipe, options.seeds, Path(options.out), device), corpus, say, Progress))
    say(f"figures: {Path(options.out) / 'attribution.json'}")
