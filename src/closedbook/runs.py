"""The run: a directory that explains itself, and `load`, which needs nothing else.

`config.json` (the whole `RunConfig`), `model.safetensors`, `tokenizer.json`, `metrics.jsonl`, `environment.json`
(commit, versions, machine, corpus hashes, parameters) and `predictions/`. While a run trains it is called
`NAME.partial` and holds `checkpoints/`; it takes its name when it is complete.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from closedbook.config import RunConfig, run_config, to_dict
from closedbook.errors import UserError
from closedbook.evaluation.decoding import answer
from closedbook.facts.tokenizers import Tokenizer
from closedbook.files import disk_errors, sync, write_json, write_text
from closedbook.model.gpt import GPT
from closedbook.training.checkpoints import load_weights, weights, write_tensors

PARTS = ("config.json", "model.safetensors", "tokenizer.json", "environment.json")


@dataclass(frozen=True)
class Run:
    """A trained model with everything that is known about it.

    Args:
        path: The run directory.
        config: What it was trained with.
        model: In evaluation mode, on the device asked for.
        tokenizer: Its vocabulary.
        environment: Machine, versions, corpus hashes, parameter count.
    """

    path: Path
    config: RunConfig
    model: GPT
    tokenizer: Tokenizer
    environment: dict[str, Any]

    def answer(self, questions: Sequence[str], *, place: str = "question") -> list[str]:
        """Greedy closed-book answers, in order.

        Raises:
            UserError: A question cannot be spelled or is longer than the block; `place` and its number name it.
        """
        return answer(self.model, self.tokenizer, questions, place=place)

    def ask(self, question: str) -> str:
        """The answer to one question; see `answer`."""
        return self.answer([question])[0]


def load(path: str | Path, device: str | torch.device = "cpu") -> Run:
    """Reads a run directory; nothing in it is executed (JSON and safetensors, no pickle).

    Raises:
        UserError: The directory is missing, unfinished or damaged, or weights and configuration do not match.
    """
    path = Path(path)
    if not path.is_dir():
        partial = path.with_name(path.name + ".partial")
        hint = "; its training was interrupted: start the same command again to finish it" if partial.is_dir() else ""
        raise UserError(f"{path}: no such run{hint}.")
    missing = [part for part in PARTS if not (path / part).is_file()]
    if missing:
        raise UserError(f"{path}: not a complete run, {' and '.join(missing)} missing.")
    config = run_config(read_json(path / "config.json"))
    tokenizer = Tokenizer.load(path / "tokenizer.json")
    model = GPT(config.model, tokenizer.vocabulary_size).to(device)
    try:
        load_weights(model, path / "model.safetensors")
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path / 'model.safetensors'}: damaged ({error}).") from error
    except RuntimeError as error:
        raise UserError(
            f"{path}: model.safetensors does not fit config.json, which says {config.model.attention} attention, "
            f"{config.model.layers} layers, width {config.model.width}, {tokenizer.vocabulary_size} tokens."
        ) from error
    environment = read_json(path / "environment.json")
    if absent := {"attention", "parameters", "corpus"} - set(environment):
        raise UserError(f"{path / 'environment.json'}: damaged, {' and '.join(sorted(absent))} missing.")
    return Run(path, config, model.eval(), tokenizer, environment)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        UserError: The file is missing or holds none.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: damaged ({error}).") from error
    if not isinstance(values, dict):
        raise UserError(f"{path}: damaged (not a JSON object).")
    return values


def save_run(directory: Path, config: RunConfig, model: GPT, tokenizer: Tokenizer, environment: dict[str, Any]) -> None:
    """Fills a run directory; the caller renames it when all is there.

    Raises:
        UserError: The disk is full or refuses.
    """
    with disk_errors(directory):
        write_tensors(directory / "model.safetensors", weights(model))
        tokenizer.save(directory / "tokenizer.json")
        sync(directory / "model.safetensors")
    write_json(directory / "config.json", to_dict(config))
    write_json(directory / "environment.json", environment)


def write_predictions(path: Path, answers: Sequence[str]) -> None:
    """One answer a line, line breaks inside an answer as spaces, by renaming."""
    write_text(path, "".join(answer.replace("\r", " ").replace("\n", " ") + "\n" for answer in answers))
