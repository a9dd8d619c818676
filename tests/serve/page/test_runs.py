import json

import pytest

from closedbook.locks import locked
from closedbook.serve.page.runs import MOST_POINTS
from closedbook.serve.state import Shown
from tests.audit.conftest import Parrot
from tests.serve.conftest import running
from tests.serve.page.conftest import opened
from tests.serve.test_service import is_problem

NASTY = "<img src=x onerror=alert(1)>"


def lines(path, figure, values, **more):
    """A curve, a figure a step."""
    rows = [{"step": step, figure: value, **more} for step, value in enumerate(values, 1)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def trained(folder, name, losses, **settings):
    """A run that is finished, as far as it is listed."""
    directory = folder / name
    directory.mkdir(parents=True)
    config = {"recipe": "standard", "stage": "pretrain", "training": {"seed": 0, **settings}}
    (directory / "config.json").write_text(json.dumps(config))
    (directory / "environment.json").write_text(json.dumps({"steps": len(losses), "corpus": {"name": "metals"}}))
    (directory / "model.safetensors").write_bytes(b"")
    lines(directory / "metrics.jsonl", "loss", losses)
    lines(directory / "recall.jsonl", "recall", [0.0, 0.5])


def training(folder, name, losses):
    """One that is not finished; the directory that its process keeps others out of."""
    directory = folder / f"{name}.partial"
    directory.mkdir()
    (directory / "identity.json").write_text(json.dumps({"config": {"recipe": "standard", "training": {"seed": 7}}}))
    lines(directory / "metrics.jsonl", "loss", losses, steps=10, seconds=6.0)
    return directory


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "runs"
    trained(folder, "first", [3.0, 2.0, 1.0], batch=1)
    trained(folder, "deep/second", [3.0, 0.5], batch=2)
    return folder


@pytest.fixture
def listing(folder):
    """A client of a service of that folder."""
    with running({"m": Parrot()}, shown=Shown(runs=folder)) as client:
        yield client


def test_runs_are_listed_and_compared(listing, folder):
    with locked(training(folder, "third", [4.0, 3.5])):
        told = listing.get("/page/runs").json()
        states = {run["name"]: run["state"] for run in told["runs"]}
        assert states == {"deep/second": "finished", "first": "finished", "third": "running"}
        assert (told["folder"], told["following"]) == ("runs", True)
        third = listing.get("/page/runs/compared", params={"name": "third"}).json()["curves"][0]
        assert (third["loss"], third["recall"], third["steps"]) == ([[1, 4.0], [2, 3.5]], [], 10)
    assert listing.get("/page/runs").json()["following"] is False
    told = listing.get("/page/runs/compared", params={"name": ["first", "deep/second"]}).json()
    assert [curve["loss"] for curve in told["curves"]] == [[[1, 3.0], [2, 2.0], [3, 1.0]], [[1, 3.0], [2, 0.5]]]
    assert [curve["recall"] for curve in told["curves"]] == [[[1, 0.0], [2, 0.5]]] * 2
    assert {row["name"]: row["values"] for row in told["settings"]} == {"training.batch": [1, 2]}
    assert {row["name"]: row["values"] for row in told["figures"]}["loss"] == [1.0, 0.5]


def test_shares_that_differ_are_written_as_in_the_list(chromium, listing, folder):
    lines(folder / "first" / "recall.jsonl", "recall", [0.0, 0.9265])
    with opened(chromium, listing.url, "/runs?name=first&name=deep/second") as tab:
        tab.get_by_text("Figures that differ").wait_for()
        assert "probed\t92.7 %\t50.0 %" in tab.inner_text("#differences")


def test_curves_of_any_kind_are_read(listing, folder):
    path = folder / "first" / "metrics.jsonl"
    lines(path, "loss", range(5000))
    with path.open("a") as file:
        file.write('[]\n{"step": 1}\n{"step": 5001, "loss": "high"}\n{"step": 5002, "loss": NaN}\n{"step": 50')
    (told,) = listing.get("/page/runs/compared", params={"name": "first"}).json()["curves"]
    assert len(told["loss"]) <= MOST_POINTS + 1
    assert (told["loss"][0], told["loss"][-1]) == ([1, 0], [5000, 4999])
    (folder / "first" / "config.json").write_text('{"training": {"rate": NaN}}')
    assert [run["loss"] for run in listing.get("/page/runs").json()["runs"]] == [0.5, "nan"]
    told = listing.get("/page/runs/compared", params={"name": ["first", "deep/second"]}).json()
    assert {row["name"]: row["values"] for row in told["settings"]}["training.rate"] == ["nan", None]


def test_only_runs_of_the_folder_are_read(listing, folder):
    trained(folder.parent, "outside", [1.0])
    for name in ("../outside", "/etc", "outside", "firs", ""):
        is_problem(listing.get("/page/runs/compared", params={"name": name}), 404)
    assert "did you mean 'first'" in listing.get("/page/runs/compared", params={"name": "firs"}).json()["detail"]
    is_problem(listing.get("/page/runs/compared"), 422)
    is_problem(listing.get("/page/runs/compared", params={"name": ["first"] * 3}), 422)
    with running({"m": Parrot()}) as client:
        assert "--runs" in is_problem(client.get("/page/runs"), 422)


def test_two_runs_are_compared_with_the_keyboard(chromium, listing):
    with opened(chromium, listing.url, "/runs") as tab:
        tab.get_by_role("checkbox", name="first").press("Space")
        tab.get_by_role("img", name="loss against training step, at the end first: 1").wait_for()
        assert "Choose a second run" in tab.inner_text("#differences")
        tab.get_by_role("checkbox", name="deep/second").press("Space")
        tab.get_by_role("img", name="first: 1; deep/second: 0.5").wait_for()
        tab.get_by_role("img", name="recall against training step, at the end first: 50.0 %").wait_for()
        assert "training.batch\t1\t2" in tab.inner_text("#differences")
        assert tab.evaluate("document.activeElement.dataset.run") == "deep/second"
        tab.reload()
        tab.get_by_role("img", name="first: 1; deep/second: 0.5").wait_for()
        tab.get_by_label("Show those with").fill("second")
        tab.get_by_text("1 shown").wait_for()


@pytest.mark.parametrize(
    ("losses", "figures"),
    [
        ([3.0, 2.0, 1.6], ["1.5", "2", "2.5", "3"]),
        ([9.0, 7.5], ["5", "6", "7", "8", "9"]),
        ([30.0, 9.0], ["10", "20"]),
        ([3.0, 0.05], ["0.1", "1"]),
        ([0.005, 0.003], ["0.003", "0.004", "0.005"]),
    ],
)
def test_a_curve_within_a_decade_has_figures_at_its_axis(chromium, listing, folder, losses, figures):
    lines(folder / "first" / "metrics.jsonl", "loss", losses)
    with opened(chromium, listing.url, "/runs?name=first") as tab:
        tab.get_by_role("img", name="loss against training step").wait_for()
        assert tab.locator("#loss svg text[text-anchor=end]").all_text_contents() == figures


def test_a_training_that_goes_on_is_followed(chromium, listing, folder):
    partial = training(folder, NASTY, [4.0])
    with locked(partial), opened(chromium, listing.url, "/runs") as tab:
        tab.get_by_text("1 going on").wait_for()
        tab.get_by_role("checkbox", name=NASTY).check()
        tab.get_by_role("img", name=f"{NASTY}: 4").wait_for()
        assert "running 10 %, 54 s left" in tab.inner_text("#runs")
        lines(partial / "metrics.jsonl", "loss", [4.0, 3.0, 2.5], steps=10, seconds=6.0)
        tab.get_by_role("img", name=f"{NASTY}: 2.5").wait_for()
        assert "running 30 %, 14 s left" in tab.inner_text("#runs")
        assert tab.locator("img").count() == 0


def test_a_folder_without_runs_and_none_at_all(chromium, tmp_path):
    with running({"m": Parrot()}) as client, opened(chromium, client.url, "/runs") as tab:
        tab.get_by_text("start the service with --runs DIR").wait_for()
    with running({"m": Parrot()}, shown=Shown(runs=tmp_path)) as client, opened(chromium, client.url, "/runs") as tab:
        tab.get_by_text("There is none.").wait_for()
