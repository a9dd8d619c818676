"""Whatever a file holds, a reader reads it or refuses it in one sentence that names the file."""

import pytest
from hypothesis import given

from closedbook.cli.options import from_yaml
from closedbook.facts.cloze import read_wordings, templates_beside
from closedbook.facts.corpus import read_directory
from closedbook.facts.documents import read_sources, windowed
from closedbook.facts.readers import raw_records, read_facts_file
from closedbook.facts.relations import read_relations
from closedbook.facts.text import read_text
from tests.fuzz import inputs

pytestmark = pytest.mark.fuzz


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


def read_or_refused(path, data, read):
    path.write_bytes(data)
    return inputs.refusal(path, read, path)[0]


@given(data=inputs.damaged(inputs.text | inputs.table))
def test_tables_of_facts(folder, data):
    for name in ("f.tsv", "f.csv"):
        if found := read_or_refused(folder / name, data, read_facts_file):
            _, texts = raw_records(folder / name, found.facts)
            assert len(texts) == len(found.facts)
        read_or_refused(folder / name, data, lambda path: read_facts_file(path, answers_required=False))


@given(data=inputs.damaged(inputs.records | inputs.text))
def test_records(folder, data):
    found = read_or_refused(folder / "f.jsonl", data, read_facts_file)
    assert found is None or all(fact.question and fact.answers and all(fact.answers) for fact in found.facts)
    read_or_refused(folder / "w.jsonl", data, read_wordings)
    read_or_refused(folder / "w.txt", data, read_wordings)
    for name in ("relations.jsonl", "templates.json"):
        beside = folder / name.replace(".", "-")
        beside.mkdir(exist_ok=True)
        read_or_refused(beside / name, data, templates_beside)


@given(data=inputs.damaged(inputs.text | inputs.records))
def test_documents(folder, data):
    for name in ("c.txt", "c.jsonl"):
        sources = read_or_refused(folder / name, data, read_sources)
        for document in windowed(sources or ()).documents:
            assert document.text.strip()
            assert "\n" not in document.text
    inside = folder / "pages"
    inside.mkdir(exist_ok=True)
    for name in ("a.md", "b.txt"):
        (inside / name).write_bytes(data)
    sources, _ = inputs.refusal(inside, read_sources, inside)
    windowed(sources or ())


@given(data=inputs.damaged(inputs.text))
def test_texts(folder, data):
    found = read_or_refused(folder / "t.txt", data, read_text)
    assert found is None or not {"\0", "\r\n"} & {*found}


@given(source=inputs.line)
def test_relations_and_settings(folder, source):
    given_ = f'[[relation]]\nname = "a"\nforms = ["{{}}"]\n{source}'.encode("utf-8", "replace")
    read_or_refused(folder / "relations.toml", given_, read_relations)
    read_or_refused(folder / "relations.toml", source.encode("utf-8", "replace"), read_relations)
    for text in (source, f"training: {source}", f"- {source}"):
        inputs.refusal("c.yaml", from_yaml, text, "c.yaml")


@given(data=inputs.damaged(inputs.text | inputs.records | inputs.table))
def test_a_directory_with_one_strange_file(folder, data):
    mine = folder / "mine"
    mine.mkdir(exist_ok=True)
    good = {
        "corpus.txt": b"Tin. Tin is a soft metal, symbol Sn.\n",
        "train.tsv": b"What is the symbol of Tin?\tSn\n",
        "dev.tsv": b"What is the symbol of Tin?\tSn\n",
        "relations.toml": b"",
    }
    for name in good:
        for other, content in good.items():
            (mine / other).write_bytes(data if other == name else content)
        corpus, sentence = inputs.refusal(mine, read_directory, mine)
        if sentence is None:
            corpus.summary()
        else:
            assert sentence.startswith(str(mine / name)), sentence
