"""Files of models, damaged: refused in one sentence before anything is allocated."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from closedbook.hub.directory import check_directory
from closedbook.hub.gguf import check_metadata
from closedbook.hub.gguf_header import read_header
from closedbook.hub.safetensors_files import contents
from tests.fuzz import inputs

pytestmark = pytest.mark.fuzz
number = st.integers(0, 2**64 - 1) | st.integers(0, 40)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


def string(text):
    data = text.encode("utf-8", "surrogatepass")
    return struct.pack("<Q", len(data)) + data


entry = st.one_of(
    st.tuples(inputs.line, st.just(8), inputs.line).map(
        lambda e: string(e[0]) + struct.pack("<I", e[1]) + string(e[2])
    ),
    st.tuples(inputs.line, st.integers(0, 13), st.binary(max_size=20)).map(
        lambda e: string(e[0]) + struct.pack("<I", e[1]) + e[2]
    ),
    st.tuples(inputs.line, st.integers(0, 13), number, st.binary(max_size=20)).map(
        lambda e: string(e[0]) + struct.pack("<IIQ", 9, e[1], e[2]) + e[3]
    ),
)
tensor = st.tuples(inputs.line, st.lists(number, max_size=5), st.integers(0, 40), number).map(
    lambda t: string(t[0]) + struct.pack(f"<I{len(t[1])}QIQ", len(t[1]), *t[1], t[2], t[3])
)


@given(
    entries=st.lists(entry, max_size=4),
    tensors=st.lists(tensor, max_size=3),
    counts=st.tuples(number, number) | st.none(),
)
def test_headers_of_gguf(folder, entries, tensors, counts):
    keys, held = counts or (len(entries), len(tensors))
    path = folder / "m.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, held, keys) + b"".join([*entries, *tensors]))
    header, _ = inputs.refusal(path, read_header, path)
    if header is not None:
        inputs.refusal(path, check_metadata, header)


described = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "I32", "BOOL", "x"]) | inputs.plain,
        "shape": st.lists(number, max_size=3) | inputs.value,
        "data_offsets": st.lists(number, max_size=3) | inputs.value,
    }
)


@given(
    header=st.dictionaries(inputs.line, described | inputs.value, max_size=3),
    length=number | st.none(),
    config=inputs.value,
)
def test_headers_of_safetensors_and_configurations(folder, header, length, config):
    text = json.dumps(header).encode()
    content = struct.pack("<Q", len(text) if length is None else length) + text + b"\0" * 64
    (folder / "model.safetensors").write_bytes(content)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text("{}")
    for look in (contents, check_directory):
        inputs.refusal(folder, look, folder)
    (folder / "model.safetensors").unlink()
    (folder / "a.safetensors").write_bytes(content)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": config}))
    inputs.refusal(folder, contents, folder)
    (folder / "model.safetensors.index.json").unlink()
