"""Names, facts, answers, models and files that would steer a terminal are shown by every command, and not obeyed."""

import os
import re
import subprocess
import sys

import pytest

from closedbook import cli
from closedbook.report.console import Counter, Progress
from tests.hub import endpoint_server

ESCAPE = "\x1b]0;owned\x07\x1b[31m\x9b5m\u202e[red]:wave:$x_"
SHOWN = r"\x1b]0;owned\x07\x1b[31m\x9b5m\u202e[red]:wave:$x_"
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def plain(printed):
    """What was printed, if it steers nothing."""
    assert not STEERING.search(printed)
    assert "Traceback" not in printed
    return printed


@pytest.fixture
def closedbook(capsys):
    """What a command prints that goes well."""

    def call(*arguments):
        code = cli.main([*map(str, arguments)])
        printed = "".join(capsys.readouterr())
        assert code == 0, printed
        return plain(printed)

    return call


def refused(*arguments):
    """What the command prints in a process of its own, as a user sees it."""
    done = subprocess.run(
        [sys.executable, "-m", "closedbook", *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        env={**os.environ, "COLUMNS": "200", "FORCE_COLOR": "", "TTY_COMPATIBLE": "0"},
    )
    printed = done.stdout + done.stderr
    assert done.returncode == 2, printed
    return plain(printed)


@pytest.fixture
def mine(tmp_path):
    directory = tmp_path / f"mine{ESCAPE}"
    directory.mkdir()
    names = [f"{name}{ESCAPE}" for name in ("Tin", "Iron", "Gold", "Zinc")]
    (directory / "corpus.txt").write_text("".join(f"{name}. {name} has {ESCAPE}.\n" for name in names))
    facts = [f"What is the symbol of {name}?\t{ESCAPE}\n" for name in names]
    (directory / "train.tsv").write_text("".join(facts[:3]))
    (directory / "dev.tsv").write_text("".join(facts[3:]))
    return directory


@pytest.fixture
def server(monkeypatch):
    made = endpoint_server.Server()
    monkeypatch.setitem(endpoint_server.ANSWERS, f"What is the symbol of Zinc{ESCAPE}?", ESCAPE)
    yield made
    made.close()


def test_a_corpus_is_described(closedbook, mine):
    assert closedbook("data", "describe", mine).count(SHOWN) > 1


@pytest.mark.parametrize(
    "arguments",
    [
        [ESCAPE],
        pytest.param(["ask", f"--{ESCAPE}"], marks=pytest.mark.slow),
        ["ask", ESCAPE, "Q?"],
        pytest.param(["ask", f"hf:{ESCAPE}", "Q?"], marks=pytest.mark.slow),
        pytest.param(["ask", f"gguf:{ESCAPE}\nclosedbook: all is well", "Q?"], marks=pytest.mark.slow),
        ["data", "describe", f"nowhere\udcff{ESCAPE}"],
        ["train", "standard", "--training.epochs", ESCAPE],
    ],
    ids=lambda words: words[0][:5].strip("\x1b"),
)
def test_an_error_is_one_line_of_text(arguments):
    printed = refused(*arguments)
    assert r"\x1b]0;owned\x07" in printed
    assert printed.count("\n") == 1


def test_an_endpoint_is_asked(closedbook, server, mine, tmp_path):
    where = [f"api:{server.url}", "--model", "toy"]
    assert closedbook("ask", *where, f"What is the symbol of Zinc{ESCAPE}?").strip() == SHOWN
    facts = ["--facts", mine / "dev.tsv", "--corpus", mine]
    assert "1/1" in closedbook("evaluate", *where, *facts)
    audit = ["--depth", "quick", "--out", tmp_path / f"audit{ESCAPE}"]
    assert SHOWN in closedbook("audit", *where, *facts, *audit)
    page = (tmp_path / f"audit{ESCAPE}" / "audit.html").read_text()
    assert not STEERING.search(page)
    assert SHOWN in page


@pytest.mark.parametrize(
    ("question", "why"),
    [("a" * 10_001, "A question of 10,001 characters"), ("a" + "\u0323\u0301" * 1000, "more than 30 accents")],
)
def test_a_question_without_end_is_refused(toy, capsys, question, why):
    assert cli.main(["ask", str(toy.run), question]) == 2
    assert why in capsys.readouterr().err


@pytest.mark.slow
def test_training_and_a_look_inside(tiny, mine, tmp_path, capsys):
    run, out = tmp_path / f"run{ESCAPE}", tmp_path / "trace"
    train = ["train", "tiny", "--stage", "scratch", "--corpus", mine, "--out", run]
    look = ["trace", run, f"What is the symbol of Zinc{ESCAPE}?", "--facts", mine / "dev.tsv", "--out", out]
    for arguments in (train, look):
        assert cli.main(list(map(str, arguments))) == 0
        printed = "".join(capsys.readouterr())
        assert SHOWN in printed
        assert not STEERING.search(printed)
    for file in [*out.glob("*.html"), *out.glob("*.svg")]:
        assert not STEERING.search(file.read_text()), file
    assert SHOWN in (out / "trace.html").read_text()


def test_markup_in_a_title_of_progress_is_text(capsys):
    class Record:
        step = steps = 3
        loss, seconds, tokens = 1.0, 1.0, 1

    with Progress("[red]one[/] :wave:\x1b[31m") as progress:
        progress(Record())
    assert capsys.readouterr().out.startswith(r"[red]one[/] :wave:\x1b[31m: step 3/3")
    counter = Counter()
    counter.start("[red]two", 3)
    counter._began, counter._last_line = counter._began - 60, counter._last_line - 60
    counter.advance(1)
    assert "[red]two: 33 %" in capsys.readouterr().out


def test_a_terminal_shows_markup_in_a_bar(monkeypatch):
    import io

    from rich.console import Console

    from closedbook.report import console

    screen = io.StringIO()
    monkeypatch.setattr(console, "_console", Console(file=screen, force_terminal=True, width=120, **console._PLAIN))
    counter = console.Counter()
    counter.start("[red]three[/] :wave:\x1b]0;owned\x07", 3)
    counter.advance(1)
    counter.stop()
    assert r"[red]three[/] :wave:\x1b]0;owned\x07" in screen.getvalue()
