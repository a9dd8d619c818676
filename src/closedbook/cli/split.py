"""`closedbook split`: hold training people out, to calibrate or to tune on."""

from collections.abc import Sequence
from pathlib import Path

from closedbook.cli.options import make_parser, parse
from closedbook.facts.splits import write_split


def run(arguments: Sequence[str]) -> None:
    """Writes a copy of a corpus directory in which some training facts stand in a calibration file instead."""
    parser = make_parser(
        "split", "Copy a corpus directory with some training facts held out, by person, in calibration.tsv."
    )
    parser.add_argument("--corpus", type=str, required=True, help="a directory with corpus.txt, train.tsv, dev.tsv")
    parser.add_argument("--held-out", type=int, default=400, help="training facts to hold out")
    parser.add_argument("--seed", type=int, default=0, help="of the choice")
    parser.add_argument("--out", type=str, required=True, help="the directory to write; must not exist")
    options = parse(parser, arguments)
    rows = write_split(Path(options.corpus), options.held_out, Path(options.out), options.seed)
    for name, count in rows.items():
        print(f"{count:>9,}  {Path(options.out) / name}")
