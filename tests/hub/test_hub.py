"""Models are opened by name, from Python and by the command line."""

import json
from pathlib import Path

import pytest

from closedbook.errors import UserError
from closedbook.evaluation.form import Form
from closedbook.hub import Way, fingerprint, is_foreign, open_model, threshold_file
from tests.cli.test_commands import call


def test_a_model_is_opened_by_its_name(saved):
    name = f"hf:{saved['gpt2']}"
    assert is_foreign(name)
    assert not is_foreign("runs/hf:odd")
    assert threshold_file(name) == saved["gpt2"] / "abstention.json"
    assert threshold_file("gguf:a/b.gguf") == Path("a/b.gguf.abstention.json")
    assert threshold_file("api:http://localhost") is None
    form = Form(template="Q {}")
    model = open_model(name, Way(form=form))
    assert (model.name, model.form) == (name, form)
    assert model.fingerprint() == fingerprint(name)
    with pytest.raises(UserError, match="odd:thing: no such run"):
        open_model("odd:thing")
    for way, option in (
        (Way(form=form), "--template"),
        (Way(precision="bf16"), "--precision"),
        (Way(served="m"), "--model"),
    ):
        with pytest.raises(UserError, match=f"{option}.* no effect on"):
            open_model("runs/mine", way)


def test_the_command_audits_it(saved, people, taught, tmp_path, capsys):
    facts = tmp_path / "facts.tsv"
    facts.write_text("".join(f"{fact.question}\t{fact.answers[0]}\n" for fact in taught), encoding="utf-8")
    out = tmp_path / "audit"
    code, printed, error = call(
        capsys, "audit", f"hf:{saved['gpt2']}", "--facts", facts, "--names", 1, "--samples", 2, "--out", out
    )
    assert (code, error) == (0, "")
    assert "GPT2LMHeadModel" in printed
    assert json.loads((out / "audit.json").read_text())["verdict"]["total"] == len(taught)
    assert (out / "audit.html").is_file()
