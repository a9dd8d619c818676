"""What is built: every file of the package is in wheel and sdist, and both say which commit they were built from."""

import importlib.util
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from closedbook import cli
from closedbook.version import commit

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "closedbook"
FILES = {
    path.relative_to(PACKAGE.parent).as_posix()
    for path in PACKAGE.rglob("*")
    if path.is_file() and path.suffix != ".pyc"
}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A directory with the sdist, and the wheel that was built from it."""
    if not importlib.util.find_spec("build") or not importlib.util.find_spec("setuptools"):
        pytest.skip("needs build and setuptools")
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def in_wheel(built):
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        yield wheel


@pytest.fixture(scope="module")
def in_sdist(built):
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        yield {member.name.partition("/")[2]: sdist.extractfile(member) for member in sdist if member.isfile()}


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(in_wheel):
    names = {name for name in in_wheel.namelist() if ".dist-info/" not in name}
    assert {Path(name).suffix for name in FILES} >= {".py", ".toml", ".j2", ".typed"}
    assert names - {"closedbook/commit.txt"} == FILES


def test_the_sdist_holds_what_a_wheel_is_built_from(in_sdist):
    named = {name.removeprefix("src/") for name in in_sdist if name.startswith("src/closedbook/")}
    assert named - {"closedbook/commit.txt"} == FILES
    assert {"pyproject.toml", "setup.py", "README.md", "LICENSE"} <= set(in_sdist)
    assert not [name for name in in_sdist if name.startswith(("tests/", "docs/", "records/"))]


def test_both_say_which_commit_they_were_built_from(in_wheel, in_sdist):
    if commit() is None:
        pytest.skip("needs git and a checkout")
    assert in_wheel.read("closedbook/commit.txt").decode().strip() == commit()
    assert in_sdist["src/closedbook/commit.txt"].read().decode().strip() == commit()


def installed(tmp_path, note):
    """The package as a wheel leaves it, outside of a checkout; what `--version` says there."""
    shutil.copytree(PACKAGE, tmp_path / "closedbook", ignore=shutil.ignore_patterns("__pycache__"))
    if note:
        (tmp_path / "closedbook" / "commit.txt").write_text(note)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from closedbook import cli; cli.main(['--version'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    return done.stdout


def test_an_installed_package_names_the_commit_of_its_wheel(tmp_path):
    assert re.fullmatch(r"closedbook \d+\.\d+\.\d+ \(commit 0123abc\)\n", installed(tmp_path, "0123abc\n"))


def test_without_git_and_without_a_note_the_commit_is_unknown(tmp_path):
    assert installed(tmp_path, None).endswith("(commit unknown)\n")


def test_a_checkout_asks_git(capsys):
    if commit() is None:
        pytest.skip("needs git and a checkout")
    asked = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
    cli.main(["--version"])
    short = capsys.readouterr().out.split("commit ")[1].rstrip(")\n").removesuffix("-dirty")
    assert asked.stdout.startswith(short.rsplit("-g")[-1])
