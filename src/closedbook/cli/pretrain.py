"""`closedbook pretrain`: train a model on a corpus, by a recipe."""

from collections.abc import Sequence

from closedbook.cli.training import train_command


def run(arguments: Sequence[str]) -> None:
    """Trains the recipe's pretraining stage."""
    train_command("pretrain", arguments)
