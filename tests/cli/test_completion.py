"""Completion, asked in the shells themselves."""

import shutil
import subprocess

import pytest

from closedbook import cli
from closedbook.cli.completion import SHELLS
from closedbook.experiments.registry import EXPERIMENTS
from tests.cli.test_commands import call, refused

IN_BASH = """
source {script}
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMPREPLY=()
_shtab_closedbook
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
IN_FISH = """
source {script}
complete -C '{words}'
"""


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    from closedbook.cli.completion import script

    directory = tmp_path_factory.mktemp("completion")
    for shell in SHELLS:
        (directory / shell).write_text(script([shell]), encoding="utf-8")
    return directory


def completed(shell, scripts, words):
    """What the shell offers for the last word."""
    if not shutil.which(shell):
        pytest.skip(f"needs {shell}")
    code = IN_BASH if shell == "bash" else IN_FISH
    words = words + "''" if shell == "bash" and words.endswith(" ") else words
    command = code.format(script=scripts / shell, words=words)
    done = subprocess.run([shell, "-c", command], capture_output=True, text=True, check=True)
    return {line.split("\t")[0] for line in done.stdout.splitlines()}


@pytest.mark.parametrize("shell", ["bash", "fish"])
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("closedbook tr", {"train", "trace"}),
        ("closedbook experiment ", set(EXPERIMENTS)),
        ("closedbook data sp", {"split"}),
        ("closedbook train standard_", {"standard_synthesizer"}),
        ("closedbook train standard --track ", {"trackio", "wandb", "tensorboard"}),
        ("closedbook train standard --training.opt", {"--training.optimizer"}),
        ("closedbook train standard --training.optimizer ", {"adamw", "muon"}),
        ("closedbook experiment compare --se", {"--seeds"}),
    ],
)
def test_words_are_completed(shell, words, offered, scripts):
    assert offered <= completed(shell, scripts, words)


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_paths_are_completed(shell, scripts, tmp_path):
    (tmp_path / "facts.tsv").touch()
    assert completed(shell, scripts, f"closedbook evaluate run --facts {tmp_path}/fa") == {f"{tmp_path}/facts.tsv"}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_knows_every_verb_and_its_shell_reads_it(shell, scripts):
    text = (scripts / shell).read_text(encoding="utf-8")
    assert all(verb in text for verb in cli.VERBS)
    if not shutil.which(shell):
        pytest.skip(f"needs {shell} to read it")
    subprocess.run([shell, "-n", str(scripts / shell)], check=True)


def test_the_command_prints_the_script_and_refuses_other_shells(scripts, capsys):
    assert (
        call(capsys, "--print-completion", "fish")[1].strip() == (scripts / "fish").read_text(encoding="utf-8").strip()
    )
    assert "takes one of bash, zsh, fish (did you mean 'fish'?)" in refused(capsys, "--print-completion", "fisch")
    assert "--print-completion: takes one of bash" in refused(capsys, "--print-completion")
