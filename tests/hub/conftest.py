"""Models that this project did not train, made with transformers and saved."""

import pytest
import tokenizers
import torch
import transformers
from tokenizers import decoders, models, pre_tokenizers, processors, trainers

from closedbook.hub import Way
from closedbook.hub.directory import open_directory

LINE = "Question: {question}\nAnswer: {answer}\n"
KINDS = ("gpt2", "llama", "opt")


@pytest.fixture(scope="session")
def vocabulary(people):
    """A byte-level BPE of the project's people, as a Hugging Face tokenizer with an end token."""
    backend = tokenizers.Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.post_processor = processors.ByteLevel(trim_offsets=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<end>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    backend.train_from_iterator([document.text for document in people.documents], trainer)
    return transformers.PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<end>", bos_token="<end>")


def untrained(kind, size):
    common = {"vocab_size": size, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": None}
    if kind == "gpt2":
        config = transformers.GPT2Config(n_layer=2, n_head=2, n_embd=32, n_positions=128, **common)
        return transformers.GPT2LMHeadModel(config)
    if kind == "llama":
        config = transformers.LlamaConfig(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=128,
            **common,
        )
        return transformers.LlamaForCausalLM(config)
    config = transformers.OPTConfig(
        hidden_size=32,
        ffn_dim=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=128,
        word_embed_proj_dim=32,
        **(common | {"pad_token_id": 1}),
    )
    return transformers.OPTForCausalLM(config)


@pytest.fixture(scope="session")
def taught(people):
    return people.train[:12]


class Saved(dict):
    """A directory a kind: each model briefly trained on a few people, then saved, where it is first asked for."""

    def __init__(self, vocabulary, taught, home):
        super().__init__()
        self.vocabulary, self.taught, self.home = vocabulary, taught, home

    def __missing__(self, kind):
        torch.manual_seed(0)
        model = untrained(kind, len(self.vocabulary))
        texts = [LINE.format(question=fact.question, answer=fact.answers[0]) for fact in self.taught]
        rows = [self.vocabulary(text)["input_ids"] for text in texts]
        longest = max(map(len, rows))
        tokens = torch.tensor([ids + [0] * (longest - len(ids)) for ids in rows])
        there = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids in rows])
        labels = tokens.masked_fill(there == 0, -100)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        for _ in range(60):
            optimizer.zero_grad()
            model(tokens, attention_mask=there, labels=labels).loss.backward()
            optimizer.step()
        model.eval().save_pretrained(self.home / kind)
        self.vocabulary.save_pretrained(self.home / kind)
        self[kind] = self.home / kind
        return self[kind]


@pytest.fixture(scope="session")
def saved(vocabulary, taught, tmp_path_factory):
    return Saved(vocabulary, taught, tmp_path_factory.mktemp("hub"))


@pytest.fixture(scope="module", params=[*KINDS[:-1], pytest.param(KINDS[-1], marks=pytest.mark.slow)])
def foreign(request, saved):
    return opened(saved[request.param])


@pytest.fixture
def prompts(foreign, taught):
    return foreign.prompts([fact.question for fact in taught])


def opened(path, form=None):
    return open_directory(path, Way(form=form, precision="fp32"))


def copy_of(path, tmp_path, without=()):
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in path.iterdir():
        if not any(file.match(pattern) for pattern in without):
            (copy / file.name).write_bytes(file.read_bytes())
    return copy


def texts(responses):
    return [response.text for response in responses]
