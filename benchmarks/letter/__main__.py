"""The command: figures to a directory, the table of what is in them to the console."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import benchmarks.letter
from benchmarks.letter.figures import FIGURES, losses, synthesizers
from benchmarks.letter.measures import measure
from benchmarks.letter.table import table
from closedbook.drawing import to_svg
from closedbook.errors import UserError
from closedbook.facts.corpus import read_directory
from closedbook.facts.known import reference_figures
from closedbook.facts.text import text_lines
from closedbook.files import write_text
from closedbook.recipes import find_recipe


def write(directory: Path, out: Path, curves: Sequence[Path] = ()) -> str:
    """Draws the figures of a corpus's directory as SVG into another, and returns the table.

    The figures of the assignment are drawn beside the data that they belong to alone. Curves are `metrics.jsonl` of
    pretrainings by the recipe, each called after its attention class.

    Raises:
        UserError: The corpus cannot be read, or the file system refuses.
    """
    corpus = read_directory(directory)
    recipe = find_recipe("faithful")
    letter = measure(corpus, recipe)
    figures = {name: (title, draw(letter)) for name, (title, draw) in FIGURES.items()}
    if known := bool(reference_figures(corpus)):
        figures["letter-synthesizer"] = ("What others report of Synthesizers", synthesizers())
    if curves:
        lines = {path.name.split(".")[0]: [json.loads(line) for line in text_lines(path) if line] for path in curves}
        figures["letter-loss"] = (
            "The loss of pretraining to the letter",
            losses(lines, recipe.pretrain.training.epochs),
        )
    for name, (title, figure) in figures.items():
        write_text(out / f"{name}.svg", to_svg(figure, title) + "\n")
    return table(letter, reported=known)


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads, draws and prints."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.letter",
        description=benchmarks.letter.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--corpus", type=Path, required=True, help="a directory with documents, train and dev questions"
    )
    parser.add_argument("--out", type=Path, required=True, help="the directory that the figures are written into")
    parser.add_argument("--curves", type=Path, nargs="*", default=(), help="metrics.jsonl of pretrainings to draw")
    options = parser.parse_args(arguments)
    try:
        print(write(options.corpus, options.out, options.curves))
    except UserError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
