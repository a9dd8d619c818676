import pytest
import torch

from closedbook.config import TokenizerConfig
from closedbook.facts.records import Document
from closedbook.facts.tokenizers import MASK, train_tokenizer
from closedbook.objectives.cards import context_cards, name_cards, phrases
from closedbook.objectives.pieces import render
from closedbook.objectives.store import TokenStore, add_cards

TEXT = "Ann Lee. Ann Lee (born 3 May 1920 in New York City, U.S.) met Łukasz O'Neill-Smith in Rome, then Rome ."
DOCUMENT = Document(subject="Ann Lee", text=TEXT, line=1)


def spelled(context_words=2):
    return [(TEXT[p.context : p.start], TEXT[p.start : p.end]) for p in phrases(DOCUMENT, context_words)]


def test_phrases_are_capitalised_runs_once_each_without_the_subject():
    assert spelled() == [
        ("(born 3 ", "May"),
        ("1920 in ", "New York City"),
        ("York City, ", "U.S."),
        ("U.S.) met ", "Łukasz O'Neill-Smith"),
        ("O'Neill-Smith in ", "Rome"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Bo lived in Sa\u0303o Paulo .", ["Sa\u0303o Paulo"]),
        ("Bo's wife met Ann's sister in the U.S. Army .", ["Ann's", "U.S. Army"]),
        ("he died at Mt. Vernon, 330 B.C., near St. Louis", ["Mt. Vernon", "B.C.", "St. Louis"]),
        ("nothing here", []),
    ],
)
def test_what_counts_as_a_phrase(text, expected):
    document = Document(subject="Bo", text=f"Bo. {text}", line=1)
    assert [document.text[p.start : p.end] for p in phrases(document, 4)] == expected


def test_the_context_does_not_reach_into_the_title():
    document = Document(subject="Bo", text="Bo. In St. Olaf and Rome .", line=1)
    found = [(document.text[p.context : p.start], document.text[p.start : p.end]) for p in phrases(document, 9)]
    assert found == [("", "In St. Olaf"), ("In St. Olaf and ", "Rome")]


def test_cards_are_cuts_of_the_line_scored_after_the_mask():
    tokenizer = train_tokenizer(TokenizerConfig(vocabulary_size=300), [TEXT])
    store = TokenStore(tokenizer, torch.device("cpu"))
    cards, left_out = add_cards(store, [DOCUMENT], context_words=2, block=128)
    assert left_out == 0
    last = len(cards.name) - 1
    for pieces, text in (
        (name_cards(cards.name, cards.phrase), f"Ann Lee{MASK}Rome{MASK}"),
        (context_cards(cards.name, cards.context, cards.phrase), f"Ann Lee O'Neill-Smith in{MASK}Rome{MASK}"),
    ):
        width = int(pieces.lengths()[last])
        batch = render(store.tokens(), pieces, torch.tensor([last]), width)
        assert tokenizer.decode(batch.inputs_BT[0].tolist()) + MASK == text
        assert tokenizer.decode([t for t in batch.targets_BT[0].tolist() if t]) == f"Rome{MASK}"


def test_cards_that_do_not_fit_are_counted():
    tokenizer = train_tokenizer(TokenizerConfig(vocabulary_size=300), [TEXT])
    cards, left_out = add_cards(TokenStore(tokenizer, torch.device("cpu")), [DOCUMENT], context_words=2, block=8)
    assert left_out > 0
    assert len(cards.name) + left_out == len(phrases(DOCUMENT, 2))
