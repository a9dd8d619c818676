"""What cannot be opened safely is refused in a sentence."""

import json

import pytest
import transformers

from closedbook.errors import UserError
from tests.cli.test_commands import refused
from tests.hub.conftest import copy_of, opened


def test_wrong_paths_get_a_sentence(tmp_path, capsys):
    facts = tmp_path / "facts.tsv"
    facts.write_text("Where was Ann born?\tRome\n")
    sentence = refused(capsys, "audit", f"hf:{tmp_path / 'nowhere'}", "--facts", facts, "--out", tmp_path / "out")
    assert "no such directory" in sentence
    assert not (tmp_path / "out").exists()
    with pytest.raises(UserError, match=r"no config\.json"):
        opened(tmp_path)


def test_a_missing_tokenizer_gets_a_sentence(saved, tmp_path):
    with pytest.raises(UserError, match="holds no tokenizer"):
        opened(copy_of(saved["gpt2"], tmp_path, ["tokenizer*", "special*"]))


def test_a_pickle_gets_a_sentence_and_is_not_read(saved, tmp_path):
    copy = copy_of(saved["gpt2"], tmp_path, ["*.safetensors"])
    with pytest.raises(UserError, match="holds no weights"):
        opened(copy)
    (copy / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    with pytest.raises(
        UserError, match=r"only pytorch_model\.bin, which can run code when read; save the model as saf"
    ):
        opened(copy)


def test_code_of_its_own_is_not_run(saved, tmp_path):
    copy = copy_of(saved["gpt2"], tmp_path)
    config = json.loads((copy / "config.json").read_text())
    evil = {"auto_map": {"AutoModelForCausalLM": "evil.Model"}, "model_type": "evil"}
    (copy / "config.json").write_text(json.dumps(config | evil))
    (copy / "evil.py").write_text("raise SystemExit('run')")
    with pytest.raises(UserError, match="needs code of its own, which is not run"):
        opened(copy)


@pytest.mark.parametrize("text", ["not json", "[]", "{}"])
def test_a_damaged_config_gets_a_sentence(saved, tmp_path, text):
    copy = copy_of(saved["gpt2"], tmp_path)
    (copy / "config.json").write_text(text)
    with pytest.raises(UserError, match=r"config\.json: (damaged|names no model_type)"):
        opened(copy)


def test_damaged_or_foreign_weights_get_a_sentence(saved, tmp_path):
    copy = copy_of(saved["gpt2"], tmp_path)
    (copy / "model.safetensors").write_bytes((saved["llama"] / "model.safetensors").read_bytes())
    with pytest.raises(UserError, match=r"its weights lack .* tensors"):
        opened(copy)
    (copy / "model.safetensors").write_bytes(b"12345678rubbish")
    with pytest.raises(UserError, match=r"model\.safetensors: damaged, its header claims"):
        opened(copy)


def test_a_model_that_sees_later_tokens_is_refused(vocabulary, tmp_path):
    common = {"vocab_size": len(vocabulary), "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.BertConfig(intermediate_size=64, is_decoder=False, **common)
    transformers.BertLMHeadModel(config).save_pretrained(tmp_path)
    vocabulary.save_pretrained(tmp_path)
    with pytest.raises(UserError, match="sees later tokens"):
        opened(tmp_path)
