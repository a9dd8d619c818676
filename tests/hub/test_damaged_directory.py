"""A directory whose files are damaged, or do not belong together, is refused before memory is taken for it."""

import json
import os
import random
import time

import pytest
import safetensors.torch
import tokenizers
import torch
import transformers
from tokenizers import models, pre_tokenizers, trainers

from closedbook.errors import UserError
from closedbook.hub import Way, open_model
from tests.hub.gguf_files import small_llama

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"


@pytest.fixture
def directory(vocabulary, tmp_path):
    small_llama(len(vocabulary)).save_pretrained(tmp_path / "model")
    vocabulary.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def opened(path):
    return open_model(f"hf:{path}", Way(precision="fp32"))


def refuse(path, match):
    start = time.process_time()
    with pytest.raises(UserError, match=match) as raised:
        opened(path)
    assert str(raised.value).endswith(".")
    assert "\n" not in str(raised.value)
    assert time.process_time() - start < 5


def configure(directory, **values):
    file = directory / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def test_the_directory_is_opened(directory, capfd):
    opened(directory)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"num_hidden_layers": 10**9}, "num_hidden_layers is 1,000,000,000, and the weights are 21 tensors"),
        ({"text_config": {"n_layer": 10**9}}, "n_layer is 1,000,000,000"),
        ({"num_labels": 10**9}, "num_labels is 1,000,000,000"),
        ({"attention_types": [[["global"], 10**9]]}, "attention_types is 1,000,000,000"),
        ({"num_hidden_layers": 30}, "its weights lack"),
        ({"hidden_size": 2**40}, "cannot be loaded|describes a model of"),
        ({"intermediate_size": 10**8}, "describes a model of .* values, its weights hold"),
        ({"vocab_size": 10**8}, "describes a model of .* values, its weights hold"),
        ({"vocab_size": 2}, r"its tokenizer has 400 tokens and its embedding 2"),
        ({"intermediate_size": 128}, r"and its configuration says \(64, 128\)"),
        ({"num_attention_heads": 7}, "is not a multiple of the number of attention heads"),
        ({"model_type": ["llama"]}, "names no model_type"),
        ({"model_type": "unheard"}, "unheard"),
    ],
)
def test_a_configuration_that_does_not_fit_the_weights_gets_a_sentence(directory, values, why):
    configure(directory, **values)
    refuse(directory, why)


@pytest.mark.parametrize("name", ["config.json", INDEX, "tokenizer.json", "generation_config.json"])
def test_a_file_nested_too_deeply_gets_a_sentence(directory, name):
    if name == INDEX:
        (directory / WEIGHTS).rename(directory / "part.safetensors")
    (directory / name).write_text("[" * 100_000)
    refuse(directory, "nested too deeply|cannot be loaded|recursion")


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", INDEX])
def test_a_file_that_is_too_large_is_not_read(directory, name):
    with (directory / name).open("wb") as file:
        file.truncate(200 * 2**20)  # takes no room on the disk
    refuse(directory, f"{name}: is larger than 16 MB")


def test_a_pipe_is_not_opened(directory):
    (directory / "tokenizer_config.json").unlink()
    os.mkfifo(directory / "tokenizer_config.json")
    refuse(directory, r"tokenizer_config\.json: is no file")


@pytest.mark.parametrize(
    "place", ["../elsewhere.safetensors", "{outside}", "sub/one.safetensors", "..", "config.json", 7]
)
def test_an_index_does_not_lead_out_of_the_directory(directory, place):
    (directory / WEIGHTS).rename(directory.parent / "elsewhere.safetensors")
    (directory / "other.safetensors").write_bytes((directory.parent / "elsewhere.safetensors").read_bytes())
    if isinstance(place, str):
        place = place.format(outside=directory.parent / "elsewhere.safetensors")
    (directory / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": {"lm_head.weight": place}}))
    refuse(directory, "which is no safetensors file of the directory|names no files")


@pytest.mark.parametrize("name", [WEIGHTS, "config.json", "tokenizer.json"])
def test_neither_does_a_link(directory, name):
    (directory / name).rename(directory.parent / "elsewhere")
    (directory / name).symlink_to(directory.parent / "elsewhere")
    refuse(directory, "lies outside of the directory")


def test_a_cache_keeps_its_files_beside_its_snapshots(directory):
    blobs, snapshot = directory.parent / "blobs", directory.parent / "snapshots" / "abc"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    for file in directory.iterdir():
        file.rename(blobs / file.name)
        (snapshot / file.name).symlink_to(blobs / file.name)
    assert opened(snapshot).parameters > 0


def test_an_index_of_parts_is_followed(directory):
    weights = safetensors.torch.load_file(directory / WEIGHTS)
    (directory / WEIGHTS).unlink()
    names = sorted(weights)
    parts = {"one.safetensors": names[::2], "two.safetensors": names[1::2]}
    for part, held in parts.items():
        safetensors.torch.save_file({name: weights[name] for name in held}, directory / part, {"format": "pt"})
    places = {name: part for part, held in parts.items() for name in held}
    (directory / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": places}))
    assert opened(directory).parameters == sum(weight.numel() for weight in weights.values())
    (directory / "two.safetensors").unlink()
    refuse(directory, r"two\.safetensors: no such file")


def test_weights_cut_short_get_a_sentence(directory):
    content = (directory / WEIGHTS).read_bytes()
    draws = random.Random(0)
    for place in [0, 7, 8, *(draws.randrange(len(content)) for _ in range(30))]:
        (directory / WEIGHTS).write_bytes(content[:place])
        refuse(directory, r"model\.safetensors: damaged")
    (directory / WEIGHTS).write_bytes((2**60).to_bytes(8, "little") + content[8:])
    refuse(directory, "its header claims 1,152,921,504,606,846,976 bytes")


def test_weights_that_are_no_numbers_get_a_sentence(directory):
    weights = safetensors.torch.load_file(directory / WEIGHTS)
    weights["model.norm.weight"][3] = torch.nan
    safetensors.torch.save_file(weights, directory / WEIGHTS, {"format": "pt"})
    refuse(directory, r"its weights model\.norm\.weight hold values that are not numbers")


def test_weights_that_are_labelled_as_whole_numbers_get_a_sentence(directory):
    content = (directory / WEIGHTS).read_bytes()
    (directory / WEIGHTS).write_bytes(content.replace(b'"F32"', b'"I32"', 1))
    refuse(directory, r"weights \S+\.weight are whole numbers, and its configuration names no quantisation")


def test_the_tokenizer_of_another_model_gets_a_sentence(directory):
    backend = tokenizers.Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=900, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    backend.train_from_iterator([f"{number} times {number * number}" for number in range(4000)], trainer)
    other = transformers.PreTrainedTokenizerFast(tokenizer_object=backend)
    assert len(other) > 500
    other.save_pretrained(directory)
    refuse(directory, r"its tokenizer has [5-9]\d\d tokens and its embedding 400; it is another model's tokenizer")


def test_an_added_token_without_embedding_can_be_there_and_not_be_used(directory, vocabulary):
    other = transformers.AutoTokenizer.from_pretrained(directory)
    other.add_tokens(["<far>"])
    other.save_pretrained(directory)
    model = opened(directory)
    assert model.prompts(["Where?"])[0].ids
    with pytest.raises(UserError, match=r"an embedding for 400 tokens, and its tokenizer makes token 400"):
        model.prompts(["Where is <far>?"])


def test_damage_never_gets_more_than_a_sentence(directory):
    draws = random.Random(3)
    names = [file.name for file in directory.iterdir()]
    sentences = []
    for _ in range(100):
        file = directory / draws.choice([*names, "config.json"])
        whole = file.read_bytes()
        damaged = bytearray(whole)
        damaged[draws.randrange(min(len(whole), 4000))] = draws.randrange(256)
        file.write_bytes(damaged if draws.random() < 0.8 else whole[: draws.randrange(len(whole))])
        try:
            opened(directory)
        except UserError as error:
            sentences.append(str(error))
        file.write_bytes(whole)
    assert len(sentences) > 30
    assert not any("\n" in sentence for sentence in sentences)
