"""README and docs say what is there: commands parse, links and figures exist, the examples run."""

import contextlib
import dataclasses
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from torch.distributed.run import parse_args

import closedbook
from closedbook import cli, recipes
from closedbook.cli import options
from closedbook.cli import train as train_verb
from closedbook.experiments.registry import find_experiment
from closedbook.facts.cloze import read_wordings, templates_beside
from closedbook.facts.documents import read_sources
from closedbook.facts.readers import read_facts_file
from closedbook.facts.relations import parse_relations
from closedbook.presets import find_preset

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
SLURM = ROOT / "examples" / "many-devices.sbatch"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
INDEXED = [path for path in PAGES if path.parent.name == "docs" and path.name != "README.md"]
COMMENT = re.compile(r"\s+#.*")
SMALL = ["--model.layers", "1", "--model.heads", "4", "--model.width", "64", "--tokenizer.vocabulary_size", "300"]
SHORT = ["--training.batch_tokens", "512", "--training.least_steps", "150", "--training.precision", "fp32"]


def code_lines(text):
    """The lines of code blocks, fenced or indented, with continued lines joined."""
    lines, fenced = [], False
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            if lines and lines[-1].endswith("\\"):
                lines[-1] = lines[-1][:-1] + line.strip()
            else:
                lines.append(line.strip().removeprefix("$ "))
    return lines


def commands(word):
    """The commands in code blocks that begin with the word, by page."""
    return [
        pytest.param(COMMENT.sub("", line), id=f"{path.name}: {line[:70]}")
        for path in PAGES
        for line in code_lines(path.read_text(encoding="utf-8"))
        if line.split(" ")[0] == word
    ]


def mentions():
    """The commands that the text names in backticks."""
    found = {}
    for path in PAGES:
        for line in re.findall(r"`(closedbook [^`]+)`", path.read_text(encoding="utf-8")):
            found.setdefault(" ".join(line.split()), path.name)
    return [pytest.param(line, id=f"{page}: {line[:70]}") for line, page in found.items()]


class Parsed(BaseException):
    """The command line was read to its end; nothing was run."""


@pytest.fixture
def only_parsed(monkeypatch):
    """Verbs stop where their options have been read and checked."""
    real = options.parse_with_settings

    def parse_and_stop(command, cls, arguments, **rest):
        chosen, settings = real(command, cls, arguments, **rest)
        if recipe := getattr(chosen, "recipe", None):
            recipes.find_recipe(recipe)
        if preset := getattr(chosen, "preset", None):
            find_preset(preset)
        raise Parsed(settings)

    monkeypatch.setattr(options, "parse_with_settings", parse_and_stop)
    monkeypatch.setattr(train_verb, "parse_with_settings", parse_and_stop)


def under_torchrun():
    """The commands that torchrun is given, on the pages and in the example for Slurm."""
    script = "\n".join(code_lines(f"```\n{SLURM.read_text(encoding='utf-8')}```")).split("srun ")[1]
    return [*commands("torchrun"), pytest.param(script.replace("$SLURM_NNODES", "2"), id=SLURM.name)]


@pytest.mark.parametrize("line", under_torchrun())
def test_every_command_under_torchrun_parses(line, only_parsed):
    given = parse_args(shlex.split(line)[1:])
    assert (given.training_script, given.module) == ("closedbook", True)
    with pytest.raises(Parsed):
        cli.main(given.training_script_args)


def test_the_example_for_slurm_is_a_shell_script():
    subprocess.run(["bash", "-n", str(SLURM)], check=True)
    lines = SLURM.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "#!/bin/bash"
    settings = [line.removeprefix("#SBATCH --") for line in lines if line.startswith("#SBATCH ")]
    assert {"nodes=2", "ntasks-per-node=1", "gpus-per-node=4"} <= set(settings)  # one torchrun a machine


@pytest.mark.parametrize("line", commands("closedbook"))
def test_every_command_parses(line, only_parsed, capsys):
    words = shlex.split(line)[1:]
    if words[0] in ("experiment", "data") and len(words) == 1:
        return
    try:
        code = cli.main(words)
    except (Parsed, SystemExit):
        return
    captured = capsys.readouterr()
    shown_in_the_list_of_verbs = words[0] in cli.VERBS and len(words) == 1 and "must be given" in captured.err
    assert code == 0 or shown_in_the_list_of_verbs, captured.err


@pytest.mark.parametrize("line", mentions())
def test_every_command_in_the_text_exists(line, capsys):
    """Verbs and option names; the text leaves out what does not matter to it."""
    words = line.split()[1:]
    if words[0].startswith("--") or words[0] in ("VERB", "NAME"):
        return
    assert words[0] in cli.VERBS
    path = words[:1]
    if words[0] in ("data", "experiment") and len(words) > 1 and words[1].islower():
        path = words[:2]
        if words[0] == "experiment":
            find_experiment(words[1])
    with contextlib.suppress(SystemExit):
        cli.main([*path, "--help"])
    text = capsys.readouterr().out
    assert f"usage: closedbook {path[0]}" in text
    for word in re.findall(r"(?<![\w-])--[\w.-]+", line):
        assert word in text


@pytest.mark.parametrize("line", commands("make"))
def test_every_make_target_exists(line):
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert all(word in targets for word in line.split()[1:] if "=" not in word)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_and_figures_exist(path):
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        assert there.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.*)$", there.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}, target


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_files_and_records_that_the_text_names_exist(path):
    for name in re.findall(r"`((?:src|tests|docs|records|benchmarks|examples)/[\w./-]+)`", path.read_text("utf-8")):
        assert (ROOT / name).exists(), name


def test_what_a_page_names_of_a_file_is_defined_there():
    """`facts/readers.py: read_facts_file`, with the methods behind a full stop."""
    package = [path.as_posix() for path in (ROOT / "src" / "closedbook").rglob("*.py")]
    text = "".join(path.read_text(encoding="utf-8") for path in PAGES)
    named = re.findall(r"`([\w/]+\.py): ([\w.]+)", text)
    assert ("facts/documents.py", "read_sources") in named
    for name, function in named:
        texts = [Path(path).read_text(encoding="utf-8") for path in package if path.endswith(f"/{name}")]
        for part in function.split("."):
            assert any(re.search(rf"^ *(?:def|class) {part}\b", text, re.MULTILINE) for text in texts), (name, part)


def test_the_least_steps_are_those_of_the_recipes():
    text = (ROOT / "docs" / "concepts.md").read_text(encoding="utf-8")
    sentence = re.search(r"`training.least_steps` \(([^)]+)\)", text)
    assert sentence is not None
    told = {recipe: int(steps) for steps, recipe in re.findall(r"(\d+) in `(\w+)`", sentence[1])}
    assert told.keys() == {"default", "standard", "open"}
    assert told == {name: recipes.find_recipe(name).pretrain.training.least_steps for name in told}


def test_every_page_and_figure_is_reachable():
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert all(f"({path.name})" in index for path in INDEXED)
    text = "".join(path.read_text(encoding="utf-8") for path in PAGES)
    assert not [path.name for path in (ROOT / "docs" / "figures").iterdir() if path.name not in text]


def test_every_decision_is_in_the_index():
    directory = ROOT / "docs" / "decisions"
    index = (directory / "README.md").read_text(encoding="utf-8")
    assert all(f"({path.name})" in index for path in directory.glob("0*.md"))


def test_the_readme_is_short_and_has_one_table():
    text = README.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    assert text.count("<!-- table: course -->\n|") == 1
    assert len(re.findall(r"^\|(?:-+\|)+$", text, re.MULTILINE)) == 1


def test_the_readme_names_every_verb():
    lines = [COMMENT.sub("", line).split() for line in code_lines(README.read_text(encoding="utf-8"))]
    assert [words[1] for words in lines if words[:1] == ["closedbook"] and len(words) == 2] == cli.VERBS


def test_the_file_map_is_true():
    """Every name in it exists, and every room and top module of the package is in it."""
    block = README.read_text(encoding="utf-8").split("## What is where")[1].split("\n[")[0]
    named, base = set(), ROOT
    for line in (line for line in block.splitlines() if line.strip()):
        names = re.split(r"  +", line.strip())[0].split(", ")
        base = ROOT / "src" / "closedbook" if line.startswith("      ") else ROOT
        for name in names:
            assert (base / name).exists(), name
        named |= {name.rstrip("/") for name in names}
    package = ROOT / "src" / "closedbook"
    rooms = {path.name for path in package.iterdir() if path.suffix in ("", ".py") and path.name[0] not in "._"}
    assert rooms <= named


def six_lines(path):
    """The block that begins by making the directory `mine`."""
    lines = code_lines(path.read_text(encoding="utf-8"))
    start = next(index for index, line in enumerate(lines) if line == "mkdir -p mine")
    return lines[start : start + 6]


def test_the_six_lines_are_the_same_everywhere():
    pages = [path for path in PAGES if "mkdir -p mine" in path.read_text(encoding="utf-8")]
    assert README in pages
    assert len({tuple(six_lines(path)) for path in pages}) == 1


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The first lines of the six, run in a shell, in a directory that is now the current one."""
    monkeypatch.chdir(tmp_path)
    subprocess.run(["bash", "-ec", "\n".join(six_lines(README)[:4])], check=True)
    return tmp_path / "mine"


def test_the_six_lines_work(mine, capsys):
    """The model that they train, on a smaller scale, answers the question that no training question is about."""
    train, ask = (shlex.split(line)[1:] for line in six_lines(README)[4:])
    assert cli.main([*train, *SMALL, *SHORT, "--threads", "1"]) == 0
    capsys.readouterr()
    assert cli.main(ask) == 0
    assert capsys.readouterr().out == "Sn\n"


@pytest.mark.parametrize("page", ["README.md", pytest.param("docs/quickstart.md", marks=pytest.mark.slow)])
def test_the_python_runs(page, mine, monkeypatch, capsys):
    """As it stands, with a smaller recipe under the same name."""
    pretrain = recipes.standard().pretrain
    small = dataclasses.replace(
        pretrain,
        tokenizer=dataclasses.replace(pretrain.tokenizer, vocabulary_size=300),
        model=dataclasses.replace(pretrain.model, layers=1, heads=4, width=64),
        training=dataclasses.replace(pretrain.training, batch_tokens=512, least_steps=150, precision="fp32"),
    )
    recipe = dataclasses.replace(recipes.standard(), pretrain=small)
    monkeypatch.setitem(recipes.RECIPES, "standard", lambda: recipe)
    code = re.search(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    assert code is not None
    assert len([line for line in code[1].splitlines() if line]) <= 8 or page != "README.md"
    names = {}
    exec(compile(code[1], page, "exec"), names)  # our own text
    assert "Sn\n" in capsys.readouterr().out
    assert isinstance(names["run"], closedbook.Run)


def shown_files(text):
    """The fenced blocks of a page by the file that the paragraph before each names last."""
    for match in re.finditer(r"\n\n```\w*\n(.*?)```", text, re.DOTALL):
        paragraph = text[: match.start()].split("\n\n")[-1]
        if names := re.findall(r"`(\w+\.(?:tsv|csv|jsonl|toml|txt))`", paragraph):
            yield names[-1], match[1], paragraph


def test_the_data_formats_are_read_as_the_page_says(tmp_path):
    """Every file that `your-own-facts.md` shows, written and read, with the layout that stands beside it."""
    files = list(shown_files((ROOT / "docs" / "your-own-facts.md").read_text(encoding="utf-8")))
    assert len(files) == 11
    for name, body, _ in files:
        (tmp_path / name).write_text(body, encoding="utf-8")
    for name, body, paragraph in files:
        path = tmp_path / name
        if name == "relations.toml":
            assert list(parse_relations(body, name)) == ["symbol"]
        elif name == "pararel.jsonl":
            assert read_wordings(path) == ("{} is written ___.",)
        elif name == "relations.jsonl":
            assert templates_beside(tmp_path / "symbol.jsonl") == {"symbol": ("{} has the symbol ___.",)}
        elif name.startswith("corpus"):
            assert read_sources(path)[0].subject == "Tin"
        else:
            read = read_facts_file(path)
            assert read.facts[0].answers[0] == "Sn"
            if read_as := re.search(r"\(read\s+as\s+`([^`]+)`", paragraph):
                assert read.read_as.split(":")[0] == read_as[1]
