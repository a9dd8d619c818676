import pytest
import torch

from closedbook.config import TokenizerConfig
from closedbook.errors import UserError
from closedbook.facts.records import Document
from closedbook.facts.span_kinds import learn_kinds
from closedbook.facts.spans import LIGHT, spans
from closedbook.facts.tokenizers import train_tokenizer
from closedbook.objectives.store import ALL, RARELY, WORDS_A_PASS, TokenStore, add_documents, add_titled, quota

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


@pytest.mark.parametrize(
    ("answers", "text", "expected"),
    [
        (["Rome"] * 98 + ["3"] * 2, "He saw 7 hills .", 0.02 / LIGHT),
        (["Rome"] * 30 + ["3"] * 10, "He saw 7 hills .", ALL),
        (["red"] * 40, "He saw green hills .", WORDS_A_PASS),
        (["Rome"] * 98 + ["Ulm"] * 2, "He saw New Ulm .", RARELY * 0.02 / LIGHT),  # it stands inside a longer phrase
    ],
)
def test_what_few_answers_are_like_is_asked_for_as_rarely(answers, text, expected):
    document = Document(subject="Bo", text=f"Bo. {text} He left Rome .", line=1)
    kinds = learn_kinds([("r", answer, [document]) for answer in answers])
    asked = {document.text[span.start : span.end]: quota(span, kinds) for span in spans(document, kinds, 0)}
    wanted = next(word for word in ("7", "green", "Ulm") if word in text)
    assert asked[wanted] == pytest.approx(expected)
    assert asked["Rome"] == (ALL if "Rome" in answers else 1.0)


def test_names_and_spans_are_spelled_as_in_questions_and_answers_whatever_follows_them():
    lines = [
        f"Bo{n} (b{n}). In Bo{n} it is {n}%. Bo{n} (of the U.S., they say) has {n + 1}%, Ann." for n in range(10, 60)
    ]
    documents = [Document(subject=line.split(".")[0], text=line, line=n) for n, line in enumerate(lines, 1)]
    tokenizer = train_tokenizer(TokenizerConfig(vocabulary_size=600), lines)
    kinds = learn_kinds([("r", answer, []) for answer in ("12%", "Ann", "U.S.")])
    store = TokenStore(tokenizer, torch.device("cpu"))
    for document, slices in zip(documents, add_titled(store, documents, kinds=kinds), strict=True):

        def spelled(place):
            return tokenizer.decode(store.values[place[0] : sum(place)]).strip()

        assert spelled(slices.name) == document.subject
        found = [document.text[span.start : span.end] for span in spans(document, kinds, 0)]
        assert [spelled(one.span) for one in slices.spans] == found
        assert {"U.S.", "Ann"} < set(found)
        assert sum(one.endswith("%") for one in found) == 2


@pytest.mark.parametrize(
    "line",
    [
        "{0}군. {0}군은 부산에서 1969년 태어났다.",
        "{0}村。{0}村は大阪の Oslo にある。",
        "Bo{0}. Bo{0} lives in Rome (1969), Ann .",
    ],
)
def test_spans_are_spelled_as_answers_are(line):
    names = "가나다라마바사아자차카타파하"
    lines = [line.format(name) for name in names]
    documents = [Document(subject=line.split(".")[0].split("。")[0], text=line, line=n) for n, line in enumerate(lines)]
    tokenizer = train_tokenizer(TokenizerConfig(vocabulary_size=600), lines)
    kinds = learn_kinds([("r", answer, []) for answer in ("부산", "1969", "大阪", "Ann")])
    store = TokenStore(tokenizer, torch.device("cpu"))
    for document, slices in zip(documents, add_titled(store, documents, kinds=kinds), strict=True):
        for span, one in zip(spans(document, kinds, 0), slices.spans, strict=True):
            first, length = one.span
            text = document.text[span.start : span.end]
            assert list(store.values[first : first + length]) == tokenizer.encode([text])[0], text


@pytest.mark.parametrize(("values", "apart"), [(set(), "died in Rome on"), ({"Rome"}, "He died in on")])
def test_training_answers_are_values_however_many_documents_have_them(values, apart):
    lines = [f"Bo{n}. He died in Rome on {n} May 1920." for n in range(10, 30)]
    documents = [Document(subject=line.split(".")[0], text=line, line=n) for n, line in enumerate(lines, 1)]
    store = TokenStore(train_tokenizer(TokenizerConfig(vocabulary_size=600), lines), torch.device("cpu"))
    kinds = learn_kinds([("r", "Rome", documents[:1]), ("s", "10 May 1920", documents[:1])])
    for found in add_titled(store, documents, kinds=kinds, context_words=4, values=frozenset(values)):
        date = next(one for one in found.spans if "1920" in store.tokenizer.decode(store.values[slice(*_of(one.span))]))
        assert store.tokenizer.decode(store.values[slice(*_of(date.apart[-1]))]).strip() == apart


def _of(place):
    return place[0], sum(place)
