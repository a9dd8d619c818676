"""`closedbook people`: write the built-in people."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from closedbook.cli.options import make_parser, parse
from closedbook.config import PeopleConfig
from closedbook.facts.people import write_people


def run(arguments: Sequence[str]) -> None:
    """Writes the corpus and its facts to a new directory."""
    parser = make_parser(
        "people", "Write the built-in people: corpus.txt, train.tsv, dev.tsv, test.tsv, unseen.tsv, people.jsonl."
    )
    parser.add_class_arguments(PeopleConfig)
    parser.add_argument("--out", type=str, required=True, help="the directory to write; must not exist")
    options = parse(parser, arguments)
    config = PeopleConfig(**{field.name: options[field.name] for field in dataclasses.fields(PeopleConfig)})
    rows = write_people(config, Path(options.out))
    for name, count in rows.items():
        print(f"{count:>9,}  {Path(options.out) / name}")
