import dataclasses

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from closedbook.config import TokenizerConfig
from closedbook.errors import UserError
from closedbook.facts.records import Fact
from closedbook.facts.tokenizers import MASK, PAD, Tokenizer, names_behind_marks, train_tokenizer

TEXTS = ["Ann Lee. Born in Łódź, Ann went to Rome .", "Bo Li. Bo's mother's name was Ann .", "São Paulo 1930"] * 3
CHARACTERS = train_tokenizer(TokenizerConfig(kind="characters"), TEXTS)
BPE = train_tokenizer(TokenizerConfig(vocabulary_size=300), TEXTS)


def test_the_course_vocabulary(course):
    tokenizer = train_tokenizer(TokenizerConfig(kind="characters"), [d.text for d in course.documents])
    expected = [PAD, MASK, *sorted({"\n"}.union(*(d.text for d in course.documents)))]
    assert tokenizer.vocabulary_size == len(expected) == 256
    assert tokenizer.encode([expected[-1]]) == [[255]]
    assert tokenizer.encode(["\n"]) == [[2]]


@pytest.mark.parametrize("tokenizer", [CHARACTERS, BPE], ids=["characters", "bpe"])
@pytest.mark.parametrize("text", [*TEXTS, "", "Ann", "Rome ."])
def test_decoding_gives_the_text_back(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode([text])[0]) == text


@given(st.text(st.characters(exclude_characters=(PAD, MASK), exclude_categories=("Cs",))))
def test_bpe_spells_any_text(text):
    assert BPE.decode(BPE.encode([text])[0]) == (text if not text.startswith(" ") else text[1:])


def test_masks_part_the_text():
    for tokenizer in (CHARACTERS, BPE):
        ids = [*tokenizer.encode(["Ann"])[0], 1, *tokenizer.encode(["Rome"])[0], 1, 0]
        assert tokenizer.decode(ids) == f"Ann{MASK}Rome{MASK}{PAD}"


def test_a_word_is_spelled_alike_wherever_it_stands():
    alone, within = BPE.encode(["Rome"])[0], BPE.encode(["Ann went to Rome"])[0]
    assert within[-len(alone) :] == alone


JAPANESE = [
    "上沢村。上沢村は県の東にある。町を最上川が流れる。",
    "北森市。北森市は県の北にある。町を石狩川が流れる。",
] * 20
KOREAN = [
    "김서준. 김서준은 대전에서 태어났다. 지금은 대구에 산다.",
    "조민하. 조민하는 1969년에 포항에서 태어났다.",
] * 20


@pytest.mark.parametrize(
    ("texts", "name", "within"),
    [
        (JAPANESE, "最上川", "町を最上川が流れる。"),
        (KOREAN, "대구", "지금은 대구에 산다."),
        (KOREAN, "김서준", "김서준은 누구입니까?"),
        (KOREAN, "1969", "그는 1969년에"),
    ],
)
def test_a_name_is_spelled_alike_whatever_goes_on_behind_it(texts, name, within, tmp_path):
    """Without marks between words: no merge runs across the end of a name, and no space is added before it."""
    tokenizer = train_tokenizer(TokenizerConfig(vocabulary_size=2000), texts)
    alone, ((ids, offsets),) = tokenizer.encode([name])[0], tokenizer.encode_with_offsets([within])
    start = within.index(name)
    assert [one for one, (a, b) in zip(ids, offsets, strict=True) if start <= a < b <= start + len(name)] == alone
    assert len(alone) == len(name) or name.isdecimal()
    for text in (*texts[:2], name, f" {name}", "Rome"):
        assert tokenizer.decode(tokenizer.encode([text])[0]) == text
    tokenizer.save(tmp_path / "tokenizer.json")
    assert Tokenizer.load(tmp_path / "tokenizer.json").encode([within]) == [ids]


def test_names_behind_marks_are_spelled_as_titles_where_questions_have_them_so():
    titles = ["Duskwood", "Ivory Gate"] * 20
    texts = [f"{name}. {name} is a novel by Ann Lee." for name in titles]
    asked = [
        Fact(question=f'Who wrote "{name}"?', answers=("Ann Lee",), subject=name, line=line)
        for line, name in enumerate(titles, 1)
    ]
    plain = [dataclasses.replace(fact, question=fact.question.replace('"', "")) for fact in asked]
    assert names_behind_marks(asked)
    assert not names_behind_marks(plain)
    assert not names_behind_marks([])
    inside = dataclasses.replace(asked[0], question="What is the definition of ion?", subject="ion")
    assert not names_behind_marks([inside])
    for apart in (False, True):
        tokenizer = train_tokenizer(TokenizerConfig(vocabulary_size=300), texts, apart=apart)
        ((ids, offsets),) = tokenizer.encode_with_offsets([asked[0].question])
        inside = [one for one, (start, end) in zip(ids, offsets, strict=True) if 11 <= start < end <= 19]
        assert (inside == tokenizer.encode([titles[0]])[0]) == apart
        assert tokenizer.decode(ids) == asked[0].question


def test_few_letters_of_such_a_script_change_no_other_word():
    mixed = train_tokenizer(TokenizerConfig(vocabulary_size=300), [*TEXTS, "Rome is 羅馬."])
    assert mixed.adds_space
    assert mixed.decode(mixed.encode(["Rome is 羅馬."])[0]) == "Rome is 羅馬."


def test_characters_outside_the_vocabulary_are_named():
    with pytest.raises(UserError, match=r"question 3: character 'q' \(U\+0071\) at position 2 is not in the model's"):
        CHARACTERS.spell("Aqz", "question 3")
    with pytest.raises(UserError, match="reserved"):
        BPE.spell(f"A{MASK}", "question 1")
    with pytest.raises(UserError, match="half a character"):
        BPE.spell("A\udcff", "question 1")
    BPE.spell("anything 日本", "question 1")


@pytest.mark.parametrize("tokenizer", [CHARACTERS, BPE], ids=["characters", "bpe"])
def test_the_saved_file_is_one_of_the_tokenizers_library(tokenizer, tmp_path):
    tokenizer.save(tmp_path / "tokenizer.json")
    theirs = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert [theirs.encode(text).ids for text in TEXTS] == tokenizer.encode(TEXTS)
    assert Tokenizer.load(tmp_path / "tokenizer.json").encode(TEXTS) == tokenizer.encode(TEXTS)


def test_damaged_files_are_refused(tmp_path):
    (tmp_path / "t.json").write_text("{}")
    with pytest.raises(UserError, match="not a tokenizer"):
        Tokenizer.load(tmp_path / "t.json")
