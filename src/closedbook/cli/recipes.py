"""`closedbook recipes`: the named recipes."""

from collections.abc import Sequence

import yaml

from closedbook.cli.options import make_parser, parse
from closedbook.config import to_dict
from closedbook.recipes import RECIPES, find_recipe


def run(arguments: Sequence[str]) -> None:
    """Lists the recipes, one line each, or shows one in full as YAML."""
    parser = make_parser(
        "recipes", "List the named recipes, one line each, or show one in full (YAML, stage by stage)."
    )
    parser.add_argument("name", nargs="?", type=str, help="the recipe to show in full")
    options = parse(parser, arguments)
    if options.name is None:
        for name, make in RECIPES.items():
            print(f"{name:<12}{make().summary}")
        return
    recipe = find_recipe(options.name)
    print(f"# {recipe.name}: {recipe.summary}")
    for note in recipe.inert:
        print(f"# without effect, as in the original: {note}")
    for stage in ("pretrain", "finetune", "scratch"):
        print(yaml.safe_dump({stage: to_dict(recipe.stage(stage))}, sort_keys=False), end="")
