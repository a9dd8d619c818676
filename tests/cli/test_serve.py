import os
import signal
import subprocess
import sys

import pytest

from closedbook import cli
from closedbook.cli.serve import names_of, open_one
from closedbook.errors import UserError
from tests.audit.conftest import Parrot
from tests.audit.test_abstention import abstention

pytest.importorskip("fastapi", reason="fastapi is not installed: pip install 'closedbook[serve]'")

import httpx2


def test_a_service_is_started_asked_and_told_to_stop(toy):
    command = [sys.executable, "-m", "closedbook", "serve", f"toy={toy.run}", "--port", "0", "--threads", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "300"}) as process:
        said = [process.stdout.readline() for _ in range(2)]
        assert said[0].startswith("toy: a run of closedbook, recipe default")
        url = said[1].removeprefix("serving at ").split(";")[0]
        told = httpx2.post(f"{url}/v1/answers", json={"question": "What is the capital of Almark?"}, timeout=60)
        assert told.json()["answers"][0]["answer"] == cli_answer(toy)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def cli_answer(toy):
    done = subprocess.run(
        [sys.executable, "-m", "closedbook", "ask", toy.run, "What is the capital of Almark?", "--threads", "1"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "MODEL... must be given"),
        (["nothing"], "nothing: no such run."),
        (["RUN", "RUN"], "two models have that name; call one of them NAME=MODEL."),
        (["a=RUN", "=RUN"], "takes a name and a model"),
        (["RUN", "--port", "70000"], "--port: cannot be '70000'; takes at most 65,535"),
        (["RUN", "--host", "0.0.0.0"], "set a key in CLOSEDBOOK_SERVE_KEY"),
        (["RUN", "--host", "192.0.2.1"], "set a key in CLOSEDBOOK_SERVE_KEY"),
        (["RUN", "--host", "no such host"], "CLOSEDBOOK_SERVE_KEY"),
        (["RUN", "--batch", "0"], "--batch: cannot be '0'"),
        (["RUN", "--wait", "0"], "--wait: cannot be '0'"),
        (["RUN", "--corpus", "nowhere"], "nowhere"),
        (["RUN", "--facts", "nowhere.tsv"], "nowhere.tsv: no such file"),
        (["RUN", "--facts", "ANSWERS"], "answers that an audit kept; give them with --answers"),
        (["RUN", "--answers", "FACTS"], "line 1: not an answer as an audit keeps it"),
        (["RUN", "--answers", "nowhere"], "nowhere: no such file"),
        (["RUN", "--runs", "nowhere"], "--runs nowhere: no such directory"),
        (["RUN", "--runs", "FACTS"], "no such directory"),
        (["RUN", "--template", "Q {}"], "--template, --chat and --shots have no effect on a run of ours"),
    ],
)
def test_what_cannot_be_served_gets_a_sentence(toy, tmp_path, arguments, sentence, capsys, monkeypatch):
    monkeypatch.delenv("CLOSEDBOOK_SERVE_KEY", raising=False)
    (tmp_path / "answers.jsonl").write_text('{"question": "a", "answer": "b", "right": true, "attempted": true}')
    (tmp_path / "facts.tsv").write_text("a\tb\n")
    paths = {"RUN": toy.run, "ANSWERS": tmp_path / "answers.jsonl", "FACTS": tmp_path / "facts.tsv"}
    given = [str(paths[word]) if word in paths else word.replace("RUN", str(toy.run)) for word in arguments]
    assert cli.main(["serve", *given, *(["--port", "0"] if "--port" not in given else [])]) == 2
    assert sentence in capsys.readouterr().err


def test_a_threshold_of_another_precision_is_refused_at_the_start():
    class Opening:
        def threshold_of(self, model):
            return abstention(kind="another")

        def open_model(self, model, threshold):
            return Parrot()

    with pytest.raises(UserError, match="was chosen for another; this is a parrot"):
        open_one(Opening(), "m")


def test_a_key_is_long_enough(toy, capsys, monkeypatch):
    monkeypatch.setenv("CLOSEDBOOK_SERVE_KEY", "short")
    assert cli.main(["serve", str(toy.run), "--port", "0"]) == 2
    assert "CLOSEDBOOK_SERVE_KEY: a key has at least 16" in capsys.readouterr().err


def test_models_have_names():
    assert names_of(["runs/a/", "b=runs/b", "api:http://host/v1?a=b", "./x=y"]) == {
        "runs/a": "runs/a/",
        "b": "runs/b",
        "api:http://host/v1?a=b": "api:http://host/v1?a=b",
        "./x=y": "./x=y",
    }
    with pytest.raises(UserError, match="takes a name and a model"):
        names_of(["a="])
