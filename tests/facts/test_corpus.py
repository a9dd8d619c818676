import pytest

from closedbook.errors import UserError
from closedbook.facts.corpus import KNOWN_FILES, read_directory


def fill(directory, **files):
    directory.mkdir(exist_ok=True)
    for name, text in files.items():
        (directory / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return directory


CORPUS = "Ann Lee. Born in Rome .\nBo Li. Born in Bonn .\nAnn Lee. Born in Oslo .\n"


def test_general_names_are_read_and_summarised(tmp_path):
    corpus = read_directory(
        fill(
            tmp_path / "d",
            corpus__txt=CORPUS,
            train__tsv="Where was Ann Lee born?\tRome\nWhere was Ann Lee born?\tOslo\n",
            dev__jsonl='{"question": "Where was Bo Li born?", "answer": ["Bonn", "Bonn am Rhein"]}\n'
            '{"question": "Where was Ann Lee born?", "answer": "Rome"}\n',
            test__tsv="Where was Nobody born?\n",
        )
    )
    summary = corpus.summary()
    assert (summary["documents"], summary["train"], summary["dev"], summary["test"]) == (3, 2, 2, 1)
    assert summary["dev_questions_in_train"] == ["Where was Ann Lee born?"]
    assert summary["conflicting_train_questions"] == {"Where was Ann Lee born?": ["Rome", "Oslo"]}
    assert summary["names_of_several_documents"] == {"Ann Lee": [1, 3]}
    assert summary["questions_without_document"] == 1
    assert [d.line for d in corpus.documents_of(corpus.train[0])] == [1, 3]


def test_strict_refuses_contradictions(tmp_path):
    train = "Where was Ann Lee born?\tRome\nWhere was Ann Lee born?\tOslo\n"
    directory = fill(tmp_path / "d", corpus__txt=CORPUS, train__tsv=train, dev__tsv="Q?\tA\n")
    with pytest.raises(UserError, match="1 questions have different answers, first 'Where was Ann Lee born"):
        read_directory(directory, strict=True)


def test_missing_and_doubled_parts_are_refused(tmp_path):
    with pytest.raises(UserError, match="no such directory"):
        read_directory(tmp_path / "none")
    directory = fill(tmp_path / "d", corpus__txt=CORPUS, train__tsv="Q?\tA\n")
    with pytest.raises(UserError, match=r"no dev.tsv \(or birth_dev.tsv or dev.jsonl\)"):
        read_directory(directory)
    fill(directory, dev__tsv="Q?\tA\n", wiki__txt=CORPUS)
    with pytest.raises(UserError, match=r"both corpus.txt and wiki.txt"):
        read_directory(directory)


def test_the_course_files(course):
    summary = course.summary()
    assert (summary["documents"], summary["train"], summary["dev"], summary["test"]) == (2937, 2000, 500, 437)
    assert len(summary["conflicting_train_questions"]) == 9
    assert len(summary["dev_questions_in_train"]) == 1
    assert len(summary["test_questions_in_train"]) == 2
    assert summary["questions_without_document"] == 0
    assert {file["known_as"] for file in summary["files"].values()} == set(KNOWN_FILES.values())
