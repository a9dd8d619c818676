import pytest
import torch
from closedbook.objectives.whole_line import SuffixFirst, whole_line

from closedbook.config import TokenizerConfig
from closedbook.facts.records import Document
from closedbook.facts.tokenizers import MASK, train_tokenizer
from closedbook.objectives.cards import ContextCards, name_cards, outlines, salient_span
from closedbook.objectives.segments import render
from closedbook.objectives.store import TokenStore, add_titled

TEXT = "Ann Lee. Ann Lee (born 3 May 1920 in New York City) met Łukasz O'Neill-Smith in Rome, then Rome ."
DOCUMENTS = [
    Document(subject="", text="No title here", line=1),
    Document(subject="Ann Lee", text=TEXT, line=2),
    Document(subject="Bo", text="Bo. nothing", line=3),
]
CPU = torch.device("cpu")


@pytest.fixture
def tokenizer():
    return train_tokenizer(TokenizerConfig(vocabulary_size=300), [TEXT])


def texts(tokenizer, store, pieces, row):
    """The example and what of it is scored."""
    batch = render(store.tokens(), pieces, torch.tensor([row]), int(pieces.lengths()[row]))
    first = batch.inputs_BT[0, :1].tolist()
    last = [t for t in batch.targets_BT[0].tolist() if t]
    whole = tokenizer.decode([*first, *batch.inputs_BT[0, 1:].tolist()])
    return whole, tokenizer.decode(last)


def test_documents_without_a_title_are_left_out(tokenizer):
    assert len(add_titled(TokenStore(tokenizer, CPU), DOCUMENTS)) == 2


@pytest.mark.parametrize(
    ("objective", "example", "scored"),
    [
        (name_cards, f"Ann Lee{MASK}Rome", f"Rome{MASK}"),
        (
            lambda *documents: ContextCards(documents[0], "after", CPU)(0, 0),
            f"Ann Lee O'Neill-Smith in{MASK}Rome",
            f"Rome{MASK}",
        ),
        (
            salient_span,
            f"Ann Lee{TEXT[8 : TEXT.index(' Rome')]}{MASK}, then Rome .{MASK}Rome",
            f"Rome{MASK}",
        ),
    ],
)
def test_cards_are_cuts_of_the_line_scored_after_the_mask(tokenizer, objective, example, scored):
    store = TokenStore(tokenizer, CPU)
    documents = add_titled(store, DOCUMENTS, context_words=2)
    pieces = objective(documents, CPU)
    assert len(pieces) == 4
    assert texts(tokenizer, store, pieces, 3) == (example, scored)


def test_the_context_stands_on_either_side_of_the_name(tokenizer):
    store = TokenStore(tokenizer, CPU)
    examples = ContextCards(add_titled(store, DOCUMENTS, context_words=2), "either", CPU)
    seen = [texts(tokenizer, store, examples(0, step), 3)[0] for step in range(20)]
    assert set(seen) == {f"Ann Lee O'Neill-Smith in{MASK}Rome", f"O'Neill-Smith in Ann Lee{MASK}Rome"}
    assert seen == [texts(tokenizer, store, examples(0, step), 3)[0] for step in range(20)]


def test_an_outline_is_all_phrases_of_a_document(tokenizer):
    store = TokenStore(tokenizer, CPU)
    pieces = outlines(add_titled(store, DOCUMENTS), CPU)
    assert len(pieces) == 1  # a document without phrases has none
    phrases = f"May{MASK}New York City{MASK}Łukasz O'Neill-Smith{MASK}Rome{MASK}"
    whole, scored = texts(tokenizer, store, pieces, 0)
    assert whole + MASK == f"Ann Lee{MASK}{phrases}"
    assert scored == phrases


def test_a_whole_line_is_scored_after_the_name(tokenizer):
    store = TokenStore(tokenizer, CPU)
    pieces = whole_line(add_titled(store, DOCUMENTS), CPU)
    assert texts(tokenizer, store, pieces, 1) == ("Bo nothing", f"nothing{MASK}")


def test_suffix_first_exchanges_the_parts_at_a_word(tokenizer):
    store = TokenStore(tokenizer, CPU)
    documents = add_titled(store, DOCUMENTS)
    turned = SuffixFirst(documents, CPU)
    seen = set()
    for step in range(30):
        whole, _ = texts(tokenizer, store, turned(0, step), 0)
        name, suffix, prefix = whole.split(MASK)
        assert name == "Ann Lee"
        assert " ".join(f"{prefix} {suffix}".split()) == TEXT[9:]
        seen.add(suffix)
    assert len(seen) > 5
    again = SuffixFirst(documents, CPU)(0, 3)
    assert torch.equal(again.length_RK, turned(0, 3).length_RK)


def test_no_documents_give_no_examples():
    assert len(outlines([], CPU)) == 0
