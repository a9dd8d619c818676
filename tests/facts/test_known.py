import dataclasses

import pytest

from closedbook.facts import people_data
from closedbook.facts.known import known_as, reference_figures, shipped_relations, subject_of, usual_names


def test_the_courses_files_are_known_by_their_hashes(course, course_directory):
    known = {file.known_as for file in course.summary().files.values()}
    assert known == {
        f"CS224n 2021, {name}" for part in ("corpus", "train", "dev", "test") for name in usual_names(part)
    }
    assert known_as("0" * 64) is None


def test_figures_stand_beside_their_own_dev_file_alone(people):
    dev = "101a56073eba0db9aad5e2aaf1aa9bf8bdae966ae3aaed8fc8cda5edfa7856da"
    figures = reference_figures(dataclasses.replace(people, files={"any.tsv": dev}))
    assert figures["key_query_value"].assignment == pytest.approx(0.222)
    assert figures["synthesizer"].public_best == pytest.approx(0.172)
    assert figures["standard"].public_best == pytest.approx(0.404)
    shares = [value for figure in figures.values() for value in dataclasses.astuple(figure) if isinstance(value, float)]
    assert all(0 <= share < 1 for share in shares)
    assert reference_figures(people) == {}


def test_shipped_relations_are_those_of_the_built_in_data():
    relations = shipped_relations()
    assert set(people_data.RELATIONS) == set(relations)
    for name, attribute in people_data.RELATIONS.items():
        assert people_data.QUESTIONS[attribute] in relations[name]["forms"]
    assert subject_of("What is Ann Lee's place of birth?") == "Ann Lee"
    assert subject_of("Why is Ann Lee?") == ""
