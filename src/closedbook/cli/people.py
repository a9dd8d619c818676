"""`closedbook people`: write the built-in people."""

from collections.abc import Sequence
from pathlib import Path

from closedbook.cli.options import make_parser, parse
from closedbook.config import PeopleConfig
from closedbook.facts.people import write_people


def run(arguments: Sequence[str]) -> None:
    """Writes the corpus and its facts to a new directory."""
    parser = make_parser("people", "Write the built-in people: corpus.txt, train.tsv, dev.tsv, test.tsv, unseen.tsv, people.jsonl.")
    parser.add_class_arguments(PeopleConfig, "people", as_group=True)
    parser.add_argument("--out", type=str, required=True, help="the directory to write; must not exist")
    options = parse(parser, arguments)
    rows = write_people(options.people, Path(options.out))
    for name, count in rows.items():
        print(f"{count:>9,}  {Path(options.out) / name}")
