"""Facts of two relations, and responses of many kinds."""

import importlib.util
import random
import sys

import pytest

from closedbook.facts.records import Fact
from tests.hub.conftest import saved, taught, vocabulary  # noqa: F401

CAPITALS = {"Chad": "N'Djamena", "France": "Paris", "Haiti": "Port-au-Prince", "Antigua": "St. John's", "Peru": "Lima"}
SYMBOLS = {"Tin": ("Sn", "SN"), "Iron": ("Fe",), "Year": ("1,204",)}
PATTERNS = (
    "{}",
    "{}.",
    " {} ",
    "It is {}.",
    "The answer is {}, not {other}",
    "{} or {other}",
    "not {}",
    "I don't know",
)


@pytest.fixture(scope="session")
def facts():
    rows = [(f"What is the capital of {name}?", (city,), name, "capital") for name, city in CAPITALS.items()]
    rows += [(f"What is the symbol of {name}?", signs, name, "chemical symbol") for name, signs in SYMBOLS.items()]
    return [
        Fact(question=question, answers=answers, subject=subject, line=line, relation=relation, popularity=10.0 * line)
        for line, (question, answers, subject, relation) in enumerate(rows, 1)
    ]


def responses(facts, count):
    """Pairs of a fact and a response to it: right, wrong, both, in sentences, denied, empty, refusing."""
    draw = random.Random(0)
    every = [answer for fact in facts for answer in fact.answers]
    for _ in range(count):
        fact = draw.choice(facts)
        said = draw.choice(
            [*fact.answers, *fact.answers, *fact.answers, draw.choice(every), "", "Łódź", "I'm not sure", "1204", "n/a"]
        )
        text = draw.choice(PATTERNS).format(said, other=draw.choice(every))
        yield fact, draw.choice([text, text, text.upper(), text.lower(), text.replace("-", " "), f"{text}\nMore."])


def module_at(path):
    """The module in a file, as a harness imports it."""
    spec = importlib.util.spec_from_file_location(f"{path.parent.name}_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
