"""Killed before, and in the middle of, each single file operation, every command goes on and ends as if nothing was."""

from pathlib import Path

import pytest

from tests.faults.conftest import contents, goes_on
from tests.faults.disk import DIED, Disk, in_a_fork

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
CHUNKS = 6  # of a sweep, for processes to share out


class Sweep:
    """A command that was run to its end once, so that its operations and what it leaves are known.

    Args:
        command: Called with what it writes.
        root: Where it is run.
        prepare: Called with the same before, by nobody who is killed.
    """

    def __init__(self, command, root: Path, prepare=lambda out: None) -> None:
        self._command, self._root, self._prepare = command, root, prepare
        (root / "whole").mkdir()
        prepare(root / "whole" / "out")
        with Disk(root / "whole").attached() as disk:
            command(root / "whole" / "out")
        self.points, self.expected = len(disk.operations), contents(root / "whole")
        self.operations = disk.operations

    def kill(self, point: int, cut=None) -> None:
        """Kills it there, lets what a power cut leaves take the place of what is there if so asked, and goes on."""
        root = self._root / f"{point}{cut or ''}"
        root.mkdir()
        self._prepare(root / "out")

        def killed() -> None:
            def died(disk):
                disk.forgetful(root.with_name(root.name + ".after"), names=cut == "names")

            with Disk(root, point, died if cut else None).attached():
                self._command(root / "out")

        assert in_a_fork(killed) == DIED, f"point {point} was not reached"
        if cut:
            root = root.with_name(root.name + ".after")
        assert in_a_fork(lambda: goes_on(self._command, root, self.expected)) == 0, (
            f"refuses to go on at {point}: {self.operations[point]}"
        )
        assert contents(root) == self.expected, f"point {point}: {self.operations[point]}"

    def kill_all(self, chunk: int, every: int, cut=None) -> None:
        """Kills it at a chunk's share of every Nth point; each kind of cut has others."""
        first = {None: every // 2, "names": every // 3, "all": every // 6}[cut]
        points = range(first, self.points, every)
        assert points, "no point is tried"
        for point in points[chunk::CHUNKS]:
            self.kill(point, cut)


@pytest.fixture(scope="module")
def of_training(training, tmp_path_factory):
    return Sweep(training, tmp_path_factory.mktemp("train"))


@pytest.fixture(scope="module")
def of_reproduction(reproduction, tmp_path_factory):
    return Sweep(reproduction, tmp_path_factory.mktemp("reproduce"))


def test_a_training_leaves_a_run_and_nothing_else(of_training):
    assert {name for name in of_training.expected if "/" not in name} == {"out"}
    files = "config.json environment.json manifest.json metrics.jsonl model.safetensors recall.jsonl tokenizer.json"
    assert set(of_training.expected) == {"out", *(f"out/{name}" for name in files.split())}
    assert [line["step"] for line in of_training.expected["out/metrics.jsonl"]] == [1, 2, 3, 4]
    removed = [operation for operation in of_training.operations if operation.startswith("rmdir")]
    assert any("step-00000001" in operation for operation in removed)  # before the end: the oldest checkpoint goes


def test_a_reproduction_leaves_no_temporary_file(of_reproduction):
    names = set(of_reproduction.expected)
    assert {"out/report.json", "out/report.html", "out/trained.dev.predictions", "out/corpus/train.tsv"} < names
    assert not [name for name in names if Path(name).name.startswith(".") or name.endswith(".partial")]
    assert "out/runs/trained-seed-0-finetune/predictions/dev.txt" in names


@pytest.mark.parametrize("cut", [None, "names", "all"])
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_training_goes_on_wherever_it_is_killed_or_cut_off(of_training, chunk, cut, every):
    of_training.kill_all(chunk, every, cut)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_reproduction_goes_on_wherever_it_is_killed(of_reproduction, chunk, every):
    of_reproduction.kill_all(chunk, every)
