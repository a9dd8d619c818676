"""Models are opened by name, from Python and by the command line."""

import json

import pytest

from closedbook.errors import UserError
from closedbook.hub import fingerprint, is_foreign, model_directory, open_model
from tests.cli.test_commands import call


def test_a_model_is_opened_by_its_name(saved):
    name = f"hf:{saved['gpt2']}"
    assert is_foreign(name)
    assert not is_foreign("runs/hf:odd")
    assert model_directory(name) == saved["gpt2"]
    model = open_model(name, template="Q {}")
    assert (model.name, model.template) == (name, "Q {}")
    assert model.fingerprint() == fingerprint(name)
    with pytest.raises(UserError, match="api:thing: no such run"):
        open_model("api:thing")
    with pytest.raises(UserError, match="--template has no effect on a run"):
        open_model("runs/mine", template="Q {}")


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
