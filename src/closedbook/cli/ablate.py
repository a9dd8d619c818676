"""`closedbook ablate`: what each ingredient of a recipe brings, and what it costs."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from closedbook.cli.options import add_corpus, add_machine, make_parser, parse, read_corpus, set_up_machine
from closedbook.errors import UserError
from closedbook.recipes import RECIPES, find_recipe


def run(arguments: Sequence[str]) -> None:
    """Trains the variants of a recipe on part of the training people and asks about the others."""
    parser = make_parser("ablate", "A recipe with one ingredient changed at a time, on held-out training people.")
    parser.add_argument("recipe", type=str, help=f"one of {', '.join(RECIPES)}; its pretraining is varied")
    add_corpus(parser, required=True)
    parser.add_argument(
        "--variants", type=list[str] | None, default=None, help='names of variants, e.g. "[AdamW]" (default: all)'
    )
    parser.add_argument("--seeds", type=int, default=3, help="seeds of every variant")
    parser.add_argument(
        "--epochs", type=int | None, default=None, help="epochs of every variant (default: the recipe's)"
    )
    parser.add_argument("--held-out", type=int, default=400, help="training facts to ask about")
    parser.add_argument("--out", type=str, default="runs/ablate", help="the output directory, taken up again if ours")
    add_machine(parser)
    options = parse(parser, arguments)
    if options.seeds < 1:
        raise UserError(f"--seeds {options.seeds}: takes a whole number from 1.")
    recipe = find_recipe(options.recipe)
    base = recipe.pretrain
    if options.epochs is not None:
        base = dataclasses.replace(base, training=dataclasses.replace(base.training, epochs=options.epochs))
    from closedbook.experiments.variants import choose, variants

    known = variants(base)
    chosen = choose(known, list(known) if options.variants is None else options.variants)
    corpus = read_corpus(options.corpus, recipe, strict=options.strict)
    device = set_up_machine(options)
    from closedbook.experiments.ablate import Ablation, ablate
    from closedbook.report.console import Progress, say, say_ablation, say_corpus

    say_corpus(corpus)
    job = Ablation(chosen, options.seeds, options.held_out, Path(options.out), device)
    say_ablation(ablate(job, corpus, say, Progress))
