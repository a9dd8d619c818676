"""A causal language model from its files, through `transformers`.

No remote code is run, no pickle is read, nothing is downloaded, and no memory is taken for weights that the files do
not hold: a configuration is held against them before anything is allocated.

Axes: B batch, T time.
"""

import contextlib
import importlib.util
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tokenizers
import torch

from closedbook.errors import UserError
from closedbook.evaluation.form import Form
from closedbook.facts.forms import SLOT
from closedbook.hub import Way
from closedbook.hub.causal import CausalModel
from closedbook.hub.vocabulary import Vocabulary
from closedbook.training.precision import native_precision

LOCAL = {"local_files_only": True, "trust_remote_code": False}
ROOM, FACTOR, QUANTISED_FACTOR = 2**22, 2, 16
"""Values that a model may have beyond those in its files, times as many, and so where several are packed into one."""
TRIAL = "Is it one?"  # of a tokenizer
LONGEST_REASON = 300  # characters of what a library says


@dataclass(frozen=True, kw_only=True)
class OwnTokenizer:
    """A tokenizer inside of another file.

    Args:
        text: Its `tokenizer.json`.
        chat: The chat format, None without one.
        ends: The tokens that end a text or a turn.
    """

    text: str
    chat: str | None
    ends: tuple[int | None, ...]


@dataclass(frozen=True, kw_only=True)
class Source:
    """The files of a model, after they were checked.

    Args:
        name: As it was opened.
        format: What its files are, for reports.
        path: Whose they are, for errors.
        directory: Where they lie.
        weights_sha256: Of the weights.
        values: How many the weights hold.
        own_code: Whether the files ask for code of their own.
        tokenizer: What they hold in the place of files of a tokenizer, None where the library finds these.
        settings: Of the configuration, which the library does not take from them.
        options: For the library's loaders.
    """

    name: str
    format: str
    path: Path
    directory: Path
    weights_sha256: str
    values: int
    own_code: bool = False
    tokenizer: OwnTokenizer | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


def library(*packages: str) -> Any:
    """`transformers`, told to be silent.

    Raises:
        UserError: It or one of the `packages` beside it is not installed.
    """
    missing = [name for name in ("transformers", *packages) if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(f"hf: and gguf: need {' and '.join(missing)}; install with pip install 'closedbook[hf]'.")
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


def open_causal(source: Source, way: Way) -> CausalModel:
    """The model of these files, ready to be asked.

    Raises:
        UserError: A file is damaged, files do not belong together, or the model is not a causal language model.
    """
    config = configuration(source)
    size = int(config.get_text_config().vocab_size)
    tokenizer = tokenizer_of(source, size)
    precision = way.precision or native_precision(torch.device(way.device))
    model = _weights(source, config, precision).to(way.device).eval()
    check_causal(source.path, model)
    vocabulary = vocabulary_of(source, config, tokenizer, model.generation_config.eos_token_id)
    return CausalModel(
        name=source.name,
        kind=f"a causal language model in {source.format}, {type(model).__name__}, {precision}",
        weights_sha256=source.weights_sha256,
        model=model,
        vocabulary=vocabulary,
        form=form_for(source, vocabulary, way),
    )


def configuration(source: Source) -> Any:
    """What the files say of the model, held against its weights.

    Raises:
        UserError: It is damaged, of an architecture that is not known, or of another model.
    """
    transformers = library()
    with _in_a_sentence(source):
        config = transformers.AutoConfig.from_pretrained(source.directory, **LOCAL, **source.options)
        for name, value in source.settings.items():
            setattr(config, name, value)
        _check_size(transformers, config, source)
    return config


def tokenizer_of(source: Source, size: int) -> Any:
    """The tokenizer of a model with so many embeddings.

    Raises:
        UserError: It is damaged, or has more tokens than the model has embeddings for.
    """
    try:
        tokenizer = _read_tokenizer(source)
        added = len(tokenizer.added_tokens_decoder)  # of which some models have more than they have embeddings for
        tokenizer.decode(tokenizer(TRIAL)["input_ids"], skip_special_tokens=True)
        known = max(tokenizer.get_vocab().values(), default=-1) + 1
    except Exception as error:  # the library raises whatever comes up in a tokenizer's files
        raise UserError(f"{source.path}: its tokenizer cannot be loaded ({reason(error)}).") from error
    if not known or known - added > size:
        raise UserError(
            f"{source.path}: its tokenizer has {known:,} tokens and its embedding {size:,}; it is another model's "
            "tokenizer."
        )
    return tokenizer


def _read_tokenizer(source: Source) -> Any:
    transformers = library()
    if source.tokenizer is None:
        return transformers.AutoTokenizer.from_pretrained(source.directory, **LOCAL, **source.options)
    backend = tokenizers.Tokenizer.from_str(source.tokenizer.text)
    return transformers.PreTrainedTokenizerFast(tokenizer_object=backend, chat_template=source.tokenizer.chat)


def vocabulary_of(source: Source, config: Any, tokenizer: Any, ends: int | list[int] | None = None) -> Vocabulary:
    """The tokenizer as questions and answers need it; `ends` are tokens that end a text, beside the tokenizer's own."""
    text = config.get_text_config()
    ends = ends or text.eos_token_id
    more = source.tokenizer.ends if source.tokenizer else ()
    return Vocabulary(
        tokenizer, source.path, int(text.vocab_size), [*(ends if isinstance(ends, list) else [ends]), *more]
    )


def form_for(source: Source, vocabulary: Vocabulary, way: Way) -> Form:
    """How the model is asked: as the way says, else in its chat format where it has one.

    Raises:
        UserError: It is to be asked in a chat format and has none.
    """
    form = way.form or (Form(template=SLOT, chat=True) if vocabulary.chats else Form())
    if form.chat and not vocabulary.chats:
        raise UserError(f"{source.path}: its tokenizer has no chat format; ask it in plain text (without --chat).")
    return form


def _weights(source: Source, config: Any, precision: str) -> Any:
    """The model, if the files hold all of it."""
    with _in_a_sentence(source):
        model, info = library().AutoModelForCausalLM.from_pretrained(
            source.directory,
            config=config,
            dtype=torch.bfloat16 if precision == "bf16" else torch.float32,
            use_safetensors=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are told below
            **LOCAL,
            **source.options,
        )
    if missing := sorted(info["missing_keys"]):
        raise UserError(f"{source.path}: its weights lack {len(missing)} tensors, first {missing[0]}.")
    if mismatched := sorted(info["mismatched_keys"]):
        name, held, described = mismatched[0]
        raise UserError(
            f"{source.path}: its tensor {name} is {tuple(held)} and its configuration says {tuple(described)}; they do "
            "not belong together."
        )
    return model


def _check_size(transformers: Any, config: Any, source: Source) -> None:
    """Raises a `UserError` if the configuration describes a model far beyond the weights; allocates nothing."""
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    size = sum(tensor.numel() for tensor in (*model.parameters(), *model.buffers()))
    factor = FACTOR if getattr(config, "quantization_config", None) is None else QUANTISED_FACTOR
    if size > factor * source.values + ROOM:
        raise UserError(
            f"{source.path}: its configuration describes a model of {size:,} values, its weights hold "
            f"{source.values:,}; they do not belong together."
        )


@contextlib.contextmanager
def _in_a_sentence(source: Source) -> Iterator[None]:
    """Turns whatever comes up in a model's files into a sentence: an unknown architecture, weights of another size."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of what an error tells in the end
            yield
    except UserError:
        raise
    except Exception as error:
        why = "it needs code of its own, which is not run" if source.own_code else reason(error)
        raise UserError(f"{source.path}: cannot be loaded as a causal language model ({why}).") from error


@torch.inference_mode()
def check_causal(path: Path, model: Any) -> None:
    """Looks whether weights are numbers, and whether another last token leaves what is said of the earlier ones.

    Raises:
        UserError: They are not, or it does not.
    """
    for name, weight in model.named_parameters():
        if not torch.isfinite(weight.sum()):
            raise UserError(f"{path}: damaged, its weights {name} hold values that are not numbers.")
    size = model.config.get_text_config().vocab_size
    if size < 3:
        raise UserError(f"{path}: has {size} tokens, so not a language model.")
    first, second = 1, 2
    tokens_BT = torch.tensor([[first, second, first], [first, second, second]], device=model.device)
    try:
        logits_BTV = model(tokens_BT).logits.float()
    except Exception as error:  # numbers of the configuration that contradict each other
        raise UserError(f"{path}: cannot be computed ({reason(error)}).") from error
    if not torch.isfinite(logits_BTV).all():
        raise UserError(f"{path}: computes values that are not numbers; its weights or its configuration are damaged.")
    change_T = logits_BTV.diff(dim=0).abs().amax(dim=(0, 2))
    if not change_T[:2].max() <= 1e-3 * change_T[2]:
        raise UserError(f"{path}: sees later tokens, so not a causal language model.")


def reason(error: Exception) -> str:
    """What a library says, in a line."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    line = " ".join(str(error).split()).rstrip(".:") or type(error).__name__
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]}…"
