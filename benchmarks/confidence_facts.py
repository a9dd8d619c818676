"""The questions of the confidence benchmark: capital, currency and continent of every country that has all three.

python -m benchmarks.confidence_facts --out DIR

writes calibration.tsv (44 countries), facts.tsv (200) and all.tsv, a question and its answer a line.
"""

import argparse
import random
from pathlib import Path

from benchmarks.datasets import COUNTRY, countries
from closedbook.facts.forms import slot_of
from closedbook.files import new_directory

RELATIONS = ("capital", "currency", "continent")
CALIBRATION, SEED = 44, 7
Questions = dict[str, dict[str, tuple[str, str]]]


def questions() -> Questions:
    """Question and answer by country and relation, of the countries that have all of them."""
    data = countries()
    rows: Questions = {}
    for question, answer in [*data.train, *data.dev]:
        for relation in RELATIONS:
            if (name := slot_of(question, COUNTRY[relation].split("|")[0])) is not None:
                rows.setdefault(name, {})[relation] = (question, answer)
    return {name: row for name, row in rows.items() if len(row) == len(RELATIONS)}


def split(names: list[str]) -> tuple[set[str], set[str]]:
    """The countries to calibrate on, and those to report on."""
    shuffled = sorted(names)
    random.Random(SEED).shuffle(shuffled)
    return set(shuffled[:CALIBRATION]), set(shuffled[CALIBRATION:])


def lines(asked: Questions, names: set[str]) -> list[str]:
    """Relation by relation, the countries in their order."""
    return ["\t".join(asked[name][relation]) for relation in RELATIONS for name in asked if name in names]


def main() -> None:
    """Writes the three files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    asked = questions()
    calibration, facts = split(list(asked))
    with new_directory(options.out) as partial:
        for name, part in {"calibration": calibration, "facts": facts, "all": set(asked)}.items():
            text = "".join(f"{line}\n" for line in lines(asked, part))
            (partial / f"{name}.tsv").write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
