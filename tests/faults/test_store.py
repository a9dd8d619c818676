"""A store that is built, or added to, goes on wherever it is killed, and after a power cut."""

import shutil

import pytest

from closedbook.config import PeopleConfig, TokenizerConfig
from closedbook.facts.building import append_to_store, build_store
from closedbook.facts.built_in import write_built_in
from tests.faults.test_sweep import CHUNKS, Sweep

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
TOKENIZER = TokenizerConfig(vocabulary_size=258)


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Two corpora, and a store of the first."""
    root = tmp_path_factory.mktemp("sources")
    for seed in (0, 1):
        write_built_in(PeopleConfig(count=20, seed=seed, test=0.0, unseen=0.0), root / str(seed))
    build_store(root / "0", root / "store", TOKENIZER)
    return root


@pytest.fixture(scope="module", params=["memory", "streams"])
def of_building(request, sources, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "streams":
            patch.setattr("closedbook.facts.contents.is_large", lambda documents, facts: True)
        patch.setattr("closedbook.facts.generation.SHARD", 8)
        yield Sweep(lambda out: build_store(sources / "0", out, TOKENIZER), tmp_path_factory.mktemp("build"))


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


@pytest.mark.parametrize("cut", [None, "names", "all"])
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_building_goes_on_wherever_it_is_killed_or_cut_off(of_building, chunk, cut, every):
    of_building.kill_all(chunk, every, cut)


@pytest.mark.parametrize("cut", [None, "names", "all"])
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_adding_goes_on_wherever_it_is_killed_or_cut_off(of_adding, chunk, cut, every):
    of_adding.kill_all(chunk, every, cut)
