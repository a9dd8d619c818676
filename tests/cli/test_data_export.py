import json

import pytest

from tests.cli.test_commands import call, refused


def test_facts_become_a_task_of_the_harness(toy, tmp_path, capsys):
    out = tmp_path / "capitals"
    code, printed, _ = call(capsys, "data", "export", toy.corpus, "--to", "lm-eval", "--out", out)
    assert code == 0
    assert "12 facts in 2 relations" in printed
    assert f"--include_path {out} --tasks closedbook_capitals" in printed
    assert len([*out.glob("closedbook_capitals_*.yaml")]) == 2


def test_facts_become_a_task_of_inspect(toy, tmp_path, capsys):
    out, facts = tmp_path / "task", toy.corpus / "dev.tsv"
    shots = ("--calibration", toy.corpus / "train.tsv", "--shots", 1, "--template", "Q: {}\\nA:")
    assert call(capsys, "data", "export", facts, "--to", "inspect", "--out", out, *shots)[0] == 0
    first = json.loads((out / "facts.jsonl").read_text().split("\n")[0])
    example, asked = first["input"].split("\n\n")
    assert asked == "Q: What is the capital of Elsvania?\nA:"
    question, answer = example.removeprefix("Q: ").split("\nA: ")
    assert f"{question}\t{answer}\n" in (toy.corpus / "train.tsv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (["--shots", "2"], "give both or neither"),
        (["--calibration", "CORPUS/train.tsv"], "give both or neither"),
        (["--calibration", "CORPUS/dev.tsv", "--shots", "2"], "0 facts that are not asked here, too few for --shots 2"),
        (["--template", "no slot"], "holds the question once"),
    ],
)
def test_what_makes_no_sense_is_refused(toy, tmp_path, capsys, more, expected):
    given = [word.replace("CORPUS", str(toy.corpus)) for word in more]
    arguments = ("data", "export", toy.corpus / "dev.tsv", "--to", "lm-eval", "--out", tmp_path / "out")
    assert expected in refused(capsys, *arguments, *given)
    assert not (tmp_path / "out").exists()
