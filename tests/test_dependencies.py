"""No dependency without a reason, and none without a version that it was tested in."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
UNPINNED = {"lm-eval", "inspect_ai"}  # which ask for much that nothing else here needs


def named(requirements):
    return {re.match(r"[\w-]+", text)[0] for text in requirements} - {"closedbook"}


def test_each_dependency_has_its_reason():
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \| (\w+) \| (.+) \|$", page, re.MULTILINE)
    wanted = {(name, "core") for name in named(PROJECT["dependencies"])}
    wanted |= {(name, extra) for extra, some in PROJECT["optional-dependencies"].items() for name in named(some)}
    assert {(name, extra) for name, extra, _ in rows} == wanted
    assert len(rows) == len(wanted)


def test_each_has_a_version():
    pinned = set(re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE))
    names = named(
        [*PROJECT["dependencies"], *(one for some in PROJECT["optional-dependencies"].values() for one in some)]
    )
    assert {name.lower() for name in names - UNPINNED} <= {name.lower().replace("_", "-") for name in pinned} | {
        name.lower() for name in pinned
    }
