import dataclasses
import json
import os

import pytest

from closedbook.errors import UserError
from closedbook.facts.corpus import read_directory, sha256
from closedbook.facts.description import describe
from closedbook.facts.records import Fact
from closedbook.facts.relations import write_relations
from closedbook.facts.summary import conflicting


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
            test__csv="question,subject\nWhere was Nobody born?,\n",
        )
    )
    summary = corpus.summary()
    assert (summary.documents, summary.train, summary.dev, summary.test) == (3, 2, 2, 1)
    assert summary.dev_questions_in_train == ("Where was Ann Lee born?",)
    assert summary.conflicting_train_questions == {"Where was Ann Lee born?": ("Rome", "Oslo")}
    assert summary.names_of_several_documents == {"Ann Lee": (1, 3)}
    assert summary.questions_without_document == 1
    values = summary.to_json()
    assert json.loads(json.dumps(values)) == values
    assert values["names_of_several_documents"] == {"Ann Lee": [1, 3]}
    assert values["relations"] == [
        {"name": "born", "forms": ["Where was {} born?"], "train": 2, "dev": 2, "answer": "phrase"}
    ]
    assert values["files"]["test.csv"] == {
        "part": "test",
        "sha256": sha256(tmp_path / "d" / "test.csv"),
        "known_as": None,
    }
    assert [d.line for d in corpus.documents_of(corpus.train[0])] == [1, 3]
    assert corpus.test[0].subject == "Nobody"
    assert corpus.relation("born").label == "birthplace"
    with pytest.raises(UserError, match="no relation 'died'; it has born"):
        corpus.relation("died")


def test_strict_refuses_contradictions(tmp_path):
    train = "Where was Ann Lee born?\tRome\nWhere was Ann Lee born?\tOslo\n"
    directory = fill(tmp_path / "d", corpus__txt=CORPUS, train__tsv=train, dev__tsv="Q?\tA\n")
    with pytest.raises(UserError, match="1 questions have different answers, first 'Where was Ann Lee born"):
        read_directory(directory, strict=True)


def test_further_accepted_answers_contradict_nothing():
    def facts(*answers):
        return [Fact(question="Where?", answers=given, subject="", line=n) for n, given in enumerate(answers, 1)]

    assert conflicting(facts(("Rome", "Roma"), ("Rome",))) == {}
    assert conflicting(facts(("Rome", "Roma"), ("Roma",), ("Rome",), ())) == {"Where?": ("Rome", "Roma")}


def test_a_name_that_is_not_utf8_is_refused_inside_a_corpus_and_spelled_as_that_of_one(tmp_path):
    directory = fill(tmp_path / os.fsdecode(b"mine\xff"), train__tsv="Q?\tA\n", dev__tsv="Q?\tA\n")
    (directory / "corpus").mkdir()
    (directory / "corpus" / "Tin.txt").write_text("A metal.", encoding="utf-8")
    assert read_directory(directory).name == r"mine\udcff"
    (directory / "corpus" / os.fsdecode(b"Ir\xff.txt")).write_text("A metal.", encoding="utf-8")
    with pytest.raises(UserError, match=r"corpus/Ir\udcff\.txt: a name that is not UTF-8; rename it\."):
        read_directory(directory)


def test_a_link_that_leads_nowhere_is_said_to(tmp_path):
    directory = fill(tmp_path / "d", train__tsv="Q?\tA\n", dev__tsv="Q?\tA\n")
    for target in ("nowhere", "corpus.txt"):
        (directory / "corpus.txt").symlink_to(target)
        with pytest.raises(UserError, match=r"corpus\.txt: a link that leads nowhere\."):
            read_directory(directory)
        (directory / "corpus.txt").unlink()
    (directory / "corpus").mkdir()
    (directory / "corpus" / "Lead.txt").symlink_to("nowhere")
    with pytest.raises(UserError, match=r"the corpus is empty; .* and 1 link leads nowhere: Lead\.txt\."):
        read_directory(directory)
    fill(directory / "corpus", Tin__txt="A metal.", Iron__pdf="x")
    (said,) = read_directory(directory).doubts
    assert said.endswith("1 file is not read, for their endings: Iron.pdf; 1 link leads nowhere: Lead.txt")


def test_a_file_without_text_is_named_where_it_is_all(tmp_path):
    directory = fill(tmp_path / "d", train__tsv="Q?\tA\n", dev__tsv="Q?\tA\n")
    fill(directory / "corpus", Tin__md="***\n\n---\n")
    with pytest.raises(UserError, match=r"corpus: the corpus is empty; Tin\.md holds no text\."):
        read_directory(directory)
    fill(directory / "corpus", Iron__txt="\n")
    with pytest.raises(UserError, match=r"the corpus is empty; Iron\.txt, Tin\.md hold no text\."):
        read_directory(directory)


def test_a_directory_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    directory = fill(tmp_path / "d", corpus__txt=CORPUS, train__tsv="Q?\tA\n", dev__tsv="Q?\tA\n")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # permissions do not bind who runs tests as root
    with pytest.raises(UserError, match=rf"^{directory}: cannot be read \(Permission denied\)\."):
        read_directory(directory)


def test_missing_and_doubled_parts_are_refused(tmp_path):
    with pytest.raises(UserError, match="no such directory"):
        read_directory(tmp_path / "none")
    directory = fill(tmp_path / "d", corpus__txt=CORPUS, train__tsv="Q?\tA\n")
    with pytest.raises(UserError, match=r"no dev.tsv \(or birth_dev.tsv or dev.jsonl or dev.csv\)"):
        read_directory(directory)
    fill(directory, dev__tsv="Q?\tA\n", wiki__txt=CORPUS)
    with pytest.raises(UserError, match=r"both corpus.txt and wiki.txt"):
        read_directory(directory)


@pytest.mark.parametrize("name", ["corpus.txt", "dev.tsv", "relations.toml", "templates.json"])
def test_a_directory_in_place_of_a_file_is_refused(tmp_path, name):
    files = {"corpus__txt": CORPUS, "train__tsv": "Q?\tA\n", "dev__tsv": "Q?\tA\n"}
    directory = fill(tmp_path / "d", **{key: text for key, text in files.items() if key.replace("__", ".") != name})
    (directory / name).mkdir()
    with pytest.raises(UserError, match=rf"{name}: a directory; it must be a file"):
        read_directory(directory)


def test_a_form_that_a_column_names_names_questions_without_one(tmp_path):
    directory = fill(
        tmp_path / "d",
        corpus__txt=CORPUS,
        train__csv="question,answer,relation\nWhat town is Ann Lee of?,Rome,town\n",
        dev__tsv="What town is Bo Li of?\tBonn\n",
    )
    assert [(r.name, r.train, r.dev) for r in read_directory(directory).relations] == [("town", 1, 1)]


def test_a_corpus_of_files_and_the_hash_of_its_directory(tmp_path):
    directory = fill(tmp_path / "d", train__tsv="Where is Ann Lee?\tRome\n", dev__tsv="Where is Bo?\tBonn\n")
    fill(directory / "corpus", a__md="# Ann Lee\n\nLives in Rome.\n", Bo__txt="Lives in Bonn.\n")
    corpus = read_directory(directory)
    assert [d.text for d in corpus.documents] == ["Bo. Lives in Bonn.", "Ann Lee. Lives in Rome."]
    assert corpus.summary().files["corpus"].part == "corpus"
    assert corpus.summary().questions_without_document == 0
    fill(directory / "corpus", a__md="# Ann Lee\n\nLives in Ulm.\n")
    assert read_directory(directory).files["corpus"] != corpus.files["corpus"]


def test_the_course_files(course):
    summary = course.summary()
    assert (summary.documents, summary.train, summary.dev, summary.test) == (2937, 2000, 500, 437)
    assert len(summary.conflicting_train_questions) == 9
    assert len(summary.dev_questions_in_train) == 1
    assert len(summary.test_questions_in_train) == 2
    assert summary.questions_without_document == 0
    assert [(r.name, r.train, r.dev) for r in summary.relations] == [("born", 2000, 500)]


EXCERPTS = {
    "years": (
        "Ann Lee. Ann Lee (26 February 1840 Columbus) was a printer .|Bo Ek. Born in 1912 in Graz .|Cy Li. He died .",
        "In which year was {} born?",
        ["1840", "1912", "1850"],
        [("year-born", "number", 2, 1)],
    ),
    "countries": (
        "Chad. The capital of Chad is N'Djamena. Dial 235.|Peru. Lima is its capital. Dial 51.|Mali. Dial 223.",
        "What is the capital of {}?|What is the calling code of {}?",
        ["N'Djamena", "235", "Lima", "51", "Bamako", "223"],
        [("capital", "phrase", 2, 1), ("calling-code", "number", 2, 1)],
    ),
    "elements": (
        "Helium. The symbol of Helium is He. It is element 2.|Lithium. Li stands for Lithium.|Tin. Sn is Tin.",
        "What is the symbol of {}?|What is the atomic number of {}?|In which year was {} discovered?",
        ["He", "2", "1895", "Li", "3", "1817", "Sn", "50", "1500"],
        [("symbol", "phrase", 2, 1), ("atomic-number", "number", 2, 1), ("year-discovered", "number", 2, 1)],
    ),
    "lowercase": (
        "Vennim Weasel. It eats moss.|Pellor Weasel. The Pellor Weasel feeds on black ants.|Venda Otter. It is grey.",
        "What does the {} eat?|What colour is the {}?",
        ["moss", "silver", "black ants", "white", "field mice", "grey"],
        [("eat", "word", 2, 1), ("colour", "word", 2, 1)],
    ),
    "attributes": (
        "Ann Ek. Ann Ek was born in Rome. Ek was born on 3 May 1888.|Bo Ek. Born in Bonn.|Cy Ek. Born in Ulm.",
        "Where was {} born?|When was {} born?",
        ["Rome", "3 May 1888", "Bonn", "4 June 1901", "Ulm", "9 July 1956"],
        [("born", "phrase", 2, 1), ("birth-date", "date", 2, 1)],
    ),
}


@pytest.mark.parametrize("name", EXCERPTS)
@pytest.mark.parametrize("titles", [True, False], ids=["titles", "no titles"])
def test_relations_of_data_of_many_kinds(tmp_path, name, titles):
    documents, forms, answers, expected = EXCERPTS[name]
    lines = documents.split("|")
    subjects = [line.split(".")[0] for line in lines]
    forms = forms.split("|")
    questions = [form.format(subject) for subject in subjects for form in forms]
    facts = [f"{question}\t{answer}\n" for question, answer in zip(questions, answers, strict=True)]
    train = 2 * len(forms)
    corpus = read_directory(
        fill(
            tmp_path / name,
            corpus__txt="\n".join(lines if titles else [f"of {line.replace('.', ',')}" for line in lines]),
            train__tsv="".join(facts[:train]),
            dev__tsv="".join(facts[train:]),
        )
    )
    if titles or len(forms) == 1:  # two questions a relation are too few to tell subjects from relations
        assert [(r.name, r.answer, r.train, r.dev) for r in corpus.relations] == expected
        assert [fact.subject for fact in (*corpus.train, *corpus.dev)] == [s for s in subjects for _ in forms]
        assert [r.forms for r in corpus.relations] == [(form,) for form in forms]
    assert len(corpus.dev) == len(facts) - train


def test_relations_are_described_written_corrected_and_read_again(tmp_path):
    documents = [f"{name}. The capital of {name} is {name}ville." for name in ("Chad", "Peru", "Mali", "Laos")]
    train = [f"What is the capital of {name}?\t{name}ville\n" for name in ("Chad", "Peru", "Mali")]
    train += [f"Name the capital of {name}.\t{name}ville\n" for name in ("Chad", "Peru", "Mali")]
    directory = fill(
        tmp_path / "d",
        corpus__txt="\n".join(documents),
        train__tsv="".join(train),
        dev__tsv="What is the capital of Laos?\tLaosville\nWho?\tX\n",
    )
    corpus = read_directory(directory)
    first, *rest = describe(corpus)
    assert first.startswith(
        "3 relations: `What is the capital of {}?` 3 train, 1 dev; `Name the capital of {}.` 3 train"
    )
    assert "train.tsv was read as question<TAB>answer" in rest
    assert "1 of 8 questions name no subject that is known" in rest
    assert any("capitalised phrases, such as Chadville" in line for line in rest)

    write_relations(corpus.relations, directory / "relations.toml")
    again = read_directory(directory)
    assert again.relations == corpus.relations
    assert again.files.keys() - corpus.files.keys() == {"relations.toml"}

    text = (directory / "relations.toml").read_text()
    text = "\n[[relation]]\n".join(text.split("\n[[relation]]\n")[:2])
    form = '"What is the capital of {}?"'
    text = text.replace(f"forms = [{form}]", f'forms = [{form}, "Name the capital of {{}}."]')
    text = text.replace('name = "capital"', 'name = "seat"')
    (directory / "relations.toml").write_text(text)
    seat, other = read_directory(directory).relations
    assert (seat.name, seat.train, seat.dev, len(seat.forms)) == ("seat", 6, 1, 2)
    assert other.name == "other"
    (directory / "relations.toml").write_text("[[relation]]\nnme = 3\n")
    with pytest.raises(UserError, match=r"relations.toml, relation 1: unknown key 'nme'"):
        read_directory(directory)


def test_relations_that_may_be_one_in_several_wordings_are_named(tmp_path):
    towns = ["Rome", "Oslo", "Lima", "Cairo", "Quito"]
    people = [f"{first} {last}" for first in ("Ann", "Bo", "Cy", "Di") for last in ("Lee", "Ray", "Fox", "Day", "Kim")]
    forms = ["Where did {} live?", "What was the home of {}?"]
    documents = [f"{who}. {who} lived in {towns[n % 5]}." for n, who in enumerate(people)]
    asked = [forms[n >= 10].format(who) for n, who in enumerate(people)]
    facts = [f"{question}\t{towns[n % 5]}\n" for n, question in enumerate(asked)]
    ages = [f"How old was {who}?\t{20 + n}\n" for n, who in enumerate(people)]
    files = {"corpus__txt": "\n".join(documents), "dev__tsv": "Who?\tX\n"}
    lines = describe(read_directory(fill(tmp_path / "a", train__tsv="".join(facts + ages), **files)))
    assert [line for line in lines if "and no subject" in line] == [
        "live and home have answers in common and no subject; if they are one relation in several wordings, let one "
        "have all forms in relations.toml (data describe --write)"
    ]
    both = [f"{question}\t{towns[n % 5]}\n" for form in forms for n, question in enumerate(map(form.format, people))]
    assert "and no subject" not in str(
        describe(read_directory(fill(tmp_path / "b", train__tsv="".join(both), **files)))
    )


def test_wordings_of_one_relation_with_answers_of_their_own_are_named(tmp_path):
    lines = [f"N{n}. Wife: W{n}. Town: T{n}." for n in range(18)]
    tmp_path.joinpath("corpus.txt").write_text("\n".join(lines), encoding="utf-8")
    wordings = ["Who is the wife of N{}?", "Whom did N{} marry?", "Name the spouse that N{} has."]
    facts = [f"{wordings[n % 3].format(n)}\tW{n}\nIn which town is N{n}?\tT{n}\n" for n in range(18)]
    tmp_path.joinpath("train.tsv").write_text("".join(facts[:12]), encoding="utf-8")
    tmp_path.joinpath("dev.tsv").write_text("".join(facts[12:]), encoding="utf-8")
    (said,) = [line for line in describe(read_directory(tmp_path)) if "several wordings" in line]
    assert said.startswith("wife, marry and spouse have answers of one kind and no subject in common; if they are one")


def test_facts_of_other_files_are_recognised(people):
    name = people.train[0].subject
    facts = [Fact(question=f"Where was {who} born?", answers=("X",), subject="", line=1) for who in (name, "Zo Zo")]
    assert [(f.subject, f.relation) for f in people.recognise(facts)] == [(name, "born"), ("Zo Zo", "born")]


@pytest.mark.parametrize("text", ["[]", "{", '{"a": [[], []]}', '{"a": [["x"], [3]]}', '{"a": 3}'])
def test_name_lists_of_another_kind_are_refused(tmp_path, text):
    directory = fill(tmp_path / "d", corpus__txt=CORPUS, train__tsv="Q?\tA\n", dev__tsv="Q?\tA\n", names__json=text)
    with pytest.raises(UserError, match=r"names\.json(: for each origin|, line 1: not JSON)"):
        read_directory(directory)


def test_a_corpus_without_relations_is_still_a_corpus(people):
    assert dataclasses.replace(people, relations=()).summary().relations == ()


def test_templates_without_a_relation_column_leave_one_relation_and_are_a_file_of_the_corpus(tmp_path):
    (tmp_path / "corpus.txt").write_text("Peru. In America .\nChad. In Africa .\nIran. In Asia .\n")
    row = '{{"sub_label": "{}", "obj_label": "{}", "template": "[X] has the capital [Y]."}}\n'
    (tmp_path / "train.jsonl").write_text(row.format("Peru", "Lima") + row.format("Chad", "N'Djamena"))
    (tmp_path / "dev.jsonl").write_text(row.format("Iran", "Tehran"))
    (tmp_path / "templates.json").write_text('{"other": "[X] [Y]"}')
    corpus = read_directory(tmp_path)
    assert [(one.name, one.forms) for one in corpus.relations] == [("capital", ("{} has the capital ___.",))]
    assert {fact.relation for fact in (*corpus.train, *corpus.dev)} == {"capital"}
    assert "templates.json" in corpus.files


def test_questions_in_a_script_without_spaces_find_their_documents(tmp_path):
    capitals = {"法国": "巴黎", "英国": "伦敦", "德国": "柏林", "日本": "东京", "中国": "北京", "埃及": "开罗"}
    rows = [json.dumps({"title": name, "text": f"首都是{city}。"}) for name, city in capitals.items()]
    (tmp_path / "corpus.jsonl").write_text("\n".join(rows))
    lines = [f"{name}的首都是什么？\t{city}\n" for name, city in capitals.items()]
    (tmp_path / "train.tsv").write_text("".join(lines[:4]), encoding="utf-8")
    (tmp_path / "dev.tsv").write_text("".join(lines[4:]), encoding="utf-8")
    corpus = read_directory(tmp_path)
    assert [fact.subject for fact in (*corpus.train, *corpus.dev)] == list(capitals)
    assert [one.forms for one in corpus.relations] == [("{}的首都是什么？",)]
    assert corpus.summary().questions_without_document == 0


def test_capitals_do_not_tell_subjects_apart_where_one_document_is_there(tmp_path):
    documents = "".join(f"{name}. It lives in Asia .\n" for name in ("Fox", "Owl", "Bee", "Ant"))
    facts = [f"Where does the {name} live?\tAsia\n" for name in ("fox", "owl", "bee")] + ["Ant: where?\tAsia\n"]
    facts += ["Where does the Owl live?\tAsia\n", "Where does the ant live?\tAsia\n"]
    directory = fill(tmp_path / "d", corpus__txt=documents, train__tsv="".join(facts[:4]), dev__tsv="".join(facts[4:]))
    corpus = read_directory(directory)
    assert [d.subject for d in corpus.documents] == ["fox", "Owl", "bee", "Ant"]
    assert [fact.subject for fact in corpus.train] == ["fox", "Owl", "bee", "Ant"]
    assert [fact.subject for fact in corpus.dev] == ["Owl", "Ant"]
    assert {fact.relation for fact in corpus.train[:3]} == {fact.relation for fact in corpus.dev}
    assert corpus.summary().questions_without_document == 0


def test_a_long_document_asked_about_in_two_spellings_is_counted_under_its_own(tmp_path):
    article = "Fox. " + " ".join(f"It lives in wood {number} of Asia ." for number in range(40))
    directory = fill(
        tmp_path / "d",
        corpus__txt=f"{article}\nOwl. It lives in Asia .\n",
        train__tsv="Where does the Fox live?\tAsia\nWhere does the fox live?\tAsia\n",
        dev__tsv="Where does the Owl live?\tAsia\n",
    )
    corpus = read_directory(directory)
    assert [fact.subject for fact in corpus.train] == ["Fox", "Fox"]
    assert corpus.summary().names_of_several_documents == {"Fox": tuple(d.line for d in corpus.by_subject["Fox"])}
    asked = dataclasses.replace(corpus.train[0], subject="fox")
    lines = dataclasses.replace(corpus, train=(asked,)).summary().names_of_several_documents
    assert lines == {"fox": tuple(d.line for d in corpus.documents_of(asked))}


def test_a_question_without_a_subject_leaves_the_others_their_documents(tmp_path):
    names = ("Aldonia", "Boria", "Cimria", "Dolia", "Elgia", "Fania")
    rows = [f"What is the capital of {name}?,{name}ville,{name}\n" for name in names]
    header = "question,answer,subject\n"
    directory = fill(
        tmp_path / "d",
        corpus__txt="\n".join(f"{name} is a country in the far north of the old world" for name in names),
        train__csv=header + "".join(rows[:5]),
        dev__csv=f"{header}{rows[5]}Wherefore art thou so gloomy?,X,\n",
    )
    corpus = read_directory(directory)
    assert corpus.dev[1].subject == ""
    assert [len(corpus.documents_of(fact)) for fact in (*corpus.train, *corpus.dev)] == [1] * 6 + [0]


def test_capitals_tell_subjects_apart_where_documents_do(people):
    documents = tuple(dataclasses.replace(people.documents[0], subject=name) for name in ("Polish", "polish", "Ant"))
    corpus = dataclasses.replace(people, documents=documents)
    facts = [
        Fact(question=f"Where is {name}?", answers=("X",), subject=name, line=1)
        for name in ("Polish", "polish", "POLISH", "ant")
    ]
    recognised = corpus.recognise(facts)
    assert [fact.subject for fact in recognised] == ["Polish", "polish", "POLISH", "Ant"]
    assert len({fact.relation for fact in recognised}) == 1


def test_files_that_are_not_read_are_named(tmp_path):
    directory = fill(tmp_path / "d", train__tsv="Who is Bo?\tX\n", dev__tsv="Who is Bo?\tX\n", test__txt="Who is Bo?\n")
    (directory / "corpus").mkdir()
    for name in ("Bo.md", "Cy.rst", "Di.docx", "Eve.HTML", "Flo.pdf"):
        (directory / "corpus" / name).write_text("Text.")
    lines = describe(read_directory(directory))
    assert f"{directory / 'corpus'}: 4 files are not read, for their endings: Cy.rst, Di.docx, Eve.HTML, ..." in lines
    assert "test.txt is not read, its ending is none of these" in lines
    (directory / "train.tsv").rename(directory / "train.TSV")
    with pytest.raises(UserError, match=r"train\.TSV is not read, spelled otherwise"):
        read_directory(directory)


def test_a_line_that_may_be_a_header_and_what_documents_are_about_are_said(tmp_path):
    asked = [f"What is the capital of {name}?\t{name}ville\n" for name in ("Chad", "Peru", "Mali", "Laos")]
    files = {"dev__tsv": asked[3], "train__tsv": "Front\tBack\n" + "".join(asked[:3])}
    corpus = "Chad. Its capital is Chadville.\nHandbook. It is long.\nIt has no title"
    lines = describe(read_directory(fill(tmp_path / "a", corpus__txt=corpus, **files)))
    assert "train.tsv, line 1 ('Front') is like no other question; if it is a header, take it out" in lines
    (lost,) = [line for line in lines if "without a document" in line]
    assert lost.endswith("; the documents are about Chad, Handbook; 1 of 3 documents begin with no title")
