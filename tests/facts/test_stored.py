"""A store holds what its directory holds, in memory or step by step; what is damaged is refused."""

import dataclasses
import shutil

import pytest

from closedbook.config import PeopleConfig, TokenizerConfig
from closedbook.errors import UserError
from closedbook.facts import contents, text
from closedbook.facts.building import append_to_store, build_store
from closedbook.facts.built_in import open_corpus, read_corpus, write_built_in
from closedbook.facts.corpus import Corpus, read_directory
from closedbook.facts.records import Fact
from closedbook.facts.stored import StoredCorpus, open_store
from closedbook.facts.text import read_text, text_lines
from closedbook.locks import locked
from tests.toys import resealed

TOKENIZER = TokenizerConfig(vocabulary_size=300)
LINES = [
    "Tin. Tin is a soft metal, symbol Sn. Tin melts at 232 degrees.",
    "",
    "Aldonia is a country in the north. Its capital is Brint.",
    "The Fox. The Fox lives in Rome. " + " ".join(f"It saw {number} hens in Paris." for number in range(40)),
    "Łódź. Łódź lies in Poland.",
    "Müller & Co. KG. Müller & Co. KG has its capital in Bonn.",
    "Oklahoma! It is a musical by Rodgers.",
    "The Golden Gate Bridge. It crosses the Strait.",
    "Lead (metal). Lead is a heavy metal, symbol Pb.",
    "Tin. Tin is mined in Cornwall.",
    "Rosa canina. It flowers in June.",
    "Nothing here has a title",
]
TRAIN = [
    *["What is the symbol of Tin?\tSn", "What is the symbol of Tin?\tTn", "Where does the fox live?\tRome"],
    *["What is the capital of Aldonia?\tBrint", "Where does Łódź lie?\tPoland"],
]
DEV = [
    *["Where is the capital of Müller & Co. KG?\tBonn", "Who wrote Oklahoma!?\tRodgers"],
    "What does Golden Gate Bridge cross?\tStrait",
    "What is the symbol of Tin?\tSn",
    "What is the symbol of Lead?\tPb",
    "Where does the fox live?\tRome",
    "When does R. canina flower?\tJune",
    "What is the symbol of Iron?\tFe",
]


@pytest.fixture
def directory(tmp_path):
    """Titles in other letters and none, a long document, a blank line, several relations, a name that stands twice."""
    path = tmp_path / "mine"
    path.mkdir()
    for name, lines in {"corpus.txt": LINES, "train.tsv": TRAIN, "dev.tsv": DEV}.items():
        (path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    (path / "test.tsv").write_text("What is the capital of Aldonia?\nWhere is it?\n", encoding="utf-8")
    return path


@pytest.fixture
def people(tmp_path):
    """Built-in people with two relations."""
    write_built_in(PeopleConfig(count=60, relations=("born", "university"), test=0.2, unseen=0.0), tmp_path / "people")
    return tmp_path / "people"


def in_streams(monkeypatch):
    """Takes any corpus for one that is too large for memory, in parts of a few documents and facts."""
    for module in ("contents", "stored"):
        monkeypatch.setattr(f"closedbook.facts.{module}.is_large", lambda documents, facts: True)
    monkeypatch.setattr("closedbook.facts.generation.SHARD", 3)
    monkeypatch.setattr(contents, "CHUNK", 2)
    monkeypatch.setattr(text, "CHUNK", 7)


@pytest.mark.parametrize(
    "data",
    [
        *(
            b"",
            b"a",
            b"a\n",
            b"a\n\n\nb\n",
            b"a\r\nb\r\n",
            b"a\rb\r",
            b"a\r\n\rb\nc\r",
            b"\xef\xbb\xbfa\n\xef\xbb\xbfb",
        ),
        *("é\né\n".encode(), b"\n" * 9, b"\r\n\r\n", b"\xef\xbb\xbf\xef\xbb\xbf\n\xef\xbb\xbf"),
    ],
)
@pytest.mark.parametrize("chunk", [1, 2, 3, 1000])
def test_lines_are_those_of_the_whole_text(tmp_path, monkeypatch, data, chunk):
    path = tmp_path / "f.txt"
    path.write_bytes(data)
    monkeypatch.setattr(text, "CHUNK", chunk)
    assert list(text_lines(path)) == read_text(path).split("\n")


@pytest.mark.parametrize(
    ("data", "why"), [(b"a\nb\n\xff\n", "line 3: not UTF-8"), (b"a\n\nb\0\n", "line 3: holds a byte")]
)
def test_lines_say_where_the_file_is_wrong(tmp_path, monkeypatch, data, why):
    path = tmp_path / "f.txt"
    path.write_bytes(data)
    monkeypatch.setattr(text, "CHUNK", 2)
    with pytest.raises(UserError, match=why):
        list(text_lines(path))


@pytest.mark.parametrize("which", ["directory", "people"])
@pytest.mark.parametrize("streams", [False, True])
def test_a_store_is_its_directory(request, tmp_path, monkeypatch, which, streams):
    directory = request.getfixturevalue(which)
    if streams:
        in_streams(monkeypatch)
    whole = read_directory(directory)
    store = build_store(directory, tmp_path / "store", TOKENIZER)
    assert store.in_memory() == whole
    assert store.summary() == whole.summary()
    assert isinstance(open_corpus(tmp_path / "store"), StoredCorpus if streams else Corpus)
    for fact in (*whole.train, *whole.dev, *whole.test):
        assert store.documents_of(fact) == whole.documents_of(fact)
    for number, document in enumerate(store.documents):
        ids, starts = store.encoding(number)
        assert ids == store.tokenizer().encode([document.text])[0]
        assert len(starts) == len(ids)


@pytest.mark.slow
def test_processes_make_the_same_store(people, tmp_path, monkeypatch):
    in_streams(monkeypatch)
    for workers in (1, 2):
        build_store(people, tmp_path / str(workers), TOKENIZER, workers=workers)
    one, two = ((tmp_path / name / "manifest.json").read_bytes() for name in "12")
    assert one == two


def test_questions_of_another_file_are_recognised(people, tmp_path, monkeypatch):
    in_streams(monkeypatch)
    store = build_store(people, tmp_path / "store", TOKENIZER)
    subject = store.dev[0].subject
    asked = [Fact(question=f"Where was {subject} born?", answers=("x",), subject="", line=1)]
    asked += [Fact(question="Is this of any form at all?", answers=("y",), subject="", line=2)]
    first, second = store.recognise(asked)
    assert (first.subject, first.relation) == (subject, "born")
    assert second.relation == "other"


def test_documents_are_added(directory, tmp_path):
    before = build_store(directory, tmp_path / "store", TOKENIZER)
    more = tmp_path / "more"
    more.mkdir()
    (more / "corpus.txt").write_text("Iron. Iron is a hard metal, symbol Fe.\n\nZinc. Zinc is a metal, symbol Zn.\n")
    (more / "train.tsv").write_text("What is the symbol of Zinc?\tZn\n")
    after = append_to_store(more, tmp_path / "store")
    assert after.documents[: len(before.documents)] == before.documents[:]
    last = before.documents[-1].line
    assert [(d.subject, d.line) for d in after.documents[len(before.documents) :]] == [
        ("Iron", last + 1),
        ("Zinc", last + 3),
    ]
    assert (len(after.train), len(after.dev)) == (len(before.train) + 1, len(before.dev))
    assert after.train[-1].relation == before.train[0].relation
    assert [document.subject for document in after.documents_of(after.dev[-1])] == ["Iron"]
    assert after.summary().questions_without_document == before.summary().questions_without_document - 1
    assert next(one for one in after.relations if one.name == after.train[-1].relation).train == 3
    assert after.tokenizer().to_json() == before.tokenizer().to_json()
    assert after.summary() == dataclasses.replace(after.in_memory().summary(), name="mine")
    with pytest.raises(UserError, match=r"has the documents of .* already"):
        append_to_store(more, tmp_path / "store")
    (more / "corpus.txt").write_text("Gold. Gold is a metal.\nZinc. Zinc is a metal, symbol Zn.\nZinc. It is not.\n")
    told = list[str]()
    last = append_to_store(more, tmp_path / "store", announce=told.append)
    assert len(last.documents) == len(after.documents) + 3
    assert "Careful: 1 titled document is in the store twice now" in told


def test_a_vocabulary_of_characters_takes_no_others(directory, tmp_path):
    build_store(directory, tmp_path / "store", TokenizerConfig(kind="characters"))
    more = tmp_path / "more"
    more.mkdir()
    (more / "corpus.txt").write_text("Żubr. Żubr is no metal.\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"corpus line .* is not in the model's vocabulary"):
        append_to_store(more, tmp_path / "store")
    assert len(open_store(tmp_path / "store").documents) > 0  # what was there is there


def test_what_is_there_is_not_written_over(directory, tmp_path):
    store = tmp_path / "store"
    build_store(directory, store, TOKENIZER)
    with pytest.raises(UserError, match=r"exists already.*--append"):
        build_store(directory, store, TOKENIZER)
    with pytest.raises(UserError, match="exists already"):
        build_store(directory, directory, TOKENIZER)
    with locked(store), pytest.raises(UserError, match=r"process \d+ .* is writing it"):
        append_to_store(directory, store)
    with pytest.raises(UserError, match="a store; this takes the directory"):
        read_directory(store)


def test_a_beginning_is_gone_on_with_by_the_same_command_alone(directory, tmp_path, monkeypatch):
    store = tmp_path / "store"
    with monkeypatch.context() as patch:
        patch.setattr("closedbook.facts.generation.summarise", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            build_store(directory, store, TOKENIZER)
    with pytest.raises(UserError, match="unfinished; the command that began it goes on"):
        open_corpus(store)
    with pytest.raises(UserError, match="something else is being built there"):
        build_store(directory, store, TokenizerConfig(vocabulary_size=310))
    assert build_store(directory, store, TOKENIZER).in_memory() == read_directory(directory)
    assert not (store / "building.json").exists()


def test_every_damage_names_its_file(directory, tmp_path):
    store = tmp_path / "store"
    build_store(directory, store, TOKENIZER)
    for path in sorted(path for path in store.rglob("*") if path.is_file()):
        whole = path.read_bytes()
        for damaged in (
            whole[:-1],
            whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 1]) + whole[len(whole) // 2 + 1 :],
        ):
            path.write_bytes(damaged)
            with pytest.raises(UserError, match=str(path)):
                open_corpus(store)
        path.unlink()
        with pytest.raises(UserError, match=str(path)):
            open_corpus(store)
        path.write_bytes(whole)
    open_corpus(store)


def test_large_stores_are_held_against_sizes_and_on_demand_against_hashes(directory, tmp_path, monkeypatch):
    store = tmp_path / "store"
    build_store(directory, store, TOKENIZER)
    monkeypatch.setattr("closedbook.facts.stored.VERIFIED", 100)
    path = store / "0" / "documents-00000" / "text.npy"
    data = path.read_bytes()
    path.write_bytes(data[:-1] + b"?")
    open_store(store)
    with pytest.raises(UserError, match=r"text.npy: damaged, its SHA-256"):
        open_store(store, verify=True)
    path.write_bytes(data[:-1] + b"\xff")
    with pytest.raises(UserError, match=r"damaged.*--verify"):
        open_store(store).in_memory()
    path.write_bytes(data[:-1])
    with pytest.raises(UserError, match=r"text.npy: damaged, it has"):
        open_store(store)


def test_what_reads_all_into_memory_refuses_a_large_store(people, tmp_path, monkeypatch):
    in_streams(monkeypatch)
    build_store(people, tmp_path / "store", TOKENIZER)
    with pytest.raises(UserError, match="documents are not read into memory, which this needs"):
        read_corpus(tmp_path / "store")


def test_a_large_corpus_needs_titles(directory, tmp_path, monkeypatch):
    in_streams(monkeypatch)
    monkeypatch.setattr(contents, "MOST_UNTITLED", 0)
    with pytest.raises(UserError, match=r"corpus.txt: questions are about more than 0 subjects that are no"):
        build_store(directory, tmp_path / "store", TOKENIZER)


@pytest.mark.parametrize("streams", [False, True])
def test_malformed_input_names_its_line_and_leaves_no_store(directory, tmp_path, monkeypatch, streams):
    if streams:
        in_streams(monkeypatch)
    (directory / "dev.tsv").write_text("What is the symbol of Tin?\tSn\nno tab\n")
    with pytest.raises(UserError, match=r"dev.tsv, line 2: no tab"):
        build_store(directory, tmp_path / "store", TOKENIZER)
    with pytest.raises(UserError, match="unfinished"):
        open_corpus(tmp_path / "store")
    shutil.rmtree(tmp_path / "store")


def test_a_store_reads_nothing_outside_of_itself(directory, tmp_path):
    build_store(directory, tmp_path / "store", TOKENIZER)
    shutil.copytree(tmp_path / "store", tmp_path / "other")
    path = tmp_path / "store" / "store-0.json"
    path.write_text(path.read_text().replace('"0/documents-00000"', '"../other/0/documents-00000"'))
    resealed(tmp_path / "store")
    with pytest.raises(UserError, match=r"manifest.json: does not name '\.\./other"):
        open_store(tmp_path / "store")


def test_a_store_that_could_not_be_opened_is_not_finished(directory, tmp_path, monkeypatch):
    monkeypatch.setattr("closedbook.facts.generation.MOST_BYTES", 1000)
    with pytest.raises(UserError, match="too many documents for one store"):
        build_store(directory, tmp_path / "store", TOKENIZER)
    monkeypatch.undo()
    assert build_store(directory, tmp_path / "store", TOKENIZER).in_memory() == read_directory(directory)
