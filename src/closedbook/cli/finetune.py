"""`closedbook finetune`: teach a run, or a new model, the question form."""

from collections.abc import Sequence

from closedbook.cli.training import train_command


def run(arguments: Sequence[str]) -> None:
    """Trains the recipe's finetuning stage, or without --start its scratch stage."""
    train_command("finetune", arguments)
