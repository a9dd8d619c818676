"""A run as a GGUF file, which llama.cpp reads: weights in fp32, a vocabulary that it spells with as the run does.

llama.cpp computes GELU by its tanh approximation, from a table in half precision, so logits differ by about a
thousandth; whether answers do is looked at in `export`.
"""

import copy
import dataclasses
import json
from pathlib import Path
from typing import Any

import tokenizers
import torch
from tokenizers import models, pre_tokenizers
from torch import Tensor, nn
from torch.nn import functional

from closedbook.facts.tokenizers import MASK, MASK_ID, PAD, PAD_ID
from closedbook.hub.exportable import Architecture
from closedbook.hub.gguf import OWN_TOKENIZER
from closedbook.hub.opening import library
from closedbook.hub.to_transformers import query_key_value, special_tokens_marked
from closedbook.model.gpt import GPT, MLP
from closedbook.runs import Run
from closedbook.training.checkpoints import weights

NAMES = {
    "norm_1": "attn_norm",
    "norm_2": "ffn_norm",
    "attention.projection": "attn_output",
    "mlp.expand": "ffn_up",
    "mlp.contract": "ffn_down",
}
PLAIN_TURN = "{{ message['content'] }}"
SPACED_TURN = "{{ '' if message['content'][:1] in ('', ' ') else ' ' }}" + PLAIN_TURN
"""With the space that byte-pair encoding sees before every text, which llama.cpp does not put there."""
TABLE_END = 10.0  # from which on llama.cpp looks nothing up


def write_gguf(path: Path, run: Run, architecture: Architecture) -> None:
    """Writes the file, which must not exist.

    Raises:
        UserError: The package `gguf` is not installed.
    """
    library("gguf")
    import gguf

    name = "gptneox" if architecture == "gpt_neox" else "gpt2"
    writer = gguf.GGUFWriter(path, name)
    _add_architecture(writer, run)
    _add_vocabulary(writer, run)
    for tensor_name, tensor in _tensors(run.model).items():
        writer.add_tensor(tensor_name, tensor.float().contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def as_given(run: Run, question: str) -> str:
    """The prompt as llama.cpp must be given it to spell it as the run does; the file's chat format makes it so."""
    space = " " if run.tokenizer.adds_space and question[:1] not in ("", " ") else ""
    return space + question + MASK


def _add_architecture(writer: Any, run: Run) -> None:
    ours = run.config.model
    writer.add_name(run.path.name)
    writer.add_vocab_size(run.tokenizer.vocabulary_size)
    writer.add_context_length(ours.context)
    writer.add_embedding_length(ours.width)
    writer.add_block_count(ours.layers)
    writer.add_feed_forward_length(ours.hidden_width)
    writer.add_head_count(ours.heads)
    writer.add_layer_norm_eps(1e-5)
    if ours.positions == "rotary":
        writer.add_parallel_residual(False)
        writer.add_rope_dimension_count(ours.head_width)
        writer.add_rope_freq_base(10_000.0)


def _add_vocabulary(writer: Any, run: Run) -> None:
    """Byte-level byte pairs as GPT-2 has them; characters are such whose merges put together the bytes of each."""
    import gguf

    backend = special_tokens_marked(run)
    characters = isinstance(backend.model, models.WordLevel)
    tokens, merges = _characters(backend) if characters else _byte_pairs(backend)
    kinds = [gguf.TokenType.NORMAL] * len(tokens)
    kinds[PAD_ID] = kinds[MASK_ID] = gguf.TokenType.CONTROL
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    if merges:
        writer.add_token_merges(merges)
    writer.add_eot_token_id(MASK_ID)
    for add in (writer.add_bos_token_id, writer.add_eos_token_id, writer.add_pad_token_id):
        add(PAD_ID)  # which no answer holds: a prompt ends with the mask, and some programs stop at an end token there
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    turn = SPACED_TURN if run.tokenizer.adds_space else PLAIN_TURN
    writer.add_chat_template("{% for message in messages %}" + turn + MASK + "{% endfor %}")
    writer.add_string(OWN_TOKENIZER, backend.to_str())


def _byte_pairs(backend: tokenizers.Tokenizer) -> tuple[list[str], list[str]]:
    """Tokens by their ids, and merges in their order."""
    vocabulary = backend.get_vocab()
    merges = json.loads(backend.to_str())["model"]["merges"]
    return sorted(vocabulary, key=lambda token: vocabulary[token]), [" ".join(pair) for pair in merges]


def _characters(backend: tokenizers.Tokenizer) -> tuple[list[str], list[str]]:
    """Every character as its bytes are written in such a vocabulary, and the merges that put these together.

    The bytes of a character follow each other in no other, so nothing else is merged.
    """
    vocabulary = backend.get_vocab()
    spelling = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokens, merges = [PAD, MASK], dict[str, None]()
    for character in sorted(vocabulary, key=lambda token: vocabulary[token])[len(tokens) :]:
        ((token, _),) = spelling.pre_tokenize_str(character)
        tokens.append(token)
        merges.update(dict.fromkeys(f"{token[:end]} {token[end]}" for end in range(1, len(token))))
    return tokens, list(merges)


def _tensors(model: GPT) -> dict[str, Tensor]:
    """By the names of llama.cpp; query, key and value lie behind each other."""
    ours = weights(model)
    embedding = ours["token_embedding.weight"]
    tensors = {"token_embd.weight": embedding, "output.weight": ours.get("head.weight", embedding)}
    if model.position_embedding is not None:
        tensors["position_embd.weight"] = ours["position_embedding"][: model.context]
    for part in ("weight", "bias"):
        tensors[f"output_norm.{part}"] = ours[f"final_norm.{part}"]
        for layer in range(model.config.layers):
            for mine, theirs in NAMES.items():
                tensors[f"blk.{layer}.{theirs}.{part}"] = ours[f"blocks.{layer}.{mine}.{part}"]
            tensors[f"blk.{layer}.attn_qkv.{part}"] = torch.cat(query_key_value(ours, layer, part))
    return tensors


class LlamaGelu(nn.GELU):
    """GELU as llama.cpp computes it: its tanh approximation, from half precision to half precision."""

    def forward(self, x: Tensor) -> Tensor:
        rounded = functional.gelu(x.half().float(), approximate="tanh").half().float()
        return torch.where(x.abs() < TABLE_END, rounded, x.relu())


def as_llama_computes(run: Run) -> Run:
    """The run with llama.cpp's GELU."""
    model = copy.deepcopy(run.model)
    for module in model.modules():
        if isinstance(module, MLP):
            module.gelu = LlamaGelu()
    return dataclasses.replace(run, model=model)
