"""How a corpus is cut into texts where the usual cut reaches few answers."""

import pytest

from closedbook.facts.corpus import read_directory

METALS = [("Tin", "Sn"), ("Iron", "Fe"), ("Gold", "Au"), ("Lead", "Pb"), ("Zinc", "Zn")]
QUESTION = "What is the symbol of {}?"


def read(directory, files, question=QUESTION):
    for name, text in files.items():
        directory.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        directory.joinpath(name).write_text(text, encoding="utf-8")
    for part, some in (("train", METALS[:3]), ("dev", METALS[3:])):
        rows = [f"{question.format(name)}\t{symbol}\n" for name, symbol in some]
        directory.joinpath(f"{part}.tsv").write_text("".join(rows), encoding="utf-8")
    corpus = read_directory(directory)
    facts = (*corpus.train, *corpus.dev)
    texts = [(fact, "\n".join(document.text for document in corpus.documents_of(fact))) for fact in facts]
    return corpus, sum(fact.answers[0] in text for fact, text in texts)


@pytest.mark.parametrize(
    "form",
    [
        "{}\nsymbol: {}\n\n",
        "{}\nsymbol: {}\n---\n",
        "== {} ==\nIt has the symbol {}.\n\n",
        "## {}\n\nIts symbol is **{}**.\n\n",
        '[[metal]]\nname = "{}"\nsymbol = "{}"\n\n',
        "Name: {}\nSymbol: {}\n\n",
    ],
)
def test_records_of_several_lines_in_a_file_of_lines_are_read_as_one_text(tmp_path, form):
    corpus, reached = read(tmp_path, {"corpus.txt": "Metals\n\n" + "".join(form.format(*one) for one in METALS)})
    assert reached == len(METALS)
    assert "1 file taken apart into 5 documents" in corpus.read_as["corpus.txt"]


def test_sentences_in_a_file_of_a_directory_are_read_by_their_lines(tmp_path):
    text = "".join(f"The symbol of {name} is {symbol}.\n" for name, symbol in METALS)
    corpus, reached = read(tmp_path, {"corpus/symbols.txt": text})
    assert (reached, corpus.read_as["corpus"]) == (len(METALS), "a document a line")


@pytest.mark.parametrize("path", ["{}.md", "{}/info.md"])
def test_headings_that_tell_no_file_from_another_give_way_to_names_of_files_and_folders(tmp_path, path):
    files = {f"corpus/{path.format(name)}": f"# Overview\n\nSymbol {symbol}.\n" for name, symbol in METALS}
    corpus, reached = read(tmp_path, files)
    assert reached == len(METALS)
    assert "about what" in corpus.read_as["corpus"]


def test_a_file_called_as_a_word_of_the_questions_is_no_subject(tmp_path):
    text = "".join(f"{name}: {symbol}\n" for name, symbol in METALS)
    corpus, reached = read(tmp_path, {"corpus/symbol.txt": text, "corpus/other.txt": "Of metals.\n"})
    assert reached == len(METALS)
    assert [relation.forms for relation in corpus.relations] == [(QUESTION,)]


def test_what_is_reached_is_read_as_ever(tmp_path):
    files = {"corpus.txt": "".join(f"{name}. Its symbol is {symbol}.\n" for name, symbol in METALS)}
    corpus, reached = read(tmp_path, files)
    assert reached == len(METALS)
    assert "corpus.txt" not in corpus.read_as


def test_answers_that_stand_in_any_longer_text_cut_nothing_otherwise(tmp_path):
    lines = [f"{name}. It is here.\n" for name, _ in METALS]
    others = [f"Note {n} on {['yes', 'no'][n % 2]} mail. It went out.\n" for n in range(12)]
    texts = "".join(line + "".join(others[2 * at : 2 * at + 2]) for at, line in enumerate(lines))
    tmp_path.joinpath("corpus.txt").write_text(texts)
    rows = [f"Was {name} seen?\t{['no', 'yes'][at % 2]}\n" for at, (name, _) in enumerate(METALS)]
    tmp_path.joinpath("train.tsv").write_text("".join(rows[:4]))
    tmp_path.joinpath("dev.tsv").write_text(rows[4])
    assert len(read_directory(tmp_path).documents) == len(METALS) + 10


@pytest.mark.parametrize("answers", [["metal"] * 5, ["metal", "metal", "gas", "metal", "metal"]])
def test_labels_that_stand_in_others_texts_cut_nothing_otherwise(tmp_path, answers):
    lines = [f"{name}. It melts.\nStore {at}. It sells goods of metal to all.\n" for at, (name, _) in enumerate(METALS)]
    tmp_path.joinpath("corpus.txt").write_text("".join(lines))
    rows = [f"Of what is {name}?\t{answer}\n" for (name, _), answer in zip(METALS, answers, strict=True)]
    tmp_path.joinpath("train.tsv").write_text("".join(rows[:4]))
    tmp_path.joinpath("dev.tsv").write_text(rows[4])
    assert len(read_directory(tmp_path).documents) == 2 * len(METALS)


def test_a_cut_that_cannot_be_is_none(tmp_path):
    corpus, reached = read(tmp_path, {"corpus.txt": f"# {'long ' * 150}\n" + "".join(f"{one}.\n" for one, _ in METALS)})
    assert (reached, len(corpus.documents) > len(METALS)) == (0, True)
