import os
import subprocess
import sys
from itertools import islice

import numpy as np
import pytest

from closedbook.facts.invented import (
    FROM_CORPUS,
    absent_from,
    blended,
    invent,
    recombined,
    spell,
    spelled,
    spelling_model,
)

ELEMENTS = "Hydrogen Helium Lithium Beryllium Boron Carbon Nitrogen Oxygen Fluorine Neon Sodium Magnesium Zinc".split()
COUNTRIES = ["New Zealand", "Bosnia and Herzegovina", "Isle of Man", "South Sudan", "Peru", "Chad", "United Kingdom"]


def generator():
    return np.random.default_rng(0)


@pytest.mark.parametrize(
    "subjects", [ELEMENTS, COUNTRIES, ["Anna Leeds", "Anders Diaz", "Andrea Ottman", "Hanna Leander"]]
)
def test_invented_subjects_are_new_and_in_no_document(subjects):
    texts = [f"{subject}. {subject} is there. Borogen is told of. " for subject in subjects]
    groups = invent(subjects, 5, absent_from(texts))
    assert set(groups) == {(FROM_CORPUS, "recombined"), (FROM_CORPUS, "spelled")}
    for names in groups.values():
        assert len(names) == len(set(names)) == 5
        assert not any(name.casefold() in text.casefold() for name in names for text in texts)


def test_parts_of_subjects_are_put_together_anew():
    words = [word for name in COUNTRIES if " " in name for word in name.split()]
    several = [name for name in islice(recombined(COUNTRIES, generator()), 50) if " " in name]
    assert several
    assert all(word in words for name in several for word in name.split())
    one = list(islice(recombined(ELEMENTS, generator()), 50))
    assert all(any(name.startswith(element[:2]) for element in ELEMENTS) for name in one)
    assert all(any(name.endswith(element[-2:]) for element in ELEMENTS) for name in one)


def test_spelled_subjects_have_the_shape_of_the_corpus():
    names = list(islice(spelled(COUNTRIES, generator()), 30))
    assert {len(name.split()) for name in names} == {1, 2, 3}
    assert all(name.split()[1] in ("and", "of") for name in names if len(name.split()) == 3)
    assert {"New", "Peru", "United"}.isdisjoint(name.split()[0] for name in names)
    assert spell(spelling_model(["ab"]), generator()) == "ab"


def test_where_nothing_can_be_invented_nothing_is():
    assert invent([], 5, lambda name: True) == {}
    assert invent(["Bo"], 5, lambda name: True) == {}
    assert invent(ELEMENTS, 5, lambda name: False) == {}


def test_name_lists_of_the_data_are_origins_of_their_own():
    lists = {"north": (["Ann", "Bo"], ["Lee", "Li"])}
    groups = invent(["Cy Diaz", "Di Otto"], 4, lambda name: True, lists=lists)
    assert set(groups["north", "recombined"]) == {"Ann Lee", "Ann Li", "Bo Lee", "Bo Li"}
    assert set(groups[FROM_CORPUS, "recombined"]) == {"Cy Otto", "Di Diaz"}


def test_draws_depend_on_the_seed_and_on_no_hash():
    code = (
        "from closedbook.facts.invented import invent\n"
        f"print(invent({COUNTRIES + ELEMENTS!r}, 6, lambda name: True, seed=SEED))"
    )

    def printed(seed, hashes):
        command = [sys.executable, "-c", code.replace("SEED", str(seed))]
        return subprocess.run(
            command, env={**os.environ, "PYTHONHASHSEED": hashes}, capture_output=True, check=True
        ).stdout

    assert printed(0, "1") == printed(0, "2") != printed(1, "1")


def test_lessons_invent_otherwise_than_tests_do():
    names = list(islice(blended(COUNTRIES, generator()), 400))
    known = {word for name in COUNTRIES for word in name.split()}
    assert {1, 2, 3} <= {len(name.split()) for name in names}
    changed = [word for name in names for word in name.split() if word not in known]
    assert len(set(changed)) > 200
    assert not any(word.islower() for word in changed)
    assert sum(name in COUNTRIES for name in names) < 40
    assert list(islice(blended([], generator()), 1)) == []
    assert all(islice(blended(["Bo"], generator()), 20))


def test_subjects_of_words_in_lower_case_are_blended_as_well():
    metals = ["tin", "lead", "iron", "zinc", "white gold"]
    new = {
        name for name in islice(blended([*metals, "Gold"], generator()), 200) if name not in metals and name.islower()
    }
    assert len(new) > 50


@pytest.mark.parametrize("pattern", ["Lake {}", "The {} Trust", "{} River", "University of {}"])
def test_subjects_that_share_all_words_but_one_are_invented_in_both_ways(pattern):
    words = "Anora Belisk Corvane Dunmoth Elgarth Fenwold Gralin Hostrel Ilvane Jorund Kestrin Lomond".split()
    found = invent([pattern.format(word) for word in words], 5, lambda name: True)
    assert {method: len(names) for (_, method), names in found.items()} == {"recombined": 5, "spelled": 5}
