import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from closedbook.config import TokenizerConfig
from closedbook.errors import UserError
from closedbook.facts.tokenizers import MASK, PAD, Tokenizer, train_tokenizer

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
