"""The files that forges, containers and citations read: valid, pinned, and of this version."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def tool(name, *arguments):
    """What a tool of the extra `check` says of a file; empty where all is well."""
    program = Path(sys.executable).with_name(name)
    if not program.exists():
        pytest.skip(f"needs {name} (pip install 'closedbook[check]')")
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    return done.stdout + done.stderr if done.returncode else ""


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_are_of_the_schema(path):
    assert not tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", path)


def test_the_citation_is_of_the_schema_and_of_this_version():
    path = ROOT / "CITATION.cff"
    assert not tool("check-jsonschema", "--builtin-schema", "vendor.citation-file-format", path)
    cited = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert (cited["version"], cited["license"]) == (PROJECT["version"], PROJECT["license"])


def test_the_dockerfile_is_read_without_complaint():
    assert not tool("hadolint", ROOT / "Dockerfile")


def test_the_dockerfile_copies_what_is_there_and_let_in():
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[0] == "!"}
    copied = re.findall(r"^COPY (?!--)(.*) \S+$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    names = {name for words in copied for name in words.split()}
    assert names == let_in
    assert all((ROOT / name).exists() for name in names)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_the_commit_of_a_release(path):
    used = re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line) for line in used)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_may_read_and_no_more_and_run_what_there_is(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    targets = re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for job in workflow["jobs"].values():
        for command in (step["run"] for step in job["steps"] if "run" in step):
            program, *words = command.split()
            assert (ROOT / program).exists() if "/" in program else program == "make" and words[0] in targets


def test_every_python_version_and_both_processors_are_tested():
    matrix = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]["test"]["strategy"]
    assert matrix["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert matrix["matrix"]["runner"] == ["ubuntu-24.04", "ubuntu-24.04-arm"]
    assert PROJECT["requires-python"] == ">=3.11"
