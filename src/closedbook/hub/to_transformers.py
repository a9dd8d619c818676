"""A run as a directory in Hugging Face format, of which every logit is the run's.

Rotary positions make it a GPT-NeoX whose branches follow each other, learned ones a GPT-2; both with exact GELU. The
names and layouts of their weights are those of `transformers`.

Axes: B batch, T time, C width, H heads, D width of a head, V vocabulary.
"""

import contextlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tokenizers
import torch
from jaxtyping import Float
from torch import Tensor

from closedbook.errors import UserError
from closedbook.facts.tokenizers import MASK, MASK_ID, PAD, PAD_ID
from closedbook.files import write_json
from closedbook.hub.exportable import Architecture
from closedbook.hub.opening import library
from closedbook.model.gpt import GPT
from closedbook.runs import Run
from closedbook.training.checkpoints import weights

CHAT = "{% for message in messages %}{{ message['content'] }}" + MASK + "{% endfor %}"
"""The layout of a run's prompt: a mask behind every question and every answer."""
SAME = 1e-5  # of the largest logit, or of 1: rounding in fp32
PROBES, PROBE_SEED = 4, 0
NEOX_NAMES = {
    "norm_1": "input_layernorm",
    "norm_2": "post_attention_layernorm",
    "attention.projection": "attention.dense",
    "mlp.expand": "mlp.dense_h_to_4h",
    "mlp.contract": "mlp.dense_4h_to_h",
}
GPT2_NAMES = {
    "norm_1": "ln_1",
    "norm_2": "ln_2",
    "attention.projection": "attn.c_proj",
    "mlp.expand": "mlp.c_fc",
    "mlp.contract": "mlp.c_proj",
}


def fill_directory(directory: Path, run: Run, architecture: Architecture) -> None:
    """Writes model, tokenizer and how to generate into a directory, reads it back and compares the logits.

    Raises:
        UserError: `transformers` is not installed, or computes other logits than the run.
    """
    transformers = library()
    model = _model(transformers, run, architecture)
    model.generation_config = transformers.GenerationConfig(
        bos_token_id=MASK_ID,
        eos_token_id=MASK_ID,
        pad_token_id=PAD_ID,
        max_new_tokens=run.most_new_tokens,
        do_sample=False,
    )
    if architecture == "gpt_neox":  # which releases before the fifth read by these names
        model.config.rotary_pct, model.config.rotary_emb_base = 1.0, 10_000
    with _disk_errors():
        model.save_pretrained(directory)
        hugging_face_tokenizer(transformers, run).save_pretrained(directory)
    _name_tokenizer_class(directory / "tokenizer_config.json")
    _check_logits(transformers, run, directory)


@contextlib.contextmanager
def _disk_errors() -> Iterator[None]:
    """What the file system refuses to `safetensors` and `tokenizers` as Python's own error."""
    try:
        yield
    except Exception as error:
        number = re.search(r"\(os error (\d+)\)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1]))) from error


def hugging_face_tokenizer(transformers: Any, run: Run) -> Any:
    """The run's tokenizer, with pad and mask as special tokens.

    The mask, at which an answer ends, is not called the end of a text, for an end token is taken off again behind a
    prompt; the padding is, since evaluators want one that has a name.
    """
    # which releases before the fifth take from here
    spaces = {"add_prefix_space": True} if run.tokenizer.adds_space else {}
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=special_tokens_marked(run),
        model_input_names=["input_ids", "attention_mask"],
        **spaces,
        pad_token=PAD,
        eos_token=PAD,
        mask_token=MASK,
        padding_side="left",
        model_max_length=run.model.context,
        clean_up_tokenization_spaces=False,
        chat_template=CHAT,
    )


def _name_tokenizer_class(path: Path) -> None:
    """Writes the class by the name that every release of `transformers` knows."""
    settings = json.loads(path.read_text(encoding="utf-8"))
    write_json(path, {**settings, "tokenizer_class": "PreTrainedTokenizerFast"})


def special_tokens_marked(run: Run) -> tokenizers.Tokenizer:
    """The run's tokenizer of the `tokenizers` library, in which pad and mask are special."""
    backend = tokenizers.Tokenizer.from_str(run.tokenizer.to_json())
    backend.add_special_tokens([tokenizers.AddedToken(text, special=True, normalized=False) for text in (PAD, MASK)])
    return backend


def _model(transformers: Any, run: Run, architecture: Architecture) -> Any:
    """The run as a model of `transformers`, in fp32."""
    if architecture == "gpt_neox":
        config, state = _neox_config(transformers, run), _neox_weights(run.model)
    else:
        config, state = _gpt2_config(transformers, run), _gpt2_weights(run.model)
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected, f"transformers does not know {unexpected}"
    assert len(missing) <= 1, f"not given: {missing}, beside the head, which has other names in other releases"
    if run.config.model.tied_embeddings:
        model.tie_weights()
    else:
        model.get_output_embeddings().weight.data = weights(run.model)["head.weight"]
    return model.eval()


def _common(run: Run) -> dict[str, Any]:
    return {
        "vocab_size": run.tokenizer.vocabulary_size,
        "bos_token_id": MASK_ID,
        "eos_token_id": MASK_ID,
        "pad_token_id": PAD_ID,
        "tie_word_embeddings": run.config.model.tied_embeddings,
    }


def _neox_config(transformers: Any, run: Run) -> Any:
    ours = run.config.model
    return transformers.GPTNeoXConfig(
        hidden_size=ours.width,
        num_hidden_layers=ours.layers,
        num_attention_heads=ours.heads,
        intermediate_size=ours.hidden_width,
        hidden_act="gelu",
        rotary_pct=1.0,
        rotary_emb_base=10_000,
        max_position_embeddings=ours.context,
        layer_norm_eps=1e-5,
        use_parallel_residual=False,
        attention_dropout=ours.dropout_rate,
        hidden_dropout=ours.dropout_rate,
        **_common(run),
    )


def _gpt2_config(transformers: Any, run: Run) -> Any:
    ours = run.config.model
    return transformers.GPT2Config(
        n_embd=ours.width,
        n_layer=ours.layers,
        n_head=ours.heads,
        n_inner=ours.hidden_width,
        activation_function="gelu",
        n_positions=ours.context,
        layer_norm_epsilon=1e-5,
        embd_pdrop=ours.dropout_rate,
        attn_pdrop=ours.dropout_rate,
        resid_pdrop=ours.dropout_rate,
        **_common(run),
    )


def _neox_weights(model: GPT) -> dict[str, Tensor]:
    """Query, key and value lie together head by head."""
    ours, heads = weights(model), model.config.heads
    state = {"gpt_neox.embed_in.weight": ours["token_embedding.weight"]}
    for part in ("weight", "bias"):
        state[f"gpt_neox.final_layer_norm.{part}"] = ours[f"final_norm.{part}"]
        for layer in range(model.config.layers):
            name = f"gpt_neox.layers.{layer}"
            for mine, theirs in NEOX_NAMES.items():
                state[f"{name}.{theirs}.{part}"] = ours[f"blocks.{layer}.{mine}.{part}"]
            by_head = [tensor.unflatten(0, (heads, -1)) for tensor in query_key_value(ours, layer, part)]
            state[f"{name}.attention.query_key_value.{part}"] = torch.cat(by_head, dim=1).flatten(0, 1)
    return state


def _gpt2_weights(model: GPT) -> dict[str, Tensor]:
    """Query, key and value lie behind each other; matrices map from their first axis to their second."""
    ours = weights(model)
    state = {
        "transformer.wte.weight": ours["token_embedding.weight"],
        "transformer.wpe.weight": ours["position_embedding"][: model.context],  # the last is never looked up
    }
    for part in ("weight", "bias"):
        state[f"transformer.ln_f.{part}"] = ours[f"final_norm.{part}"]
        for layer in range(model.config.layers):
            name = f"transformer.h.{layer}"
            for mine, theirs in GPT2_NAMES.items():
                tensor = ours[f"blocks.{layer}.{mine}.{part}"]
                state[f"{name}.{theirs}.{part}"] = tensor.T.contiguous() if tensor.ndim == 2 else tensor
            joined = torch.cat(query_key_value(ours, layer, part))
            state[f"{name}.attn.c_attn.{part}"] = joined.T.contiguous() if joined.ndim == 2 else joined
    return state


def query_key_value(ours: dict[str, Tensor], layer: int, part: str) -> list[Tensor]:
    """The three projections of a layer, in that order; `part` is `weight` or `bias`."""
    names = ("scores.query", "scores.key", "value")
    return [ours[f"blocks.{layer}.attention.{name}.{part}"] for name in names]


@torch.inference_mode()
def logits(run: Run, tokens_BT: Tensor) -> Float[Tensor, "batch time vocabulary"]:
    """What the run says after every token."""
    logits_BTV: Tensor = run.model.head(run.model(tokens_BT)).float()
    return logits_BTV


@torch.inference_mode()
def _check_logits(transformers: Any, run: Run, directory: Path) -> None:
    """Holds what was written, as `transformers` reads it, against the run on rows as long as its context."""
    model = transformers.AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
    draw = torch.Generator().manual_seed(PROBE_SEED)
    tokens_BT = torch.randint(run.tokenizer.vocabulary_size, (PROBES, run.model.context), generator=draw)
    ours_BTV = logits(run, tokens_BT)
    apart = float((model(tokens_BT).logits - ours_BTV).abs().max())
    if not apart <= SAME * max(float(ours_BTV.abs().max()), 1.0):
        raise UserError(
            f"{run.path}: transformers {transformers.__version__} computes logits that are {apart:.1e} away from the "
            "run's, so the directory is not written; another version of it may do better."
        )
