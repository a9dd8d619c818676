"""`closedbook recipes`: the named recipes."""

from collections.abc import Sequence

import yaml

from closedbook.cli.options import make_parser, parse
from closedbook.config import Stage, to_dict
from closedbook.errors import UserError, nearest
from closedbook.recipes import RECIPES, find_recipe

STAGES: tuple[Stage, ...] = ("pretrain", "finetune", "scratch")


def run(arguments: Sequence[str]) -> None:
    """Lists the recipes, one line each, or shows one in full as YAML."""
    parser = make_parser(
        "recipes", "List the named recipes, one line each, or show one in full (YAML, stage by stage)."
    )
    parser.add_argument("name", nargs="?", type=str, help="the recipe to show in full")
    parser.add_argument("stage", nargs="?", type=str, help="one of its stages alone, in the form that --config takes")
    options = parse(parser, arguments)
    if options.name is None:
        for name, make in RECIPES.items():
            print(f"{name:<22}{make().summary}")
        return
    recipe = find_recipe(options.name)
    if options.stage is not None:
        if options.stage not in STAGES:
            raise UserError(
                f"{options.stage}: no such stage{nearest(options.stage, STAGES)}; takes {', '.join(STAGES)}."
            )
        stage: Stage = options.stage
        values = to_dict(recipe.stage(stage))
        left_out = {"recipe", "stage"} | ({"reader"} if values["reader"] is None else set())
        settings = {key: value for key, value in values.items() if key not in left_out}
        print(yaml.safe_dump(settings, sort_keys=False), end="")
        return
    print(f"# {recipe.name}: {recipe.summary}")
    for note in recipe.inert:
        print(f"# without effect, as in the original: {note}")
    for stage in STAGES:
        print(yaml.safe_dump({stage: to_dict(recipe.stage(stage))}, sort_keys=False), end="")
