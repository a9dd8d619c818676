import itertools
import json
from collections import Counter

import pytest

from closedbook.config import PeopleConfig
from closedbook.errors import UserError
from closedbook.facts import people_data
from closedbook.facts.built_in import built_in_corpus, generate_people, person_name, write_built_in
from closedbook.facts.corpus import read_directory, sha256
from closedbook.facts.titles import title


def test_names_are_distinct_far_into_the_list():
    numbers = [*range(60_000), *range(900_000, 930_000), *range(4_000_000, 4_010_000)]
    assert len({person_name(number, 0)[0] for number in numbers}) == len(numbers)


def test_surnames_belong_to_one_origin_and_lists_have_no_repeats():
    surnames = list(itertools.chain.from_iterable(names.split() for _, names in people_data.ORIGINS.values()))
    assert len(set(surnames)) == len(surnames)
    assert all(len(set(given.split())) == len(given.split()) for given, _ in people_data.ORIGINS.values())
    assert len(set(people_data.PLACES)) == len(people_data.PLACES)


def test_birth_places_are_skewed_like_the_real_data():
    places = Counter(person.attributes["birth_place"] for person in generate_people(PeopleConfig(count=20_000)))
    (_, most), *_ = places.most_common(1)
    assert 0.04 < most / 20_000 < 0.06
    assert len(places) == len(people_data.PLACES)


def test_biographies_have_the_form_of_the_corpus():
    for person in generate_people(PeopleConfig(count=500, biographies=2, permute=True)):
        assert len(person.biographies) == (0 if person.part == "unseen" else 2)
        for text in person.biographies:
            assert title(text) == person.name
            assert all(value in text for value in person.attributes.values())


def test_a_person_does_not_depend_on_the_count_but_on_the_seed():
    few = list(generate_people(PeopleConfig(count=20)))
    many = list(generate_people(PeopleConfig(count=12_000)))
    assert many[:20] == few
    assert list(generate_people(PeopleConfig(count=20, seed=1))) != few


def test_permuted_biographies_differ_in_order():
    person = next(generate_people(PeopleConfig(count=10, biographies=8, permute=True)))
    orders = {tuple(text.index(value) for value in person.attributes.values()) for text in person.biographies}
    assert len(orders) > 3


def test_parts_without_people_have_no_file(tmp_path):
    write_built_in(PeopleConfig(count=50, test=0.0, unseen=0.0), tmp_path / "d")
    assert not (tmp_path / "d" / "test.tsv").exists()
    assert read_directory(tmp_path / "d").test == ()
    with pytest.raises(UserError, match=r"leave dev\.tsv empty"):
        write_built_in(PeopleConfig(count=10, dev=0.0001), tmp_path / "e")
    assert not (tmp_path / "e").exists()


def test_templates_limit_the_wordings():
    texts = [p.biographies[0] for p in generate_people(PeopleConfig(count=300, templates=1)) if p.biographies]
    assert all("was born in" in text for text in texts)


def test_files_agree_with_each_other(tmp_path):
    rows = write_built_in(PeopleConfig(count=400), tmp_path / "d")
    corpus = read_directory(tmp_path / "d")
    assert rows["people.jsonl"] == 400
    assert (len(corpus.documents), len(corpus.train)) == (rows["corpus.txt"], rows["train.tsv"])
    assert rows["unseen.tsv"] > 0
    assert corpus.summary().questions_without_document == 0
    records = [json.loads(line) for line in (tmp_path / "d" / "people.jsonl").read_text().splitlines()]
    places = {record["name"]: record["birth_place"] for record in records}
    assert all(fact.answers == (places[fact.subject],) for fact in (*corpus.train, *corpus.dev))
    assert all(fact.answers == () for fact in corpus.test)
    unseen = {record["name"] for record in records if record["part"] == "unseen"}
    assert not unseen & set(corpus.by_subject)


def test_an_existing_directory_and_too_many_people_are_refused(tmp_path):
    with pytest.raises(UserError, match="exists already"):
        write_built_in(PeopleConfig(), tmp_path)
    with pytest.raises(UserError, match="distinct names"):
        write_built_in(PeopleConfig(count=10**9), tmp_path / "d")
    assert list(tmp_path.iterdir()) == []


def test_the_directory_brings_its_relations_and_name_lists(tmp_path):
    write_built_in(PeopleConfig(count=50), tmp_path / "d")
    corpus = read_directory(tmp_path / "d")
    (born,) = corpus.relations
    assert (born.name, born.label, born.subject, born.reversed) == (
        "born",
        "birthplace",
        "person",
        "Who was born in {}?",
    )
    assert "{} was born in which place?" in born.wordings
    assert set(corpus.name_lists) == set(people_data.ORIGINS)
    assert "Ashworth" in corpus.name_lists["british"][1]


def test_several_relations_are_asked_about_everyone(tmp_path):
    config = PeopleConfig(count=60, relations=tuple(people_data.RELATIONS))
    corpus = built_in_corpus(config)
    assert [r.name for r in corpus.relations] == list(people_data.RELATIONS)
    assert len({(r.train, r.dev) for r in corpus.relations}) == 1
    assert [r.forms for r in corpus.relations] == [
        (people_data.QUESTIONS[key],) for key in people_data.RELATIONS.values()
    ]
    assert [r.answer for r in corpus.relations] == ["phrase", "date", "phrase", "word", "phrase"]
    one = built_in_corpus(PeopleConfig(count=60))
    assert [f for f in corpus.train if f.relation == "born"][3].question == one.train[3].question
    assert corpus.documents == one.documents
    with pytest.raises(UserError, match=r"colour: no such relation; there are born"):
        write_built_in(PeopleConfig(count=60, relations=("colour",)), tmp_path / "d")


def test_a_directory_of_a_seed_stays_the_same(tmp_path):
    write_built_in(PeopleConfig(count=120), tmp_path / "d")
    hashes = {name: sha256(tmp_path / "d" / name)[:12] for name in ("corpus.txt", "train.tsv", "dev.tsv")}
    assert hashes == {"corpus.txt": "ce05d1c58b87", "train.tsv": "f173cd77468c", "dev.tsv": "195e18a8a0fe"}
