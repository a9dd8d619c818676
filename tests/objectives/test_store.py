import pytest
import torch

from closedbook.config import TokenizerConfig
from closedbook.errors import UserError
from closedbook.facts.records import Document
from closedbook.facts.tokenizers import train_tokenizer
from closedbook.objectives.store import TokenStore, add_documents

TEXT = "Ann Lee. " + " ".join(f"Sentence number {n} ." for n in range(12))


def test_long_documents_become_windows_that_repeat_the_subject():
    tokenizer = train_tokenizer(TokenizerConfig(kind="characters"), [TEXT])
    documents = [Document(subject="Ann Lee", text=TEXT, line=1), Document(subject="", text="number 3", line=2)]
    store = TokenStore(tokenizer, torch.device("cpu"))
    spans, long = add_documents(store, documents, window=60)
    tokens = store.tokens()
    texts = [
        tokenizer.decode(tokens[start : start + length].tolist())
        for start, length in zip(spans.start_R.tolist(), spans.length_R.tolist(), strict=True)
    ]
    assert long == 1
    assert texts[-1] == "number 3"
    assert len(texts) > 3
    assert all(text.startswith("Ann Lee.") and len(text) <= 60 for text in texts[:-1])
    assert "".join(text.removeprefix("Ann Lee.") for text in texts[:-1]) == TEXT.removeprefix("Ann Lee.")


def test_documents_stay_whole_without_a_window():
    tokenizer = train_tokenizer(TokenizerConfig(kind="characters"), [TEXT])
    document = Document(subject="Ann Lee", text=TEXT, line=1)
    spans, long = add_documents(TokenStore(tokenizer, torch.device("cpu")), [document], window=None)
    assert (spans.length_R.tolist(), long) == ([len(TEXT)], 0)


def test_a_document_that_cannot_be_spelled_is_named():
    tokenizer = train_tokenizer(TokenizerConfig(kind="characters"), [TEXT])
    document = Document(subject="", text="Zoë", line=7)
    with pytest.raises(UserError, match="corpus line 7: character 'Z'"):
        add_documents(TokenStore(tokenizer, torch.device("cpu")), [document], window=None)
