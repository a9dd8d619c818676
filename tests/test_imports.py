"""Imports run along the house and never back; the package is quick to import."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import closedbook

SOURCE = Path(closedbook.__file__).parent
# Every room may import itself, what stands before it on this line, and nothing after it.
HOUSE = [
    "errors visible draws config files locks manifest drawing version torchrun",
    "facts",
    "objectives model",
    "training",
    "evaluation selfstudy",
    "cluster machine recipes presets run_directory runs attention_lab",
    "trace",
    "audit",
    "experiments",
    "report",
    "hub",
    "interchange",
    "serve",
    "api",
    "cli",
]
RANK = {room: rank for rank, rooms in enumerate(HOUSE) for room in rooms.split()}
FORBIDDEN = {
    ("model", "objectives"),
    ("objectives", "model"),
    ("evaluation", "training"),
    ("report", "training"),
    ("trace", "training"),
}
FORBIDDEN |= {
    ("audit", "training"),
    ("facts", "torch"),
    ("config", "torch"),
    ("recipes", "torch"),
}
OF_THE_BUILT_IN_DATA = {"facts/built_in.py", "facts/people_data.py"}
ITS_NAME = {"config/data.py"}  # where the built-in data set is called by its name


@pytest.mark.parametrize("path", sorted([*SOURCE.rglob("*.py"), *SOURCE.rglob("*.j2")]), ids=lambda path: path.stem)
def test_no_room_knows_of_one_relation(path):
    inside = str(path.relative_to(SOURCE))
    if inside in OF_THE_BUILT_IN_DATA:
        return
    text = path.read_text(encoding="utf-8")
    if inside in ITS_NAME:
        text = text.replace('BUILT_IN = "people"', "")
    assert not re.findall(r"(?i)\bborn\b|birth|\bpersons?\b|\bpeople\b", text)


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_run_one_way(path):
    room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    if room in ("__init__", "__main__"):
        return
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "closedbook":
            assert (room, parts[0]) not in FORBIDDEN, f"{path.name} imports {name}"
        elif len(parts) > 1 and parts[1] in RANK:
            assert RANK[parts[1]] <= RANK[room], f"{room} imports {parts[1]}, which stands behind it"
            assert (room, parts[1]) not in FORBIDDEN, f"{room} must not know {parts[1]}"


def test_ray_is_imported_by_its_adapters_alone():
    users = {
        path.relative_to(SOURCE)
        for path in SOURCE.rglob("*.py")
        for name in imports(path)
        if name.split(".")[0] == "ray"
    }
    assert users == {Path("cluster/on_ray.py"), Path("cluster/halving.py")}


def test_every_room_stands_in_the_house():
    rooms = {path.name.removesuffix(".py") for path in SOURCE.iterdir() if path.suffix in ("", ".py")}
    assert rooms - {"__init__", "__main__", "__pycache__"} == set(RANK)


@pytest.mark.parametrize("module", ["closedbook", "closedbook.cli", "closedbook.recipes", "closedbook.facts.built_in"])
def test_torch_is_not_imported_before_it_is_needed(module):
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_one_process_alone_needs_nothing_of_several():
    code = "import sys, closedbook.experiments.train; sys.exit('closedbook.training.process_group' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize(("given", "taken"), [({}, "256"), ({"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "8"}, "8")])
def test_few_compiled_kernels_are_kept_unless_the_user_says_otherwise(given, taken):
    code = "import os, closedbook; print(os.environ['ONEDNN_PRIMITIVE_CACHE_CAPACITY'])"
    own = {name: value for name, value in os.environ.items() if name != "ONEDNN_PRIMITIVE_CACHE_CAPACITY"}
    done = subprocess.run([sys.executable, "-c", code], env=own | given, capture_output=True, text=True)
    assert done.stdout.strip() == taken


def test_what_is_exported_can_be_had():
    for name in closedbook.__all__:
        assert getattr(closedbook, name) is not None
    assert closedbook.__version__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = closedbook.nothing
