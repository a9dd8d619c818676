"""What is understood of facts of any kind is the same when it has been written down and read back."""

import json
import random

import pytest

from closedbook.facts.corpus import read_directory
from closedbook.facts.coverage import asked_kinds
from closedbook.facts.induction import induce
from closedbook.facts.records import Fact
from closedbook.facts.relations import format_relations, parse_relations, write_relations

KINDS = {
    "codes": ("{}. The {} is filed under ECO {a}.", ["What is the ECO code of the {}?"], "B20 C00 A04 D80 E12 C60"),
    "times": ("{}. Cook it for {a} .", ["How long does {} cook?"], "2 hours|5 minutes|1½ hours|1 hour 20 minutes"),
    "lower": ("{}. It is a {a} .", ["which class does {} belong to?"], "beta blocker|statin|H2 antagonist|SSRI"),
    "isbn": ("{}. Its ISBN is {a} .", ["What is the ISBN of {}?"], "978-2-682-18271-4 978-6-907-37519-X"),
    "German": ("{}. Die {} hat ihren Sitz in {a}.", ["Wo hat die {} ihren Sitz?"], "Wien|Bad Reichenhall|Köln"),
    "addresses": ("{}. See {a} .", ["Where is {} on the web?"], "https://ash.org/en/#top http://a.b.net ash@elm.org"),
    "degrees": ("{}. It fell to {a} .", ["How cold was {}?"], "-40 °C|−3.5 °C|12 °C"),
    "formulae": ("{}. Its formula is {a} .", ["{}: what is its formula?"], "H2SO4 Ca(OH)2 CaSO4·2H2O NaCl"),
    "dates": ("{}. Signed on {a} .", ["When was {} signed?", "On which day was {} signed?"], "3 May 1921|17 July 1950"),
    "code": ("{}. {} is in {a} .", ["In which module is `{}` defined?"], "os.path json xml.etree.ElementTree"),
    "yes or no": ("{}. Can it fly? We say {a} .", ["Can the {} fly?"], "yes no"),
    "quotes": (
        "{}. It says {a} .",
        ['What does "{}" say\\?'],
        '"No," she said, "never."|Wait, what?|back\\slash # x',
    ),
    "twice": ("{}. It got one in {a} .", ["If {} has a mayor, when did {} get one?"], "1800 1923 1750"),
    "Japanese": ("{}。{}は{a}にある。", ["{}はどの地方にありますか？"], "関東地方 近畿地方 ヨーロッパ"),
    "Thai": ("{}. {}อยู่ใน{a}", ["จังหวัด{}อยู่ภาคใด"], "ภาคใต้ ภาคเหนือ"),
    "Hindi": ("{}. {} की राजधानी {a} है।", ["{} की राजधानी क्या है?"], "नई दिल्ली|रोम|पेरिस"),
    "rare": ("{}. It is in {a} .", ["Whence {}?", "Where {}?", "Whose {}?", "Why {}?", "Who {}?", "How {}?"], "Ulm"),
    "several": ("{}. By {a} .", ["Who played in {}?"], "Ann Lee;Bo Ek;Cy Fox|Di Ash;Ed Orr"),
}
NAMES = {
    "Japanese": "東京 大阪 名古屋 札幌 福岡 仙台",
    "Thai": "เชียงใหม่ ภูเก็ต ขอนแก่น ชลบุรี สงขลา ลำปาง",
    "Hindi": "भारत नेपाल चीन फ्रांस मिस्र रूस",
    "code": "os.path.join json.loads re.sub math.pi a.b x",
}
WORDS = {
    "asks": "where when who what how why which",
    "verb": "is was did made found sold lies won",
    "by": "in on of by at near",
    "noun": "town year land",
    "name": "Ada Bex Cor Dun Eli Fyn Gus Hob Ivo Jan Kip Lev Mab Ned Oto Pim Quo Rex Sol Tam",
}
USUAL = "York|New York|Ham|East Ham|St. Olaf|Rock & Roll"


def lines_of(kind, column=None):
    """Documents, and facts as JSON, of one kind."""
    document, forms, answers = KINDS[kind]
    answers = answers.split("|" if "|" in answers else None)
    names = NAMES[kind].split() if kind in NAMES else [f"{name}{kind[0].upper()}" for name in USUAL.split("|")]
    documents, facts = [], []
    for number, name in enumerate(names):
        answer = answers[number % len(answers)]
        documents.append(document.replace("{a}", answer.replace(";", ", ")).replace("{}", name))
        question = forms[number % len(forms)].replace("{}", name)
        fact = {"question": question, "answer": answer.split(";")} | ({"relation": column} if column else {})
        facts.append(json.dumps(fact, ensure_ascii=False))
    return documents, facts


def assert_read_back(directory, kinds, column=None):
    """Writes a corpus of some kinds, and its relations, and reads it again."""
    documents, facts = zip(*(lines_of(kind, column) for kind in kinds), strict=True)
    parts = {
        "corpus.txt": [line for lines in documents for line in lines],
        "train.jsonl": [line for lines in facts for line in lines[:4]],
        "dev.jsonl": [line for lines in facts for line in lines[4:]],
    }
    directory.mkdir()
    for name, lines in parts.items():
        (directory / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    corpus = read_directory(directory)
    write_relations(corpus.relations, directory / "relations.toml")
    again = read_directory(directory)
    assert again.relations == corpus.relations
    assert (again.train, again.dev, again.documents) == (corpus.train, corpus.dev, corpus.documents)
    assert all("no training question asks this" in doubt for doubt in again.doubts)
    assert asked_kinds(again) == asked_kinds(corpus)
    assert format_relations(again.relations) == format_relations(corpus.relations)
    return corpus


@pytest.mark.parametrize("kind", KINDS)
def test_relations_of_every_kind_are_read_back(tmp_path, kind):
    corpus = assert_read_back(tmp_path / "d", [kind])
    assert corpus.summary().questions_without_document == 0
    assert {form for relation in corpus.relations for form in relation.forms} >= set(KINDS[kind][1][:1])


@pytest.mark.parametrize("seed", range(20))
def test_relations_of_several_kinds_are_read_back(tmp_path, seed):
    draw = random.Random(seed)
    kinds = draw.sample(sorted(KINDS), draw.randint(2, 5))
    assert_read_back(tmp_path / "d", kinds, draw.choice([None, None, 'a "b" # \\ = [c]', "other", "born"]))


def questions_of(draw):
    """Facts without titles whose questions have few words in common, so that much fits more than one form."""
    words = {kind: list(some.split()) for kind, some in WORDS.items()}
    forms = []
    for _ in range(draw.randint(1, 25)):
        end = draw.choice([[], [draw.choice(words["verb"])], [draw.choice(words["by"]), draw.choice(words["noun"])]])
        form = [draw.choice(words["asks"]).title(), draw.choice(words["verb"]), "{}", *end]
        if draw.random() < 0.2:
            form = [form[2], form[1], form[0].lower()]
        forms.append(" ".join(form) + "?")
    names = [*words["name"], "New Ada", "Bex Lee"]
    facts = [
        Fact(question=form.replace("{}", name), answers=(draw.choice(names),), subject="", line=1)
        for form in forms
        for name in draw.sample(names, draw.randint(1, 8))
    ]
    draw.shuffle(facts)
    return facts


@pytest.mark.parametrize("seed", [152, 202, 222, 252, 322, *range(20)])
def test_relations_that_no_title_helps_to_find_are_read_back(seed):
    facts = questions_of(random.Random(seed))
    train, dev = facts[: len(facts) // 2], facts[len(facts) // 2 :]
    first = induce(train, dev, (), {})
    given = parse_relations(format_relations(first.relations), "relations.toml")
    assert induce(train, dev, (), {}, given) == first


def test_a_form_of_two_columns_is_the_first_ones_where_there_is_no_column():
    facts = [
        Fact(question=f"Who is {name}?", answers=("x",), subject="", line=1, relation=relation)
        for name, relation in (("Ann", "b"), ("Bo", "a"), ("Cy", ""))
    ]
    first = induce(facts, (), (), {})
    assert [fact.relation for fact in first.train] == ["b", "a", "b"]
    assert induce(facts, (), (), {}, parse_relations(format_relations(first.relations), "f")) == first
