import csv
import json

import pytest

from closedbook.errors import UserError
from closedbook.facts.cloze import read_wordings
from closedbook.facts.corpus import read_directory
from closedbook.facts.readers import raw_records, read_facts, read_facts_file
from closedbook.facts.text import composed, text_lines


def write(path, data):
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def jsonl(*records):
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.mark.parametrize(
    "data",
    ["Q1?\tA\nQ2?\tÉ\n", "Q1?\tA\nQ2?\tÉ", "Q1?\tA\r\nQ2?\tÉ\r\n", "\ufeffQ1?\tA\nQ2?\tÉ\n", "Q1?\tA\n\nQ2?\tÉ\n"],
    ids=["plain", "no final newline", "CRLF", "BOM", "blank line"],
)
def test_line_ends_and_marks_are_read_as_meant(tmp_path, data):
    expected = [("Q1?", ("A",)), ("Q2?", ("É",))]
    facts = read_facts(write(tmp_path / "f.tsv", data))
    assert [(fact.question, fact.answers) for fact in facts] == expected
    mark = "\ufeff" if data.startswith("\ufeff") else ""
    table = mark + "question,answer" + ("\r\n" if "\r" in data else "\n") + data.lstrip("\ufeff").replace("\t", ",")
    facts = read_facts(write(tmp_path / "f.csv", table))
    assert [(fact.question, fact.answers) for fact in facts] == expected


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("f.tsv", " Who? \t Ann Lee \n"),
        ("f.csv", "question,answer\n Who? , Ann Lee \n"),
        ("f.csv", 'question,answers\n Who? ,"["" Ann Lee ""]"\n'),
        ("f.jsonl", jsonl({"question": " Who? ", "answer": [" Ann Lee "]})),
    ],
)
def test_white_space_around_questions_and_answers_is_left_out(tmp_path, name, data):
    (fact,) = read_facts(write(tmp_path / name, data))
    assert (fact.question, fact.answers) == ("Who?", ("Ann Lee",))


@pytest.mark.parametrize("header", ["Frage\tAntwort", "pregunta\trespuesta", "question\tréponse", "问题\t答案"])
@pytest.mark.parametrize("suffix", ["tsv", "csv"])
def test_headers_may_be_in_other_languages(tmp_path, header, suffix):
    (fact,) = read_facts(
        write(tmp_path / f"f.{suffix}", f"{header}\nWo?\tRom\n".replace("\t", "\t" if suffix == "tsv" else ","))
    )
    assert (fact.question, fact.answers) == ("Wo?", ("Rom",))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("f.tsv", "Ve\u0301?\te\u0301\n"),
        ("f.jsonl", jsonl({"question": "Ve\u0301?", "answer": "e\u0301"})),
        ("f.jsonl", '{"question": "Ve\u0301?", "answer": "e\u0301"}'),
    ],
    ids=["tabs", "escapes", "letters"],
)
def test_letters_are_composed(tmp_path, name, data):
    (fact,) = read_facts(write(tmp_path / name, data))
    assert (fact.question, fact.answers) == ("V\u00e9?", ("\u00e9",))


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("f.tsv", "Q1?\tA\nQ2?\n", "f.tsv, line 2: no tab"),
        ("f.tsv", "Q1?\tA\nQ2?\t \n", "f.tsv, line 2: the answer is empty"),
        ("f.tsv", "\tA\n", "f.tsv, line 1: the question is empty"),
        ("f.tsv", "Q?\tA\tB\n", "f.tsv, line 1: 2 tabs"),
        ("f.tsv", b"Q?\tA\nQ?\t\xff\n", "f.tsv, line 2: not UTF-8"),
        ("f.tsv", "\n \n", "f.tsv: no questions"),
        ("f.tsv", "question\tanswr\nQ?\tA\n", "f.tsv, line 1: unknown key 'answr' .did you mean 'answer'"),
        ("f.jsonl", "{\n", "f.jsonl, line 1: not JSON"),
        ("f.jsonl", '{"question": "Q", "answer": "A"}\n{"question": "Q", "ans', "f.jsonl, line 2: not JSON"),
        ("f.jsonl", "[1]\n", "line 1: not an object"),
        ("f.jsonl", "[" * 100_000 + "\n", "line 1: JSON that cannot be read"),
        (
            "f.jsonl",
            '{"question": "Q", "answer": "A", "sbject": "S"}\n',
            "unknown key 'sbject' .did you mean 'subject'",
        ),
        ("f.jsonl", '{"text": "Q"}\n', "line 1: columns 'text'; needed are question and answer"),
        ("f.jsonl", '{"question": "", "answer": "A"}\n', "'question' must be"),
        ("f.jsonl", '{"question": 3, "answer": "A"}\n', "'question' must be a string"),
        ("f.jsonl", '{"question": "Q", "answer": []}\n', "'answer' must be"),
        ("f.jsonl", '{"question": "Q", "answer": ["A", ""]}\n', "'answer' must be"),
        ("f.jsonl", '{"question": "Q", "answer": "A", "subject": 3}\n', "'subject' must be"),
        ("f.jsonl", jsonl({"question": "Q\tR", "answer": "A"}), "holds a tab"),
        ("f.jsonl", jsonl({"question": "Q", "answer": "A", "s_pop": "many"}), "'s_pop' must be a number"),
        ("f.csv", "question,answer\n", "f.csv: no questions"),
        ("f.csv", "", "f.csv: no questions"),
        ("f.csv", "Q?,A\nR?,B\n", "f.csv, line 1: columns 'q.', 'a'; needed are"),
        ("f.csv", "question,answer,question\nQ,A,Q\n", "f.csv, line 1: the column 'question' stands there twice"),
        ("f.csv", 'question,answer,note\n"Q1",A,"two\nlines"\nQ2,A\n', "f.csv, line 4: 2 cells, but the header has 3"),
        ("f.csv", 'question,answer\nQ1,A\n"Q2,A\nQ3,A\n', "f.csv, line 3: a quote is opened and not closed"),
        ("f.csv", 'question,answer\n"Q1"x,A\n', "f.csv, line 2: a quote in a quoted cell; write it twice"),
        ("f.csv", 'question,answer\n"Q\n1",A\n', "f.csv, line 2: a question or answer holds"),
        ("f.csv", "question,answer\nQ,\n", "f.csv, line 2: 'answer' must be"),
        ("f.csv", "question,answer\n,A\n", "f.csv, line 2: 'question' must be"),
        ("f.tsv", "Q?\tA\nQ\0?\tA\n", "f.tsv, line 2: holds a byte of value 0"),
        ("f.tsv", "Q?\tA\n" + "Q" * 10_001 + "\tA\n", "f.tsv, line 2: a question or answer of 10,001 characters"),
        ("f.tsv", "qestion\tanswer\nQ?\tA\n", "f.tsv, line 1: unknown key 'qestion' .did you mean 'question'"),
        ("f.tsv", "id\tquestoin\tanswer\n1\tQ?\tA\n", "line 1: unknown key 'questoin' .did you mean 'question'"),
        ("f.csv", "question,answre\nQ,A\n", "f.csv, line 1: unknown key 'answre' .did you mean 'answer'"),
        ("f.csv", "problme,answer\nQ,A\n", "unknown key 'problme' .did you mean 'problem'"),
        ("f.csv", "question|answer\nQ|A\n", "f.csv, line 1: '|' between the columns; in this file a comma"),
        ("f.csv", "question,correct answer\nQ,A\n", "line 1: no column of answers; columns 'question', 'cor"),
        ("f.csv", f'question,answer\nQ,"{"x" * 140_000}"\n', "f.csv, line 2: a cell of more than 131,072 characters"),
        ("f.jsonl", '{"question": "Q", "possible_answres": ["A"]}\n', "unknown key 'possible_answres' .did you mean"),
        ("f.jsonl", '{"sub_lable": "Q", "obj_label": "A"}\n', "unknown key 'sub_lable' .did you mean 'sub_label'"),
        (
            "f.jsonl",
            '{"question": "Q", "answer": "A", "answer": "B"}\n',
            "line 1: .* .the key 'answer' stands there twice",
        ),
        ("f.jsonl", '{"question": "Q", "Question": "R"}\n', "line 1: keys that differ in capitals alone"),
        ("f.jsonl", '{"question": "Q", "answer": NaN}\n', "line 1: .* .NaN is no number"),
        ("f.jsonl", '{"question": "Q", "answer": "\\ud800"}\n', "line 1: .* is half a character"),
        ("f.jsonl", jsonl({"question": "Q", "answer": True}), "line 1: 'answer' must be"),
        ("f.jsonl", jsonl({"question": "Q", "answer": [["A"]]}), "line 1: 'answer' must be"),
        ("f.jsonl", jsonl({"question": "Q", "answer": ["A", None]}), "line 1: 'answer' must be"),
        ("f.jsonl", jsonl({"question": "Q", "answer": "A", "s_pop": "nan"}), "'s_pop' must be a number"),
        ("f.csv", 'question,possible_answers\nQ,"[""A"", 3"\n', "line 2, 'possible_answers': not JSON"),
    ],
)
def test_bad_facts_are_refused_with_their_place(tmp_path, name, data, message):
    with pytest.raises(UserError, match=message.replace("[", r"\[")):
        read_facts(write(tmp_path / name, data))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("f.tsv", "answer\tquestion\nA\tQ?\n"),
        ("f.tsv", "Q?\tA\r"),
        ("f.csv", "ANSWER,Question\nA,Q?\n"),
        ("f.csv", "population,note,question,answer,o_pop\n1,x,Q?,A,2\n"),
        ("f.jsonl", jsonl({"Question": "Q?", "ANSWER": ["A"]})),
    ],
)
def test_what_can_be_meant_in_one_way_alone_is_read(tmp_path, name, data):
    (fact,) = read_facts(write(tmp_path / name, data))
    assert (fact.question, fact.answers, fact.relation, fact.popularity) == ("Q?", ("A",), "", None)


def test_numbers_are_answers_as_they_are_written(tmp_path):
    path = write(tmp_path / "f.jsonl", jsonl({"question": "Q?", "answer": [3, "three", 2.5]}))
    assert read_facts(path)[0].answers == ("3", "three", "2.5")


def test_numbers_of_json_keep_their_digits(tmp_path):
    text = '{"question": "q", "answer": 1.50}\n{"question": "\\u0072", "answer": [0.00001, 1e3, 7]}\n'
    (tmp_path / "f.jsonl").write_text(text)
    assert [fact.answers for fact in read_facts(tmp_path / "f.jsonl")] == [("1.50",), ("0.00001", "1e3", "7")]


def test_tabs_may_separate_the_columns_of_a_table_with_a_header(tmp_path):
    path = tmp_path / "train.csv"
    path.write_text('question\tanswer\nWho, then?\tAnn\nWho?\t"Bo ""B"""\n', encoding="utf-8")
    assert [(fact.question, fact.answers) for fact in read_facts(path)] == [
        ("Who, then?", ("Ann",)),
        ("Who?", ('Bo "B"',)),
    ]


def test_semicolons_may_separate_columns_as_spreadsheets_have_it_where_a_comma_is_in_numbers(tmp_path):
    text = '"question";"answer"\n"How much; today?";"1,5"\n"Who?";Ann\n'
    facts = read_facts(write(tmp_path / "f.csv", text))
    assert [(fact.question, fact.answers) for fact in facts] == [("How much; today?", ("1,5",)), ("Who?", ("Ann",))]


@pytest.mark.parametrize("separator", [";", ",", "|"])
def test_a_first_line_may_say_what_separates_the_columns_as_spreadsheets_have_it(tmp_path, separator):
    rows = [["question", "answer"], ["Who?", "Ann"]]
    text = "\n".join([f"sep={separator}", *(separator.join(row) for row in rows)])
    (fact,) = read_facts(write(tmp_path / "f.csv", text))
    assert (fact.question, fact.answers, fact.line) == ("Who?", ("Ann",), 3)
    with pytest.raises(UserError, match=r"line 2: a tab between the columns; in this file "):
        read_facts(write(tmp_path / "g.csv", f"sep={separator}\nquestion\tanswer\n"))


def test_the_header_of_one_column_is_no_question(tmp_path):
    (tmp_path / "f.tsv").write_text("question\nWho?\n")
    assert [fact.question for fact in read_facts(tmp_path / "f.tsv", answers_required=False)] == ["Who?"]


def test_jsonl_takes_one_answer_or_several(tmp_path):
    lines = [
        {"question": "Q1?", "answer": "A"},
        {"question": "Q2?", "answer": ["B", "C"], "subject": "S", "relation": "r", "popularity": 12},
        {"question": "Q3?", "answer": "A", "subject": None},
    ]
    found = read_facts_file(write(tmp_path / "f.jsonl", jsonl(*lines)))
    assert [(fact.answers, fact.subject) for fact in found.facts] == [(("A",), ""), (("B", "C"), "S"), (("A",), "")]
    assert (found.facts[1].relation, found.facts[1].popularity) == ("r", 12.0)
    assert found.read_as == "questions and answers: question, answer, subject, relation, popularity"


def test_questions_without_answers_are_read_where_none_are_needed(tmp_path):
    facts = read_facts(write(tmp_path / "f.tsv", "Q1?\nQ2?\tA\nQ3?\t\n"), answers_required=False)
    assert [fact.answers for fact in facts] == [(), ("A",), ()]
    with pytest.raises(UserError, match="line 2: blank"):
        read_facts(write(tmp_path / "f.tsv", "Q1?\n\nQ2?\n"), answers_required=False)
    for data in ("question,subject\nQ1?,S\n", "question,answer\nQ1?,\n"):
        assert read_facts(write(tmp_path / "f.csv", data), answers_required=False)[0].answers == ()


def test_answers_stand_in_objects_as_public_data_sets_have_them(tmp_path):
    rows = [
        {"question": "Who?", "answer": {"value": "Ann", "aliases": ["A. Lee", "Ann"], "type": "Wiki"}},
        {"id": "7", "context": "Bo.", "question": "Whom?", "answers": {"text": ["Bo", "Bo"], "answer_start": [0, 0]}},
    ]
    found = [read_facts(write(tmp_path / f"{index}.jsonl", jsonl(row))) for index, row in enumerate(rows)]
    assert [fact.answers for facts in found for fact in facts] == [("Ann", "A. Lee"), ("Bo",)]
    odd = ({"value": {"a": 1}}, {"value": "A", "aliases": [{"a": 1}]}, {"value": [["a"]]})
    for answer in ({"text": []}, {"value": ""}, {"other": "Ann"}, *odd):
        with pytest.raises(UserError, match="line 1: 'answer' must be a string"):
            read_facts(write(tmp_path / "none.jsonl", jsonl({"question": "Who?", "answer": answer})))


def test_further_answers_stand_in_a_column_of_their_own(tmp_path):
    rows = [
        {"question": "Who?", "answer": "Ann", "aliases": ["A. Lee", "Ann"], "note": "x"},
        {"question": "Where?", "answer": "Rome"},
    ]
    found = read_facts_file(write(tmp_path / "f.jsonl", "".join(map(jsonl, rows))))
    assert [fact.answers for fact in found.facts] == [("Ann", "A. Lee"), ("Rome",)]
    assert found.read_as == "questions and answers: question, answer, aliases (not read: note)"
    for value in (" ", "[]", "['Bo', 'Cy']", [""], {"text": ["Bo"]}, None, 3):
        other = write(tmp_path / "g.jsonl", jsonl({"question": "Who?", "answer": "Ann", "aliases": value}))
        assert read_facts_file(other).facts[0].answers == ("Ann",)
    named = jsonl({"question": "Who is Bo?", "answer": "Ann", "subject": "Bo", "aliases": ["Bobby"]})
    assert read_facts_file(write(tmp_path / "h.jsonl", named)).facts[0].answers == ("Ann",)  # those are Bo's
    table = write(tmp_path / "f.csv", 'question,answer,answers,answer2\nWho?,Ann,"[""Bo""]",Cy\n')
    found = read_facts_file(table)
    assert found.facts[0].answers == ("Ann", "Bo")
    assert found.read_as.endswith("question, answer, answers (not read: answer2)")


def test_cells_that_a_spreadsheet_quotes_are_unquoted_one_by_one(tmp_path):
    lines = '"Who wrote ""Dawn""?"\tAnn\nWhere is Bo?\t"Mur, Utah"\nWho sang "Dawn"?\t"Heroes"\n'
    found = read_facts_file(write(tmp_path / "f.tsv", lines)).facts
    assert [(fact.question, fact.answers[0]) for fact in found] == [
        ('Who wrote "Dawn"?', "Ann"), ("Where is Bo?", "Mur, Utah"), ('Who sang "Dawn"?', '"Heroes"')
    ]  # fmt: skip


def test_simpleqa(tmp_path):
    path = tmp_path / "f.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["metadata", "problem", "answer"])
        rows.writerow(["{'topic': 'Art',\n 'urls': ['a', 'b']}", 'Who painted "Dawn", and when?', "Ann Lee, 1901"])
        rows.writerow(["{}", "Who sang?", "Bo"])
    found = read_facts_file(path)
    assert found.read_as == "SimpleQA: problem, answer"
    assert [(f.question, f.answers, f.line) for f in found.facts] == [
        ('Who painted "Dawn", and when?', ("Ann Lee, 1901",), 2),
        ("Who sang?", ("Bo",), 4),
    ]


@pytest.mark.parametrize(
    ("name", "text", "columns"),
    [
        ("f.csv", "Q,A\nWho sang?,Bo\n", "q, a"),
        ("f.jsonl", '{"prompt": "Who sang?", "completion": "Bo"}\n', "prompt, completion"),
        ("f.tsv", "input\toutput\nWho sang?\tBo\n", "input, output"),
    ],
)
def test_prompts_and_completions(tmp_path, name, text, columns):
    tmp_path.joinpath(name).write_text(text, encoding="utf-8")
    found = read_facts_file(tmp_path / name)
    assert found.read_as.startswith(f"prompts and completions: {columns}")
    assert [(fact.question, fact.answers) for fact in found.facts] == [("Who sang?", ("Bo",))]


POPQA = {
    "id": 1,
    "subj": "George Rankin",
    "prop": "occupation",
    "obj": "politician",
    "s_pop": 142,
    "question": "What is George Rankin's occupation?",
    "possible_answers": json.dumps(["political leader", "politician", "pol"]),
}


@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".jsonl"])
def test_popqa(tmp_path, suffix):
    path = tmp_path / f"f{suffix}"
    if suffix == ".jsonl":
        path.write_text(jsonl(POPQA, {**POPQA, "possible_answers": ["politician"]}))
    else:
        with path.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, POPQA, delimiter="\t" if suffix == ".tsv" else ",")
            table.writeheader()
            table.writerow(POPQA)
    found = read_facts_file(path)
    assert found.read_as.startswith("PopQA: question, possible_answers, subj, obj, prop, s_pop")
    fact = found.facts[0]
    assert fact.answers == ("politician", "political leader", "pol")
    assert (fact.subject, fact.relation, fact.popularity) == ("George Rankin", "occupation", 142.0)


@pytest.mark.parametrize("name", ["f.tsv", "f.csv", "f.jsonl"])
@pytest.mark.parametrize("column", ["popularity", "s_pop", "pop"])
def test_popularity_has_three_names(tmp_path, name, column):
    if name == "f.jsonl":
        data = jsonl({"question": "Q?", "answer": "A", column: 12.5}, {"question": "R?", "answer": "A", column: None})
    else:
        rows = [("question", "answer", column), ("Q?", "A", "12.5"), ("R?", "A", "")]
        data = "".join(("," if name == "f.csv" else "\t").join(row) + "\n" for row in rows)
    assert [fact.popularity for fact in read_facts(write(tmp_path / name, data))] == [12.5, None]


def test_bear_takes_its_templates_from_the_metadata_beside(tmp_path):
    (tmp_path / "BEAR").mkdir()
    (tmp_path / "BEAR" / "metadata_relations.json").write_text(
        json.dumps(
            {"P36": {"templates": ["The capital of [X] is [Y].", "[Y] is the capital of [X] ."]}, "P1": "[X] [Y]"}
        )
    )
    path = write(tmp_path / "BEAR" / "P36.jsonl", jsonl({"sub_label": "Peru", "obj_label": "Lima", "sub_id": "Q419"}))
    found = read_facts_file(path)
    assert found.read_as == "statements as in LAMA and BEAR: sub_label, obj_label"
    (fact,) = found.facts
    assert (fact.question, fact.answers, fact.subject) == ("The capital of Peru is ___.", ("Lima",), "Peru")
    assert fact.relation == "P36"
    assert found.wordings == {"P36": ("___ is the capital of {}.",)}


def test_templates_of_another_directory_are_not_taken(tmp_path):
    (tmp_path / "templates.json").write_text('{"P36": "[X] [Y]"}')
    (tmp_path / "data").mkdir()
    path = write(tmp_path / "data" / "P36.jsonl", jsonl({"sub_label": "Peru", "obj_label": "Lima"}))
    with pytest.raises(UserError, match="no template for relation 'P36'"):
        read_facts(path)


def test_lama_takes_its_templates_from_relations_or_a_column(tmp_path):
    rows = [{"sub_label": "Peru", "obj_label": "Lima", "predicate_id": "P36"}]
    path = write(tmp_path / "f.jsonl", jsonl(*rows))
    with pytest.raises(UserError, match=r"f.jsonl, line 1: no template for relation 'P36'"):
        read_facts(path)
    write(tmp_path / "relations.jsonl", jsonl({"relation": "P36", "template": "[X] 's capital is [Y] ."}))
    assert read_facts(path)[0].question == "Peru 's capital is ___."
    path = write(tmp_path / "g.csv", "sub_label,obj_label,template\nPeru,Lima,[Y] rules [X]\n")
    assert (read_facts(path)[0].question, read_facts(path)[0].relation) == ("___ rules Peru", "")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("relations.jsonl", jsonl({"relation": "P36", "template": "[X] only"}), r"line 1: the template .* must hold"),
        ("relations.jsonl", jsonl({"relation": 3}), "line 1: 'relation' must be a string"),
        ("metadata_relations.json", "{", "metadata_relations.json, line 1: not JSON"),
        ("metadata_relations.json", "[]", "metadata_relations.json: not an object"),
        (
            "relations.jsonl",
            2 * jsonl({"relation": "P36", "template": "[X] [Y]"}),
            "line 2: relation 'P36' stands there twice",
        ),
        ("relations.jsonl", jsonl({"relation": "P36", "templaet": "[X] [Y]"}), "did you mean 'template'"),
        ("metadata_relations.json", '{"P36": "[X] [Y]", "P36": "[X] [Y]"}', "the key 'P36' stands there twice"),
        ("metadata_relations.json", '{"P36": 3}', "relation 'P36' needs a template"),
    ],
)
def test_bad_templates_are_refused(tmp_path, name, text, message):
    write(tmp_path / name, text)
    path = write(tmp_path / "P36.jsonl", jsonl({"sub_label": "Peru", "obj_label": "Lima"}))
    with pytest.raises(UserError, match=message):
        read_facts(path)


def test_wordings_from_a_file(tmp_path):
    path = write(tmp_path / "wordings.txt", "Birthplace of {}?\n\n{} comes from\n")
    assert read_wordings(path) == ("Birthplace of {}?", "{} comes from")
    path = write(tmp_path / "P19.jsonl", jsonl({"pattern": "[X] was born in [Y].", "lemma": "bear"}))
    assert read_wordings(path) == ("{} was born in ___.",)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("w.txt", "Birthplace?\n", "line 1: a wording names the subject once"),
        ("w.txt", "\n", "no wordings"),
        ("w.jsonl", jsonl({"pattern": "[X] was"}), "line 1: the template"),
        ("w.jsonl", jsonl({"patern": "[X] [Y]"}), "line 1: unknown key 'patern' .did you mean 'pattern'"),
        ("w.jsonl", jsonl({"pattern": 3}), "line 1: 'pattern' must be"),
        ("w.jsonl", "{", "line 1: not JSON"),
    ],
)
def test_bad_wordings_are_refused(tmp_path, name, text, message):
    with pytest.raises(UserError, match=message):
        read_wordings(write(tmp_path / name, text))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("f.tsv", "Q1\tA\n\nQ2\tB\n"),
        ("f.csv", 'note,question,answer\n"a\nb",Q1,A\n\nc,Q2,B\n'),
        ("f.jsonl", jsonl({"question": "Q1", "answer": "A"}, {"question": "Q2", "answer": "B"})),
    ],
)
def test_the_text_of_every_fact_can_be_written_again(tmp_path, name, text):
    path = write(tmp_path / name, text)
    facts = read_facts(path)
    header, texts = raw_records(path, facts)
    assert len(texts) == 2
    again = read_facts(write(tmp_path / f"again{path.suffix}", header + f"{texts[1]}\n"))
    assert [(fact.question, fact.answers) for fact in again] == [("Q2", ("B",))]


def test_cells_that_are_all_quoted_are_unquoted(tmp_path):
    path = tmp_path / "f.tsv"
    path.write_text(
        '"Who wrote ""Tin""?"\t"Ann Lee"\n"Tin" is by whom?\t"Bo"\n"Yes" or "No"\t"Tin" and "Tan"\n', encoding="utf-8"
    )
    assert [(fact.question, fact.answers) for fact in read_facts(path)] == [
        ('Who wrote "Tin"?', ("Ann Lee",)),
        ('"Tin" is by whom?', ('"Bo"',)),
        ('"Yes" or "No"', ('"Tin" and "Tan"',)),
    ]


def test_a_list_in_a_column_of_answers_is_a_list(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text('question,answer\nWho?,"[""Ann Lee"", ""Lee""]"\nWhere?,[Rome]\n', encoding="utf-8")
    assert [fact.answers for fact in read_facts(path)] == [("Ann Lee", "Lee"), ("[Rome]",)]


def test_no_break_spaces_and_hyphens_are_usual_ones_in_facts_and_documents(tmp_path):
    (tmp_path / "corpus.txt").write_text("Tin. Tin weighs 2\u00a0kg or 1\u20112 .\n", encoding="utf-8")
    (tmp_path / "train.tsv").write_text("How heavy is\u202fTin\u00a0?\t2\u00a0kg\n", encoding="utf-8")
    (fact,) = read_facts(tmp_path / "train.tsv")
    assert (fact.question, fact.answers) == ("How heavy is Tin ?", ("2 kg",))
    assert next(text_lines(tmp_path / "corpus.txt")) == "Tin. Tin weighs 2 kg or 1-2 ."


@pytest.mark.parametrize("mark", ["\u200f", "\u200e", "\u200b", "\u2068", "\xad"])
def test_marks_that_nobody_sees_are_left_out(tmp_path, mark):
    for name, text in {
        "corpus.txt": f"tree {mark}frog. It is green.\nroe deer. It is brown.\n",
        "train.tsv": f"What colour is the tree frog?{mark}\tgreen\nWhat colour is the {mark}roe deer{mark}?\tbrown\n",
        "dev.tsv": f"What colour is the {mark}roe deer?\tbrown{mark}\n",
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    corpus = read_directory(tmp_path)
    assert [fact.subject for fact in corpus.train] == ["tree frog", "roe deer"]
    assert corpus.dev[0].answers == ("brown",)
    assert all(corpus.documents_of(fact) for fact in (*corpus.train, *corpus.dev))


def test_letters_are_composed_without_the_marks_between_them():
    assert composed("Cafe\xad\u0301", "x") == "Café"
    with pytest.raises(UserError, match="more than 30 accents"):
        composed("a" + ("\u0301\u0323" * 10 + "\xad") * 2, "x")
