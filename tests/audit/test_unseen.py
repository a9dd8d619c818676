from itertools import islice

import numpy as np
import pytest

from closedbook.audit.names import FROM_CORPUS, invent, recombined, spell, spelled, spelling_model
from closedbook.audit.signals import ask
from closedbook.audit.unseen import agreement, by_origin, unseen
from closedbook.facts.people_data import ORIGINS
from tests.audit.test_abstention import abstention


def test_names_are_invented_by_origin_and_none_is_taken():
    seen = ["Ann Lee", "Bo Diaz", "Cy Moore", "Plato"]
    taken = {"Ann Diaz"}
    found = invent(seen, 5, lambda name: name not in seen and name not in taken)
    assert {origin for origin, _ in found} == {*ORIGINS, FROM_CORPUS}
    for (origin, method), names in found.items():
        assert len(set(names)) == len(names) <= 5
        assert not set(names) & {*seen, *taken}
        if origin != FROM_CORPUS:
            assert len(names) == 5, (origin, method)
    assert set(found[FROM_CORPUS, "recombined"]) <= {"Ann Moore", "Bo Lee", "Bo Moore", "Cy Lee", "Cy Diaz"}


def test_invention_is_repeatable():
    assert invent([], 3, lambda name: True, seed=1) == invent([], 3, lambda name: True, seed=1)
    assert invent([], 3, lambda name: True, seed=1) != invent([], 3, lambda name: True, seed=2)
    assert invent([], 0, lambda name: True) == {}


def test_spelled_names_are_new_words_of_familiar_letters():
    given, surnames = (words.split() for words in ORIGINS["polish"])
    for name in islice(spelled(given, surnames, np.random.default_rng(0)), 50):
        first, last = name.split()
        assert first not in given
        assert last not in surnames
        assert set(first) <= set("".join(given))


def test_a_model_of_one_word_spells_it():
    assert spell(spelling_model(["Rome"]), np.random.default_rng(0)) == "Rome"
    assert next(recombined(["Ann"], ["Lee"], np.random.default_rng(0))) == "Ann Lee"


def test_agreement_with_neighbours_beyond_chance():
    generator = np.random.default_rng(3)
    place = generator.integers(5, size=80)
    found = agreement(place[:, None] == place[None, :])
    assert found["share"] == 1.0
    assert found["chance"] == pytest.approx(0.2, abs=0.05)
    assert found["p_value"] < 0.01


def test_no_agreement_has_a_large_p_value():
    generator = np.random.default_rng(4)
    p_values = [agreement(generator.random((30, 30)) < 0.2, seed=draw)["p_value"] for draw in range(20)]
    assert 0.2 < np.mean(p_values) < 0.8


def test_answers_by_origin():
    found = by_origin(["a"] * 20 + ["b"] * 20, ["Rome"] * 20 + ["Bern"] * 20)
    assert found["counts"] == [[20, 0, 0], [0, 20, 0]]
    assert found["cramers_v"] == pytest.approx(1.0)
    assert found["cramers_v_shuffled"] < 0.4
    assert found["p_value"] < 0.01
    assert by_origin(["a", "b"], ["Rome", "Rome"])["p_value"] is None


def test_names_are_invented_from_the_seen_ones_in_their_order(examinee, corpus, monkeypatch):
    given = []
    monkeypatch.setattr("closedbook.audit.unseen.invent", lambda seen, *rest, **more: given.extend(seen) or {})
    evidence = ask(examinee, corpus.train[:2], exact=True, samples=1)
    assert unseen(examinee, "Where was {} born?", evidence, corpus.train, corpus) is None
    assert given == list(dict.fromkeys([*(fact.subject for fact in corpus.train), *corpus.by_subject]))


def test_unseen_names_of_a_run(examinee, corpus):
    evidence = ask(examinee, corpus.train, exact=True, samples=3)
    people = list(corpus.dev[:4])
    found = unseen(
        examinee,
        "Where was {} born?",
        evidence,
        [*corpus.train, *corpus.dev],
        corpus,
        people=people,
        count=2,
        abstention=abstention(threshold=0.99),
    )
    assert found["names"] == sum(row["names"] for row in found["groups"]) >= 2 * len(ORIGINS) * 2
    assert 0 <= found["given_above_threshold"] <= found["answered"] <= 1
    assert found["people"]["people"] == 4
    assert 0 <= found["people"]["neighbours"]["edit_distance"]["share"] <= 1
    assert sum(found["confidence"]["unseen"]) == pytest.approx(1)
    assert found["seen_against_unseen"]["sequence_probability"]["value"] > 0.5  # it has learned the seen ones
    for what in ("edit_distance", "representation"):
        assert 0 <= found["neighbours"][what]["share"] <= 1
        assert len(found["neighbours"][what]["examples"][0]["nearest"]) == 3
