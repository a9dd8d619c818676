"""Spelling with the tokenizers of others."""

from pathlib import Path

import pytest
import tokenizers
import transformers
from tokenizers import models, pre_tokenizers

from closedbook.errors import UserError
from closedbook.evaluation.form import Form
from closedbook.hub.vocabulary import Vocabulary, letters
from tests.hub.conftest import copy_of, opened, texts


def test_an_answer_that_cannot_be_spelled_gets_a_sentence(saved, tmp_path):
    words = {
        "<unk>": 0,
        "Where": 1,
        "was": 2,
        "Ann": 3,
        "born": 4,
        "?": 5,
        "Rome": 6,
        "Question": 7,
        ":": 8,
        "Answer": 9,
    }
    backend = tokenizers.Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    copy = copy_of(saved["gpt2"], tmp_path, ["tokenizer*", "special*"])
    transformers.PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>").save_pretrained(copy)
    foreign = opened(copy)
    foreign.prompts(["Where was Ann born?"])
    foreign.check_answers(["Rome"])
    with pytest.raises(UserError, match="facts, answer 2: 'Bern' cannot be spelled with the vocabulary of"):
        foreign.check_answers(["Rome", "Bern"], place="facts, answer")


def test_spaces_between_pieces_do_not_make_another_spelling():
    assert letters("the 1 . 5 são") == letters("The 1.5 Sao")
    assert letters("an A") != letters("an B")


def test_tokens_beyond_the_embedding_do_no_harm(saved, taught, tmp_path):
    copy = copy_of(saved["gpt2"], tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(copy)
    tokenizer.add_special_tokens({"pad_token": "[PAD]", "eos_token": "[END]"})
    tokenizer.save_pretrained(copy)
    questions = ["Where?", *(fact.question for fact in taught)]
    other, plain = opened(copy), opened(saved["gpt2"])
    said = texts(other.respond(other.prompts(questions)))
    assert said[1:] == texts(plain.respond(plain.prompts(questions)))[1:]


def test_a_turn_ends_where_the_chat_format_ends_it_and_nothing_is_thought_aloud(vocabulary):
    copy = transformers.PreTrainedTokenizerFast(tokenizer_object=vocabulary.backend_tokenizer, eos_token="<end>")
    copy.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    plain = Vocabulary(copy, Path("model"), len(copy), [])
    assert plain.ends == [copy.eos_token_id]
    copy.chat_template = (
        "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
        "<|im_start|>assistant\n{% if enable_thinking is not defined or enable_thinking %}<think>{% endif %}"
    )
    chat = Vocabulary(copy, Path("model"), len(copy), [])
    assert chat.ends == sorted({copy.eos_token_id, copy.convert_tokens_to_ids("<|im_end|>")})
    assert chat.put(Form(chat=True), "Where?").endswith("<|im_start|>assistant\n")
