"""The built-in people: a deterministic generator of synthetic biographies and of the facts asked about them.

Every draw is a hash of (seed, person), so person i is the same whatever the number of people, and writing a million of
them takes constant memory. Names are distinct because they number the combinations of an origin's given names, middle
names and surnames, walked in an order that visits each combination once. Birth places do not depend on the name: who
has not read the biography can only guess.
"""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import gcd
from pathlib import Path

import numpy as np

from closedbook.config import BUILT_IN, PeopleConfig
from closedbook.draws import derive, random_below, random_bits
from closedbook.errors import UserError, named
from closedbook.facts import people_data as data
from closedbook.facts.corpus import Corpus, read_directory
from closedbook.facts.known import shipped_relations
from closedbook.facts.relations import FILE as RELATIONS_FILE
from closedbook.facts.relations import Relation, write_relations
from closedbook.facts.stored import StoredCorpus, read, whole
from closedbook.files import new_directory, write_json

CHUNK = 10_000
PLACE_OFFSET = 5  # the r-th most frequent place, from 0, has weight 1 / (r + 5)
COMMON_NAMES = 1500  # people of an origin with at most one middle name or initial; later ones have both
INITIALS = "ABCDEFGHJKLMNPRSTVWZ"
SHARE_UNIT = 1_000_000
FILES = ("corpus.txt", "train.tsv", "dev.tsv", "test.tsv", "unseen.tsv", "people.jsonl")
FIRST_RELATION = ("born",)


@dataclass(frozen=True, kw_only=True)
class Person:
    """A synthetic person.

    Args:
        name: Distinct among all people.
        origin: Where the name comes from, a key of `people_data.ORIGINS`.
        attributes: Values by attribute; the living have no `death_place`.
        part: `train`, `dev` or `test` (asked about), `corpus` (read about only) or `unseen` (in no corpus).
        biographies: Texts as they stand in the corpus, each beginning with `name.`; none for the unseen.
    """

    name: str
    origin: str
    attributes: dict[str, str]
    part: str
    biographies: tuple[str, ...]


def generate_people(config: PeopleConfig) -> Iterator[Person]:
    """People 0, 1, 2, ... of the seed; person i does not depend on the count.

    Raises:
        UserError: There are not as many distinct names.
    """
    most = len(data.ORIGINS) * min(map(_names, data.ORIGINS))
    if config.count > most:
        raise UserError(f"count is {config.count:,}, but the name lists give {most:,} distinct names.")
    for first in range(0, config.count, CHUNK):
        yield from _chunk(config, np.arange(first, min(first + CHUNK, config.count), dtype=np.int64))


def _chunk(config: PeopleConfig, rows: np.ndarray) -> Iterator[Person]:
    def below(bound: int, draw: int) -> list[int]:
        return random_below(np.full_like(rows, bound), config.seed, 0, draw, rows).tolist()

    columns = {
        "birth_place": _places(config.seed, 1, rows),
        "birth_date": [
            f"{day + 1} {data.MONTHS[month]} {1850 + year}"
            for day, month, year in zip(below(28, 2), below(12, 3), below(150, 4), strict=True)
        ],
        "university": [data.UNIVERSITIES[index] for index in below(len(data.UNIVERSITIES), 5)],
        "field": [data.FIELDS[index] for index in below(len(data.FIELDS), 6)],
        "employer": [data.EMPLOYERS[index] for index in below(len(data.EMPLOYERS), 7)],
        "death_place": _places(config.seed, 8, rows),
    }
    dead, parts = below(10, 9), below(SHARE_UNIT, 10)
    for index, row in enumerate(rows.tolist()):
        attributes = {key: values[index] for key, values in columns.items()}
        if dead[index] >= 4:
            del attributes["death_place"]
        name, origin = person_name(row, config.seed)
        part = _part(config, parts[index])
        texts = (
            ()
            if part == "unseen"
            else tuple(_biography(config, name, attributes, row, number) for number in range(config.biographies))
        )
        yield Person(name=name, origin=origin, attributes=attributes, part=part, biographies=texts)


def attribute_bits(key: str, value: str) -> float:
    """-log2 of the probability with which the generator draws this value of the attribute."""
    if key in ("birth_place", "death_place"):
        weights = 1 / (np.arange(len(data.PLACES)) + PLACE_OFFSET)
        return float(-np.log2(weights[data.PLACES.index(value)] / weights.sum()))
    choices = {
        "birth_date": 28 * 12 * 150,
        "university": len(data.UNIVERSITIES),
        "field": len(data.FIELDS),
        "employer": len(data.EMPLOYERS),
    }
    return float(np.log2(choices[key]))


def _places(seed: int, draw: int, rows: np.ndarray) -> list[str]:
    weights = 1 / (np.arange(len(data.PLACES)) + PLACE_OFFSET)
    edges = np.floor(np.cumsum(weights) / weights.sum() * 2**32).astype(np.int64)
    chosen = np.searchsorted(edges[:-1], random_bits(seed, 0, draw, rows), side="right")
    return [data.PLACES[index] for index in chosen.tolist()]


def _part(config: PeopleConfig, draw: int) -> str:
    edge = 0.0
    for part in ("train", "dev", "test", "unseen"):
        edge += getattr(config, part)
        if draw < round(edge * SHARE_UNIT):
            return part
    return "corpus"


def _biography(config: PeopleConfig, name: str, attributes: dict[str, str], row: int, number: int) -> str:
    draws = random_bits(config.seed, 1 + number, row, np.arange(2 * len(data.TEMPLATES), dtype=np.int64)).tolist()
    last = name.rsplit(" ", 1)[-1]
    sentences = []
    for (key, templates), choice, place in zip(data.TEMPLATES.items(), draws[::2], draws[1::2], strict=True):
        if key in attributes:
            wording = templates[choice % min(config.templates, len(templates))]
            sentences.append((place, wording.format(name=name, last=last, value=attributes[key])))
    if config.permute:
        sentences.sort()
    return " ".join([f"{name}.", *(sentence for _, sentence in sentences)])


def _lists(origin: str) -> tuple[list[str], list[str]]:
    given, surnames = data.ORIGINS[origin]
    return given.split(), surnames.split()


def _names(origin: str) -> int:
    given, surnames = _lists(origin)
    pairs = len(given) * len(surnames)
    assert 2 * pairs >= COMMON_NAMES, "half of the common names are a given name and a surname"
    return COMMON_NAMES + pairs * (len(given) - 1) * len(INITIALS)


def person_name(person: int, seed: int) -> tuple[str, str]:
    """The name and the origin of a person; no two persons of a seed share a name.

    Origins take turns. Of an origin's first 1,500 people half have no middle name, a quarter an initial, a quarter a
    second given name; all later ones have both.
    """
    origin = list(data.ORIGINS)[person % len(data.ORIGINS)]
    given, surnames = _lists(origin)
    initials, seconds = len(INITIALS), len(given) - 1
    number = person // len(data.ORIGINS)
    turn = number % 4
    if number >= COMMON_NAMES:
        shape, index, middles = "both", number - COMMON_NAMES, initials * seconds
    elif turn < 2:
        shape, index, middles = "none", number // 4 * 2 + turn, 1
    else:
        shape, index, middles = ("initial", number // 4, initials) if turn == 2 else ("second", number // 4, seconds)
    size = len(given) * len(surnames) * middles
    index = _visit(index, size, derive(seed, person % len(data.ORIGINS), middles))
    index, first = divmod(index, len(given))
    middle, last = divmod(index, len(surnames))
    words = [given[first]]
    if shape in ("second", "both"):
        middle, offset = divmod(middle, seconds)
        words.append(given[(first + 1 + offset) % len(given)])
    if shape in ("initial", "both"):
        words.append(f"{INITIALS[middle]}.")
    return " ".join([*words, surnames[last]]), origin


def _visit(index: int, size: int, key: int) -> int:
    """The index-th stop of a walk through range(size) that visits each number once: an affine map modulo size."""
    stride = key % size | 1
    while gcd(stride, size) != 1:
        stride += 2
    return (index * stride + key // size) % size


def write_built_in(config: PeopleConfig, directory: Path) -> dict[str, int]:
    """Writes the people as a corpus directory.

    It holds corpus.txt, train.tsv, dev.tsv, test.tsv (questions only), unseen.tsv, relations.toml, names.json (the
    parts of names by origin) and people.jsonl (everything).

    Args:
        config: Which people, and which of `people_data.RELATIONS` are asked about everyone.
        directory: Must not exist; it appears when it is complete.

    Returns:
        Rows written, by file name, of the files with a row a document, question or person.

    Raises:
        UserError: A relation is unknown, or the directory exists or cannot be written.
    """
    relations = config.relations or FIRST_RELATION
    for name in relations:
        named(data.RELATIONS, name, "relation")
    with new_directory(directory) as partial, ExitStack() as stack:
        files = {
            name: stack.enter_context((partial / name).open("w", encoding="utf-8", newline="\n")) for name in FILES
        }
        rows = dict.fromkeys(FILES, 0)
        for person in generate_people(config):
            for name, lines in _lines(person, relations).items():
                files[name].writelines(line + "\n" for line in lines)
                rows[name] += len(lines)
        for name in [name for name, count in rows.items() if count == 0]:
            if name in ("corpus.txt", "train.tsv", "dev.tsv"):
                raise UserError(
                    f"{directory}: {config.count} people leave {name} empty; take more people or other shares."
                )
            files.pop(name).close()
            (partial / name).unlink()
            del rows[name]
        write_relations([_relation(name) for name in relations], partial / RELATIONS_FILE)
        write_json(partial / "names.json", {origin: _lists(origin) for origin in data.ORIGINS})
    return rows


def _relation(name: str) -> Relation:
    """A shipped relation as it is asked here; its other forms are other wordings."""
    fields = shipped_relations()[name]
    form = data.QUESTIONS[data.RELATIONS[name]]
    others = tuple(other for other in fields["forms"] if other != form)
    return Relation(**{**fields, "forms": (form,), "wordings": (*others, *fields["wordings"])})


def _lines(person: Person, relations: Sequence[str]) -> dict[str, Sequence[str]]:
    """What a person adds to every file."""
    lines: dict[str, Sequence[str]] = {"corpus.txt": person.biographies}
    if person.part != "corpus":
        asked = [data.RELATIONS[name] for name in relations]
        questions = [(data.QUESTIONS[key].format(person.name), person.attributes[key]) for key in asked]
        lines[f"{person.part}.tsv"] = [
            question if person.part == "test" else f"{question}\t{answer}" for question, answer in questions
        ]
    record = {"name": person.name, "origin": person.origin, "part": person.part, **person.attributes}
    lines["people.jsonl"] = [json.dumps(record, ensure_ascii=False)]
    return lines


def built_in_corpus(config: PeopleConfig, *, strict: bool = False) -> Corpus:
    """The built-in people as a corpus, by way of the files that `write_built_in` writes; see `read_directory`."""
    with tempfile.TemporaryDirectory(prefix="closedbook-") as directory:
        write_built_in(config, Path(directory) / "people")
        return read_directory(Path(directory) / "people", strict=strict)


def read_corpus(name: str | Path = BUILT_IN, *, built_in: PeopleConfig | None = None, strict: bool = False) -> Corpus:
    """A directory with documents, train and dev questions, a store of one, or the built-in corpus, in memory.

    Args:
        name: The directory or the store, or `BUILT_IN`.
        built_in: Which built-in corpus.
        strict: Whether training questions that have two different answers are refused.

    Raises:
        UserError: The directory is missing or malformed, or the store is too large for memory.
    """
    return whole(open_corpus(name, built_in=built_in, strict=strict))


def open_corpus(
    name: str | Path = BUILT_IN, *, built_in: PeopleConfig | None = None, strict: bool = False
) -> Corpus | StoredCorpus:
    """The same, a store that is too large for memory as what is read from it step by step."""
    if name == BUILT_IN:
        return built_in_corpus(built_in or PeopleConfig(), strict=strict)
    return read(Path(name), strict=strict)
