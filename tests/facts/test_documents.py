import json

import pytest

from closedbook.errors import UserError
from closedbook.facts.documents import read_sources, windowed, windows
from closedbook.facts.retitling import known_titles, lengthened, retitled
from closedbook.facts.titles import subjects_in, title


def lines_of(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def read_documents(path, **settings):
    """The documents of a corpus that no question asks about."""
    return windowed(read_sources(path), **settings)


def shown(found):
    return [(d.subject, d.text, d.line) for d in found.documents]


def test_lines_keep_their_text_and_number(tmp_path):
    found = read_documents(lines_of(tmp_path / "c.txt", "Ann Lee. Ünïcode  kept .\n\nBo. B .\n"))
    assert shown(found) == [("Ann Lee", "Ann Lee. Ünïcode  kept .", 1), ("Bo", "Bo. B .", 3)]
    assert found.blank_lines == (2, 4)


def test_the_courses_lines_are_whole(course, course_directory):
    lines = (course_directory / "wiki.txt").read_text(encoding="utf-8").split("\n")
    assert [(d.text, d.line) for d in course.documents] == [(text, n) for n, text in enumerate(lines, 1) if text]
    assert all(d.subject == title(d.text) for d in course.documents)
    assert course.blank_lines == (2938,)


def test_long_documents_become_windows_that_repeat_the_title(tmp_path):
    sentences = [f"Sentence {number} tells of St. Ives and J. Doe." for number in range(30)]
    text = "Ann Lee. " + " ".join(sentences)
    found = read_documents(lines_of(tmp_path / "c.txt", f"Bo. B .\n{text}\n\nCy. C .\n"), most_words=40)
    own = [d for d in found.documents if d.subject == "Ann Lee"]
    assert len(own) > 5
    assert all(d.text.startswith("Ann Lee. Sentence") and d.text.endswith("Doe.") for d in own)
    assert all(len(d.text.split()) <= 40 for d in own)
    assert " ".join(d.text.removeprefix("Ann Lee. ") for d in own) == " ".join(sentences)
    places = [d.line for d in found.documents]
    assert places[:2] == [1, 2]
    assert sorted({*places, *found.blank_lines}) == list(range(1, len(places) + 3))
    assert places == sorted(places)


def test_a_sentence_that_is_too_long_is_cut_between_words():
    words = [f"w{number}" for number in range(50)]
    parts = windows("Ann", "Ann. " + " ".join(words), 21)
    assert [len(part.split()) for part in parts] == [21, 21, 11]
    assert [word for part in parts for word in part.split()[1:]] == words
    assert windows("", " ".join(words), 25) == [" ".join(words[:25]), " ".join(words[25:])]
    assert windows("Ann", "Ann. short", 80) == ["Ann. short"]


SENTENCES = [f"法国有很多城市、河流和山脉，第{number}个省份以农业为主。" for number in range(1, 12)]


@pytest.mark.parametrize(
    ("subject", "head", "sentences", "between"),
    [
        ("法国", "法国。", SENTENCES, ""),
        ("法国", "法国. ", SENTENCES, ""),
        ("東京", "東京。", ["「東京は都市だ。」", "人口は多い？", "川もある！"] * 8, ""),
        ("กระบี่", "กระบี่. ", ["กระบี่เป็นจังหวัดในภาคใต้ของประเทศไทย"] * 6, " "),
    ],
    ids=["own full stop", "full stop", "quotes", "Thai"],
)
def test_scripts_without_spaces_are_cut_where_sentences_end(subject, head, sentences, between):
    parts = windows(subject, head + between.join(sentences), 60)
    assert len(parts) > 2
    assert all(part.startswith(head) and len(part) <= 80 for part in parts)
    bodies = [part.removeprefix(head) for part in parts]
    assert between.join(bodies) == between.join(sentences)
    assert all(body.startswith(tuple(sentences)) and body.endswith(tuple(sentences)) for body in bodies)


def test_a_sentence_without_end_is_cut_between_letters():
    parts = windows("法国", "法国。" + "山" * 100, 50)
    assert [len(part) for part in parts] == [52, 52, 5]
    assert all(part.startswith("法国。山") for part in parts)
    assert windows("", "山" * 70, 50) == ["山" * 50, "山" * 20]
    tone = "ต้"  # a letter and its mark stay together
    assert windows("", tone * 70, 50) == [tone * 50, tone * 20]


def test_a_long_title_without_a_text_is_one_window(tmp_path):
    row = {"title": "漢" * 200, "text": "漢" * 200 + "。"}
    path = lines_of(tmp_path / "c.jsonl", json.dumps(row))
    assert shown(read_documents(path)) == [(row["title"], row["text"], 1)]


def test_short_texts_of_a_script_without_spaces_stay_whole(tmp_path):
    text = "法国。" + SENTENCES[0]
    assert shown(read_documents(lines_of(tmp_path / "c.txt", text))) == [("法国", text, 1)]
    long = read_documents(lines_of(tmp_path / "c.txt", "法国。" + "".join(SENTENCES))).documents
    assert len(long) == 4
    assert {d.subject for d in long} == {"法国"}


def test_a_directory_holds_one_document_a_file(tmp_path):
    files = {
        "b_two.txt": "First line\nand  second.\n",
        "a.md": "# Ann *Lee*\n\nWas a [poet](http://x.y/z) of **note**.\n\n## Life\n- Born in `Rome`.\n",
        "sub/c.md": "No heading here.\n",
        "d.txt": "Bo. Begins with its name.",
        "Bo.txt": "Bo. Begins with its name.",
        "empty.txt": " \n",
        "other.csv": "not read",
        ".hidden.txt": "Not read.",
        ".git/x.md": "Not read.",
        "h.md": "# Di Lee\nDi Lee was born in\n1912. See [it](x/y_(z)), ![a map](m_(2).png)and __this__:\n100. one",
        "e.MD": "---\ntitle: 'Cy Fox'\ntags:\n  - x\n---\n# Cy Fox\nCode:\n```sh\n# no heading\n```\n# Life\nLong.",
        "f.md": "---\ndate: 2020\n---\nText.",
        "g.TXT": "---\nText and\n---\nmore.",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert [(d.subject, d.text) for d in read_documents(tmp_path).documents] == [
        ("Bo", "Bo. Begins with its name."),
        ("Ann Lee", "Ann Lee. Was a poet of note. Life. Born in Rome."),
        ("b two", "b two. First line and second."),
        ("d", "d. Bo. Begins with its name."),
        ("Cy Fox", "Cy Fox. Code: # no heading. Life. Long."),
        ("f", "f. Text. date: 2020."),
        ("g", "g. --- Text and --- more."),
        ("Di Lee", "Di Lee. Di Lee was born in 1912. See it, and this: 100. one."),
        ("c", "c. No heading here."),
    ]


@pytest.mark.parametrize(
    ("record", "text"),
    [
        ({"name": "Tin", "symbol": "Sn", "melts_at": 232, "id": None}, "Tin. symbol: Sn. melts at: 232."),
        ({"Name": "Tin", "text": "A soft metal."}, "Tin. A soft metal."),
        ({"title": "Tin", "name": "Stannum", "hard": False}, "Tin. name: Stannum. hard: false."),
        ({"title": "Tin", "body": "A soft metal.", "id": 3}, "Tin. body: A soft metal. id: 3."),
        ({"name": 3, "text": "Tin. A soft metal."}, "Tin. A soft metal."),
        ({"name": "Tin", "content": "A soft metal."}, "Tin. A soft metal."),
        ({"name": "Tin", "content": "Soft.", "body": "B.", "text": "A soft metal."}, "Tin. A soft metal."),
    ],
)
def test_jsonl_has_the_names_of_a_table(tmp_path, record, text):
    (document,) = read_documents(lines_of(tmp_path / "c.jsonl", json.dumps(record))).documents
    assert (document.subject, document.text) == ("Tin", text)


def test_jsonl_with_title_and_text(tmp_path):
    rows = [
        {"title": "Ann Lee", "text": "Born\nin Rome.", "id": 3},
        {"text": "Bo. B ."},
        {"title": "Cy.", "text": "Cy. C"},
    ]
    path = lines_of(tmp_path / "c.jsonl", "\n".join(map(json.dumps, rows)))
    assert shown(read_documents(path)) == [
        ("Ann Lee", "Ann Lee. Born in Rome.", 1),
        ("Bo", "Bo. B .", 2),
        ("Cy", "Cy. C", 3),
    ]


def test_what_front_matter_says_is_read(tmp_path):
    block = "title: Alba\nriver: Drin\nfed_by:\n  - Esk\n  - Fal\ndraft: true\nmap:\n  north: 1\nempty:\n"
    (tmp_path / "a.md").write_text(f"---\n{block}---\n# Alba\n\nAlba is *old*.\n")
    (tmp_path / "b.md").write_text("+++\nheight = 12.5\n+++\n")
    (tmp_path / "c.md").write_text('---\nmotto: Ask first: act later\nkey: @home\nowner: "Ann\n---\nText.\n')
    found = read_documents(tmp_path).documents
    assert [(document.subject, document.text) for document in found] == [
        ("Alba", "Alba. Alba is old. river: Drin. fed by: Esk, Fal. map north: 1."),
        ("b", "b. height: 12.5."),
        ("c", "c. Text. motto: Ask first: act later. key: @home. owner: Ann."),
    ]


def test_front_matter_that_does_not_end_takes_no_time(tmp_path):
    (tmp_path / "a.md").write_text("---\n" + "  # a\n" * 2000 + "Text.")
    assert read_documents(tmp_path).documents[0].subject == "a"


def test_texts_without_titles_are_about_the_subjects_that_they_begin_with(tmp_path):
    long = "Aldonia is a country in the north. " + " ".join(f"It has the town number {n}." for n in range(10, 40))
    path = lines_of(tmp_path / "c.txt", f"{long}\nParis Hilton. Paris Hilton sings .\n\nRome. Rome is old .\n")
    found = windowed(retitled(read_sources(path), ["Aldonia", "Paris", "Rome", "Rome is", ""]), 40)
    assert [d.subject for d in found.documents] == ["Aldonia"] * 6 + ["Paris Hilton", "Rome"]
    texts = [d.text for d in found.documents[:6]]
    assert texts[0].startswith("Aldonia. Aldonia is a country in the north. It")
    assert all(text.startswith("Aldonia. It has") and len(text.split()) <= 40 for text in texts[1:])
    assert " ".join(text.removeprefix("Aldonia. ") for text in texts) == long


def test_texts_that_begin_with_no_subject_are_about_the_one_that_they_name(tmp_path):
    path = lines_of(tmp_path / "c.txt", "In Rome, Ann Lee met Bo Ray.\nBo Ray. He met Ann Lee once.\nNobody came.\n")
    found = windowed(retitled(read_sources(path), ["Ann Lee", "Bo Ray"])).documents
    assert [d.subject for d in found] == ["Ann Lee", "Bo Ray", "Nobody came"]
    assert found[0].text == "Ann Lee. In Rome, Ann Lee met Bo Ray."


def test_an_article_may_stand_before_the_subject(tmp_path):
    path = lines_of(tmp_path / "c.txt", "The Nile is a river in Egypt, 6,650 km long.\n")
    [document] = windowed(retitled(read_sources(path), ["Nile"])).documents
    assert (document.subject, document.text) == ("Nile", "Nile. The Nile is a river in Egypt, 6,650 km long.")


def test_titles_are_spelled_as_questions_spell_them(tmp_path):
    path = lines_of(
        tmp_path / "c.txt",
        "Fox. The fox is red .\nRed Panda. It eats .\nTurkey. A country .\nOwl. It flies .\n"
        "The Shard. It is tall .\nRome–Oslo. A line .\nSun. A star .\nThe Sun. A newspaper .\n",
    )
    asked = ["fox", "red panda", "Turkey", "turkey", "Shard", "Rome-Oslo", "sun"]
    found = windowed(retitled(read_sources(path), asked)).documents
    assert [(d.subject, d.text) for d in found] == [
        ("fox", "fox. The fox is red ."),
        ("red panda", "red panda. It eats ."),
        ("Turkey", "Turkey. A country ."),
        ("Owl", "Owl. It flies ."),
        ("Shard", "Shard. It is tall ."),
        ("Rome-Oslo", "Rome-Oslo. A line ."),
        ("sun", "sun. A star ."),
        ("The Sun", "The Sun. A newspaper ."),
    ]


def test_marks_inside_a_title_do_not_end_it_where_questions_name_all_of_it(tmp_path):
    lines = ["Ford & Co. KG. It is old.", "1. FC Köln. A club.", "Oklahoma! It is a musical.", "Sta. Cruz. A town."]
    path = lines_of(tmp_path / "c.txt", "\n".join(lines))
    asked = ["Where is Ford & Co. KG?", "Who leads 1. FC Köln today?", "Who wrote Oklahoma!?", "Is sta. Cruz old?"]
    found = lengthened(read_sources(path), asked)
    assert [source.subject for source in found] == ["Ford & Co. KG", "1. FC Köln", "Oklahoma!", "Sta. Cruz"]
    assert [source.text for source in found] == [*lines[:2], "Oklahoma!. It is a musical.", lines[3]]
    assert lengthened(read_sources(path), ["Where is Ford? It is far."]) == read_sources(path)


def test_a_full_stop_that_questions_go_on_behind_belongs_to_the_title(tmp_path):
    path = tmp_path / "corpus.jsonl"
    names = ["Ann Lee", "Ann Lee Jr.", "Acme Inc.", "Bo Ray"]
    path.write_text("".join(json.dumps({"title": name, "text": "Old."}) + "\n" for name in names), encoding="utf-8")
    asked = ["What is Ann Lee’s age?", "What is Ann Lee Jr.’s age?", "Was Acme Inc. sold?", "I met Bo Ray. was he old?"]
    found = lengthened(read_sources(path), asked)
    assert [source.subject for source in found] == names
    assert [source.text for source in found] == [f"{name}. Old." for name in names]


@pytest.mark.parametrize(
    ("lines", "asked", "subjects"),
    [
        (
            ["Mamma Mia!. By Ann.", "Mamma Mia! Here We Go Again. By Bo."],
            ["Who directed Mamma Mia!?", "Who directed Mamma Mia! Here We Go Again?"],
            ["Mamma Mia!", "Mamma Mia! Here We Go Again"],
        ),
        (["Yahoo! Japan. A firm."], ["Who owns Yahoo! Japan?"], ["Yahoo! Japan"]),
        (["What is the capital of Albania? Tirana."], ["What is the capital of Albania?"], None),
        (["Albania. What is its capital? Tirana."], ["Albania. What is its capital?"], ["Albania"]),
        (["Tin. Tin is a metal. Its symbol is Sn."], ["Tin. Tin is a metal. Its symbol is what?"], ["Tin"]),
    ],
)
def test_a_title_that_is_named_as_it_is_stays(tmp_path, lines, asked, subjects):
    path = lines_of(tmp_path / "c.txt", "\n".join(lines))
    found, before = lengthened(read_sources(path), asked), read_sources(path)
    assert [source.subject for source in found] == (subjects or [source.subject for source in before])
    assert found == before


def test_a_title_with_more_in_brackets_is_found_where_it_is_the_only_one(tmp_path):
    lines = ["Mercury (planet). It is hot.", "Juno (planet). It is cold.", "Juno (goddess). A wife.", "Io (moon). Io."]
    path = lines_of(tmp_path / "c.txt", "\n".join(lines))
    found = retitled(read_sources(path), ["Mercury", "Juno", "Io (moon)"])
    assert [source.subject for source in found] == ["Mercury", "Juno (planet)", "Juno (goddess)", "Io (moon)"]
    assert [source.text for source in found] == [f"Mercury. {lines[0]}", *lines[1:]]


def test_a_species_is_found_by_the_first_letter_of_its_genus_where_one_alone_is_meant(tmp_path):
    lines = ["Rosa canina. A plant.", "Rosa alba. A plant.", "Rubus alba. A plant.", "Acer rubrum. A tree."]
    sources = read_sources(lines_of(tmp_path / "c.txt", "\n".join(lines)))
    named = {question: subjects_in(question, known_titles(sources)) for question in ("Is R. canina red?", "R. alba?")}
    assert named == {"Is R. canina red?": ["R. canina"], "R. alba?": ["R. alba"]}
    found = retitled(sources, ["R. canina", "R. alba", "Acer rubrum"])
    assert [source.subject for source in found] == ["R. canina", "Rosa alba", "Rubus alba", "Acer rubrum"]
    assert found[0].text == f"R. canina. {lines[0]}"


def test_a_title_that_the_corpus_gives_is_kept(tmp_path):
    rows = [{"title": "Aldonia is a country", "text": "A film."}, {"text": "Uria is a country."}]
    path = lines_of(tmp_path / "c.jsonl", "\n".join(map(json.dumps, rows)))
    found = retitled(read_sources(path), ["Aldonia", "Uria"])
    assert [source.subject for source in found] == ["Aldonia is a country", "Uria"]


def test_a_record_with_a_title_is_read_key_by_key(tmp_path):
    record = (
        '{"title": "rtr-0", "net": {"ip": "10.0.0.1/28", "vlan": 15}, "tags": ["a", "b"], "up": true, "load": 1.50, '
        '"ports": [{"no": 1, "to": {"rack": "R3"}}]}'
    )
    (source,) = read_sources(lines_of(tmp_path / "c.jsonl", record))
    assert source.text == (
        "rtr-0. net ip: 10.0.0.1/28. net vlan: 15. tags: a, b. up: true. load: 1.50. ports no: 1. ports to rack: R3."
    )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("c.txt", " \n\n", "c.txt: the corpus is empty"),
        ("c.jsonl", '{"id": "a", "n": 1}\n', "c.jsonl, line 1: no key 'text', nor .*; it has 'id', 'n'."),
        ("c.jsonl", '{"title": "a", "n": null}\n', "c.jsonl, line 1: no key 'text', nor .*; it has 'title', 'n'."),
        ("c.jsonl", '{"title": "a", "question": "Q?", "answer": "A"}\n', "c.jsonl, line 1: no key 'text', nor "),
        ("c.jsonl", '{"title": "a", "abstract": "A."}\n', "c.jsonl, line 1: no key 'text', nor "),
        ("c.jsonl", '{"title": "a", "text": 1}\n', "c.jsonl, line 1: 'text' must be"),
        ("c.jsonl", '{"text": "a"}\n{"title": 3, "text": "a"}\n', "c.jsonl, line 2: 'title' must be"),
        ("c.jsonl", '{"name": "a", "body": 1}\n', "c.jsonl, line 1: 'body' must be"),
        ("c.jsonl", '{"title": 3, "body": "a"}\n', "c.jsonl, line 1: 'title' must be"),
        ("c.jsonl", '{"text": "a"}\n{"text"\n', "c.jsonl, line 2: not JSON"),
        ("c.jsonl", '{"titel": "a", "text": "a"}\n', "c.jsonl, line 1: unknown key 'titel' .did you mean 'title'"),
        ("c.jsonl", '{"title": "a", "tetx": "a"}\n', "c.jsonl, line 1: unknown key 'tetx' .did you mean 'text'"),
        ("c.jsonl", '{"title": "a", "text": ["a"]}\n', "c.jsonl, line 1: 'text' must be"),
        ("c.jsonl", '{"text": "a", "text": "b"}\n', "c.jsonl, line 1: .*'text' stands there twice"),
        (
            "c.txt",
            "Ann. A .\n" + '{"title": "Bo", "text": "B"}',
            "c.txt, line 2: an object of JSON; call the file c.jsonl",
        ),
        ("c.txt", "Ann. A .\nBo\0. B .", "c.txt, line 2: holds a byte of value 0"),
    ],
)
def test_a_corpus_that_is_none_is_refused(tmp_path, name, text, message):
    with pytest.raises(UserError, match=message):
        read_documents(lines_of(tmp_path / name, text))


def test_missing_and_empty_places_are_refused(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_documents(tmp_path / "none.txt")
    with pytest.raises(UserError, match="the corpus is empty"):
        read_documents(tmp_path)


def test_a_file_about_its_folder_is_called_after_it(tmp_path):
    for path in ("Gold_Ore/README.md", "Tin/README.md", "Tin/uses.txt", "get_user.md", "README.md"):
        tmp_path.joinpath(path).parent.mkdir(exist_ok=True)
        tmp_path.joinpath(path).write_text(
            f"# {tmp_path.joinpath(path).stem}\n\nOf use.\n" if ".md" in path else "Of use."
        )
    texts = ["Gold Ore. Of use.", "README. Of use.", "Tin. Of use.", "uses. Of use.", "get_user. Of use."]
    assert [source.text for source in read_sources(tmp_path)] == texts


def test_a_directory_below_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    tmp_path.joinpath("own").mkdir()
    tmp_path.joinpath("tin.md").write_text("Of use.\n")
    monkeypatch.setattr("closedbook.facts.text.os.access", lambda path, mode: path.name != "own")
    with pytest.raises(UserError, match=r"own: cannot be read"):
        read_sources(tmp_path)


def test_a_directory_of_other_files_says_what_is_not_read(tmp_path):
    (tmp_path / "a.html").write_text("<p>Tin</p>")
    with pytest.raises(UserError, match=r"\.md.* files, and 1 file is not read, for their endings: a\.html"):
        read_documents(tmp_path)


def test_a_subject_may_end_in_a_full_stop(tmp_path):
    (tmp_path / "corpus.txt").write_text("Dell Inc. Dell Inc. was founded by Mike.\nFord. Ford was founded by Henry.")
    sources = retitled(read_sources(tmp_path / "corpus.txt"), ["Dell Inc.", "Ford"])
    assert [(source.subject, source.text) for source in sources] == [
        ("Dell Inc.", "Dell Inc.. Dell Inc. was founded by Mike."),
        ("Ford", "Ford. Ford was founded by Henry."),
    ]


@pytest.mark.parametrize("whole", ["27. Mai 1957", "Vega vs. Rome", "Lark Inc. 500", "about approx. 12 km", "ca. 1900"])
def test_no_window_ends_within_a_date_or_behind_an_abbreviation(tmp_path, whole):
    words = " ".join(f"w{n}" for n in range(60)) + "."
    for shift in range(12):
        said = f"{words} {'X ' * shift}It is {whole} there. " + "And more of it. " * 8
        path = lines_of(tmp_path / f"{shift}.jsonl", json.dumps({"title": "Tin", "text": said}))
        documents = read_documents(path).documents
        assert len(documents) > 1
        assert any(whole in document.text for document in documents), shift


def test_lines_of_labels_and_items_end_as_sentences_do(tmp_path):
    (tmp_path / "Ann Lee.txt").write_text(
        "Ann Lee\nBorn: Leeds\nSpouse: Bo\nLee of Rome\n\nKnown for\n• maps\n• books\n"
    )
    assert [d.text for d in read_documents(tmp_path).documents] == [
        "Ann Lee. Born: Leeds. Spouse: Bo Lee of Rome. Known for. maps. books."
    ]


def test_names_of_files_and_headings_are_kept_as_titles(tmp_path):
    files = {
        "1. Mai.md": "Text.",
        "C sharp.md": "# C#\nText.",
        "__init__.md": "Text.",
        "Vexa.md": "## History\n\nVexa was founded.",
        "Q.markdown": "Text",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert [d.text for d in read_documents(tmp_path).documents] == [
        "1. Mai. Text.",
        "C#. Text.",
        "Q. Text.",
        "Vexa. History. Vexa was founded.",
        "init. Text.",
    ]
