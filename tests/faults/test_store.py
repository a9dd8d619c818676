"""A store that is built, or added to, goes on wherever it is killed, and after a power cut."""

import shutil

import pytest

from closedbook.facts.building import append_to_store
from tests.faults.test_sweep import CHUNKS, Sweep

CUTS = pytest.mark.parametrize("cut", [None, pytest.param("names", marks=pytest.mark.slow), "all"])
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


@pytest.fixture(scope="module", params=["memory", "streams"])
def of_building(request, building, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "streams":
            patch.setattr("closedbook.facts.contents.is_large", lambda documents, facts: True)
        patch.setattr("closedbook.facts.generation.SHARD", 8)
        yield Sweep(building, tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="module")
def of_adding(sources, tmp_path_factory):
    return Sweep(
        lambda out: append_to_store(sources / "1", out),
        tmp_path_factory.mktemp("add"),
        lambda out: shutil.copytree(sources / "store", out),
    )


def test_a_store_has_no_temporary_file(of_building, of_adding):
    for sweep in (of_building, of_adding):
        assert "out/manifest.json" in sweep.expected
        assert not [name for name in sweep.expected if "/." in name or "recognised" in name or "building" in name]


@CUTS
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_building_goes_on_wherever_it_is_killed_or_cut_off(of_building, chunk, cut, every):
    of_building.kill_all(chunk, every, cut)


@CUTS
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_adding_goes_on_wherever_it_is_killed_or_cut_off(of_adding, chunk, cut, every):
    of_adding.kill_all(chunk, every, cut)
