"""No bit of a run can change unnoticed, and nothing that a run directory claims makes `load` do something foolish."""

import json
import os
import random
import resource
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from closedbook.audit.abstention import Abstention, save, threshold_in
from closedbook.errors import UserError
from closedbook.manifest import Manifest, Part, add, read_manifest
from closedbook.run_directory import add_predictions
from closedbook.runs import load
from tests.faults.disk import in_a_fork
from tests.toys import resealed

BYTES = 200 * 2**20  # that refusing a run may take


@pytest.fixture
def damaged(run, tmp_path):
    """A copy of a run, with everything that is written into one later."""
    path = shutil.copytree(run.path, tmp_path / "run")
    save(threshold(), path / "abstention.json")
    add_predictions(path, "dev", ["Rome", "Oslo"])
    return path


def threshold(**fields) -> Abstention:
    chosen = {"threshold": 0.5, "target": 0.9, "delta": 0.05, "samples": 0, "calibration_facts": 9, "answered": 5}
    return Abstention(**{"signal": "margin", "wrong": 0, "bound": 0.1, **chosen, **fields})


def harm(path: Path, draw: random.Random) -> None:
    """Turns one bit of a file over, or cuts its end off."""
    data = bytearray(path.read_bytes())
    place = draw.randrange(len(data))
    if draw.random() < 0.7:
        data[place] ^= 1 << draw.randrange(8)
    else:
        del data[place:]
    path.write_bytes(data)


def is_noticed(path: Path, draws: range) -> None:
    files = sorted(file for file in path.rglob("*") if file.is_file())
    assert len(files) == 8
    assert load(path).path == path
    for seed in draws:
        draw = random.Random(seed)
        file = files[seed % len(files)]
        before = file.read_bytes()
        harm(file, draw)
        with pytest.raises(UserError) as error:
            load(path)
        assert str(error.value).startswith(f"{file}: damaged"), (seed, error.value)
        assert "\n" not in str(error.value)
        file.write_bytes(before)
    assert load(path).path == path


def test_no_bit_changes_unnoticed(damaged):
    is_noticed(damaged, range(100))


@pytest.mark.slow
def test_no_bit_changes_unnoticed_in_a_thousand_draws(damaged):
    is_noticed(damaged, range(100, 1100))


def test_what_was_added_may_be_removed_and_what_was_not_is_not_believed(damaged):
    (damaged / "abstention.json").unlink()
    shutil.rmtree(damaged / "predictions")
    assert threshold_in(damaged / "abstention.json", lambda: "") is None
    load(damaged)
    (damaged / "abstention.json").write_text(json.dumps({"signal": "margin"}), encoding="utf-8")
    with pytest.raises(UserError, match=r"abstention\.json: damaged"):
        threshold_in(damaged / "abstention.json", lambda: "")
    (damaged / "abstention.json").unlink()
    (damaged / "metrics.jsonl").unlink()
    with pytest.raises(UserError, match=r"metrics\.jsonl: missing"):
        load(damaged)


def test_a_threshold_that_a_killed_audit_was_writing_is_the_old_or_the_new(damaged, monkeypatch):
    """Between the two writings of the manifest either may stand there, and nothing else."""
    old, new = threshold(), threshold(threshold=0.7)
    text = {name: (damaged / name).read_text(encoding="utf-8") for name in ("manifest.json", "abstention.json")}
    save(new, damaged / "abstention.json")
    after = (damaged / "abstention.json").read_text(encoding="utf-8")
    before = read_manifest(damaged)
    both = (Part.of_text(text["abstention.json"]), Part.of_text(after))
    between = Manifest(before.parts, before.added | {"abstention.json": both})
    (damaged / "manifest.json").write_text(between.text(), encoding="utf-8")
    assert threshold_in(damaged / "abstention.json", lambda: "") == new
    (damaged / "abstention.json").write_text(text["abstention.json"], encoding="utf-8")
    assert threshold_in(damaged / "abstention.json", lambda: "") == old
    save(new, damaged / "abstention.json")
    assert len(read_manifest(damaged).added["abstention.json"]) == 1
    (damaged / "abstention.json").write_text(text["abstention.json"], encoding="utf-8")
    with pytest.raises(UserError, match=r"abstention\.json: damaged"):
        load(damaged)


def test_a_run_without_a_manifest_is_refused_with_what_to_do(damaged):
    (damaged / "manifest.json").unlink()
    with pytest.raises(UserError, match=r"has no manifest\.json, .* copy it again, or train it again\.$"):
        load(damaged)


def config(**changes):
    """Changes fields of `config.json`, `training__epochs` for the epochs."""

    def change(path):
        values = json.loads((path / "config.json").read_text(encoding="utf-8"))
        for name, value in changes.items():
            *sections, field = name.split("__")
            at = values
            for section in sections:
                at = at[section]
            at[field] = value
        (path / "config.json").write_text(json.dumps(values), encoding="utf-8")

    return change


def environment(**changes):
    def change(path):
        values = json.loads((path / "environment.json").read_text(encoding="utf-8"))
        (path / "environment.json").write_text(json.dumps(values | changes), encoding="utf-8")

    return change


def text(name, content):
    return lambda path: (path / name).write_text(content, encoding="utf-8")


def weights(change):
    def changed(path):
        tensors = load_file(path / "model.safetensors")
        save_file(change(tensors), path / "model.safetensors")

    return changed


def relabelled(tensors):
    first, second = "blocks.0.norm_1.weight", "blocks.1.norm_1.weight"
    return tensors | {first + "x": tensors[first], first: tensors[second].clone()}


def tokens(change):
    def changed(path):
        values = json.loads((path / "tokenizer.json").read_text(encoding="utf-8"))
        change(values)
        (path / "tokenizer.json").write_text(json.dumps(values), encoding="utf-8")

    return changed


def permuted(values):
    vocabulary = values["model"]["vocab"]
    first, second = [token for token in vocabulary if len(token) > 1][:2]
    vocabulary[first], vocabulary[second] = vocabulary[second], vocabulary[first]


def far(values):
    values["model"]["vocab"][max(values["model"]["vocab"], key=len)] = 10**9


def link(path):
    outside = path.parent / "config.json"
    (path / "config.json").replace(outside)
    (path / "config.json").symlink_to(outside)


def device(name):
    def change(path):
        (path / name).unlink()
        (path / name).symlink_to("/dev/zero")

    return change


def pipe(path):
    (path / "environment.json").unlink()
    os.mkfifo(path / "environment.json")


def sparse(name):
    def change(path):
        with (path / name).open("r+b") as file:
            file.truncate(2**40)

    return change


DEEP = "[" * 100_000 + "]" * 100_000
HOSTILE = {
    "a model of 4 TB": (config(model__layers=256, model__width=16384, model__heads=1), "does not fit config.json"),
    "many heads": (config(model__heads=10**12), "model.heads"),
    "a long block": (config(model__block=65536), "does not fit config.json"),
    "10^12 epochs": (config(training__epochs=10**12), "at most 1,000,000"),
    "10^30 steps": (config(training__least_steps=10**30), "least_steps"),
    "a mixture of numbers": (config(mixture=[3]), "config.json: damaged"),
    "a deep config": (text("config.json", DEEP), "config.json: damaged"),
    "a deep field": (text("config.json", '{"recipe": ' + DEEP + "}"), "config.json: damaged"),
    "no config": (text("config.json", "null"), "config.json: damaged"),
    "a deep environment": (text("environment.json", DEEP), "environment.json: damaged"),
    "a list for an environment": (text("environment.json", "[]"), "not a JSON object"),
    "parameters in words": (environment(parameters="many"), "environment.json: damaged (parameters"),
    "a corpus in words": (environment(corpus="mine"), "environment.json: damaged (corpus"),
    "files that are none": (environment(corpus={"files": {"a": 3}}), "environment.json: damaged (corpus"),
    "counts that are none": (environment(counts=[1]), "environment.json: damaged (counts"),
    "another attention": (environment(attention="dense_synthesizer"), "is of another model"),
    "other parameters": (environment(parameters=10**15), "is of another model"),
    "a deep tokenizer": (text("tokenizer.json", DEEP), "not a tokenizer of this project"),
    "an empty tokenizer": (text("tokenizer.json", "{}"), "not a tokenizer of this project"),
    "permuted tokens": (tokens(permuted), "do not stand in the order"),
    "a token far away": (tokens(far), "not numbered in a row"),
    "a normalizer": (tokens(lambda values: values.update(normalizer={"type": "Lowercase"})), "another way"),
    "padding": (tokens(lambda values: values["model"].update(dropout=0.5)), "splits text in another way"),
    "no weights": (text("model.safetensors", ""), "model.safetensors: damaged"),
    "weights of another kind": (weights(lambda tensors: {"x": torch.zeros(2)}), "does not fit config.json"),
    "weights in halves": (
        weights(lambda tensors: {name: tensor.half() for name, tensor in tensors.items()}),
        "does not fit config.json",
    ),
    "relabelled weights": (weights(relabelled), "does not fit config.json"),
    "weights that are none": (
        weights(lambda tensors: {name: tensor * float("nan") for name, tensor in tensors.items()}),
        "weights that are no numbers",
    ),
    "an infinite weight": (
        weights(lambda tensors: {name: tensor / (tensor != tensor.max()) for name, tensor in tensors.items()}),
        "weights that are no numbers",
    ),
    "a link that leads out": (link, "config.json: is a link that leads out"),
    "weights without end": (device("model.safetensors"), "model.safetensors: is no ordinary file"),
    "a config without end": (device("config.json"), "config.json: is no ordinary file"),
    "a pipe": (pipe, "environment.json: is no ordinary file"),
}


def refused_within_bounds(path, sentence):
    """Whether `load` refuses in a sentence, in 200 MB more than the process has."""

    def refuse():
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        with pytest.raises(UserError) as refused:
            load(path)
        said = str(refused.value)
        assert sentence in said, said
        assert str(path) in said, said
        assert len(said) < 1000, said
        assert "\n" not in said, said

    return in_a_fork(refuse) == 0


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_run_that_lies_is_refused_in_a_sentence(damaged, kind):
    change, sentence = HOSTILE[kind]
    change(damaged)
    before = read_manifest(damaged)
    if "ordinary" not in sentence and "leads out" not in sentence:
        resealed(damaged)
    assert before
    assert refused_within_bounds(damaged, sentence)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "metrics.jsonl"])
def test_a_file_of_a_terabyte_of_nothing_is_refused_unread(damaged, name):
    sparse(name)(damaged)
    assert refused_within_bounds(damaged, f"{name}: damaged, it ")


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        (DEEP, "damaged"),
        ("{}", "damaged"),
        (Manifest({"../../etc/passwd": Part(1, "a")}, {}).text(), "no file of the directory"),
        (Manifest({"/etc/passwd": Part(1, "a")}, {}).text(), "no file of the directory"),
        (Manifest({"x" * 5000: Part(1, "a")}, {}).text(), "no file of the directory"),
        (Manifest({"a": Part("many", "a")}, {}).text(), "damaged"),
        (Manifest({}, {"a": ()}).text(), "damaged"),
        (Manifest({}, {}).text(), "is not in manifest.json"),
    ],
)
def test_a_manifest_that_lies_is_refused(damaged, manifest, sentence):
    (damaged / "manifest.json").write_text(manifest, encoding="utf-8")
    assert refused_within_bounds(damaged, sentence)


def test_a_threshold_that_lies_is_refused(damaged):
    for content, sentence in (
        (DEEP, "damaged"),
        ("[]", "damaged"),
        (json.dumps({**json.loads((damaged / "abstention.json").read_text()), "samples": 10**9}), "at most 10,000"),
    ):
        add(damaged, "abstention.json", content)
        with pytest.raises(UserError, match=rf"abstention\.json: damaged .*{sentence}|abstention\.json: damaged"):
            threshold_in(damaged / "abstention.json", lambda: "")
