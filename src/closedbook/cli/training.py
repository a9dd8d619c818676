"""What `pretrain` and `finetune` share: a recipe, of which any field can be overridden, becomes a run."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from jsonargparse import ArgumentParser

from closedbook.cli.options import (
    add_corpus,
    add_machine,
    add_precision,
    make_parser,
    parse,
    read_corpus,
    set_up_machine,
)
from closedbook.config import (
    ModelConfig,
    ReaderConfig,
    Reading,
    RunConfig,
    SourceConfig,
    Stage,
    TokenizerConfig,
    TrainingConfig,
)
from closedbook.errors import UserError
from closedbook.recipes import RECIPES, find_recipe


def train_command(command: Literal["pretrain", "finetune"], arguments: Sequence[str]) -> None:
    """Trains one stage of a recipe; the recipe comes first, because it sets the other options' defaults."""
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in ("-h", "--help")):
        raise UserError(f"closedbook {command} takes a recipe first ({', '.join(RECIPES)}), then its options.")
    asks_help = arguments[0] in ("-h", "--help")
    recipe = find_recipe("default" if asks_help else arguments[0])
    stage: Stage = command
    if command == "finetune" and not any(argument.split("=")[0] == "--start" for argument in arguments):
        stage = "scratch"
    config = recipe.stage(stage)
    options = parse(_parser(command, config), arguments)
    if options.recipe != arguments[0]:
        raise UserError(f"The recipe is {arguments[0]} on the command line, but {options.recipe} in the file.")
    if stage == "scratch" and options.start is not None:
        raise UserError("--start belongs on the command line, because it decides which stage of the recipe is meant.")
    if options.precision is not None:
        options.training = dataclasses.replace(options.training, precision=options.precision)
    config = dataclasses.replace(
        config,
        reading=options.reading,
        tokenizer=options.tokenizer,
        model=options.model,
        mixture=tuple(options.mixture),
        training=options.training,
        reader=getattr(options, "reader", None),
    )
    corpus = read_corpus(options.corpus, recipe, strict=options.strict)
    device = set_up_machine(options)
    from closedbook.experiments.train import train_run
    from closedbook.report.console import Progress, say, say_corpus

    say_corpus(corpus)
    say_inert(recipe.inert)
    with Progress(f"{recipe.name} {stage}") as progress:
        out = train_run(
            config,
            corpus,
            Path(options.out),
            device=device,
            start=Path(options.start) if getattr(options, "start", None) else None,
            listeners=(progress,),
            announce=say,
        )
    say(f"run: {out}")


def say_inert(notes: Sequence[str]) -> None:
    """Says which settings are repeated from the original although they do nothing."""
    from closedbook.report.console import say

    for note in notes:
        say(f"without effect, as in the original: {note}")


def _parser(command: str, config: RunConfig) -> ArgumentParser:
    parser = make_parser(command, "Train one stage of a recipe. Any field can be overridden, here or in a YAML file.")
    parser.add_argument(
        "recipe", type=str, help=f"one of {', '.join(RECIPES)}; shown in full by closedbook recipes NAME"
    )
    parser.add_argument("--config", action="config", help="a YAML file with any of these options")
    add_corpus(parser, required=True)
    parser.add_argument("--out", type=str, required=True, help="the run directory to write; must not exist")
    if command == "finetune":
        parser.add_argument("--start", type=str | None, default=None, help="the pretrained run (default: a new model)")
    add_machine(parser)
    add_precision(parser)
    parser.add_argument("--reading", type=Reading, default=config.reading)
    parser.add_argument("--tokenizer", type=TokenizerConfig, default=config.tokenizer)
    parser.add_argument("--model", type=ModelConfig, default=config.model)
    parser.add_argument("--mixture", type=tuple[SourceConfig, ...], default=config.mixture)
    parser.add_argument("--training", type=TrainingConfig, default=config.training)
    if config.reader is not None:
        parser.add_argument("--reader", type=ReaderConfig, default=config.reader)
    return parser
