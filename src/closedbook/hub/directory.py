"""A model directory in Hugging Face format: what cannot be opened safely is refused before it is read.

No remote code is run, no pickle is read, nothing is downloaded.

Axes: B batch, T time.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch

from closedbook.errors import UserError
from closedbook.evaluation.form import Form
from closedbook.facts.corpus import sha256
from closedbook.facts.forms import SLOT
from closedbook.hub import HUGGING_FACE, Way
from closedbook.hub.causal import CausalModel
from closedbook.hub.vocabulary import Vocabulary
from closedbook.training.precision import native_precision

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")


def weights_sha256(path: Path) -> str:
    """One hash of all weight files of the directory."""
    hashes = [sha256(file) for file in sorted(path.glob("*.safetensors"))]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def check_directory(path: Path) -> None:
    """Looks at the names of the files and at the configuration, before `transformers` is imported.

    Raises:
        UserError: The directory cannot be loaded safely.
    """
    if not path.is_dir():
        raise UserError(f"{path}: no such directory; hf: takes a model directory on this disk, nothing is downloaded.")
    if not (path / "config.json").is_file():
        raise UserError(f"{path}: no config.json, so not a model in Hugging Face format.")
    if "model_type" not in _configuration(path):
        raise UserError(f"{path / 'config.json'}: names no model_type, so not a model in Hugging Face format.")
    if not any(path.glob("*.safetensors")):
        pickles = [file.name for pattern in PICKLES for file in path.glob(pattern)]
        holds = f"only {', '.join(sorted(pickles))}, which can run code when read" if pickles else "no weights"
        raise UserError(f"{path}: holds {holds}; save the model as safetensors.")
    if not any((path / name).is_file() for name in TOKENIZERS):
        raise UserError(f"{path}: holds no tokenizer ({', '.join(TOKENIZERS)}); save it beside the model.")


def open_directory(path: Path, way: Way) -> CausalModel:
    """The model of a directory, ready to be asked.

    Raises:
        UserError: It cannot be opened safely, `transformers` is not installed, a file is damaged, or the model is not a
            causal language model.
    """
    check_directory(path)
    return open_causal(f"{HUGGING_FACE}:{path}", "Hugging Face format", path, path, weights_sha256(path), way)


def open_causal(
    name: str, format: str, path: Path, directory: Path, weights: str, way: Way, **more: Any
) -> CausalModel:
    """Tokenizer and model, through `transformers`.

    Args:
        name: As it was opened.
        format: What its files are, for reports.
        path: Whose they are, for errors.
        directory: Where they lie.
        weights: SHA-256 of the weights.
        way: How it is opened.
        more: For the library's loaders.
    """
    transformers = library()
    safe = {"local_files_only": True, "trust_remote_code": False, **more}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(directory, **safe)
    except Exception as error:  # the library raises whatever comes up in a tokenizer's files
        raise UserError(f"{path}: its tokenizer cannot be loaded ({_first_line(error)}).") from error
    device = torch.device(way.device)
    precision = way.precision or native_precision(device)
    try:
        model, info = transformers.AutoModelForCausalLM.from_pretrained(
            directory,
            dtype=torch.bfloat16 if precision == "bf16" else torch.float32,
            use_safetensors=True,
            output_loading_info=True,
            **safe,
        )
    except Exception as error:  # likewise: an unknown architecture, a damaged file, weights of another size
        own_code = not more and "auto_map" in _configuration(directory)
        why = "it needs code of its own, which is not run" if own_code else _first_line(error)
        raise UserError(f"{path}: cannot be loaded as a causal language model ({why}).") from error
    if missing := sorted(info["missing_keys"]):
        raise UserError(f"{path}: its weights lack {len(missing)} tensors, first {missing[0]}.")
    model = model.to(device).eval()
    if not is_causal(model):
        raise UserError(f"{path}: sees later tokens, so not a causal language model.")
    text = model.config.get_text_config()
    ends = model.generation_config.eos_token_id or text.eos_token_id
    vocabulary = Vocabulary(tokenizer, path, int(text.vocab_size), ends if isinstance(ends, list) else [ends])
    form = way.form or (Form(template=SLOT, chat=True) if vocabulary.chats else Form())
    if form.chat and not vocabulary.chats:
        raise UserError(f"{path}: its tokenizer has no chat format; ask it in plain text (without --chat).")
    kind = f"a causal language model in {format}, {type(model).__name__}, {precision}"
    return CausalModel(name=name, kind=kind, weights_sha256=weights, model=model, vocabulary=vocabulary, form=form)


def library() -> Any:
    """The library, told to be silent."""
    try:
        import transformers
    except ImportError as error:
        raise UserError("hf: and gguf: need transformers; install it with pip install 'closedbook[hf]'.") from error
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


@torch.inference_mode()
def is_causal(model: Any) -> bool:
    """Whether another last token leaves what is said of the earlier ones as it is."""
    first, second = range(min(model.config.get_text_config().vocab_size, 5))[1:3]
    tokens_BT = torch.tensor([[first, second, first], [first, second, second]], device=model.device)
    change_T = model(tokens_BT).logits.float().diff(dim=0).abs().amax(dim=(0, 2))
    return bool(change_T[:2].max() <= 1e-3 * change_T[2])


def _configuration(path: Path) -> dict[str, Any]:
    """What `config.json` says, nothing where it is no object.

    Raises:
        UserError: It is damaged.
    """
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path / 'config.json'}: damaged ({error}).") from error
    return config if isinstance(config, dict) else {}


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
